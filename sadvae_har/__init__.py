"""Zero-shot recognition of human activities from wearable IMU signals and written descriptions."""

__version__ = "0.1.0"
