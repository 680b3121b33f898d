"""Colours of every figure: apart for colour-blind readers (Okabe and Ito 2008; Tol's muted scheme)."""

SEEN_COLOUR, UNSEEN_COLOUR, ACCENT_COLOUR, SECOND_COLOUR = "#8a8f98", "#0072b2", "#d55e00", "#e69f00"
INK, SOFT, LINE, PALE = "#222222", "#667085", "#e4e7ec", "#cbd2dc"  # letters, side notes, rules, faint marks
UNKNOWN_COLOUR, UNSEEN_SHADE, FIELD_COLOUR = "#9aa1ab", "rgba(0, 114, 178, 0.1)", "#f3f5f8"
SHARE_SHADES = [[0, "#ffffff"], [0.15, "#d6e6f4"], [0.5, "#6aaed6"], [1, "#08306b"]]  # from none to all
AXIS_COLOURS = {"x": "#c3573f", "y": "#4d8f5b", "z": "#4f74b8"}  # of a sensor
CLASS_COLOURS = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00"),
    *("#332288", "#882255", "#999933", "#000000", "#661100", "#44aa99"),
)
