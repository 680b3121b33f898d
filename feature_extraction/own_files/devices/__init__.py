"""Exports of devices and loggers that are read by name.

A device is recognised by what is in its files: lines above the table, names of columns, which files lie
together. Acceleration from which gravity was removed is never given out as acceleration.

    archive, source     a file, folder or zip file as the first lines of its text files
    export, convert     what is found, and what is computed first: sums, dates, other clocks
    families            one file a device or program
    find, unread        asks all families, of which one may answer; refuses raw files that only a maker's program reads
"""

from feature_extraction.own_files.devices.export import DeviceExport, DeviceStream
from feature_extraction.own_files.devices.find import find_device

__all__ = ["DeviceExport", "DeviceStream", "find_device"]
