"""The model file, its card, and the way to and from a hub."""
