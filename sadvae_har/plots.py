"""Figures of a run, drawn from its saved predictions alone. Nothing is shown and no global state is touched.

Colours stay apart for colour-blind readers (Okabe and Ito 2008; Tol's muted scheme); kinds also differ
by marker or by line style. Axis legend: n windows, K classes, S seen classes, U unseen classes.
"""

import io
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sadvae_har.metrics import auroc, ausuc, confusion_matrix, gzsl_scores, seen_unseen_curve

Arrays = Mapping[str, np.ndarray]

SEEN_COLOUR, UNSEEN_COLOUR, INK = "#8a8f98", "#0072b2", "#222222"
CLASS_COLOURS = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00"),
    *("#332288", "#882255", "#999933", "#000000", "#661100", "#44aa99"),
)
DPI = 144
_NAME_SIZE = 8.5
_ALWAYS_WRITTEN = 14  # With more classes than this, only cells of 10 % and more carry their number.


def zsl_confusion(arrays: Arrays) -> Figure:
    """Draw how test windows of unseen classes were told apart among the unseen classes."""
    unseen = _unseen_names(arrays)
    counts = confusion_matrix(arrays["zsl_labels"], arrays["zsl_predictions"], unseen)
    return _confusion(counts, unseen, 0, "ZSL: among unseen classes")


def gzsl_confusion(arrays: Arrays) -> Figure:
    """Draw how test windows of all classes were told apart; a line parts seen from unseen classes."""
    seen, unseen = arrays["seen"].tolist(), arrays["unseen"].tolist()
    counts = confusion_matrix(arrays["gzsl_labels"], arrays["gzsl_predictions"], [*seen, *unseen])
    return _confusion(counts, [*seen, *unseen], len(seen), "GZSL: among all classes")


def latent_plane(arrays: Arrays) -> Figure:
    """Draw the latent map: seen windows in grey, one colour a class for what belongs to unseen classes."""
    plane, names, kinds = (arrays[f"latent_map_{part}"] for part in ("xy", "class", "kind"))
    unseen = list(dict.fromkeys(names[kinds == "unseen"].tolist()))
    colour = {name: CLASS_COLOURS[k % len(CLASS_COLOURS)] for k, name in enumerate(unseen)}
    figure, axes = _figure(8.6, 6.0, "Semantic latents: windows, synthesised samples and text anchors")
    looks = (
        ("seen", {"marker": "o", "s": 12, "linewidths": 0, "alpha": 0.45}),
        ("unseen", {"marker": "o", "s": 20, "linewidths": 0, "alpha": 0.75}),
        ("synthesised", {"marker": "x", "s": 22, "linewidths": 1.0, "alpha": 0.8}),
        ("text", {"marker": "*", "s": 190, "edgecolors": "black", "linewidths": 1.1, "zorder": 4}),
    )
    for kind, look in looks:
        chosen = kinds == kind
        shades = [colour.get(name, SEEN_COLOUR) for name in names[chosen].tolist()]
        axes.scatter(plane[chosen, 0], plane[chosen, 1], c=shades, **look)  # type: ignore[arg-type]
    axes.set(xticks=[], yticks=[], xlabel="t-SNE of directions; axes and distances between groups have no unit")
    axes.spines[:].set_color("#cccccc")
    axes.spines[:].set_visible(True)
    _latent_legend(axes, colour)
    return figure


