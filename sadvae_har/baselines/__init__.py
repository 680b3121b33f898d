"""Methods to compare with, one file each; `reference.py` is the published SA-DVAE recipe."""
