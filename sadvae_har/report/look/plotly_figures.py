"""What all interactive figures of a page share: layout, names that are not markup, and the script that draws them.

Figures are Plotly's. Its script stands inside the page once, and the page's content security policy forbids the
browser to load anything, so a page works without a network and tells nobody that it was opened.
"""

from collections.abc import Iterable, Sequence
from textwrap import wrap

import plotly.graph_objects as go
from plotly.io import to_html
from plotly.offline import get_plotlyjs

from feature_extraction.storage.escaping import figure_label, html, visible
from sadvae_har.report.look.colours import ACCENT_COLOUR, INK, LINE, SOFT

DASHED = {"color": INK, "dash": "dash", "width": 1.5}  # a line to compare with
OPERATING_POINT = {
    "mode": "markers",
    "marker": {"symbol": "diamond", "size": 13, "color": ACCENT_COLOUR, "line": {"color": "white", "width": 1.5}},
}
_LINE, _LINES = 30, 2  # characters and lines of a class name beside an axis
_BELOW, _HALF = 26, 13  # characters of a class name below an axis, and of either end of a longer one
_LETTERS = "system-ui, -apple-system, Segoe UI, Roboto, Arial, sans-serif"
_CONFIG = {
    "displaylogo": False,
    "showSendToCloud": False,  # a button that would send the numbers to Plotly's server
    "responsive": True,
    "typesetMath": False,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
    "toImageButtonOptions": {"format": "png", "scale": 2},
}


def script() -> str:
    """Return the program that draws all figures of a page; it must stand there once, before them."""
    return get_plotlyjs()


def new_figure(title: str, height: int, x_title: str = "", y_title: str = "") -> go.Figure:
    """Return an empty figure.

    Args:
        title: What is shown; plain text.
        height: Height on the page in pixels; the width is that of the page.
        x_title: What the horizontal axis shows; plain text.
        y_title: What the vertical axis shows; plain text.
    """
    axis = {"showline": True, "linecolor": "#c4c9d1", "gridcolor": "#eceef1", "zeroline": False, "automargin": True}
    place = {"x": 0, "y": 1, "pad": {"t": 8}, "yanchor": "top", "font": {"size": 15}}
    return go.Figure(
        layout={
            "template": "none",
            "height": height,
            "title": {"text": f"<b>{figure_label(title)}</b>", **place},
            "font": {"family": _LETTERS, "color": INK, "size": 12.5},
            "paper_bgcolor": "white",
            "plot_bgcolor": "white",
            "margin": {"l": 60, "r": 20, "t": 84, "b": 50},
            "xaxis": {**axis, "title": {"text": figure_label(x_title), "standoff": 10, "font": {"size": 13}}},
            "yaxis": {**axis, "title": {"text": figure_label(y_title), "standoff": 10, "font": {"size": 13}}},
            "legend": {"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "xanchor": "left"},
            "hoverlabel": {"bgcolor": "white", "font": {"color": INK}, "align": "left", "namelength": -1},
        }
    )


def inside_app(figure: go.Figure, height: int) -> go.Figure:
    """Give a figure the look of the demo page; its legends lie along the lower and the upper edge and wrap there."""
    legend = {"orientation": "h", "yref": "container", "x": 0, "itemsizing": "constant"}
    figure.update_layout(
        height=height,
        margin={"l": 4, "r": 14, "t": 12, "b": 12},
        paper_bgcolor="white",
        plot_bgcolor="white",
        font={"family": "Source Sans, Source Sans Pro, system-ui, sans-serif", "color": INK, "size": 13},
        hoverlabel={"bgcolor": "white", "bordercolor": LINE, "font": {"color": INK}},
        legend={**legend, "y": 0, "yanchor": "bottom"},
        legend2={**legend, "y": 1, "yanchor": "top", "font": {"size": 11, "color": SOFT}},
    )
    axis = {"gridcolor": LINE, "zeroline": False, "automargin": True}
    return figure.update_xaxes(**axis).update_yaxes(**axis)


def square_axes(figure: go.Figure) -> go.Figure:
    """Give both axes the whole range of percent."""
    return figure.update_xaxes(range=[-1, 101]).update_yaxes(range=[-1, 102])


def names_beside(names: Iterable[str]) -> dict[str, object]:
    """Return settings of a vertical axis with a class at each of the positions 0, 1, ... from the top."""
    shown = [
        "<br>".join(map(figure_label, wrap(visible(name), _LINE, max_lines=_LINES, placeholder=" …"))) for name in names
    ]
    return {**_positions(shown), "range": [len(shown) - 0.5, -0.5]}


def names_below(names: Iterable[str]) -> dict[str, object]:
    """Return settings of a horizontal axis with a class at each of the positions 0, 1, ... from the left."""
    shown = [
        figure_label(name if len(name) <= _BELOW else f"{name[:_HALF].rstrip()}…{name[-_HALF:].lstrip()}")
        for name in map(visible, names)
    ]
    return {**_positions(shown), "tickangle": -40 if len(shown) > 3 else 0}


def _positions(shown: Sequence[str]) -> dict[str, object]:
    settings = {"tickmode": "array", "tickvals": list(range(len(shown))), "ticktext": shown, "showgrid": False}
    return {**settings, "ticks": "", "tickfont": {"size": 11.5}}


def block(identifier: str, figure: go.Figure, caption: str, wide: bool = True) -> str:
    """Return a figure as HTML; the page must hold `script()` before it.

    Args:
        identifier: Name of the figure in the page, unique there.
        figure: What to draw.
        caption: How to read it; plain text.
        wide: Whether it takes the whole width of the page or half of it.
    """
    drawn = to_html(figure, config=_CONFIG, include_plotlyjs=False, full_html=False, div_id=identifier)
    shape = ' class="wide"' if wide else ""
    return f"<figure{shape}>{drawn}<figcaption>{html(caption)}</figcaption></figure>"
