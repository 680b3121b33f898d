"""One reader a data set, in the layout of its authors."""
