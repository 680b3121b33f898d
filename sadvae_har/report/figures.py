"""Interactive figures of one run, drawn from its saved predictions alone.

Axis legend: n windows, K classes, S seen classes, U unseen classes.
"""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from feature_extraction.storage.escaping import figure_label
from sadvae_har.evaluation.metrics import auroc, ausuc, confusion_matrix, gzsl_scores, seen_unseen_curve
from sadvae_har.report.look.colours import (
    ACCENT_COLOUR,
    CLASS_COLOURS,
    INK,
    SECOND_COLOUR,
    SEEN_COLOUR,
    SHARE_SHADES,
    UNSEEN_COLOUR,
    UNSEEN_SHADE,
)
from sadvae_har.report.look.plotly_figures import (
    DASHED,
    OPERATING_POINT,
    block,
    names_below,
    names_beside,
    new_figure,
    square_axes,
)
from sadvae_har.report.run_files import RunFiles

_THICK = 0.38  # of a bar, rows being 1 apart
_ALWAYS_WRITTEN = 14  # With more classes than this, only cells of 10 % and more carry their number.
_NARROW = 7  # With more unseen classes than this, their confusion takes the whole width.
_KINDS = {
    "seen": ({"symbol": "circle", "size": 5, "opacity": 0.45}, "window"),
    "unseen": ({"symbol": "circle", "size": 7, "opacity": 0.8}, "window"),
    "synthesised": ({"symbol": "x-thin", "size": 7, "opacity": 0.8}, "synthesised sample"),
    "text": ({"symbol": "star", "size": 16, "opacity": 1.0}, "text anchor"),
}


def run_figures(run: RunFiles) -> list[str]:
    """Return every figure that the run's results allow, as HTML in reading order."""
    reading = "Rows: true class, with its test windows; columns: predicted class. Hover for counts, drag to zoom."
    switch = "A click on a name in the legend hides or shows it; a double click shows it alone."
    point = "Every trade-off between seen and unseen classes; the point is what the gate makes of it."
    parted = f"{reading} The orange lines part seen from unseen classes."
    beyond = "Windows right of the threshold are taken for unseen; seen ones there and unseen ones left of it are lost."
    plane = (
        "Circles: windows; crosses: synthesised samples; stars: descriptions. The plane holds most of the "
        f"directions of training windows and descriptions; its axes have no unit. {switch}"
    )
    wide = len(run.unseen) > _NARROW or not run.has_gzsl
    return [
        block("zsl-confusion", zsl_confusion(run), reading, wide),
        *([block("curve", curve_figure(run), point, wide)] if run.has_gzsl else []),
        block("per-class", per_class_bars(run), switch),
        *([block("gzsl-confusion", gzsl_confusion(run), parted)] if run.has_gzsl else []),
        *([block("gate", gate_histogram(run), beyond)] if run.has_gzsl else []),
        block("latents", latent_plane(run), plane),
    ]


def zsl_confusion(run: RunFiles) -> go.Figure:
    """Draw how test windows of unseen classes were told apart among the unseen classes."""
    counts = confusion_matrix(run.arrays["zsl_labels"], run.arrays["zsl_predictions"], run.unseen)
    return _confusion(counts, run.unseen, 0, "ZSL: confusion among unseen classes")


def gzsl_confusion(run: RunFiles) -> go.Figure:
    """Draw how test windows of all classes were told apart; lines part seen from unseen classes."""
    counts = confusion_matrix(run.arrays["gzsl_labels"], run.arrays["gzsl_predictions"], run.classes)
    return _confusion(counts, run.classes, len(run.seen), "GZSL: confusion among all classes")


def curve_of(run: RunFiles) -> tuple[np.ndarray, np.ndarray, tuple[float, float, float]]:
    """Return S and U of every bias, both [P], and S, U and H where the gate operates."""
    true, predicted = run.gzsl_positions()
    n_seen, n_classes = len(run.seen), len(run.classes)
    on_seen, on_unseen = seen_unseen_curve(run.arrays["gzsl_scores"], true, n_seen)
    return on_seen, on_unseen, gzsl_scores(true, predicted, range(n_seen), range(n_seen, n_classes))


def curve_figure(run: RunFiles) -> go.Figure:
    """Draw seen against unseen accuracy as unseen scores are raised, with the gate's operating point."""
    on_seen, on_unseen, (at_seen, at_unseen, mean) = curve_of(run)
    title = f"Seen-unseen curve, AUSUC {100 * ausuc(on_seen, on_unseen):.1f} %"
    figure = new_figure(title, 470, "accuracy on unseen classes (%)", "accuracy on seen classes (%)")
    line = {"line_color": UNSEEN_COLOUR, "line_width": 2.2, "fill": "tozeroy", "fillcolor": UNSEEN_SHADE}
    figure.add_scatter(**curve_line(on_seen, on_unseen), name="every bias", **line)
    chance = {"x": [0, 100 / len(run.unseen)], "y": [100 / len(run.seen), 0]}
    figure.add_scatter(**chance, name="chance", mode="lines", line=DASHED)
    words = f"gate: S {100 * at_seen:.1f}, U {100 * at_unseen:.1f}, H {100 * mean:.1f}"
    figure.add_scatter(x=[100 * at_unseen], y=[100 * at_seen], name=words, **OPERATING_POINT, cliponaxis=False)
    return square_axes(figure)


