"""One recording: its channels, units, rate and gaps."""
