"""What a reader should not have to believe: claims about the protocol, checked from a run's saved files.

Every check reads files when the report is written and returns passed, failed or not recorded, with its evidence.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sadvae_har.evaluation.intervals import FEWEST_SUBJECTS
from sadvae_har.evaluation.metrics import accuracy, auroc, ausuc, macro_f1, per_class_top1
from sadvae_har.method.gate import THRESHOLDS
from sadvae_har.report.figures import curve_of
from sadvae_har.report.run_files import RunFiles
from sadvae_har.report.summary import count

PASSED, FAILED, NOT_RECORDED = "passed", "failed", "not recorded"
_ROUNDING = 2e-6  # metrics.json keeps six digits
_NOTHING_LEARNED = ("statistical", "kinematic")


Verdict = tuple[str, str]  # status and evidence


@dataclass(frozen=True)
class Check:
    """One line of the checklist.

    Attributes:
        claim: What should hold.
        status: `passed`, `failed` or `not recorded`.
        evidence: What the files say.
    """

    claim: str
    status: str
    evidence: str


def checklist(run: RunFiles) -> list[Check]:
    """Check every claim; the order is that of the page."""
    return [Check(claim, *check(run)) for claim, check in _CLAIMS.items()]


def _verdict(problems: Iterable[str], evidence: str) -> Verdict:
    found = [problem for problem in problems if problem]
    return (FAILED, "; ".join(found)) if found else (PASSED, evidence)


def _one_run(run: RunFiles) -> Verdict:
    if not {"dataset", "split"} <= run.metrics.keys():
        return NOT_RECORDED, "metrics.json names no data set or no split"
    named = (str(run.metrics["dataset"]), str(run.metrics["split"]))
    split = (run.split.dataset, run.split.name)
    differs = "" if named == split else f"metrics.json is of {' / '.join(named)}, split.json of {' / '.join(split)}"
    return _verdict([differs], f"metrics.json and split.json: {' / '.join(split)}")


def _numbers(run: RunFiles) -> Verdict:
    arrays = run.arrays
    labels, predictions = arrays["zsl_labels"], arrays["zsl_predictions"]
    again = {
        ("zsl", "per_class_top1"): per_class_top1(labels, predictions),
        ("zsl", "accuracy"): accuracy(labels, predictions),
        ("zsl", "macro_f1"): macro_f1(labels, predictions),
    }
    if run.has_gzsl:
        on_seen, on_unseen, (seen, unseen, mean) = curve_of(run)
        again |= {("gzsl", "seen"): seen, ("gzsl", "unseen"): unseen, ("gzsl", "harmonic_mean"): mean}
        again |= {("gzsl", "ausuc"): ausuc(on_seen, on_unseen)}
        again |= {("gate", "auroc"): auroc(arrays["gate_is_unseen"], arrays["gate_p_unseen"])}
    problems = []
    for (part, name), value in again.items():
        reported = run.metrics.get(part, {}).get(name, {}).get("value", np.nan)
        if not abs(reported - value) <= _ROUNDING:
            problems.append(f"{part} {name}: {reported} in metrics.json, {value:.6f} from predictions.npz")
    return _verdict(problems, f"all {len(again)} computed again from predictions.npz")


def _classes(run: RunFiles) -> Verdict:
    seen, unseen = set(run.split.seen), set(run.split.unseen)
    problems = [_shared("both seen and unseen", seen & unseen)]
    if run.has_gzsl:
        for name, wanted in (("seen", seen), ("unseen", unseen)):
            problems.append(_shared(f"{name} in split.json or predictions.npz only", set(run.arrays[name]) ^ wanted))
    return _verdict(problems, f"{len(seen)} seen and {len(unseen)} unseen classes, none in common")


def _subjects(run: RunFiles) -> Verdict:
    split = run.split
    train, val, test = (set(split.subjects(part)) for part in ("train", "val", "test"))
    problems = [_shared("in two parts of split.json", (train & val) | (train & test) | (val & test))]
    tested = _tested_subjects(run)
    chosen_on = {str(s) for k, array in run.gate_examples.items() if k.endswith("/subjects") for s in array}
    problems.append(_shared("fitted or chosen on, and tested", tested & (train | val | chosen_on)))
    return _verdict(problems, f"{len(train)} train, {len(val)} validation, {len(test)} test subjects, none in common")


def _test_windows(run: RunFiles) -> Verdict:
    tested = _tested_subjects(run)
    if not tested:
        return NOT_RECORDED, "predictions.npz does not say whose windows they are"
    strange = _shared("tested, but no test subjects", tested - set(run.split.test_subjects))
    seen = _shared("among windows of unseen classes", set(run.arrays["zsl_labels"].tolist()) - set(run.split.unseen))
    n = len(run.arrays["zsl_labels"])
    words = f"{count(n, 'window')} (ZSL)" + (f", {len(run.arrays['gzsl_labels'])} (GZSL)" if run.has_gzsl else "")
    return _verdict([strange, seen], f"{words}, all of test subjects: {_listed(sorted(tested))}")


def _same_windows(run: RunFiles) -> Verdict:
    if not run.has_gzsl:
        return NOT_RECORDED, "the run has no GZSL results"
    parts = [
        part for part in ("labels", "subjects", "recordings") if {f"zsl_{part}", f"gzsl_{part}"} <= set(run.arrays)
    ]
    chosen = np.isin(run.arrays["gzsl_labels"], run.unseen)

    def windows(stage: str, keep: Any) -> list[tuple[str, ...]]:
        columns = [run.arrays[f"{stage}_{part}"][keep].tolist() for part in parts]
        return sorted(zip(*columns, strict=True))

    n = int(chosen.sum())
    differs = windows("zsl", slice(None)) != windows("gzsl", chosen)
    words = f"ZSL has {len(run.arrays['zsl_labels'])} windows of unseen classes, GZSL {n}, and they are not the same"
    return _verdict([words if differs else ""], f"the same {n} windows, by {', '.join(parts)}")


def _every_class(run: RunFiles) -> Verdict:
    labels = run.arrays["gzsl_labels" if run.has_gzsl else "zsl_labels"]
    empty = [name for name in (run.classes if run.has_gzsl else run.unseen) if name not in labels]
    words = f"no test windows, so left out of every average: {', '.join(empty)}" if empty else ""
    names, n = np.unique(labels, return_counts=True)
    return _verdict([words], f"{len(names)} classes, from {count(int(n.min()), 'window')} to {int(n.max())}")


def _inner_folds(run: RunFiles) -> Verdict:
    folds = sorted({name.partition("/")[0] for name in run.gate_examples if "/" in name})
    if not folds:
        return NOT_RECORDED, "no gate_examples.npz; the run stopped before stage 2"
    problems = []
    for number, pseudo in enumerate(run.split.inner, start=1):
        names = run.gate_examples.get(f"inner-{number}/class_names")
        if names is None:
            problems.append(f"gate_examples.npz lacks inner fold {number}")
            continue
        held_out = set(names[len(names) - len(pseudo) :].tolist())
        problems.append(_shared(f"unseen, but in inner fold {number}", set(names.tolist()) & set(run.split.unseen)))
        problems.append(_shared(f"held out otherwise in inner fold {number}", held_out ^ set(pseudo)))
    sizes = [len(fold) for fold in run.split.inner]
    return _verdict(
        problems, f"{count(len(sizes), 'fold')}, holding out {sum(sizes)} seen classes in all, no unseen one"
    )


def _gate_data(run: RunFiles) -> Verdict:
    subjects = [array for name, array in run.gate_examples.items() if name.endswith("/subjects")]
    if not subjects:
        return NOT_RECORDED, "no gate_examples.npz; the run stopped before stage 2"
    used = set(np.concatenate(subjects).tolist())
    strange = _shared("no validation subjects", used - set(run.split.val_subjects))
    n = sum(map(len, subjects))
    return _verdict([strange], f"{count(n, 'scored window')} of validation subjects: {_listed(sorted(used))}")


def _step(run: RunFiles) -> Verdict:
    step, chosen = run.metrics.get("chosen", {}).get("step"), [e for e in run.progress if "chosen_step" in e]
    if step is None or not chosen or not isinstance(chosen[-1].get("inner_top1"), dict):
        return NOT_RECORDED, "metrics.json or progress.jsonl does not say how the step was chosen"
    scores = {int(candidate): value for candidate, value in chosen[-1]["inner_top1"].items()}
    if chosen[-1]["chosen_step"] != step or step not in scores:
        return FAILED, f"metrics.json has step {step}, progress.jsonl chose {chosen[-1]['chosen_step']}"
    later = [candidate for candidate in scores if candidate > step and scores[candidate] > scores[step]]
    better = f"step {later[0]} was later and better on inner folds than step {step}" if later else ""
    best = max(scores, key=lambda candidate: scores[candidate])
    words = f"step {step}, {100 * scores[step]:.1f} % on pseudo-unseen classes"
    rule = "the rule takes the last one within a standard error"
    return _verdict(
        [better], f"{words}; best of {len(scores)} checkpoints: {100 * scores[best]:.1f} % at step {best} ({rule})"
    )


def _threshold(run: RunFiles) -> Verdict:
    if not run.has_gzsl:
        return NOT_RECORDED, "the run has no gate"
    used, fitted = float(run.arrays["gate_threshold"]), run.gate.get("threshold")
    if fitted is None or not run.gate_examples:
        return NOT_RECORDED, "no gate.json or no gate_examples.npz"
    noted = run.metrics.get("chosen", {}).get("gate_threshold")
    problems = [] if fitted == used == noted else [f"{fitted} in gate.json, {noted} in metrics.json, {used} on test"]
    if not np.isclose(THRESHOLDS, used).any():
        problems.append(f"{used} is none of the candidates that inner folds choose from")
    words = f"{used:.2f}, fitted on inner folds (gate.json) and applied unchanged"
    if run.gate.get("fusion", "hard") == "hard":
        wrong = (run.arrays["gate_p_unseen"] > used) != np.isin(run.arrays["gzsl_predictions"], run.unseen)
        problems.append(f"{int(wrong.sum())} test windows are predicted on the other side" if wrong.any() else "")
        words += f"; all {len(wrong)} predictions lie on the side it says"
    return _verdict(problems, words)


def _encoder(run: RunFiles) -> Verdict:
    features = run.config.get("features")
    blocks = features.get("blocks") if isinstance(features, dict) else None
    if not isinstance(blocks, list) or not blocks:
        return NOT_RECORDED, "config.yaml names no feature blocks"
    learned = [str(name) for name in blocks if name not in _NOTHING_LEARNED]
    if learned:
        return NOT_RECORDED, f"provenance of {', '.join(learned)} was checked before training, but is not kept here"
    return PASSED, f"features are computed, not learned: {', '.join(blocks)}"


def _reference(run: RunFiles) -> Verdict:
    found = run.metrics.get("reference")
    if not found:
        return NOT_RECORDED, "no reference recipe was run"
    last, best = found.get("last_cycle", {}), found.get("oracle", {})
    cycles, cycle = last.get("per_class_top1_by_cycle"), best.get("cycle")
    if not {"per_class_top1", "accuracy"} <= last.keys() & best.keys() or not cycles or cycle is None:
        return NOT_RECORDED, "metrics.json lacks its last or its best cycle"
    of_best = cycles[cycle - 1] if 0 < cycle <= len(cycles) else np.nan
    problems = [
        "" if np.isclose(last["per_class_top1"], cycles[-1]) else "the last cycle is not the one reported as last",
        "" if np.isclose(best["per_class_top1"], of_best) else f"cycle {cycle} is not the one kept as 'oracle'",
        "" if best["accuracy"] >= last["accuracy"] else "the cycle kept as 'oracle' is worse than the last one",
    ]
    words = f"cycle {cycle} of {len(cycles)}, best on test windows, is kept apart as 'oracle'"
    return _verdict(problems, f"{words}; the last cycle stands beside it")


def _enough_subjects(run: RunFiles) -> Verdict:
    if not {"zsl_subjects", "zsl_recordings"} <= set(run.arrays):
        return NOT_RECORDED, "predictions.npz does not say whose windows they are"
    subjects = np.unique(run.arrays["zsl_subjects"])
    n = len(np.unique(run.arrays["zsl_recordings"]))
    drawn = f"intervals draw {count(n, 'recording')} instead and say little about other people"
    few = f"{count(len(subjects), 'subject')} with test windows, at least {FEWEST_SUBJECTS} needed: {drawn}"
    enough = f"{len(subjects)} subjects with test windows" + (
        ", few: intervals are rough" if len(subjects) < 10 else ""
    )
    return _verdict([few if len(subjects) < FEWEST_SUBJECTS else ""], enough)


def _seed(run: RunFiles) -> Verdict:
    places = {"environment.json": run.environment, "metrics.json": run.metrics, "config.yaml": run.config}
    seeds = {place: values["seed"] for place, values in places.items() if "seed" in values}
    if not seeds:
        return NOT_RECORDED, "no file names a seed"
    differ = ", ".join(f"{seed} in {place}" for place, seed in seeds.items())
    return _verdict([differ if len(set(map(str, seeds.values()))) > 1 else ""], f"{differ}")


def _commit(run: RunFiles) -> Verdict:
    commit = str(run.environment.get("commit", ""))
    if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", commit):
        return NOT_RECORDED, "environment.json names no commit; the code was no Git checkout"
    return PASSED, f"{commit} (changes that were not committed leave no trace)"


def _versions(run: RunFiles) -> Verdict:
    packages = run.environment.get("packages")
    if not isinstance(packages, dict) or not packages or "python" not in run.environment:
        return NOT_RECORDED, "environment.json names no versions"
    listed = ", ".join(f"{name} {version}" for name, version in packages.items())
    return PASSED, f"Python {run.environment['python']}, {listed}"


def _tested_subjects(run: RunFiles) -> set[str]:
    names = [name for name in ("zsl_subjects", "gzsl_subjects") if name in run.arrays]
    return {subject for name in names for subject in run.arrays[name].tolist()}


def _shared(what: str, names: set[str]) -> str:
    return f"{what}: {', '.join(sorted(map(str, names)))}" if names else ""


def _listed(names: list[str], most: int = 12) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


_CLAIMS: dict[str, Callable[[RunFiles], Verdict]] = {
    "Metrics and split are of one run": _one_run,
    "The reported numbers follow from the saved predictions": _numbers,
    "Seen and unseen classes are disjoint": _classes,
    "Train, validation and test subjects are disjoint": _subjects,
    "Test windows are of test subjects only": _test_windows,
    "ZSL and GZSL score the same windows of unseen classes": _same_windows,
    "Every class has test windows": _every_class,
    "Inner folds hold out seen classes only": _inner_folds,
    "The gate was fitted on validation subjects only": _gate_data,
    "The training step was chosen on inner folds": _step,
    "The gate's threshold was chosen on inner folds": _threshold,
    "The encoder saw no unseen class and no test subject": _encoder,
    "The reference's best cycle counts as selected on test": _reference,
    "Enough test subjects for intervals over subjects": _enough_subjects,
    "The seed is recorded": _seed,
    "The commit of the code is recorded": _commit,
    "Versions of the packages are recorded": _versions,
}
