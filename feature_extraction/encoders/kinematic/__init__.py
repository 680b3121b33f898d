"""Kinematic attributes measured on windows."""
