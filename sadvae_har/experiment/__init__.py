"""One split: its problem, the four stages, the run folder."""
