"""Physical changes of windows that leave the activity what it is."""