def curve_figure(arrays: Arrays) -> Figure:
    """Draw seen against unseen accuracy as unseen scores are raised, with the gate's operating point."""
    seen, unseen = arrays["seen"].tolist(), arrays["unseen"].tolist()
    position = {name: k for k, name in enumerate([*seen, *unseen])}
    labels = np.array([position[name] for name in arrays["gzsl_labels"].tolist()])
    on_seen, on_unseen = seen_unseen_curve(arrays["gzsl_scores"], labels, len(seen))
    at_seen, at_unseen, mean = gzsl_scores(arrays["gzsl_labels"], arrays["gzsl_predictions"], seen, unseen)
    figure, axes = _figure(6.0, 4.6, f"Seen-unseen curve, AUSUC {100 * ausuc(on_seen, on_unseen):.1f} %")
    axes.fill_between(100 * on_unseen, 100 * on_seen, color=UNSEEN_COLOUR, alpha=0.12, linewidth=0)
    axes.plot(100 * on_unseen, 100 * on_seen, color=UNSEEN_COLOUR, linewidth=1.8, label="every possible bias")
    chance = ([0, 100 / len(unseen)], [100 / len(seen), 0])
    axes.plot(*chance, color=SEEN_COLOUR, linestyle="--", linewidth=1.2, label="chance")
    operating = f"operating point\nS {100 * at_seen:.1f}, U {100 * at_unseen:.1f}, H {100 * mean:.1f}"
    point = {"marker": "D", "markersize": 8, "markeredgecolor": "white", "linestyle": "none"}
    axes.plot([100 * at_unseen], [100 * at_seen], color="#d55e00", label=operating, clip_on=False, **point)  # type: ignore[arg-type]
    axes.set(xlabel="accuracy on unseen classes (%)", ylabel="accuracy on seen classes (%)")
    axes.set(xlim=(0, max(100 * on_unseen.max(), 100 * at_unseen) * 1.06 + 1e-6))
    axes.set(ylim=(0, max(100 * on_seen.max(), 100 * at_seen) * 1.06 + 1e-6))
    axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1), fontsize=9, frameon=False)
    return figure


def gate_histogram(arrays: Arrays) -> Figure:
    """Draw the gate's probability of unseen for windows that are seen and that are unseen."""
    p_unseen, is_unseen = arrays["gate_p_unseen"], arrays["gate_is_unseen"].astype(bool)
    threshold = float(arrays["gate_threshold"])
    area = auroc(is_unseen, p_unseen)
    figure, axes = _figure(7.0, 3.6, f"Gate on test windows, AUROC {100 * area:.1f} %")
    bins = np.linspace(0, 1, 41)
    groups = (
        (~is_unseen, SEEN_COLOUR, "seen classes"),
        (is_unseen, UNSEEN_COLOUR, "unseen classes"),
    )
    for chosen, colour, name in groups:
        share = np.histogram(p_unseen[chosen], bins)[0] / max(1, chosen.sum())
        label = f"{name} ({chosen.sum()} windows)"
        axes.stairs(100 * share, bins, fill=True, color=colour, alpha=0.35, label=label)
        axes.stairs(100 * share, bins, color=colour, linewidth=1.6)
    axes.axvline(threshold, color="#d55e00", linestyle="--", linewidth=1.6, label=f"threshold {threshold:.2f}")
    axes.set(xlabel="probability of unseen", ylabel="share of windows (%)", xlim=(0, 1))
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), fontsize=9, frameon=False)
    return figure


def per_class_bars(arrays: Arrays, zsl: Mapping[str, float], gzsl: Mapping[str, float]) -> Figure:
    """Draw the accuracy of each class, in ZSL and in GZSL where there is one, with the chance lines."""
    unseen = _unseen_names(arrays)
    names = [*arrays["seen"].tolist(), *unseen] if gzsl else unseen
    figure, axes = _figure(8.0, 1.3 + 0.36 * len(names), "Accuracy per class")
    rows = np.arange(len(names))
    thick = 0.38 if gzsl else 0.7
    sides = [("GZSL, among all classes", gzsl, "#0072b2", thick / 2, "--")] if gzsl else []
    sides.append(("ZSL, among unseen classes", zsl, "#e69f00", -thick / 2 if gzsl else 0.0, ":"))
    for label, values, colour, shift, style in sides:
        known = [k for k, name in enumerate(names) if name in values]
        widths = [100 * values[names[k]] for k in known]
        # A class without a ZSL bar keeps its GZSL bar in the middle of its row.
        offsets = [shift if names[k] in zsl else 0.0 for k in known]
        axes.barh(rows[known] + offsets, widths, height=thick, color=colour, label=label)
        chance = 100 / (len(names) if values is gzsl else len(unseen))
        mark = f"{label.split(',')[0]} chance {chance:.1f} %"
        axes.axvline(chance, color=INK, linestyle=style, linewidth=1.5, label=mark)
    axes.set_yticks(rows, [_plain(f"{name} (unseen)" if gzsl and name in unseen else name) for name in names])
    axes.tick_params(axis="y", labelsize=_NAME_SIZE, length=0)
    axes.set(xlim=(0, 100), ylim=(len(names) - 0.4, -0.6), xlabel="windows predicted rightly (%)")
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), fontsize=9, frameon=False)
    return figure


