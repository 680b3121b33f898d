"""Colours, page frame and figures that all pages share."""
