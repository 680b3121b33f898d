"""Each claim of the checklist is checked: a consistent run passes them all, and each spoilt file fails its line."""

import re
from pathlib import Path

import numpy as np
import pytest
from report_runs import SEEN, UNSEEN, predictions, write_run

from feature_extraction.storage.files import read_json, read_npz, write_json, write_npz, write_text
from sadvae_har.report.checks import FAILED, NOT_RECORDED, PASSED, Check, checklist
from sadvae_har.report.look.plotly_figures import script
from sadvae_har.report.run_files import read_run
from sadvae_har.report.run_page import checklist_html, tally, write_report


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run")


def check(folder: Path, words: str) -> Check:
    (found,) = [check for check in checklist(read_run(folder)) if words in check.claim]
    return found


def change_arrays(folder: Path, **arrays: np.ndarray) -> None:
    write_npz(folder / "predictions.npz", predictions() | arrays)


def change_json(folder: Path, name: str, value: object, *place: str) -> None:
    content = read_json(folder / name)
    inner = content
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    write_json(folder / name, content)


def change_examples(folder: Path, name: str, array: np.ndarray) -> None:
    path = folder / "gate_examples.npz"
    write_npz(path, read_npz(path) | {name: array})


def test_a_consistent_run_passes_every_claim(folder: Path) -> None:
    checks = checklist(read_run(folder))
    assert {check.status for check in checks} == {PASSED} and len(checks) == 17
    assert all(check.evidence for check in checks) and tally(checks) == "17 passed"


SPOILT = {
    "of one run": (lambda f: change_json(f, "metrics.json", "random-2", "split"), "random-2"),
    "follow from": (lambda f: change_json(f, "metrics.json", 0.999, "gzsl", "ausuc", "value"), "gzsl ausuc: 0.999"),
    "reported numbers follow": (
        lambda f: change_json(f, "metrics.json", 0.998, "gzsl", "unseen", "value"),
        "gzsl unseen: 0.998 in metrics.json",
    ),
    "classes are disjoint": (
        lambda f: change_json(f, "split.json", [SEEN[0], SEEN[1], "swim"], "seen"),
        f"seen in split.json or predictions.npz only: {SEEN[2]}, swim",
    ),
    "subjects are disjoint": (
        lambda f: change_examples(f, "inner-1/subjects", np.array(["p9", "p1"])),
        "fitted or chosen on, and tested: p1",
    ),
    "test subjects only": (
        lambda f: change_arrays(f, zsl_subjects=np.array(["<s1>", *predictions()["zsl_subjects"][1:]])),
        "tested, but no test subjects: <s1>",
    ),
    "same windows": (
        lambda f: change_arrays(f, zsl_recordings=np.roll(predictions()["zsl_recordings"], 1)),
        "not the same",
    ),
    "Every class": (
        lambda f: change_arrays(
            f, gzsl_labels=np.where(predictions()["gzsl_labels"] == SEEN[0], SEEN[1], predictions()["gzsl_labels"])
        ),
        SEEN[0],
    ),
    "Inner folds": (
        lambda f: change_examples(f, "inner-1/class_names", np.array([*SEEN[1:], UNSEEN[0]])),
        f"unseen, but in inner fold 1: {UNSEEN[0]}",
    ),
    "gate was fitted": (
        lambda f: change_examples(f, "inner-1/subjects", np.array(["<s1>", "p9"])),
        "no validation subjects: <s1>",
    ),
    "step was chosen": (lambda f: change_json(f, "metrics.json", 200, "chosen", "step"), "chose 400"),
    "threshold was chosen": (lambda f: change_json(f, "gate.json", 0.7, "threshold"), "0.7 in gate.json"),
    "reference's best": (
        lambda f: change_json(f, "metrics.json", 0.847, "reference", "last_cycle", "per_class_top1"),
        "not the one reported as last",
    ),
    "Enough test subjects": (
        lambda f: change_arrays(f, zsl_subjects=np.array(["p0", "p1"] * 40)),
        "2 subjects with test windows, at least 3 needed: intervals draw 3 recordings",
    ),
    "seed": (lambda f: change_json(f, "environment.json", 4, "seed"), "4 in environment.json, 0 in metrics.json"),
}


@pytest.mark.parametrize("claim", SPOILT)
def test_a_spoilt_file_fails_its_line(folder: Path, claim: str) -> None:
    spoil, words = SPOILT[claim]
    spoil(folder)
    found = check(folder, claim)
    assert found.status == FAILED and words in found.evidence


def test_a_later_checkpoint_that_was_better_fails_the_step(folder: Path) -> None:
    write_text(folder / "progress.jsonl", '{"chosen_step": 400, "inner_top1": {"400": 0.8, "600": 0.81}}\n')
    found = check(folder, "step was chosen")
    assert found.status == FAILED and "step 600 was later and better" in found.evidence
    write_text(folder / "progress.jsonl", '{"chosen_step": 400, "inner_top1": {"400": 0.8, "600": 0.8}}\n')
    assert check(folder, "step was chosen").status == PASSED


