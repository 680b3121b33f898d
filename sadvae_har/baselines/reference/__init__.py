"""The published SA-DVAE recipe, and the folder layout of its code."""
