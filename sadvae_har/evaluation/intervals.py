"""Bootstrap intervals over subjects: every metric of `metrics.py` for all resamples at once.

A resample draws whole subjects with replacement. All metrics here depend on the windows only through sums
over subjects, so these sums are made once and each resample weighs them by how often a subject was drawn.
Resamples for which a metric is not defined (no window of a side) do not count for it.

Axis legend: n windows, R resamples, G subjects (or recordings), K classes, S seen classes.
"""

import numpy as np

N_RESAMPLES = 1000
LEVEL = 0.95
FEWEST_SUBJECTS = 3  # with fewer, recordings are drawn: two subjects can only be drawn in three ways


def drawing_units(subjects: np.ndarray, recordings: np.ndarray) -> np.ndarray:
    """Return what each window is drawn with, as a number from 0 to G - 1, [n] int.

    That is its subject; with fewer than `FEWEST_SUBJECTS` its recording.
    """
    few = len(np.unique(subjects)) < FEWEST_SUBJECTS
    return np.unique(recordings if few else subjects, return_inverse=True)[1]


def draw(n_units: int, seed: int, n_resamples: int = N_RESAMPLES) -> np.ndarray:
    """Return how often each of G units is drawn in each resample of G draws, [R, G]."""
    chances = np.full(n_units, 1 / n_units)
    return np.random.default_rng(seed).multinomial(n_units, chances, n_resamples).astype(np.float64)


def interval(values: np.ndarray, level: float = LEVEL) -> tuple[float, float]:
    """Return the percentile interval of a metric's values [R]; nan, nan if none is defined."""
    defined = values[~np.isnan(values)]
    if defined.size == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def resampled_zsl(
    labels: np.ndarray, predictions: np.ndarray, n_classes: int, units: np.ndarray, draws: np.ndarray
) -> dict[str, np.ndarray]:
    """Return per-class top-1, accuracy and macro-F1 of every resample.

    Args:
        labels: True classes 0..K-1, [n].
        predictions: Predicted classes 0..K-1, [n].
        n_classes: K.
        units: Output of `drawing_units`, [n].
        draws: Output of `draw`, [R, G].

    Returns:
        `per_class_top1`, `accuracy` and `macro_f1`, each [R].
    """
    right = draws @ _sums(units, labels, labels == predictions, draws.shape[1], n_classes)
    true = draws @ _sums(units, labels, None, draws.shape[1], n_classes)
    predicted = draws @ _sums(units, predictions, None, draws.shape[1], n_classes)
    return {
        "per_class_top1": _class_mean(right, true, true),
        "accuracy": right.sum(1) / true.sum(1),
        "macro_f1": _class_mean(2 * right, true + predicted, true),
    }


def resampled_gzsl(
    labels: np.ndarray, predictions: np.ndarray, scores: np.ndarray, n_seen: int, units: np.ndarray, draws: np.ndarray
) -> dict[str, np.ndarray]:
    """Return S, U, H and AUSUC of every resample.

    AUSUC is the area under a step curve with straight diagonals, so it equals a sum over pairs of a seen
    and an unseen window, both right within their own side: 1 if the seen window outlasts the bias at which
    the unseen window comes right, 1/2 if both change there, each window weighing 1 / (its class's windows)
    and each side averaged over its classes.

    Args:
        labels: True classes 0..K-1, seen classes first, [n].
        predictions: Predicted classes, [n].
        scores: Joint scores [n, K].
        n_seen: S.
        units: Output of `drawing_units`, [n].
        draws: Output of `draw`, [R, G].

    Returns:
        `seen`, `unseen`, `harmonic_mean` and `ausuc`, each [R].
    """
    n_units, n_classes = draws.shape[1], scores.shape[1]
    true = draws @ _sums(units, labels, None, n_units, n_classes)
    right = draws @ _sums(units, labels, labels == predictions, n_units, n_classes)
    sides = (slice(0, n_seen), slice(n_seen, n_classes))
    seen, unseen = (_class_mean(right[:, side], true[:, side], true[:, side]) for side in sides)
    with np.errstate(invalid="ignore"):
        harmonic = np.where(seen + unseen == 0, 0.0, 2 * seen * unseen / (seen + unseen))
    return {
        "seen": seen,
        "unseen": unseen,
        "harmonic_mean": harmonic,
        "ausuc": _ausuc(labels, scores, n_seen, units, draws, true),
    }


