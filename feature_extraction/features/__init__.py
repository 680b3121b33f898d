"""Feature tables, made block by block and cached."""
