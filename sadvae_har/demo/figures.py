"""The figure of a recording with what was recognised in it, and what the figures of the page share.

Texts that a person wrote are escaped, because Plotly reads some HTML.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from feature_extraction.recordings.signal import si_channel
from feature_extraction.storage.escaping import figure_label
from sadvae_har.demo.clips import Clip
from sadvae_har.demo.session import Opened
from sadvae_har.recognition.prediction import UNKNOWN, Prediction
from sadvae_har.report.look.colours import AXIS_COLOURS, CLASS_COLOURS, INK, UNKNOWN_COLOUR
from sadvae_har.report.look.plotly_figures import inside_app

TITLES = {"acc": "acceleration, m/s²", "gyro": "angular rate, rad/s", "mag": "magnetic field, µT"}
MOST_POINTS = 4000
CONFIG = {"displayModeBar": False, "responsive": True}


def palette(names: Sequence[str]) -> dict[str, str]:
    """Return a colour for every name, in order; `unknown` is grey."""
    colours = {name: CLASS_COLOURS[k % len(CLASS_COLOURS)] for k, name in enumerate(names)}
    return colours | {UNKNOWN: UNKNOWN_COLOUR}


def kind_of(activity: str, unseen: bool, added: Sequence[str]) -> str:
    """Return what the page calls an activity: seen, unseen, added here or unknown."""
    if activity == UNKNOWN:
        return "unknown"
    if activity in added:
        return "unseen, added here"
    return "unseen" if unseen else "seen"


def recording_figure(opened: Opened, colours: Mapping[str, str], added: Sequence[str], chosen: int | None) -> go.Figure:
    """Draw the signals over the recognised activities.

    Args:
        opened: The recording and what was recognised in it.
        colours: Colour of each activity.
        added: Activities that were added here.
        chosen: Number of the window to mark, or None.
    """
    clip, prediction = opened.clip, opened.prediction
    sensors = list(dict.fromkeys((channel.device, channel.quantity) for channel in clip.channels))
    several, last = len({device for device, _ in sensors}) > 1, len(sensors) + 1
    strips = 0.16 + 0.07 * bool(clip.truth)
    heights = [*((1 - strips) / len(sensors) for _ in sensors), strips]
    figure = make_subplots(
        rows=last, cols=1, shared_xaxes=True, vertical_spacing=min(0.035, 0.5 / last), row_heights=heights
    )
    for row, (device, quantity) in enumerate(sensors, 1):
        _draw_signal(figure, clip, device, quantity, row)
        title = f"{figure_label(device)}: {TITLES[quantity]}" if several else TITLES[quantity]
        figure.update_yaxes(title={"text": title, "font": {"size": 11}}, row=row, col=1, fixedrange=True)
        for segment in prediction.segments:
            shade = {"fillcolor": colours[segment.label], "opacity": 0.13, "line_width": 0, "layer": "below"}
            figure.add_vrect(segment.start_s, segment.end_s, row=row, col=1, **shade)
    _draw_windows(figure, prediction, colours, added, last)
    for span in clip.truth:
        text = f"<b>{figure_label(span.label)}</b><br>what was done, {seconds(span.start_s, span.end_s)}"
        look = {"marker_color": colours.get(span.label, UNKNOWN_COLOUR), "opacity": 0.75}
        figure.add_trace(bar("done", span.start_s, span.end_s, text, **look), row=last, col=1)
    order = (["done"] if clip.truth else []) + ["windows", "recognised"]
    strip_axis = {"categoryorder": "array", "categoryarray": order, "fixedrange": True, "showgrid": False}
    figure.update_yaxes(**strip_axis, row=last, col=1)
    if chosen is not None:
        line = {"color": INK, "width": 1.2, "dash": "dot"}
        figure.add_vrect(prediction.start_s[chosen], prediction.end_s[chosen], line=line)
    seconds_axis(figure, clip.duration_s)
    inside_app(figure, height=150 * len(sensors) + 170 + 25 * bool(clip.truth))
    behaviour = {"hovermode": "closest", "clickmode": "event+select", "dragmode": "zoom"}
    return figure.update_layout(barmode="overlay", bargap=0.15, **behaviour)


def _draw_signal(figure: go.Figure, clip: Clip, device: str, quantity: str, row: int) -> None:
    """Draw axes and magnitude of one sensor in SI units; a line is broken at gaps."""
    columns = [k for k, c in enumerate(clip.channels) if (c.device, c.quantity) == (device, quantity)]
    samples = clip.samples[:, columns] * [si_channel(clip.channels[k])[1] for k in columns]
    lines = [(clip.channels[k].axis, values) for k, values in zip(columns, samples.T, strict=True)]
    for name, values in (*lines, ("magnitude", np.linalg.norm(samples, axis=1))):
        whole, kept = name == "magnitude", _thinned(values)
        figure.add_scatter(
            x=np.round(kept / clip.rate_hz, 3),
            y=np.round(values[kept], 3),
            mode="lines",
            name=name,
            legendgroup=f"axis {name}",
            showlegend=row == 1,
            legend="legend2",
            line={"color": INK, "width": 1.5} if whole else {"color": AXIS_COLOURS[name], "width": 0.9},
            opacity=1.0 if whole else 0.6,
            hovertemplate=f"{name} %{{y:.2f}} at %{{x:.2f}} s<extra></extra>",
            row=row,
            col=1,
        )


def _thinned(values: np.ndarray) -> np.ndarray:
    """Return about `MOST_POINTS` rows at most to draw of values [T]: lowest and highest of each stretch, or a gap."""
    rows, length = np.arange(len(values)), int(np.ceil(2 * len(values) / MOST_POINTS))
    if length <= 2:
        return rows
    stretches = np.split(rows, rows[length::length])
    return np.ravel([sorted((part[values[part].argmin()], part[values[part].argmax()])) for part in stretches])


def _draw_windows(
    figure: go.Figure, prediction: Prediction, colours: Mapping[str, str], added: Sequence[str], row: int
) -> None:
    """Draw the segments as bars and the windows as dots; both know the number of a window to explain."""
    middles = (prediction.start_s + prediction.end_s) / 2
    for segment in prediction.segments:
        text = (
            f"<b>{figure_label(segment.label)}</b> ({kind_of(segment.label, segment.unseen, added)})<br>probability "
            f"{segment.probability:.0%}, {seconds(segment.start_s, segment.end_s)}"
        )
        nearest = int(np.abs(middles - (segment.start_s + segment.end_s) / 2).argmin())
        look = {"marker_color": colours[segment.label], "customdata": [[nearest]]}
        figure.add_trace(bar("recognised", segment.start_s, segment.end_s, text, **look), row=row, col=1)
    texts = [
        f"<b>{figure_label(found['label'])}</b> ({kind_of(found['label'], found['unseen'], added)})<br>window {k}: "
        f"probability {found['probability']:.0%}, strangeness {found['strangeness']:+.1f} sd"
        for k, found in enumerate(prediction.rows(), 1)
    ]
    shades = [colours[activity] for activity in prediction.labels.tolist()]
    figure.add_scatter(
        x=middles,
        y=["windows"] * len(middles),
        mode="markers",
        marker={"size": 8, "color": shades, "opacity": (0.25 + 0.75 * prediction.probability).tolist()},
        customdata=[[k] for k in range(len(middles))],
        text=texts,
        hovertemplate="%{text}<extra></extra>",
        showlegend=False,
        row=row,
        col=1,
    )


def bar(strip: str, start_s: float, end_s: float, text: str, **look: object) -> go.Bar:
    """Return a stretch of time on a strip, with its text under the mouse."""
    shown = {"text": [text], "textposition": "none", "hovertemplate": "%{text}<extra></extra>", "showlegend": False}
    place = {"x": [end_s - start_s], "base": [start_s], "y": [strip], "orientation": "h"}
    return go.Bar(**place, **shown, **look, marker_line={"color": "white", "width": 1})


def seconds_axis(figure: go.Figure, end_s: float) -> None:
    """Show time from 0 to `end_s`, labelled at the ticks, which leaves room for the legend below."""
    figure.update_xaxes(ticksuffix=" s", nticks=8, range=[0, end_s])


def seconds(start_s: float, end_s: float) -> str:
    """Return a stretch of time in words."""
    return f"{start_s:.1f}–{end_s:.1f} s"