def to_png(figure: Figure) -> bytes:
    """Return the figure as PNG, cut to its content."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, bbox_inches="tight", pad_inches=0.1, metadata={"Software": None})
    return buffer.getvalue()


def _figure(width_in: float, height_in: float, title: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width_in, height_in), facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_title(_plain(title), loc="left", fontsize=11.5, fontweight="bold", color=INK, pad=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=9, colors=INK)
    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set_fontsize(9.5)
    return figure, axes


def _confusion(counts: np.ndarray, names: Sequence[str], n_seen: int, title: str) -> Figure:
    """Draw counts [K, K] as percent of each row; rows without windows stay empty."""
    n_classes, total = len(names), counts.sum(1, keepdims=True)
    shares = 100 * counts / np.maximum(total, 1)
    side = max(3.2, 0.42 * n_classes + 0.4)
    figure, axes = _figure(side * 1.12, side, title)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=100, aspect="equal")
    for row, column in np.argwhere(counts > 0):
        value = shares[row, column]
        if n_classes <= _ALWAYS_WRITTEN and value >= 0.5 or value >= 10:
            shade = "white" if value > 55 else INK
            axes.text(column, row, f"{value:.0f}", ha="center", va="center", fontsize=8, color=shade)
    if 0 < n_seen < n_classes:
        for line in (axes.axhline, axes.axvline):
            line(n_seen - 0.5, color="#d55e00", linewidth=1.6)
    plain = [_plain(name) for name in names]
    axes.set_xticks(range(n_classes), plain, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(n_classes), [f"{name} ({n})" for name, n in zip(plain, total[:, 0], strict=True)])
    axes.tick_params(labelsize=_NAME_SIZE, length=0)
    below = "predicted class" + ("; the line parts seen from unseen" if 0 < n_seen < n_classes else "")
    axes.set(xlabel=below, ylabel="true class (windows)")
    bar = figure.colorbar(image, ax=axes, fraction=0.046, pad=0.03)
    bar.set_label("% of the true class's windows", fontsize=9)
    bar.ax.tick_params(labelsize=8)
    bar.outline.set_visible(False)
    return figure


def _latent_legend(axes: Axes, colour: Mapping[str, str]) -> None:
    def handle(marker: str, shade: str, size: float, label: str) -> Line2D:
        return Line2D([], [], linestyle="none", marker=marker, color=shade, markersize=size, label=_plain(label))

    kinds = [
        handle("o", SEEN_COLOUR, 5, "window, seen class"),
        handle("o", INK, 5, "window, unseen class"),
        handle("x", INK, 5, "synthesised, unseen class"),
        handle("*", INK, 11, "text anchor (grey: seen)"),
    ]
    gap = handle("", INK, 1, "")
    classes = [handle("s", shade, 7, name) for name, shade in colour.items()]
    handles = [*kinds, gap, *classes]
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1), fontsize=9, frameon=False)


def _unseen_names(arrays: Arrays) -> list[str]:
    """Return the unseen classes in order; before the GZSL stage, those with test windows."""
    if "unseen" in arrays:
        return arrays["unseen"].tolist()
    return _in_order(np.concatenate([arrays["zsl_labels"], arrays["zsl_predictions"]]).tolist())


def _in_order(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _plain(text: str) -> str:
    """Keep a class name from being read as mathematics."""
    return text.replace("$", r"\$")
