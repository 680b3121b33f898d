"""Numbers of a run that follow from its saved predictions, computed again; others are refused."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from feature_extraction.errors import InputError
from sadvae_har.evaluation.metrics import accuracy, auroc, ausuc, confusion_matrix, macro_f1, per_class_top1
from sadvae_har.report.calibration import CalibrationFile
from sadvae_har.report.figures import curve_of
from sadvae_har.report.run_files import RunFiles

ROUNDING = 2e-6  # metrics.json keeps six digits
_REMEDY = "delete it and run the same command again, or restore it"


def require_agreement(run: RunFiles, calibration: CalibrationFile | None = None) -> None:
    """Refuse a run whose saved numbers are not those of its saved predictions.

    Args:
        run: A run that measured something.
        calibration: Its `calibration.json`, if it has one.

    Raises:
        InputError: Naming the file, the number there and the one that follows from the predictions.
    """
    found = {"metrics.json": list(number_contradictions(run.metrics, again(run))), "gate.json": list(_of_gate(run))}
    found["calibration.json"] = list(_of_calibration(run, calibration)) if calibration and run.has_gzsl else []
    for name, problems in found.items():
        if problems:
            raise InputError(f"{run.path / name}: contradicts predictions.npz ({problems[0]}); {_REMEDY}")


def again(run: RunFiles) -> dict[tuple[str, ...], float]:
    """Return numbers of `metrics.json` by their place there, computed from the predictions."""
    arrays = run.arrays
    zsl = arrays["zsl_labels"], arrays["zsl_predictions"]
    values: dict[tuple[str, ...], float] = {
        ("zsl", measure.__name__, "value"): measure(*zsl) for measure in (per_class_top1, accuracy, macro_f1)
    }
    if run.has_gzsl:
        on_seen, on_unseen, operating = curve_of(run)
        names = ("seen", "unseen", "harmonic_mean")
        values |= {("gzsl", name, "value"): at for name, at in zip(names, operating, strict=True)}
        values |= {("gzsl", "ausuc", "value"): ausuc(on_seen, on_unseen)}
        values |= {("gate", "auroc", "value"): auroc(arrays["gate_is_unseen"], arrays["gate_p_unseen"])}
    for stage, classes in {"zsl": run.unseen, **({"gzsl": run.classes} if run.has_gzsl else {})}.items():
        counts = confusion_matrix(arrays[f"{stage}_labels"], arrays[f"{stage}_predictions"], classes)
        values[stage, "n_windows"] = int(counts.sum())
        values |= {
            (stage, "per_class", name): counts[k, k] / counts[k].sum()
            for k, name in enumerate(classes)
            if any(counts[k])
        }
    return values


def number_contradictions(metrics: Mapping[str, Any], values: Mapping[tuple[str, ...], float]) -> Iterator[str]:
    """Yield each number of `metrics.json` that does not follow from the predictions.

    Args:
        metrics: The content of the file.
        values: What `again` computed.
    """
    for place, value in values.items():
        saved: object = metrics
        for key in place:
            saved = saved.get(key) if isinstance(saved, dict) else None
        if not isinstance(saved, int | float) or not abs(saved - value) <= ROUNDING:
            name = " ".join(part for part in place if part != "value")
            yield f"{name}: {saved} in metrics.json, {value:.6f} from predictions.npz"


def _of_gate(run: RunFiles) -> Iterator[str]:
    if not (run.has_gzsl and run.gate):
        return
    used, saved = run.arrays["gate_threshold"].item(), run.gate.get("threshold")
    if used != saved:
        yield f"threshold {saved}, {used} was used"


def _of_calibration(run: RunFiles, found: CalibrationFile) -> Iterator[str]:
    """Yield what the tables of calibration contradict: number and accuracy of the windows, and their own errors."""
    right = run.arrays["gzsl_labels"] == run.arrays["gzsl_predictions"]
    if found.n_windows != len(right):
        yield f"{found.n_windows} windows, {len(right)} were scored"
    for when in ("before", "after"):
        confidence, accurate, counts = getattr(found, f"reliability_{when}").T
        hits = (accurate * counts).sum()
        error = getattr(found, f"ece_{when}")
        if counts.sum() != len(right) or not np.isclose(hits, right.sum(), atol=1e-6):
            yield f"reliability_{when}: {counts.sum():g} windows, {hits:g} right; {right.sum()} are"
        elif not np.isclose((abs(confidence - accurate) * counts).sum() / counts.sum(), error, atol=ROUNDING):
            yield f"ece_{when}: {error} does not follow from reliability_{when}"
