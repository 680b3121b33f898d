"""The recogniser of an everyday model: any devices, at any places of the body, turned any way."""
