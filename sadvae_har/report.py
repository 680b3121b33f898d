"""report.html: one self-contained page of a run, written from its saved files alone."""

import base64
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.protocol import Split
from feature_extraction.storage import read_json, read_npz, write_text
from sadvae_har import plots
from sadvae_har.report_style import PAGE
from sadvae_har.tables import NOTHING, interval_text, percent, summary_rows

_REMEDY = "run the same command again, or name a folder that a finished run wrote"
_SCREEN_DPI = 96
_ZSL = ("zsl_labels", "zsl_predictions", "latent_map_xy", "latent_map_class", "latent_map_kind")
_GZSL = (
    *("seen", "unseen", "gzsl_labels", "gzsl_predictions", "gzsl_scores"),
    *("gate_p_unseen", "gate_is_unseen", "gate_threshold"),
)


@dataclass(frozen=True)
class _Run:
    """What the report reads of a run folder."""

    path: Path
    metrics: dict[str, Any]
    arrays: dict[str, np.ndarray]
    split: Split
    config: str
    environment: dict[str, Any]


def write_report(run_folder: Path) -> Path:
    """Write `report.html` into a run folder, replacing an older one whole.

    A run that has not reached the GZSL stage gets a report of its ZSL results.

    Args:
        run_folder: Folder with `metrics.json`, `predictions.npz`, `split.json`, `config.yaml` and
            `environment.json`.

    Returns:
        The path of the report.

    Raises:
        InputError: The folder or one of these files is missing, damaged or incomplete.
    """
    run = _read(Path(run_folder))
    title = f"{run.split.dataset} / {run.split.name}"
    page = PAGE.format(
        title=escape(title),
        summary=_summary(run),
        protocol=_protocol(run),
        figures=_figures(run),
        per_class=_per_class(run),
        config=escape(run.config),
        environment=escape(json.dumps(run.environment, indent=2, ensure_ascii=False)),
    )
    path = run.path / "report.html"
    write_text(path, page)
    return path


def _read(folder: Path) -> _Run:
    if not folder.is_dir():
        raise InputError(f"{folder}: no such run folder; {_REMEDY}")
    config = folder / "config.yaml"
    for name in ("metrics.json", "predictions.npz", "split.json", "environment.json", "config.yaml"):
        if not (folder / name).is_file():
            raise InputError(f"{folder / name}: no such file; {_REMEDY}")
    metrics, arrays = read_json(folder / "metrics.json"), read_npz(folder / "predictions.npz")
    if not isinstance(metrics, dict) or not isinstance(metrics.get("zsl"), dict):
        raise InputError(f"{folder / 'metrics.json'}: holds no 'zsl' results; {_REMEDY}")
    for name in (*_ZSL, *(_GZSL if "gzsl" in metrics else ())):
        if name not in arrays:
            raise InputError(f"{folder / 'predictions.npz'}: holds no array {name!r}; {_REMEDY}")
    try:
        text = config.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{config}: not readable ({error}); {_REMEDY}") from None
    return _Run(
        folder,
        metrics,
        arrays,
        Split.load(folder / "split.json"),
        text,
        read_json(folder / "environment.json"),
    )


def _summary(run: _Run) -> str:
    try:
        rows = summary_rows(run.metrics)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{run.path / 'metrics.json'}: incomplete ({error!r}); {_REMEDY}") from None
    header = ("measure (%)", "value", "95 % interval", "chance", "majority class")
    body = []
    for row in rows:
        name = escape(row.name) + (f' <em class="warning">{escape(row.note)}</em>' if row.note else "")
        numbers = (percent(row.value), interval_text(row), percent(row.chance), percent(row.majority))
        body.append((name, *map(escape, numbers)))
    return _table(header, body)