def resampled_auroc(is_positive: np.ndarray, score: np.ndarray, units: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Return the AUROC of every resample, [R]."""
    is_positive, n_units = np.asarray(is_positive, bool), draws.shape[1]
    wins = _pair_wins(
        score[is_positive], units[is_positive], score[~is_positive], units[~is_positive], (n_units, n_units)
    )
    positives = draws @ np.bincount(units[is_positive], minlength=n_units)
    negatives = draws @ np.bincount(units[~is_positive], minlength=n_units)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.einsum("rg,gh,rh->r", draws, wins, draws, optimize=True) / (positives * negatives)


def _ausuc(
    labels: np.ndarray, scores: np.ndarray, n_seen: int, units: np.ndarray, draws: np.ndarray, true: np.ndarray
) -> np.ndarray:
    """Return AUSUC [R]; `true` holds windows per resample and class [R, K]."""
    on_seen, on_unseen = scores[:, :n_seen], scores[:, n_seen:]
    switch = on_seen.max(1) - on_unseen.max(1)
    lasting = on_seen.argmax(1) == labels
    coming = on_unseen.argmax(1) + n_seen == labels
    key = units * scores.shape[1] + labels
    seen_groups, of_seen = np.unique(key[lasting], return_inverse=True)
    unseen_groups, of_unseen = np.unique(key[coming], return_inverse=True)
    shape = (len(seen_groups), len(unseen_groups))
    wins = _pair_wins(switch[lasting], of_seen, switch[coming], of_unseen, shape)

    def shares(groups: np.ndarray, side: slice) -> np.ndarray:
        unit, label = np.divmod(groups, scores.shape[1])
        present = (true[:, side] > 0).sum(1, keepdims=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = draws[:, unit] / np.maximum(true[:, label], 1) / present
        return np.where(present > 0, share, np.nan)

    left, right = shares(seen_groups, slice(0, n_seen)), shares(unseen_groups, slice(n_seen, None))
    area = ((left @ wins) * right).sum(1)
    both = (true[:, :n_seen].sum(1) > 0) & (true[:, n_seen:].sum(1) > 0)
    return np.where(both, area, np.nan)


def _sums(
    units: np.ndarray, classes: np.ndarray, chosen: np.ndarray | None, n_units: int, n_classes: int
) -> np.ndarray:
    """Count the (chosen) windows of each unit and class, [G, K]."""
    key = units * n_classes + classes
    counts = np.bincount(key if chosen is None else key[chosen], minlength=n_units * n_classes)
    return counts.reshape(n_units, n_classes).astype(np.float64)


def _class_mean(numerator: np.ndarray, denominator: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Return the mean ratio over the classes with windows [R]; nan if there are none. All inputs [R, K]."""
    present = true > 0
    ratio = np.where(present, numerator / np.where(present, denominator, 1), 0.0)
    with np.errstate(invalid="ignore"):
        return ratio.sum(1) / present.sum(1)


def _pair_wins(
    upper: np.ndarray, upper_group: np.ndarray, lower: np.ndarray, lower_group: np.ndarray, shape: tuple[int, int]
) -> np.ndarray:
    """Count, for each pair of groups, the pairs with upper > lower, ties as one half, [A, B]."""
    wins = np.zeros(shape)
    for group in np.unique(upper_group):
        values = np.sort(upper[upper_group == group])
        below = (np.searchsorted(values, lower, "left") + np.searchsorted(values, lower, "right")) / 2
        wins[group] = np.bincount(lower_group, weights=len(values) - below, minlength=shape[1])
    return wins
