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

import numpy as np
import plotly.graph_objects as go

from feature_extraction.errors import InputError
from feature_extraction.storage.files import read_json
from sadvae_har.report.look.colours import SECOND_COLOUR, UNSEEN_COLOUR
from sadvae_har.report.look.page import figures, paragraph, section
from sadvae_har.report.look.plotly_figures import DASHED, OPERATING_POINT, block, new_figure, square_axes


@dataclass(frozen=True)
class CalibrationFile:
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


def read_calibration(folder: Path) -> CalibrationFile | None:
    """Read `calibration.json`; none if the run folder has no such file.

    Raises:
        InputError: The file is damaged, or a value is missing or not of its kind.
    """
    path = folder / "calibration.json"
    if not path.exists():
        return None
    value = read_json(path)
    try:
        curve = np.array(value["unknown_curve"], np.float64).reshape(-1, 2)
        return CalibrationFile(
            ece_before=float(value["ece_before"]),
            ece_after=float(value["ece_after"]),
            n_windows=int(value["n_windows"]),
            reliability_before=np.array(value["reliability_before"], np.float64).reshape(-1, 3),
            reliability_after=np.array(value["reliability_after"], np.float64).reshape(-1, 3),
            unknown_curve=curve,
            known_kept=float(value["known_kept"]) if len(curve) else np.nan,
            unknown_flagged=float(value["unknown_flagged"]) if len(curve) else np.nan,
        )
    except (KeyError, TypeError, ValueError) as error:  # all that reading values of the wrong kind can raise
        raise InputError(f"{path}: damaged ({error!r}); delete it or make it again") from error


def calibration_section(found: CalibrationFile) -> str:
    """Return the section of the page as HTML."""
    words = (
        f"Expected calibration error: {100 * found.ece_before:.1f} % before and {100 * found.ece_after:.1f} % after "
        f"calibration, on {found.n_windows} windows."
    )
    reading = "On the diagonal, confidence is what it says; below it, too high. Area of a point: its windows."
    blocks = [block("reliability", reliability_diagram(found), reading, wide=False)]
    if found.has_unknown:
        words += (
            " With each unseen class left out of the list in turn, "
            f"{100 * found.known_kept:.0f} of 100 windows of listed activities are kept and "
            f"{100 * found.unknown_flagged:.0f} of 100 of the one left out are flagged as unknown."
        )
        flags = "Limits from loose to strict; the point is the one in use. On the dashed line, flags are drawn by lot."
        blocks.append(block("unknown", unknown_figure(found), flags, wide=False))
    return section("calibration", "Probabilities and unknown activities", paragraph(words), figures(blocks))


def reliability_diagram(calibration: CalibrationFile) -> go.Figure:
    """Draw accuracy against confidence, before and after calibration."""
    figure = new_figure("Reliability of probabilities", 470, "mean confidence (%)", "accuracy (%)")
    diagonal = {"x": [0, 100], "y": [0, 100], "hoverinfo": "skip", "showlegend": False, "mode": "lines"}
    figure.add_scatter(**diagonal, line=DASHED)
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


def unknown_figure(calibration: CalibrationFile) -> go.Figure:
    """Draw unknown windows flagged against known windows kept, with the limits in use."""
    kept, flagged = 100 * calibration.unknown_curve.T
    titles = ("known windows kept (%)", "unknown windows flagged (%)")
    figure = new_figure("Noticing unknown activities", 470, *titles)
    hover = "%{x:.1f} % of known kept, %{y:.1f} % of unknown flagged"
    line = {"color": UNSEEN_COLOUR, "width": 2}
    figure.add_scatter(x=kept, y=flagged, mode="lines", line=line, name="other limits", hovertemplate=hover)
    figure.add_scatter(x=[0, 100], y=[100, 0], mode="lines", name="by lot", hoverinfo="name", line=DASHED)
    in_use = {"x": [100 * calibration.known_kept], "y": [100 * calibration.unknown_flagged]}
    figure.add_scatter(**in_use, **OPERATING_POINT, cliponaxis=False, name="in use", hovertemplate=hover)
    return square_axes(figure)