def test_predictions_on_the_other_side_of_the_threshold_fail_it(folder: Path) -> None:
    arrays = predictions()
    flipped = np.where(np.arange(200) < 7, 1 - arrays["gate_p_unseen"].round(), arrays["gate_p_unseen"])
    change_arrays(folder, gate_p_unseen=flipped)
    assert check(folder, "threshold was chosen").status == FAILED
    change_json(folder, "gate.json", "soft", "fusion")
    assert check(folder, "threshold was chosen").status == PASSED


@pytest.mark.parametrize(
    ("claim", "name", "place"),
    [
        ("seed", "environment.json", None),
        ("commit", "environment.json", "commit"),
        ("Versions", "environment.json", "packages"),
        ("reference", "metrics.json", "reference"),
        ("step", "metrics.json", "chosen"),
        ("of one run", "metrics.json", "split"),
    ],
)
def test_what_no_file_says_is_not_recorded(folder: Path, claim: str, name: str, place: str | None) -> None:
    if place is None:
        for path in ("environment.json", "metrics.json"):
            write_json(folder / path, {key: value for key, value in read_json(folder / path).items() if key != "seed"})
        write_text(folder / "config.yaml", "dataset: toy\n")
    else:
        write_json(folder / name, {key: value for key, value in read_json(folder / name).items() if key != place})
    assert check(folder, claim).status == NOT_RECORDED


@pytest.mark.parametrize(
    ("claim", "file"),
    [
        ("Inner folds", "gate_examples.npz"),
        ("gate was fitted", "gate_examples.npz"),
        ("threshold was chosen", "gate_examples.npz"),
        ("threshold was chosen", "gate.json"),
        ("step was chosen", "progress.jsonl"),
    ],
)
def test_a_claim_without_its_file_is_not_recorded(folder: Path, claim: str, file: str) -> None:
    (folder / file).unlink()
    assert check(folder, claim).status == NOT_RECORDED


@pytest.mark.parametrize(
    ("claim", "lacking"),
    [("test subjects only", {"zsl_subjects", "gzsl_subjects"}), ("Enough", {"zsl_recordings"})],
)
def test_a_claim_without_its_columns_is_not_recorded(folder: Path, claim: str, lacking: set[str]) -> None:
    write_npz(folder / "predictions.npz", {k: v for k, v in predictions().items() if k not in lacking})
    assert check(folder, claim).status == NOT_RECORDED


@pytest.mark.parametrize(
    ("claim", "name", "value", "place"),
    [
        ("step was chosen", "metrics.json", None, ("chosen", "step")),
        ("Versions", "environment.json", [], ("packages",)),
        ("of one run", "metrics.json", None, None),
        ("reference's best", "metrics.json", [], ("reference", "last_cycle", "per_class_top1_by_cycle")),
        ("reference's best", "metrics.json", None, ("reference", "oracle", "cycle")),
    ],
)
def test_half_of_what_a_claim_needs_is_not_recorded(
    folder: Path, claim: str, name: str, value: object, place: tuple[str, ...] | None
) -> None:
    if place is None:
        write_json(folder / name, {key: part for key, part in read_json(folder / name).items() if key != "dataset"})
    else:
        change_json(folder, name, value, *place)
    assert check(folder, claim).status == NOT_RECORDED


def test_versions_without_that_of_python_are_not_recorded(folder: Path) -> None:
    path = folder / "environment.json"
    write_json(path, {key: value for key, value in read_json(path).items() if key != "python"})
    assert check(folder, "Versions").status == NOT_RECORDED


def test_an_unknown_commit_and_a_learned_encoder_are_not_recorded(folder: Path) -> None:
    change_json(folder, "environment.json", "unknown", "commit")
    write_text(folder / "config.yaml", "dataset: toy\nseed: 0\nfeatures: {blocks: [statistical, resnet]}\n")
    assert check(folder, "commit").status == NOT_RECORDED
    encoder = check(folder, "encoder")
    assert encoder.status == NOT_RECORDED and "resnet" in encoder.evidence


def test_a_failed_line_is_seen_in_the_list_and_at_the_top(folder: Path) -> None:
    change_json(folder, "environment.json", 4, "seed")
    page = write_report(folder).read_text("utf-8").replace(script(), "")
    assert '<span class="mark failed">✗ failed</span></td><td>4 in environment.json' in page
    assert re.search(r'<p class="alert">.*16 passed, 1 failed\. Failed: The seed is recorded\.', page)


def test_marks_say_in_words_what_they_mean() -> None:
    html = checklist_html([Check("a < b", PASSED, "x"), Check("c", FAILED, "y"), Check("d", NOT_RECORDED, "z")])
    for words in ("a &lt; b", "✓ passed", "✗ failed", "– not recorded", 'class="mark not-recorded"'):
        assert words in html
