"""Statistical features of windows."""
