"""Optional part of a report: are probabilities what they say, and are unknown activities noticed?

Reads `calibration.json` of a run folder, which has

* `ece_before`, `ece_after`: expected calibration error before and after calibration, as fractions;
* `n_windows`: number of windows they are computed from;
* `reliability_before`, `reliability_after`: `[mean confidence, accuracy, windows]` of each bin with windows;
* `unknown_curve`: `[known windows kept, unknown windows flagged]` at several limits, as fractions; empty where no class
  could be left out of the list;
* `known_kept`, `unknown_flagged`: what the limits in use do, as fractions; absent with an empty curve.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go

from feature_extraction.errors import InputError
from feature_extraction.storage.files import read_json
from sadvae_har.report.figures import square_axes
from sadvae_har.report.look.colours import ACCENT_COLOUR, INK, SECOND_COLOUR, UNSEEN_COLOUR
from sadvae_har.report.look.page import figures, paragraph, section
from sadvae_har.report.look.plotly_figures import block, new_figure

_REMEDY = "make it again or delete it"


@dataclass(frozen=True)
class Calibration:
    """Contents of `calibration.json`; arrays have one row per bin [B, 3] or per limit [T, 2]."""

    ece_before: float
    ece_after: float
    n_windows: int
    reliability_before: np.ndarray
    reliability_after: np.ndarray
    unknown_curve: np.ndarray
    known_kept: float
    unknown_flagged: float

    @property
    def has_unknown(self) -> bool:
        """Return whether unknown activities were tried."""
        return len(self.unknown_curve) > 0


def read_calibration(folder: Path) -> Calibration | None:
    """Read `calibration.json`; none if the run folder has no such file.

    Raises:
        InputError: The file is damaged, or a value is missing or not of its kind.
    """
    path = folder / "calibration.json"
    if not path.exists():
        return None
    value = read_json(path)
    if not isinstance(value, dict):
        raise InputError(f"{path}: holds a {type(value).__name__}, not named values; {_REMEDY}")
    tried = value.get("unknown_curve") != []
    found = Calibration(
        ece_before=_share(path, value, "ece_before"),
        ece_after=_share(path, value, "ece_after"),
        n_windows=int(_numbers(path, value, "n_windows", 0)),
        reliability_before=_rows(path, value, "reliability_before", 3),
        reliability_after=_rows(path, value, "reliability_after", 3),
        unknown_curve=_rows(path, value, "unknown_curve", 2) if tried else np.empty((0, 2)),
        known_kept=_share(path, value, "known_kept") if tried else np.nan,
        unknown_flagged=_share(path, value, "unknown_flagged") if tried else np.nan,
    )
    if found.n_windows < 1 or found.n_windows != value["n_windows"]:
        raise InputError(f"{path}: n_windows is {value['n_windows']}, no number of windows; {_REMEDY}")
    return found


def calibration_section(calibration: Calibration) -> str:
    """Return the section of the page as HTML."""
    found = calibration
    change = (
        f"Expected calibration error: {100 * found.ece_before:.1f} % before and {100 * found.ece_after:.1f} % after "
        f"calibration, on {found.n_windows} windows."
    )
    if found.has_unknown:
        change += (
            " With each unseen class left out of the list in turn, "
            f"{100 * found.known_kept:.0f} of 100 windows of listed activities are kept and "
            f"{100 * found.unknown_flagged:.0f} of 100 of the one left out are flagged as unknown."
        )
    reading = "On the diagonal, confidence is what it says; below it, too high. Area of a point: its windows."
    blocks = [block("reliability", reliability_diagram(found), reading, wide=False)]
    if found.has_unknown:
        flags = "Limits from loose to strict; the point is the one in use. On the dashed line, flags are drawn by lot."
        blocks.append(block("unknown", unknown_figure(found), flags, wide=False))
    return section("calibration", "Probabilities and unknown activities", paragraph(change), figures(blocks))


def reliability_diagram(calibration: Calibration) -> go.Figure:
    """Draw accuracy against confidence, before and after calibration."""
    figure = new_figure("Reliability of probabilities", 470, "mean confidence (%)", "accuracy (%)")
    diagonal = {"x": [0, 100], "y": [0, 100], "hoverinfo": "skip", "showlegend": False, "mode": "lines"}
    figure.add_scatter(**diagonal, line={"color": INK, "dash": "dash", "width": 1.5})
    looks = (("before", SECOND_COLOUR, "square", "dot"), ("after", UNSEEN_COLOUR, "circle", "solid"))
    for when, colour, symbol, dash in looks:
        bins, error = getattr(calibration, f"reliability_{when}"), getattr(calibration, f"ece_{when}")
        size = 8 + 18 * np.sqrt(bins[:, 2] / bins[:, 2].max())
        figure.add_scatter(
            x=100 * bins[:, 0],
            y=100 * bins[:, 1],
            customdata=bins[:, 2],
            hovertemplate="confidence %{x:.1f} %, accuracy %{y:.1f} %, %{customdata:.0f} windows",
            mode="lines+markers",
            name=f"{when}, ECE {100 * error:.1f} %",
            line={"color": colour, "dash": dash},
            marker={"symbol": symbol, "size": size, "color": colour, "opacity": 0.8},
        )
    return square_axes(figure)


def unknown_figure(calibration: Calibration) -> go.Figure:
    """Draw unknown windows flagged against known windows kept, with the limits in use."""
    kept, flagged = 100 * calibration.unknown_curve.T
    titles = ("known windows kept (%)", "unknown windows flagged (%)")
    figure = new_figure("Noticing unknown activities", 470, *titles)
    hover = "%{x:.1f} % of known kept, %{y:.1f} % of unknown flagged"
    line = {"color": UNSEEN_COLOUR, "width": 2}
    figure.add_scatter(x=kept, y=flagged, mode="lines", line=line, name="other limits", hovertemplate=hover)
    lot = {"x": [0, 100], "y": [100, 0], "mode": "lines", "name": "by lot", "hoverinfo": "name"}
    figure.add_scatter(**lot, line={"color": INK, "dash": "dash", "width": 1.5})
    figure.add_scatter(
        x=[100 * calibration.known_kept],
        y=[100 * calibration.unknown_flagged],
        mode="markers",
        cliponaxis=False,
        marker={"symbol": "diamond", "size": 13, "color": ACCENT_COLOUR, "line": {"color": "white", "width": 1.5}},
        name="in use",
        hovertemplate=hover,
    )
    return square_axes(figure)


def _share(path: Path, value: dict[str, Any], name: str) -> float:
    return float(_in_range(path, name, _numbers(path, value, name, 0)))


def _rows(path: Path, value: dict[str, Any], name: str, n_columns: int) -> np.ndarray:
    """Return a table [r, c] of two shares a row and, in a third column, numbers of windows."""
    rows = _numbers(path, value, name, n_columns)
    _in_range(path, name, rows[:, :2])
    if (rows[:, 2:] < 1).any():
        raise InputError(f"{path}: {name} has a bin of {rows[:, 2].min():g} windows; leave empty bins out")
    return rows


def _in_range(path: Path, name: str, shares: np.ndarray) -> np.ndarray:
    outside = shares[(shares < 0) | (shares > 1)]
    if outside.size:
        raise InputError(f"{path}: {name} holds {outside.ravel()[0]:g}, which is no share from 0 to 1; {_REMEDY}")
    return shares


def _numbers(path: Path, value: dict[str, Any], name: str, n_columns: int) -> np.ndarray:
    """Return finite numbers: a table [r, c] of at least one row, or a single one [] if it has no columns."""
    what = f"a list of rows of {n_columns} numbers" if n_columns else "a number"
    found = value.get(name)
    try:
        numbers = np.array(found, dtype=np.float64)
    except (TypeError, ValueError):
        numbers = np.array(np.nan)
    fits = numbers.ndim == 2 and numbers.shape[1] == n_columns if n_columns else numbers.ndim == 0
    if not fits or not numbers.size or not np.isfinite(numbers).all() or isinstance(found, str | bool):
        raise InputError(f"{path}: {name} must be {what}; {_REMEDY}")
    return numbers
