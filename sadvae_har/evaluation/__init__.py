"""Metrics, their intervals, and the numbers of a run."""
