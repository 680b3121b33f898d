"""Columns of a table: what their names say, which is which channel of a model, and which sensors there are.

names    what one name says
places   parts of the body that names say
match    the columns of the channels of a model
sensors  the sensors that a table has, whatever a model reads
"""

from feature_extraction.own_files.columns.match import Matched, example, listing, match_columns, position, shown

__all__ = ["Matched", "example", "listing", "match_columns", "position", "shown"]
