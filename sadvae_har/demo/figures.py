"""The figure of a recording with what was recognised in it, and the look of all figures.

Texts that a person wrote are escaped, because
Plotly reads some HTML.
"""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from feature_extraction.recordings.recording import Recording
from feature_extraction.recordings.signal import to_si
from sadvae_har.demo.clips import Clip
from sadvae_har.demo.session import Timeline

INK, SOFT, LINE = "#1d2433", "#667085", "#e4e7ec"
UNKNOWN = "unknown"
UNKNOWN_COLOUR = "#9aa1ab"
# Okabe and Ito's colours, then some of Tol's muted ones: distinguishable by colour-blind people.
COLOURS = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00"),
    *("#332288", "#882255", "#999933", "#661100", "#44aa99", "#ddcc77"),
)
AXIS_COLOURS = {"x": "#c3573f", "y": "#4d8f5b", "z": "#4f74b8"}
TITLES = {"acc": "acceleration, m/s²", "gyro": "angular rate, rad/s", "mag": "magnetic field, µT"}
MOST_POINTS = 4000
CONFIG = {"displayModeBar": False, "responsive": True}


def palette(names: Sequence[str]) -> dict[str, str]:
    """Return a colour for every name, in order; `unknown` is grey."""
    colours = {name: COLOURS[k % len(COLOURS)] for k, name in enumerate(names)}
    return colours | {UNKNOWN: UNKNOWN_COLOUR}


def kind_of(label: str, unseen: bool, added: Sequence[str]) -> str:
    """Return what the page calls an activity: seen, unseen, added here or unknown."""
    if label == UNKNOWN:
        return "unknown"
    if label in added:
        return "unseen, added here"
    return "unseen" if unseen else "seen"


def recording_figure(
    clip: Clip, timeline: Timeline, colours: Mapping[str, str], added: Sequence[str], chosen: int | None
) -> go.Figure:
    """Draw the signals over the recognised activities.

    Args:
        clip: The recording.
        timeline: What was recognised in it.
        colours: Colour of each activity.
        added: Activities that were added here.
        chosen: Number of the window to mark, or None.
    """
    pieces = [(start_s, to_si(recording)) for start_s, recording in clip.pieces]
    first = pieces[0][1]
    quantities = list(dict.fromkeys(channel.quantity for channel in first.channels))
    devices = first.devices
    rows = [(device, quantity) for device in devices for quantity in quantities]
    strips = 0.16 + 0.07 * bool(clip.truth)
    heights = [*((1 - strips) / len(rows) for _ in rows), strips]
    figure = make_subplots(rows=len(rows) + 1, cols=1, shared_xaxes=True, vertical_spacing=0.035, row_heights=heights)
    for row, (device, quantity) in enumerate(rows, 1):
        _draw_signal(figure, pieces, device, quantity, row)
        prefix = f"{escape(device)}: " if len(devices) > 1 else ""
        title = prefix + TITLES[quantity]
        figure.update_yaxes(title={"text": title, "font": {"size": 11}}, row=row, col=1, fixedrange=True)
        for segment in timeline.segments:
            shade = {"fillcolor": colours[segment.label], "opacity": 0.13, "line_width": 0, "layer": "below"}
            figure.add_vrect(segment.start_s, segment.end_s, row=row, col=1, **shade)
    _draw_segments(figure, timeline, colours, added, len(rows) + 1)
    for span in clip.truth:
        colour = colours.get(span.label, UNKNOWN_COLOUR)
        text = f"<b>{escape(span.label)}</b><br>what was done, {seconds(span.start_s, span.end_s)}"
        draw_bar(figure, "done", span.start_s, span.end_s, colour, text, len(rows) + 1, opacity=0.75)
    order = (["done"] if clip.truth else []) + ["windows", "recognised"]
    figure.update_yaxes(
        categoryorder="array", categoryarray=order, fixedrange=True, row=len(rows) + 1, col=1, showgrid=False
    )
    if chosen is not None:
        line = {"color": INK, "width": 1.2, "dash": "dot"}
        figure.add_vrect(timeline.start_s[chosen], timeline.end_s[chosen], line=line)
    seconds_axis(figure, clip.duration_s)
    style(figure, height=150 * len(rows) + 170 + 25 * bool(clip.truth))
    figure.update_layout(barmode="overlay", bargap=0.15, hovermode="closest", clickmode="event+select", dragmode="zoom")
    return figure


