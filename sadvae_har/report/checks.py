"""What a reader should not have to believe: claims about the protocol, checked from a run's saved files.

Every check reads files when the report is written and returns passed, failed or not recorded, with its evidence.
"""

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from feature_extraction.protocol.groups import NOUNS
from sadvae_har.evaluation.intervals import FEWEST_SUBJECTS
from sadvae_har.method.gate import THRESHOLDS
from sadvae_har.report.contradictions import again, number_contradictions
from sadvae_har.report.run_files import RunFiles
from sadvae_har.report.summary import count

PASSED, FAILED, NOT_RECORDED = "passed", "failed", "not recorded"
_NOTHING_LEARNED = ("statistical", "kinematic")

Verdict = tuple[str, str]  # status and evidence


class Check(NamedTuple):
    """One line of the checklist: what should hold; `passed`, `failed` or `not recorded`; what the files say."""

    claim: str
    status: str
    evidence: str


def checklist(run: RunFiles) -> list[Check]:
    """Check every claim; the order is that of the page."""
    return [Check(claim, *check(run)) for claim, check in _CLAIMS.items()]


def _one_run(run: RunFiles) -> Verdict:
    if not {"dataset", "split"} <= run.metrics.keys():
        return NOT_RECORDED, "metrics.json names no data set or no split"
    named, split = f"{run.metrics['dataset']} / {run.metrics['split']}", f"{run.split.dataset} / {run.split.name}"
    differs = "" if named == split else f"metrics.json is of {named}, split.json of {split}"
    return _verdict([differs], f"metrics.json and split.json: {split}")


def _numbers(run: RunFiles) -> Verdict:
    values = again(run)
    found = number_contradictions(run.metrics, values)
    return _verdict(found, f"all {len(values)} computed again from predictions.npz")


def _classes(run: RunFiles) -> Verdict:
    seen, unseen = set(run.split.seen), set(run.split.unseen)
    elsewhere = "in split.json or predictions.npz only"
    problems = [
        _named("both seen and unseen", seen & unseen),
        _named(f"seen {elsewhere}", set(run.seen) ^ seen),
        _named(f"unseen {elsewhere}", set(run.unseen) ^ unseen),
    ]
    return _verdict(problems, f"{len(seen)} seen and {len(unseen)} unseen classes, none in common")


def _subjects(run: RunFiles) -> Verdict:
    train, val, test = (set(run.split.subjects(part)) for part in ("train", "val", "test"))
    used = train | val | set(_gate_subjects(run).astype(str).tolist())
    problems = [
        _named("in two parts of split.json", (train & val) | (train & test) | (val & test)),
        _named("fitted or chosen on, and tested", _tested_subjects(run) & used),
    ]
    noun = "subjects" if run.split.holds_out == "people" else NOUNS[run.split.holds_out][1]
    return _verdict(problems, f"{len(train)} train, {len(val)} validation, {len(test)} test {noun}, none in common")


def _test_windows(run: RunFiles) -> Verdict:
    tested, labels = _tested_subjects(run), run.arrays["zsl_labels"]
    if not tested:
        return NOT_RECORDED, "predictions.npz does not say whose windows they are"
    problems = [
        _named("tested, but no test subjects", tested - set(run.split.test_subjects)),
        _named("among windows of unseen classes", set(labels.tolist()) - set(run.split.unseen)),
    ]
    words = f"{count(len(labels), 'window')} (ZSL)"
    words += f", {len(run.arrays['gzsl_labels'])} (GZSL)" if run.has_gzsl else ""
    return _verdict(problems, f"{words}, all of test subjects: {_listed(tested)}")


def _same_windows(run: RunFiles) -> Verdict:
    if not run.has_gzsl:
        return NOT_RECORDED, "the run has no GZSL results"
    arrays = run.arrays
    parts = [part for part in ("labels", "subjects", "recordings") if {f"zsl_{part}", f"gzsl_{part}"} <= arrays.keys()]
    chosen = np.isin(arrays["gzsl_labels"], run.unseen)
    zsl = sorted(zip(*(arrays[f"zsl_{part}"].tolist() for part in parts), strict=True))
    gzsl = sorted(zip(*(arrays[f"gzsl_{part}"][chosen].tolist() for part in parts), strict=True))
    words = f"ZSL has {len(zsl)} windows of unseen classes, GZSL {len(gzsl)}, and they are not the same"
    return _verdict([words if zsl != gzsl else ""], f"the same {len(gzsl)} windows, by {', '.join(parts)}")


def _every_class(run: RunFiles) -> Verdict:
    classes, labels = (
        (run.classes, run.arrays["gzsl_labels"]) if run.has_gzsl else (run.unseen, run.arrays["zsl_labels"])
    )
    empty = [name for name in classes if name not in labels and name not in run.split.untested]
    problem = f"no test windows, so left out of every average: {', '.join(empty)}" if empty else ""
    _, n = np.unique(labels, return_counts=True)
    said = f"{len(n)} classes, from {count(int(n.min()), 'window')} to {int(n.max())}"
    said += f"; nothing measured on {', '.join(run.split.untested)}, as split.json says" if run.split.untested else ""
    return _verdict([problem], said)


