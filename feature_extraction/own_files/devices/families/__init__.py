"""One file a family of devices: what its exports look like, and which rows become which streams.

Each has `find(source) -> DeviceExport | None`, which answers only where the files say that they are of this family.
"""
