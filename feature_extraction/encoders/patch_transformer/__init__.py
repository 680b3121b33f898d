"""A transformer over patches of single channels, for any sensors, rate and length."""
