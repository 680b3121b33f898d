"""Data sets of a user, described by a `dataset.yaml`."""