def curve_line(on_seen: np.ndarray, on_unseen: np.ndarray) -> dict[str, object]:
    """Return a trace of a seen-unseen curve that shows S, U and H under the mouse."""
    both = on_seen + on_unseen
    mean = 200 * on_seen * on_unseen / np.where(both > 0, both, 1)
    return {
        "x": 100 * on_unseen,
        "y": 100 * on_seen,
        "customdata": mean,
        "hovertemplate": "U %{x:.1f} %, S %{y:.1f} %, H %{customdata:.1f} %",
        "mode": "lines",
    }


def gate_histogram(run: RunFiles) -> go.Figure:
    """Draw the gate's probability of unseen for windows that are seen and that are unseen."""
    p_unseen, is_unseen = run.arrays["gate_p_unseen"], run.arrays["gate_is_unseen"].astype(bool)
    threshold, bins = float(run.arrays["gate_threshold"]), np.linspace(0, 1, 41)
    title = f"Gate on test windows, AUROC {100 * auroc(is_unseen, p_unseen):.1f} %"
    figure = new_figure(title, 400, "probability of unseen", "share of windows (%)")
    for chosen, colour, name in ((~is_unseen, SEEN_COLOUR, "seen"), (is_unseen, UNSEEN_COLOUR, "unseen")):
        n, counts = int(chosen.sum()), np.histogram(p_unseen[chosen], bins)[0]
        beyond = 100 * float((p_unseen[chosen] > threshold).mean()) if n else 0.0
        figure.add_bar(
            x=(bins[1:] + bins[:-1]) / 2,
            y=100 * counts / max(1, n),
            width=np.diff(bins),
            customdata=np.stack([bins[:-1], bins[1:], counts], axis=1),
            hovertemplate="%{customdata[0]:.3f} to %{customdata[1]:.3f}: %{y:.1f} % (%{customdata[2]} windows)",
            name=f"{name} classes: {n} windows, {beyond:.0f} % beyond the threshold",
            marker={"color": colour, "opacity": 0.55, "line": {"color": colour, "width": 1.5}},
        )
    top = max(float(np.max(trace.y)) for trace in figure.data) * 1.04
    line = {"color": ACCENT_COLOUR, "dash": "dash", "width": 2.5}
    name = f"threshold {threshold:.2f}"
    figure.add_scatter(x=[threshold] * 2, y=[0, top], mode="lines", line=line, name=name, hoverinfo="name")
    return figure.update_layout(barmode="overlay").update_xaxes(range=[-0.005, 1.005])


def per_class_bars(run: RunFiles) -> go.Figure:
    """Draw the accuracy of each class, in ZSL and in GZSL where there is one, with the chance lines."""
    zsl, gzsl = run.per_class("zsl"), run.per_class("gzsl")
    seen = run.seen if gzsl else []
    names = [*run.unseen, *seen]
    figure = new_figure("Accuracy of each class", 190 + 34 * len(names), "windows predicted rightly (%)")
    sides = [("ZSL, among unseen classes", zsl, SECOND_COLOUR, "dot", len(run.unseen))]
    sides += [("GZSL, among all classes", gzsl, UNSEEN_COLOUR, "dash", len(names))] if gzsl else []
    for text, values, colour, dash, n_choices in sides:
        known = [k for k, name in enumerate(names) if name in values]
        shares, group = [100 * values[names[k]] for k in known], text.split(",")[0]
        hover = [f"{figure_label(names[k])}<br>{group} {share:.1f} %" for k, share in zip(known, shares, strict=True)]
        # A class with one bar only has it in the middle of its row.
        alone = [names[k] not in zsl or not gzsl for k in known]
        first = -_THICK if values is zsl else 0.0
        offset = [-_THICK / 2 if single else first for single in alone]
        bar = {"marker_color": colour, "orientation": "h", "hovertext": hover, "hoverinfo": "text"}
        figure.add_bar(x=shares, y=known, name=text, legendgroup=group, offset=offset, width=_THICK, **bar)
        ends = {"x": [100 / n_choices] * 2, "y": [-0.5, len(names) - 0.5], "hoverinfo": "name"}
        line = {"color": INK, "dash": dash, "width": 1.5}
        chance = f"{group} chance {100 / n_choices:.1f} %"
        figure.add_scatter(**ends, mode="lines", line=line, name=chance, legendgroup=group)
    shown = [f"{name} (unseen)" if seen and name in run.unseen else name for name in names]
    return figure.update_layout(barmode="overlay").update_xaxes(range=[0, 101]).update_yaxes(**names_beside(shown))