def _protocol(run: _Run) -> str:
    split, chosen = run.split, run.metrics.get("chosen", {})
    n_zsl, n_gzsl = run.metrics["zsl"].get("n_windows"), run.metrics.get("gzsl", {}).get("n_windows")
    folds = "; ".join(f"fold {k}: {', '.join(fold)}" for k, fold in enumerate(split.inner, start=1))
    facts = [
        ("Split", f"{split.name} of {split.dataset} ({split.kind}, seed {split.seed})"),
        ("Seed of the run", str(run.metrics.get("seed"))),
        (f"{len(split.seen)} seen classes", ", ".join(split.seen)),
        (f"{len(split.unseen)} unseen classes", ", ".join(split.unseen)),
        ("Train subjects", ", ".join(split.train_subjects)),
        ("Validation subjects", ", ".join(split.val_subjects)),
        ("Test subjects", ", ".join(split.test_subjects)),
        ("Test windows", f"{n_zsl} of unseen classes" + (f", {n_gzsl} of all classes" if n_gzsl else "")),
        ("Pseudo-unseen classes of inner folds", folds),
        ("Chosen on inner folds", _chosen(chosen)),
    ]
    return "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts)


def _chosen(chosen: Mapping[str, Any]) -> str:
    def text(value: object) -> str:
        return f"{value:.4g}" if isinstance(value, float) else str(value)

    return ", ".join(f"{name.replace('_', ' ')} {text(value)}" for name, value in chosen.items()) or NOTHING


def _figures(run: _Run) -> str:
    """Return every figure that the run's results allow, as PNG inside the page."""
    arrays, zsl, gzsl = run.arrays, run.metrics["zsl"], run.metrics.get("gzsl")
    bars = (zsl.get("per_class", {}), (gzsl or {}).get("per_class", {}))
    draw: list[tuple[str, Callable[[], Any]]] = [
        ("Confusion among unseen classes (ZSL)", lambda: plots.zsl_confusion(arrays)),
        ("Map of semantic latents", lambda: plots.latent_plane(arrays)),
        ("Accuracy of each class", lambda: plots.per_class_bars(arrays, *bars)),
    ]
    if gzsl:
        draw += [
            ("Confusion among all classes (GZSL)", lambda: plots.gzsl_confusion(arrays)),
            ("Seen-unseen curve", lambda: plots.curve_figure(arrays)),
            ("Gate", lambda: plots.gate_histogram(arrays)),
        ]
    try:
        images = [(name, plots.to_png(make())) for name, make in draw]
    except (IndexError, KeyError, ValueError) as error:
        where = run.path / "predictions.npz"
        raise InputError(f"{where}: arrays do not fit each other ({error}); {_REMEDY}") from None
    return "".join(_image(name, png) for name, png in images)


def _image(name: str, png: bytes) -> str:
    data, label = base64.b64encode(png).decode("ascii"), escape(name)
    width = int.from_bytes(png[16:20], "big") * _SCREEN_DPI // plots.DPI  # Letters are as large in every figure.
    image = f'<img alt="{label}" src="data:image/png;base64,{data}" width="{width}">'
    return f"<figure>{image}<figcaption>{label}</figcaption></figure>"


def _per_class(run: _Run) -> str:
    zsl, gzsl = (run.metrics.get(part, {}).get("per_class", {}) for part in ("zsl", "gzsl"))
    labels = run.arrays.get("gzsl_labels", run.arrays["zsl_labels"])
    body = [
        (
            escape(name),
            "unseen" if name in run.split.unseen else "seen",
            str(int((labels == name).sum())),
            percent(zsl.get(name, np.nan)),
            percent(gzsl.get(name, np.nan)),
        )
        for name in (*run.split.seen, *run.split.unseen)
        if gzsl or name in run.split.unseen
    ]
    return _table(("class", "kind", "test windows", "ZSL (%)", "GZSL (%)"), body)


def _table(header: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are HTML already."""
    head = "".join(f'<th scope="col">{cell}</th>' for cell in header)
    rows = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in body)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