def _draw_signal(
    figure: go.Figure, pieces: Sequence[tuple[float, Recording]], device: str, quantity: str, row: int
) -> None:
    """Draw axes and magnitude of one sensor; a line is broken between pieces."""
    first = pieces[0][1]
    columns = [(k, c.axis) for k, c in enumerate(first.channels) if (c.device, c.quantity) == (device, quantity)]
    indices = [k for k, _ in columns]
    magnitudes = [np.linalg.norm(recording.samples[:, indices], axis=1) for _, recording in pieces]
    lines = [
        (axis, [recording.samples[:, k] for _, recording in pieces], AXIS_COLOURS[axis], 0.9) for k, axis in columns
    ]
    for name, values, colour, width in (*lines, ("magnitude", magnitudes, INK, 1.5)):
        times, shown = _thinned([(at, v, recording.rate_hz) for (at, recording), v in zip(pieces, values, strict=True)])
        figure.add_trace(
            go.Scatter(
                x=times,
                y=shown,
                mode="lines",
                name=name,
                legendgroup=f"axis {name}",
                showlegend=row == 1,
                legend="legend2",
                line={"color": colour, "width": width},
                opacity=1.0 if name == "magnitude" else 0.6,
                hovertemplate=f"{name} %{{y:.2f}} at %{{x:.2f}} s<extra></extra>",
            ),
            row=row,
            col=1,
        )


def _thinned(parts: Sequence[tuple[float, np.ndarray, float]]) -> tuple[np.ndarray, np.ndarray]:
    """Return times and values with at most about `MOST_POINTS` points; lowest and highest of each stretch are kept."""
    length = max(1, int(np.ceil(2 * sum(len(values) for _, values, _ in parts) / MOST_POINTS)))
    times: list[np.ndarray] = []
    shown: list[np.ndarray] = []
    for start_s, values, rate_hz in parts:
        rows = np.arange(len(values))
        if length > 2:
            stretches = np.split(rows, np.arange(length, len(rows), length))
            ends = [sorted((part[values[part].argmin()], part[values[part].argmax()])) for part in stretches]
            rows = np.array(ends).ravel()
        times += [start_s + rows / rate_hz, np.array([np.nan])]
        shown += [values[rows], np.array([np.nan])]
    return np.round(np.concatenate(times), 3), np.round(np.concatenate(shown).astype(np.float64), 3)


def _draw_segments(
    figure: go.Figure, timeline: Timeline, colours: Mapping[str, str], added: Sequence[str], row: int
) -> None:
    """Draw the segments as bars and the windows as dots; both know the number of a window to explain."""
    middles = (timeline.start_s + timeline.end_s) / 2
    for segment in timeline.segments:
        kind = kind_of(segment.label, segment.unseen, added)
        text = (
            f"<b>{escape(segment.label)}</b> ({kind})<br>probability {segment.probability:.0%}, "
            f"{seconds(segment.start_s, segment.end_s)}"
        )
        nearest = int(np.abs(middles - (segment.start_s + segment.end_s) / 2).argmin())
        place = (segment.start_s, segment.end_s, colours[segment.label], text, row)
        draw_bar(figure, "recognised", *place, custom=(nearest,))
    texts = [
        f"<b>{escape(label)}</b> ({kind_of(label, unseen, added)})<br>window {k + 1}: probability {probability:.0%}, "
        f"strangeness {strangeness:+.1f} sd"
        for k, (label, unseen, probability, strangeness) in enumerate(
            zip(
                timeline.labels.tolist(),
                timeline.unseen.tolist(),
                timeline.probability.tolist(),
                timeline.strangeness.tolist(),
                strict=True,
            )
        )
    ]
    figure.add_trace(
        go.Scatter(
            x=middles,
            y=["windows"] * len(middles),
            mode="markers",
            marker={
                "size": 8,
                "color": [colours[label] for label in timeline.labels.tolist()],
                "opacity": (0.25 + 0.75 * timeline.probability).tolist(),
            },
            customdata=[[k] for k in range(len(middles))],
            text=texts,
            hovertemplate="%{text}<extra></extra>",
            showlegend=False,
        ),
        row=row,
        col=1,
    )


def draw_bar(
    figure: go.Figure,
    strip: str,
    start_s: float,
    end_s: float,
    colour: str,
    text: str,
    row: int,
    custom: tuple[int, ...] = (),
    opacity: float = 1.0,
) -> None:
    """Draw a stretch of time on a strip; `custom` is handed to whoever clicks it."""
    figure.add_trace(
        go.Bar(
            x=[end_s - start_s],
            base=[start_s],
            y=[strip],
            orientation="h",
            showlegend=False,
            marker={"color": colour, "line": {"color": "white", "width": 1}},
            opacity=opacity,
            customdata=[list(custom)],
            text=[text],
            textposition="none",
            hovertemplate="%{text}<extra></extra>",
        ),
        row=row,
        col=1,
    )


def style(figure: go.Figure, height: int) -> None:
    """Give a figure the look of the page; legends lie along its lower and upper edge and wrap on narrow screens."""
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
    figure.update_xaxes(gridcolor=LINE, zeroline=False, automargin=True)
    figure.update_yaxes(gridcolor=LINE, zeroline=False, automargin=True)


def seconds_axis(figure: go.Figure, end_s: float) -> None:
    """Show time from 0 to `end_s`, labelled at the ticks, which leaves room for the legend below."""
    figure.update_xaxes(ticksuffix=" s", nticks=8, range=[0, end_s])


def seconds(start_s: float, end_s: float) -> str:
    """Return a stretch of time in words."""
    return f"{start_s:.1f}–{end_s:.1f} s"
