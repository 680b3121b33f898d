"""Rivals that read the benchmark's features and descriptions, one file each; `benchmark/methods.py` finds them here."""
