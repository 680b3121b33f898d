"""What a patch transformer is trained for, one objective a file."""
