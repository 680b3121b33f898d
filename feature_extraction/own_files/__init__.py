"""Recordings as devices and people export them: tables whose columns, units and clock are found or declared.

In the order in which a file goes through them, for `predict` and for data sets of a user alike:

    declared               what the user says, by flags or in a `dataset.yaml`
    text                   fields and numbers in any notation
    csv_layout             delimiter, header, decimal mark and encoding of a text file
    tables                 a CSV, NPY or Parquet file as columns, whole or some rows at a time
    sources                one table, rows of several sensors by turns, or the files of a device
    columns                which column is which channel, and in which unit; which sensors a table has
    timing                 which column is the clock of which sensor, and at which rate; stamps in seconds
    plan                   all of this put together, one readable line for each finding
    contents               the same for everything that a recording has, whatever a model reads
    devices                exports of devices that are read by name
    account                what became of every row
    read                   the rows of a file or of lines that arrive, as planned
    plausibility           what cannot be true of the values, said before any label
"""
