"""Files, written whole or not at all, and where they lie."""
