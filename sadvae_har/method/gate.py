"""Domain classifier: is a window of a seen or of an unseen class?

It is fitted on inner folds (pseudo-unseen classes of validation subjects) and applied to the real unseen
classes, so it reads only cues whose meaning does not depend on how many classes there are:

* the text margin: how much better the best unseen description matches than the best seen one, both in
  the same semantic latent space;
* the text odds: the same for all unseen descriptions together against all seen ones together;
* novelty: how far the window lies from every training window;
* energy: how little the seen classifier makes of the window (Liu et al., NeurIPS 2020).

SA-DVAE reads the probability vectors of the seen and the unseen classifier instead, whose shape changes with the
number of classes. Temperatures make the two classifiers' probabilities comparable; they and the threshold are chosen
on the inner folds too.

A gate can be worse than none: with few people and few classes everything a new person does may look unseen. So what it
does to people it was not fitted on is looked at before it is used (`with_safety_net`).
Axis legend: n windows, S seen classes, U (pseudo-)unseen classes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from feature_extraction.errors import InputError
from feature_extraction.protocol.split import Split
from feature_extraction.storage.plain import from_plain
from sadvae_har.config.settings import GateConfig
from sadvae_har.evaluation.metrics import gzsl_scores, per_class_top1
from sadvae_har.method.gzsl import Decision, decide

THRESHOLDS = np.round(np.linspace(0.05, 0.95, 91), 2)
LEAST_KEPT = 1 / 3  # of the windows of seen classes, see `with_safety_net`
CLEARLY = 0.05  # by how much a gate may look worse than lots: folds with few people and classes cannot tell
PER_CUE = ("mean", "scale", "weights")  # Fields of the domain classifier with one number per cue.


@dataclass(frozen=True)
class Scores:
    """What the gate and the two classifiers read of windows.

    Attributes:
        seen_logits: Logits of the classifier of the training classes [n, S].
        text_logits: Logits of all classes by description, training classes first [n, S + U].
        novelty: Log distance to the training windows [n].
    """

    seen_logits: np.ndarray
    text_logits: np.ndarray
    novelty: np.ndarray

    @property
    def unseen_logits(self) -> np.ndarray:
        """Logits of the classes known by description only, [n, U]."""
        return self.text_logits[:, self.seen_logits.shape[1] :]

    def cues(self, names: Sequence[str]) -> np.ndarray:
        """Return the named cues, float64 [n, len(names)]."""
        return cue_values(names, *self.tensors()).numpy()

    def tensors(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return seen logits, text logits and novelty as float64 tensors."""
        seen, text, novelty = (torch.from_numpy(v).double() for v in (self.seen_logits, self.text_logits, self.novelty))
        return seen, text, novelty


def cue_values(names: Sequence[str], seen_logits: Tensor, text_logits: Tensor, novelty: Tensor) -> Tensor:
    """Return the named cues, [n, len(names)]; arguments as the attributes of `Scores`."""
    n_seen = seen_logits.shape[1]
    values: dict[str, Callable[[], Tensor]] = {
        "text_margin": lambda: text_logits[:, n_seen:].amax(1) - text_logits[:, :n_seen].amax(1),
        "text_odds": lambda: text_logits[:, n_seen:].logsumexp(1) - text_logits[:, :n_seen].logsumexp(1),
        "novelty": lambda: novelty,
        "energy": lambda: -seen_logits.logsumexp(1),
    }
    return torch.stack([values[name]() for name in names], dim=1)


@dataclass(frozen=True)
class GateExamples(Scores):
    """Scores of the labelled windows of one fold, whose training classes count as seen.

    Attributes:
        labels: Position of the true class in training + held-out classes [n].
        class_names: Names in the same order, S + U.
        subjects: Subject of each window [n].
        rows: Index of each window in the feature table [n].
    """

    labels: np.ndarray
    class_names: tuple[str, ...]
    subjects: np.ndarray
    rows: np.ndarray

    @property
    def is_unseen(self) -> np.ndarray:
        """Whether the true class is a held-out one, [n] bool."""
        return self.labels >= self.seen_logits.shape[1]


