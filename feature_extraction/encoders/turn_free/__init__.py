"""Features of one device that do not depend on how it is turned, nor on whether it has a gyroscope."""
