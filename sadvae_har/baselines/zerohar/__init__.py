"""ZeroHAR, trained end to end on windows."""
