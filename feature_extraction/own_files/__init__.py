"""Recordings as devices and people export them: tables whose columns, units and clock are found or declared.

In the order in which a file goes through them, for `predict` and for data sets of a user alike:

    declared               what the user says, by flags or in a `dataset.yaml`
    csv_layout             delimiter, header, decimal point and encoding of text
    tables                 a CSV, NPY or Parquet file as columns, whole or some rows at a time
    column_names, columns  which column is which channel, and in which unit
    timing                 which column is time, and at which rate
    plan                   all of this put together, one readable line for each finding
    devices                exports of devices that are read by name, one file a family
    read                   the rows of a file or of lines that arrive, as planned
"""
