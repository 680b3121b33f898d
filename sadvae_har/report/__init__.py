"""Pages of one run, and of several compared."""