def _inner_folds(run: RunFiles) -> Verdict:
    if not any("/" in name for name in run.gate_examples):
        return NOT_RECORDED, "no gate_examples.npz; the run stopped before stage 2"
    problems = []
    for number, pseudo in enumerate(run.split.inner, start=1):
        names = run.gate_examples.get(f"inner-{number}/class_names")
        if names is None:
            problems.append(f"gate_examples.npz lacks inner fold {number}")
            continue
        held_out = set(names[len(names) - len(pseudo) :].tolist())
        problems.append(_named(f"unseen, but in inner fold {number}", set(names.tolist()) & set(run.split.unseen)))
        problems.append(_named(f"held out otherwise in inner fold {number}", held_out ^ set(pseudo)))
    n_folds, n_classes = len(run.split.inner), sum(map(len, run.split.inner))
    return _verdict(problems, f"{count(n_folds, 'fold')}, holding out {n_classes} seen classes in all, no unseen one")


def _gate_data(run: RunFiles) -> Verdict:
    subjects = _gate_subjects(run)
    if not len(subjects):
        return NOT_RECORDED, "no gate_examples.npz; the run stopped before stage 2"
    used = set(subjects.tolist())
    strange = _named("no validation subjects", used - set(run.split.val_subjects))
    return _verdict([strange], f"{count(len(subjects), 'scored window')} of validation subjects: {_listed(used)}")


def _step(run: RunFiles) -> Verdict:
    step, choices = (
        run.metrics.get("chosen", {}).get("step"),
        [entry for entry in run.progress if "chosen_step" in entry],
    )
    if step is None or not choices or not isinstance(choices[-1].get("inner_top1"), dict):
        return NOT_RECORDED, "metrics.json or progress.jsonl does not say how the step was chosen"
    scores = {int(candidate): value for candidate, value in choices[-1]["inner_top1"].items()}
    if choices[-1]["chosen_step"] != step or step not in scores:
        return FAILED, f"metrics.json has step {step}, progress.jsonl chose {choices[-1]['chosen_step']}"
    later = [candidate for candidate in scores if candidate > step and scores[candidate] > scores[step]]
    better = f"step {later[0]} was later and better on inner folds than step {step}" if later else ""
    best = max(scores, key=lambda candidate: scores[candidate])
    words = (
        f"step {step}, {100 * scores[step]:.1f} % on pseudo-unseen classes; best of {len(scores)} checkpoints: "
        f"{100 * scores[best]:.1f} % at step {best} (the rule takes the last one within a standard error)"
    )
    return _verdict([better], words)


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
    if not {"zsl_subjects", "zsl_recordings"} <= run.arrays.keys():
        return NOT_RECORDED, "predictions.npz does not say whose windows they are"
    n_subjects, n_recordings = (len(np.unique(run.arrays[f"zsl_{part}"])) for part in ("subjects", "recordings"))
    if run.split.holds_out != "people":
        return FAILED, f"{run.split.meaning}; intervals are over {NOUNS[run.split.holds_out][1]}"
    few = (
        f"{count(n_subjects, 'subject')} with test windows, at least {FEWEST_SUBJECTS} needed: intervals draw "
        f"{count(n_recordings, 'recording')} instead and say little about other people"
    )
    rough = ", few: intervals are rough" if n_subjects < 10 else ""
    return _verdict([few] if n_subjects < FEWEST_SUBJECTS else [], f"{n_subjects} subjects with test windows{rough}")


def _seed(run: RunFiles) -> Verdict:
    places = {"environment.json": run.environment, "metrics.json": run.metrics, "config.yaml": run.config}
    seeds = {place: values["seed"] for place, values in places.items() if "seed" in values}
    if not seeds:
        return NOT_RECORDED, "no file names a seed"
    words = ", ".join(f"{seed} in {place}" for place, seed in seeds.items())
    return _verdict([words] if len(set(map(str, seeds.values()))) > 1 else [], words)


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


def _verdict(problems: Iterable[str], evidence: str) -> Verdict:
    """Return failed if there is a problem; empty texts are none."""
    found = [problem for problem in problems if problem]
    return (FAILED, "; ".join(found)) if found else (PASSED, evidence)


def _tested_subjects(run: RunFiles) -> set[str]:
    return {
        subject for name in ("zsl_subjects", "gzsl_subjects") for subject in run.arrays.get(name, np.empty(0)).tolist()
    }


def _gate_subjects(run: RunFiles) -> np.ndarray:
    """Return the subject of every window that the gate was fitted on, [n]."""
    subjects = [array for name, array in run.gate_examples.items() if name.endswith("/subjects")]
    return np.concatenate(subjects) if subjects else np.empty(0)


def _named(what: str, names: Iterable[str]) -> str:
    found = ", ".join(sorted(names))
    return f"{what}: {found}" if found else ""


def _listed(names: Iterable[str], most: int = 12) -> str:
    found = sorted(names)
    return ", ".join(found[:most]) + (f" and {len(found) - most} more" if len(found) > most else "")


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