@dataclass(frozen=True)
class SafetyNet:
    """What became of a gate when it was tried on inner folds that it was not fitted on.

    Attributes:
        action: `kept`: it is used as fitted. `moved`: its threshold was raised. `stands aside`: only seen classes
            compete, unless a description matches better than any did for a window of a seen class. `not recorded`: it
            was fitted before gates were tried, or on no folds.
        seen_kept_before: Share of windows of seen classes that the gate as fitted left there, mean over classes and
            folds.
        unseen_found_before: Share of windows of pseudo-unseen classes that it took for unseen, alike.
        seen_kept: As `seen_kept_before`, of the gate in use.
        unseen_found: As `unseen_found_before`, of the gate in use.
        n_folds: Folds that it was tried on; a single one is also the one that it was fitted on.
    """

    action: Literal["kept", "moved", "stands aside", "not recorded"] = "not recorded"
    seen_kept_before: float = 0.0
    unseen_found_before: float = 0.0
    seen_kept: float = 0.0
    unseen_found: float = 0.0
    n_folds: int = 0

    def __post_init__(self) -> None:
        """Refuse what is no share."""
        for name, share in vars(self).items():
            if name not in ("action", "n_folds") and not 0 <= share <= 1:
                raise InputError(f"{name}: {share} is no share; train the gate again")

    @property
    def sentence(self) -> str:
        """What was done, for whoever uses the gate; empty if that was not recorded."""
        others = "people and classes it was not fitted on"
        tried = (
            f"tried on {'the one fold that it was fitted on' if self.n_folds == 1 else others}, it left "
            f"{100 * self.seen_kept_before:.0f} of 100 windows of seen activities with these and took "
            f"{100 * self.unseen_found_before:.0f} of 100 windows of unseen ones for unseen"
        )
        return {
            "kept": f"The gate is used as fitted: {tried}.",
            "moved": f"The threshold of the gate was raised: {tried}, with the higher one it leaves "
            f"{100 * self.seen_kept:.0f} and takes {100 * self.unseen_found:.0f}.",
            "stands aside": f"The gate stands aside: {tried}, more harm than good. So only seen activities compete, "
            "unless a description matches a window better than any matched a window of a seen activity there.",
        }.get(self.action, "")