def latent_plane(run: RunFiles) -> go.Figure:
    """Draw the latent map: seen classes in grey, one colour a class for what belongs to unseen classes."""
    plane, names, kinds = (run.arrays[f"latent_map_{part}"] for part in ("xy", "class", "kind"))
    unseen = list(dict.fromkeys(names[kinds == "unseen"].tolist()))
    figure = new_figure("Semantic latents: windows, synthesised samples and text anchors", 620)
    groups = [("all seen classes", SEEN_COLOUR, ~np.isin(names, unseen))]
    groups += [(name, CLASS_COLOURS[k % len(CLASS_COLOURS)], names == name) for k, name in enumerate(unseen)]
    drawn: list[str] = []
    for group, shade, members in groups:
        in_legend = {
            "x": [None],
            "y": [None],
            "mode": "markers",
            "name": figure_label(group),
            "legendgroup": figure_label(group),
        }
        figure.add_scatter(**in_legend, marker={"symbol": "square", "size": 11, "color": shade})
        drawn.append("legend")
        for kind, (look, words) in _KINDS.items():
            chosen = members & (kinds == kind)
            if not chosen.any():
                continue
            edge = {"text": {"color": "black", "width": 1}, "synthesised": {"color": shade, "width": 1.2}}
            figure.add_scatter(
                x=plane[chosen, 0],
                y=plane[chosen, 1],
                mode="markers",
                showlegend=False,
                marker={**look, "color": shade, "line": edge.get(kind, {"width": 0})},
                hovertext=[f"{figure_label(name)}<br>{words}" for name in names[chosen].tolist()],
                hoverinfo="text",
                legendgroup=figure_label(group),
            )
            drawn.append(kind)
    legend = {"orientation": "v", "x": 1.01, "xanchor": "left", "y": 1, "yanchor": "top"}
    figure.update_layout(updatemenus=[_kind_buttons(drawn)], margin={"b": 20, "t": 100}, legend=legend)
    return figure.update_xaxes(visible=False).update_yaxes(visible=False, scaleanchor="x")


def _kind_buttons(drawn: Sequence[str]) -> dict[str, object]:
    """Return buttons that show only some of the drawn kinds of points."""
    choices = {
        "everything": set(_KINDS),
        "windows": {"seen", "unseen"},
        "synthesised and text": {"synthesised", "text"},
    }
    buttons = [
        {"label": name, "method": "restyle", "args": [{"visible": [kind in (*kept, "legend") for kind in drawn]}]}
        for name, kept in choices.items()
    ]
    place = {"x": 0, "y": 1.0, "yanchor": "bottom", "xanchor": "left", "pad": {"b": 4}}
    return {"type": "buttons", "direction": "right", "buttons": buttons, **place, "showactive": True}


def _confusion(counts: np.ndarray, names: Sequence[str], n_seen: int, title: str) -> go.Figure:
    """Draw counts [K, K] as percent of each row; rows without windows stay empty."""
    n_classes, total = len(names), counts.sum(1, keepdims=True)
    shares = 100 * counts / np.maximum(total, 1)
    least = 0.5 if n_classes <= _ALWAYS_WRITTEN else 10
    hover = [
        [
            f"true: {figure_label(names[i])}<br>predicted: {figure_label(names[j])}<br>"
            f"{counts[i, j]} of {total[i, 0]} windows ({shares[i, j]:.1f} %)"
            for j in range(n_classes)
        ]
        for i in range(n_classes)
    ]
    figure = new_figure(title, max(470, 220 + 30 * n_classes), "predicted class", "true class (windows)")
    figure.update_layout(margin_t=48)
    figure.add_heatmap(
        z=shares,
        zmin=0,
        zmax=100,
        colorscale=SHARE_SHADES,
        text=[[f"{share:.0f}" if share >= least else "" for share in row] for row in shares],
        texttemplate="%{text}",
        hovertext=hover,
        hoverinfo="text",
        xgap=1,
        ygap=1,
        colorbar={"title": {"text": "% of the<br>true class"}, "thickness": 12, "outlinewidth": 0},
    )
    if 0 < n_seen < n_classes:
        for add_line in (figure.add_hline, figure.add_vline):
            add_line(n_seen - 0.5, line={"color": ACCENT_COLOUR, "width": 2})
    counted = [f"{name} ({n})" for name, n in zip(names, total[:, 0], strict=True)]
    return figure.update_xaxes(**names_below(names)).update_yaxes(**names_beside(counted))
