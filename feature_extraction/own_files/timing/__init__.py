"""Time stamps: which column is the clock of which sensor, what it says about the rate, and how its entries are read."""
