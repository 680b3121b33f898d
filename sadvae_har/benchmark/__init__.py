"""Every method on every split: jobs, rows, statistics and their page."""
