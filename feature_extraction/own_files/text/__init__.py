"""Text as people and devices write it: fields, and the numbers in them."""
