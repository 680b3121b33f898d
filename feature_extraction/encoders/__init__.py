"""Encoders: from windows [N, T, C] in m/s² and rad/s to features [N, D]. No losses, no loops."""
