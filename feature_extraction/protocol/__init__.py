"""Splits over classes and subjects, what an encoder has learned from, standardising."""
