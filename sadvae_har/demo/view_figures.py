"""Figures of the views below the signals: before and after, two descriptions, the latent plane, reasons."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from feature_extraction.storage.escaping import figure_label
from sadvae_har.demo.figures import bar, seconds, seconds_axis
from sadvae_har.demo.session import Comparison
from sadvae_har.recognition.explanation import Explanation
from sadvae_har.recognition.prediction import Prediction
from sadvae_har.recognition.recognizer import LatentMap
from sadvae_har.report.look.colours import (
    ACCENT_COLOUR,
    INK,
    PALE,
    SECOND_COLOUR,
    SOFT,
    UNKNOWN_COLOUR,
    UNSEEN_COLOUR,
)
from sadvae_har.report.look.plotly_figures import inside_app

MOST_ATTRIBUTES = 10


def readable(attribute: str) -> str:
    """Return an attribute's name in words."""
    return attribute.replace("_", " ")


def strips_figure(strips: Sequence[tuple[str, Prediction]], colours: Mapping[str, str]) -> go.Figure:
    """Draw the segments of several predictions of one recording under each other, the first on top."""
    figure = go.Figure()
    for strip, prediction in strips:
        for segment in prediction.segments:
            text = (
                f"<b>{figure_label(segment.label)}</b><br>{strip}: probability {segment.probability:.0%}, "
                f"{seconds(segment.start_s, segment.end_s)}"
            )
            look = {"marker_color": colours[segment.label]}
            figure.add_trace(bar(strip, segment.start_s, segment.end_s, text, **look))
    figure.update_yaxes(categoryorder="array", categoryarray=[name for name, _ in reversed(strips)])
    seconds_axis(figure, max(float(prediction.end_s[-1]) for _, prediction in strips))
    return _fixed(inside_app(figure, height=60 + 42 * len(strips)).update_layout(barmode="overlay", bargap=0.2))


def latent_figure(latent: LatentMap, prediction: Prediction, colours: Mapping[str, str]) -> go.Figure:
    """Draw the windows of the recording and the anchors of all activities in one plane."""
    figure = go.Figure()
    middle = np.concatenate([latent.windows_xy[:, 0], latent.anchors_xy[:, 0]]).mean()
    for activity in dict.fromkeys(prediction.labels.tolist()):
        rows = np.flatnonzero(prediction.labels == activity)
        figure.add_scatter(
            x=latent.windows_xy[rows, 0],
            y=latent.windows_xy[rows, 1],
            mode="markers",
            showlegend=False,
            marker={"color": colours[activity], "size": 7, "opacity": 0.6},
            text=[f"window {k + 1}, {prediction.start_s[k]:.1f} s: {prediction.probability[k]:.0%}" for k in rows],
            hovertemplate=f"<b>{figure_label(activity)}</b><br>%{{text}}<extra></extra>",
        )
    figure.add_scatter(
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
        text=[figure_label(name) if colours.get(name) != PALE else "" for name in latent.names],
        textposition=["middle left" if right else "middle right" for right in latent.anchors_xy[:, 0] > middle],
        cliponaxis=False,
        textfont={"size": 12, "color": INK},
        hovertext=[
            f"description of <b>{figure_label(name)}</b> ({'seen' if seen else 'known by description'})"
            for name, seen in zip(latent.names, latent.seen, strict=True)
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    inside_app(figure, height=480)
    return figure.update_xaxes(showticklabels=False).update_yaxes(showticklabels=False)


def attributes_figure(comparison: Comparison) -> go.Figure:
    """Draw the attributes that differ most between two texts, as pairs of dots on a scale from 0 to 1."""
    rows = comparison.differences()[:MOST_ATTRIBUTES]
    ends = [(first, second) for _, first, second in rows]
    looks = (("first text", UNSEEN_COLOUR, "circle"), ("second text", SECOND_COLOUR, "circle"))
    return _dots_figure([name for name, _, _ in rows], ends, looks, "by the ")


def evidence_figure(explanation: Explanation) -> go.Figure:
    """Draw what was measured in a window beside what the descriptions of its activity and of the rival say."""
    rows = explanation.evidence[:MOST_ATTRIBUTES]
    values = [(row.measured, row.written, row.rival_written) for row in rows]
    looks = (
        ("measured in the window", INK, "diamond"),
        (f"written: {figure_label(explanation.activity)}", UNSEEN_COLOUR, "circle"),
        (f"written: {figure_label(explanation.rival)}", ACCENT_COLOUR, "circle-open"),
    )
    return _dots_figure([row.attribute for row in rows], values, looks)


def nearest_figure(explanation: Explanation, colours: Mapping[str, str]) -> go.Figure:
    """Draw the cosines of the descriptions nearest to a window, best on top."""
    nearest = explanation.nearest[::-1]
    figure = go.Figure()
    figure.add_bar(
        x=[cosine for _, cosine in nearest],
        y=[figure_label(name) for name, _ in nearest],
        orientation="h",
        marker={"color": [colours.get(name, UNKNOWN_COLOUR) for name, _ in nearest]},
        text=[f"{cosine:.2f}" for _, cosine in nearest],
        textposition="auto",
        hovertemplate="%{y}: %{x:.3f}<extra></extra>",
        showlegend=False,
    )
    return _fixed(inside_app(figure, height=90 + 32 * len(nearest)))


def _dots_figure(
    attributes: Sequence[str],
    values: Sequence[tuple[float, ...]],
    looks: Sequence[tuple[str, str, str]],
    by: str = "",
) -> go.Figure:
    """Draw attributes as rows of dots on a scale from 0 to 1, the first on top; a line joins the first two dots.

    Args:
        attributes: Name of each row.
        values: A dot's place for each entry of `looks`, row by row.
        looks: Name, colour and symbol of each kind of dot.
        by: What stands before the name of a dot under the mouse.
    """
    names, values = [readable(name) for name in attributes][::-1], values[::-1]
    figure = go.Figure()
    for name, (start, end, *_) in zip(names, values, strict=True):
        line = {"x": [start, end], "y": [name, name], "mode": "lines", "line": {"color": PALE, "width": 4}}
        figure.add_scatter(**line, showlegend=False, hoverinfo="skip")
    for k, (name, colour, symbol) in enumerate(looks):
        figure.add_scatter(
            x=[row[k] for row in values],
            y=names,
            mode="markers",
            name=name,
            marker={"color": colour, "size": 11, "symbol": symbol, "line": {"width": 2, "color": colour}},
            hovertemplate=f"%{{y}}: %{{x:.2f}} {by}{name}<extra></extra>",
        )
    inside_app(figure, height=120 + 30 * len(names))
    figure.update_xaxes(range=[-0.04, 1.04], tickvals=[0, 0.5, 1], ticktext=["0 none", "0.5", "1 most"])
    return _fixed(figure.update_xaxes(tickfont={"color": SOFT}))


def _fixed(figure: go.Figure) -> go.Figure:
    """Switch off zooming."""
    return figure.update_xaxes(fixedrange=True).update_yaxes(fixedrange=True)
