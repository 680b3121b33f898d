"""Figures of the views below the signals: before and after, two descriptions, the latent plane, reasons."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from sadvae_har.demo.figures import INK, SOFT, UNKNOWN_COLOUR, draw_bar, seconds, seconds_axis, style
from sadvae_har.demo.session import Comparison, Timeline
from sadvae_har.recognition.explanation import Explanation
from sadvae_har.recognition.recognizer import LatentMap

FIRST_COLOUR, SECOND_COLOUR, RIVAL_COLOUR = "#0072b2", "#e69f00", "#d55e00"
PAIR = "#cbd2dc"
MOST_ATTRIBUTES = 10


def readable(attribute: str) -> str:
    """Return an attribute's name in words."""
    return attribute.replace("_", " ")


def strips_figure(strips: Sequence[tuple[str, Timeline]], colours: Mapping[str, str]) -> go.Figure:
    """Draw the segments of several timelines of one recording under each other, the first on top."""
    figure = make_subplots(rows=1, cols=1)
    for strip, timeline in strips:
        for segment in timeline.segments:
            text = (
                f"<b>{escape(segment.label)}</b><br>{strip}: probability {segment.probability:.0%}, "
                f"{seconds(segment.start_s, segment.end_s)}"
            )
            draw_bar(figure, strip, segment.start_s, segment.end_s, colours[segment.label], text, 1)
    figure.update_yaxes(categoryorder="array", categoryarray=[name for name, _ in reversed(strips)], fixedrange=True)
    figure.update_xaxes(fixedrange=True)
    seconds_axis(figure, max(float(timeline.end_s[-1]) for _, timeline in strips))
    style(figure, height=60 + 42 * len(strips))
    figure.update_layout(barmode="overlay", bargap=0.2)
    return figure


def latent_figure(latent: LatentMap, timeline: Timeline, colours: Mapping[str, str]) -> go.Figure:
    """Draw the windows of the recording and the anchors of all activities in one plane."""
    figure = go.Figure()
    labels = timeline.labels
    middle = np.concatenate([latent.windows_xy[:, 0], latent.anchors_xy[:, 0]]).mean()
    for label in dict.fromkeys(labels.tolist()):
        rows = np.flatnonzero(labels == label)
        figure.add_trace(
            go.Scatter(
                x=latent.windows_xy[rows, 0],
                y=latent.windows_xy[rows, 1],
                mode="markers",
                showlegend=False,
                marker={"color": colours[label], "size": 7, "opacity": 0.6},
                text=[f"window {k + 1}, {timeline.start_s[k]:.1f} s: {timeline.probability[k]:.0%}" for k in rows],
                hovertemplate=f"<b>{escape(label)}</b><br>%{{text}}<extra></extra>",
            )
        )
    figure.add_trace(
        go.Scatter(
            x=latent.anchors_xy[:, 0],
            y=latent.anchors_xy[:, 1],
            mode="markers+text",
            showlegend=False,
            marker={
                "symbol": ["diamond" if seen else "star" for seen in latent.seen],
                "size": [13 if seen else 17 for seen in latent.seen],
                "color": [colours.get(name, UNKNOWN_COLOUR) for name in latent.names],
                "line": {"color": "white", "width": 1.5},
            },
            text=[escape(name) for name in latent.names],
            textposition=["middle left" if right else "middle right" for right in latent.anchors_xy[:, 0] > middle],
            cliponaxis=False,
            textfont={"size": 12, "color": INK},
            customdata=["seen" if seen else "known by description" for seen in latent.seen],
            hovertemplate="description of <b>%{text}</b> (%{customdata})<extra></extra>",
        )
    )
    style(figure, height=480)
    hidden = {"showticklabels": False, "zeroline": False, "title": None}
    figure.update_xaxes(**hidden)
    figure.update_yaxes(**hidden)
    return figure


def attributes_figure(comparison: Comparison) -> go.Figure:
    """Draw the attributes that differ most between two texts, as pairs of dots on a scale from 0 to 1."""
    rows = comparison.differences()[:MOST_ATTRIBUTES][::-1]
    names = [readable(name) for name, _, _ in rows]
    figure = go.Figure()
    for name, (_, first, second) in zip(names, rows, strict=True):
        figure.add_trace(_line(first, second, name))
    columns = ((1, "first text", FIRST_COLOUR), (2, "second text", SECOND_COLOUR))
    for column, name, colour in columns:
        figure.add_trace(
            go.Scatter(
                x=[row[column] for row in rows],
                y=names,
                mode="markers",
                name=name,
                marker={"color": colour, "size": 11},
                hovertemplate=f"%{{y}}: %{{x:.2f}} by the {name}<extra></extra>",
            )
        )
    _scale(figure, len(rows))
    return figure


def nearest_figure(explanation: Explanation, colours: Mapping[str, str]) -> go.Figure:
    """Draw the scores of the descriptions nearest to a window, best on top."""
    nearest = explanation.nearest[:8][::-1]
    figure = go.Figure(
        go.Bar(
            x=[score for _, score in nearest],
            y=[escape(name) for name, _ in nearest],
            orientation="h",
            marker={"color": [colours.get(name, UNKNOWN_COLOUR) for name, _ in nearest]},
            text=[f"{score:.2f}" for _, score in nearest],
            textposition="auto",
            hovertemplate="%{y}: %{x:.3f}<extra></extra>",
        )
    )
    style(figure, height=90 + 32 * len(nearest))
    figure.update_xaxes(fixedrange=True)
    figure.update_yaxes(fixedrange=True)
    figure.update_layout(showlegend=False)
    return figure


def evidence_figure(explanation: Explanation, rival: str) -> go.Figure:
    """Draw what was measured in a window beside what the descriptions of the answer and of its rival say."""
    rows = explanation.evidence[:MOST_ATTRIBUTES][::-1]
    names = [readable(row.attribute) for row in rows]
    figure = go.Figure()
    for name, row in zip(names, rows, strict=True):
        figure.add_trace(_line(row.measured, row.written, name))
    series = (
        ("measured in the window", [row.measured for row in rows], INK, "diamond"),
        (f"written: {escape(explanation.label)}", [row.written for row in rows], FIRST_COLOUR, "circle"),
        (f"written: {escape(rival)}", [row.rival_written for row in rows], RIVAL_COLOUR, "circle-open"),
    )
    for name, values, colour, symbol in series:
        figure.add_trace(
            go.Scatter(
                x=values,
                y=names,
                mode="markers",
                name=name,
                marker={"color": colour, "size": 11, "symbol": symbol, "line": {"width": 2, "color": colour}},
                hovertemplate=f"%{{y}}: %{{x:.2f}} {name}<extra></extra>",
            )
        )
    _scale(figure, len(rows))
    return figure


def _line(start: float, end: float, name: str) -> go.Scatter:
    return go.Scatter(
        x=[start, end],
        y=[name, name],
        mode="lines",
        line={"color": PAIR, "width": 4},
        showlegend=False,
        hoverinfo="skip",
    )


def _scale(figure: go.Figure, n_rows: int) -> None:
    style(figure, height=120 + 30 * n_rows)
    figure.update_xaxes(
        range=[-0.04, 1.04],
        tickvals=[0, 0.5, 1],
        ticktext=["0 none", "0.5", "1 most"],
        tickfont={"color": SOFT},
        fixedrange=True,
    )
    figure.update_yaxes(fixedrange=True)