@dataclass(frozen=True)
class DomainClassifier:
    """A logistic regression on the cues, with temperatures and a threshold.

    Attributes:
        cues: Names of the cues it reads.
        fusion: `hard` or `soft`, see `GateConfig`.
        seen_temperature: Divisor of the seen logits before the softmax.
        unseen_temperature: Divisor of the unseen logits before the softmax.
        threshold: Probability of unseen beyond which a window is unseen; soft fusion shifts its odds as much.
        mean: Mean of each cue where it was fitted.
        scale: Standard deviation of each cue where it was fitted.
        weights: Coefficients on the standardised cues.
        bias: Intercept.
        net: What became of it when it was tried.
    """

    cues: tuple[str, ...]
    fusion: Literal["hard", "soft"]
    seen_temperature: float
    unseen_temperature: float
    threshold: float
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float
    net: SafetyNet = field(default=SafetyNet(), kw_only=True)

    def p_unseen(self, scores: Scores) -> np.ndarray:
        """Return the probability that each window is of an unseen class, [n]."""
        return self._log_odds(*scores.tensors()).sigmoid().numpy()

    def predict(self, scores: Scores) -> np.ndarray:
        """Return predicted positions in training + held-out classes, [n]."""
        return self.decide(*scores.tensors()).positions.numpy()

    def joint_log_scores(self, scores: Scores) -> np.ndarray:
        """Return the log probability of every class, [n, S + U]."""
        return self.decide(*scores.tensors()).joint.numpy()

    def decide(self, seen_logits: Tensor, text_logits: Tensor, novelty: Tensor) -> Decision:
        """Decide on windows; arguments as the attributes of `Scores`."""
        unseen_logits = text_logits[:, seen_logits.shape[1] :]
        return decide(
            (seen_logits / self.seen_temperature).log_softmax(1),
            (unseen_logits / self.unseen_temperature).log_softmax(1),
            self._log_odds(seen_logits, text_logits, novelty) if unseen_logits.shape[1] else novelty,
            self.threshold,
            self.fusion,
        )

    def _log_odds(self, seen_logits: Tensor, text_logits: Tensor, novelty: Tensor) -> Tensor:
        """Return the log odds that each window is of an unseen class, [n]."""
        weights = np.array(self.weights) / np.array(self.scale)
        bias = self.bias - float(weights @ np.array(self.mean))
        cues = cue_values(self.cues, seen_logits, text_logits, novelty)
        return cues @ torch.tensor(weights.tolist(), dtype=cues.dtype) + bias

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, value: Any, where: str) -> "DomainClassifier":
        """Rebuild from `to_dict`; a gate of before `net` was written has an empty one.

        Raises:
            InputError: A field is missing, unknown, or does not hold the finite numbers it should.
        """
        if isinstance(value, Mapping):
            value = {"net": asdict(SafetyNet()), **value}
        try:
            gate = from_plain(cls, value, "gate")
            GateConfig(cues=gate.cues, fusion=gate.fusion)  # refuses what it does not know
        except InputError as error:
            raise InputError(f"{where}: not a domain classifier ({error}); train the gate again") from error
        numbers = np.hstack([value for name, value in vars(gate).items() if name not in ("cues", "fusion", "net")])
        whole = {len(getattr(gate, name)) for name in PER_CUE} == {len(gate.cues)} and np.isfinite(numbers).all()
        temperatures = gate.seen_temperature, gate.unseen_temperature
        if not whole or min(*gate.scale, *temperatures) <= 0 or not 0 < gate.threshold < 1:
            raise InputError(f"{where}: not a domain classifier ({gate}); train the gate again")
        return gate


# Where there is nothing to fit it on: unseen if the best unseen description matches better than the best seen one.
TEXT_MARGIN = DomainClassifier(
    ("text_margin",), "hard", 1.0, 1.0, threshold=0.5, mean=(0.0,), scale=(1.0,), weights=(1.0,), bias=0.0
)


def usable_folds(folds: Sequence[GateExamples]) -> list[GateExamples]:
    """Return the inner folds that have windows of both seen and pseudo-unseen classes."""
    return [examples for examples in folds if 0 < examples.is_unseen.sum() < len(examples.labels)]


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return probabilities of logits [n, classes]; SciPy's does the same, ten times slower for a single window."""
    exponentials = np.exp(logits - logits.max(1, keepdims=True))
    return exponentials / exponentials.sum(1, keepdims=True)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Return log probabilities of logits [n, classes]."""
    shifted = logits - logits.max(1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(1, keepdims=True))


def fit_gate(folds: Sequence[GateExamples], split: Split, config: GateConfig, seed: int) -> DomainClassifier:
    """Fit temperatures, domain classifier and threshold on inner folds, and try the result there.

    Args:
        folds: Windows of seen and pseudo-unseen classes of validation subjects, one entry per fold.
        split: The split, whose unseen classes and test subjects are refused.
        config: Candidate temperatures and regularisation.
        seed: Seed of the solver.

    Raises:
        LeakageError: A fold holds an unseen class or a test subject.
        InputError: No fold has windows of both kinds.
    """
    return with_safety_net(*fit_without_net(folds, split, config, seed))


def fit_without_net(
    folds: Sequence[GateExamples], split: Split, config: GateConfig, seed: int
) -> tuple[DomainClassifier, list[GateExamples], list[DomainClassifier]]:
    """Fit as `fit_gate`; return the gate, the folds with windows of both kinds, and for each a gate without it."""
    for examples in folds:
        split.check_fit(examples.class_names, np.unique(examples.subjects), "domain classifier")
    usable = usable_folds(folds)
    if not usable:
        raise InputError(
            f"domain classifier: split {split.name} has no inner fold with both seen and pseudo-unseen windows "
            f"of the validation subjects {list(split.val_subjects)}; choose other validation subjects"
        )
    without = [[*usable[:k], *usable[k + 1 :]] or usable for k in range(len(usable))]
    held_out = [_fit(others, config, seed) for others in without]
    return replace(_fit(usable, config, seed), threshold=choose_threshold(usable, held_out)), usable, held_out


def with_safety_net(
    gate: DomainClassifier, folds: Sequence[GateExamples], gates: Sequence[DomainClassifier]
) -> DomainClassifier:
    """Return the gate unless it does harm on inner folds; else with a higher threshold, or standing aside.

    It does harm if less than a third of the windows of seen classes stay there (`LEAST_KEPT`), or if it is clearly
    worse than drawing lots, which takes as large a share of the seen windows for unseen as of the unseen ones. A third,
    because the gates of the 60 shipped splits keep between 0.42 and 0.98 here and are not to be touched, while those of
    data sets with few people and classes may keep nothing. One shipped gate is worse than lots: it takes 0.27 of the
    unseen windows for unseen, and 0.39 of the seen ones (`benchmarks/small_data.json`). A higher threshold must be
    better than lots.

    Args:
        gate: Fitted on all folds, with its threshold chosen.
        folds: Windows of seen and pseudo-unseen classes of validation subjects.
        gates: Gate k was fitted without fold k.
    """
    before, n_folds = _shares(folds, gates, gate.threshold), len(folds)
    if _does_good(before, -CLEARLY):
        return replace(gate, net=SafetyNet("kept", *before, *before, n_folds))
    higher = [value for value in THRESHOLDS[gate.threshold < THRESHOLDS] if _does_good(_shares(folds, gates, value))]
    if higher:
        threshold = choose_threshold(folds, gates, np.array(higher))
        net = SafetyNet("moved", *before, *_shares(folds, gates, threshold), n_folds)
        return replace(gate, threshold=threshold, net=net)
    aside = [stand_aside(gate, [*folds[:k], *folds[k + 1 :]] or folds) for k in range(len(folds))]
    net = SafetyNet("stands aside", *before, *_shares(folds, aside, 0.5), n_folds)
    return replace(stand_aside(gate, folds), net=net)


def stand_aside(gate: DomainClassifier, folds: Sequence[GateExamples]) -> DomainClassifier:
    """Return a gate that calls unseen only what has a larger text margin than every seen window of the folds."""
    margins = np.concatenate([fold.cues(("text_margin",))[~fold.is_unseen, 0] for fold in folds])
    limit, spread = float(margins.max()), float(margins.std()) or 1.0
    margin = replace(TEXT_MARGIN, mean=(limit,), scale=(spread,))
    return replace(margin, seen_temperature=gate.seen_temperature, unseen_temperature=gate.unseen_temperature)


def _does_good(shares: tuple[float, float], least: float = 0.0) -> bool:
    """Return whether enough seen windows are kept, and by more than `least` more unseen ones are found than by lot."""
    kept, found = shares
    return kept >= LEAST_KEPT and kept + found - 1 > least


def _shares(folds: Sequence[GateExamples], gates: Sequence[DomainClassifier], threshold: float) -> tuple[float, float]:
    """Return which share of seen windows stays with seen classes, and of unseen ones is taken for unseen."""
    both = [
        _shares_of_fold(fold, replace(gate, threshold=float(threshold)))
        for fold, gate in zip(folds, gates, strict=True)
    ]
    kept, found = np.mean(both, axis=0).round(6).tolist()
    return kept, found


def _shares_of_fold(fold: GateExamples, gate: DomainClassifier) -> tuple[float, float]:
    right_side = (gate.predict(fold) >= fold.seen_logits.shape[1]) == fold.is_unseen
    kept, found = (
        per_class_top1(fold.labels[side], np.where(right_side, fold.labels, -1)[side])
        for side in (~fold.is_unseen, fold.is_unseen)
    )
    return kept, found


def choose_threshold(
    folds: Sequence[GateExamples], gates: Sequence[DomainClassifier], candidates: np.ndarray = THRESHOLDS
) -> float:
    """Return the threshold nearest to 0.5 among those as good as the best; gate k was fitted without fold k.

    Goodness is the harmonic mean of S and U, averaged over the folds; as good means within one standard
    error over the folds. A few validation subjects cannot tell such thresholds apart.
    """
    harmonic = np.array(
        [
            [_harmonic(fold, replace(gate, threshold=float(threshold))) for threshold in candidates]
            for fold, gate in zip(folds, gates, strict=True)
        ]
    )
    mean = harmonic.mean(0)
    best = int(mean.argmax())
    error = harmonic[:, best].std(ddof=1) / np.sqrt(len(folds)) if len(folds) > 1 else 0.0
    as_good = candidates[mean >= mean[best] - error]
    return float(as_good[np.abs(as_good - 0.5).argmin()])


def best_temperature(logits: Sequence[np.ndarray], labels: Sequence[np.ndarray], candidates: Sequence[float]) -> float:
    """Return the temperature with the smallest log loss, averaged over folds; 1 if no fold has windows."""
    pairs = [(x, y) for x, y in zip(logits, labels, strict=True) if len(y)]
    return float(min(candidates, key=lambda temperature: log_loss(temperature, pairs))) if pairs else 1.0


def best_temperatures(folds: Sequence[GateExamples], config: GateConfig) -> tuple[float, float]:
    """Return the temperatures of the seen and of the unseen logits, each chosen where it is read."""
    seen = [~fold.is_unseen for fold in folds]
    pairs = list(zip(folds, seen, strict=True))
    return (
        best_temperature([f.seen_logits[k] for f, k in pairs], [f.labels[k] for f, k in pairs], config.temperatures),
        best_temperature(
            [f.unseen_logits[~k] for f, k in pairs],
            [f.labels[~k] - f.seen_logits.shape[1] for f, k in pairs],
            config.temperatures,
        ),
    )


def log_loss(temperature: float, folds: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    """Return the log loss of logits over a temperature, averaged over folds.

    Args:
        temperature: Divisor of the logits.
        folds: Logits [n, A] and positions of the true classes [n] of each fold, which has at least one window.
    """
    losses = [-log_softmax(x / temperature)[np.arange(len(y)), y].mean() for x, y in folds]
    return float(np.mean(losses))


def _harmonic(examples: GateExamples, gate: DomainClassifier) -> float:
    n_seen, n_classes = examples.seen_logits.shape[1], len(examples.class_names)
    return gzsl_scores(examples.labels, gate.predict(examples), range(n_seen), range(n_seen, n_classes))[2]


def _fit(folds: Sequence[GateExamples], config: GateConfig, seed: int) -> DomainClassifier:
    from sklearn.linear_model import LogisticRegression  # takes a second; whoever recognises does without
    from sklearn.preprocessing import StandardScaler

    cues = np.concatenate([examples.cues(config.cues) for examples in folds])
    scaler = StandardScaler().fit(cues)
    regression = LogisticRegression(C=config.regularisation, class_weight="balanced", random_state=seed)
    regression.fit(scaler.transform(cues), np.concatenate([examples.is_unseen for examples in folds]))
    seen_temperature, unseen_temperature = best_temperatures(folds, config)
    return DomainClassifier(
        cues=config.cues,
        fusion=config.fusion,
        seen_temperature=seen_temperature,
        unseen_temperature=unseen_temperature,
        threshold=0.5,
        mean=tuple(scaler.mean_.tolist()),
        scale=tuple(scaler.scale_.tolist()),
        weights=tuple(regression.coef_[0].tolist()),
        bias=float(regression.intercept_[0]),
    )
