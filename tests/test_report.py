import base64
import json
import re
from html import escape
from pathlib import Path

import numpy as np
import pytest

from feature_extraction.errors import InputError
from feature_extraction.protocol import Split
from feature_extraction.storage import read_json, read_npz, write_json, write_npz, write_text
from sadvae_har.evaluate import evaluate_gzsl, evaluate_zsl
from sadvae_har.report import write_report

SEEN = ("walk <b>fast</b>", "run & jump", "sit $x$ {0}")
UNSEEN = ("lie", 'say "hi"')
FIGURES = (
    "Confusion among unseen classes (ZSL)",
    "Confusion among all classes (GZSL)",
    "Map of semantic latents",
    "Seen-unseen curve",
    "Gate",
    "Accuracy of each class",
)


def _arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    classes, n = np.array([*SEEN, *UNSEEN]), 200
    true = np.arange(n) % 5
    scores = rng.normal(size=(n, 5)) + 2 * np.eye(5)[true]
    subjects, zsl = np.array([f"p{k % 3}" for k in range(n)]), true >= 3
    kinds = np.array(["seen"] * 3 + ["unseen"] * 2 + ["synthesised"] * 2 + ["text"] * 5)
    return {
        "zsl_labels": classes[true[zsl]],
        "zsl_predictions": classes[3 + scores[zsl, 3:].argmax(1)],
        "zsl_scores": scores[zsl, 3:],
        "zsl_subjects": subjects[zsl],
        "zsl_recordings": subjects[zsl],
        "gzsl_labels": classes[true],
        "gzsl_predictions": classes[scores.argmax(1)],
        "gzsl_scores": scores,
        "gzsl_subjects": subjects,
        "gzsl_recordings": subjects,
        "gate_p_unseen": rng.random(n),
        "gate_is_unseen": zsl,
        "gate_threshold": np.array(0.4),
        "seen": np.array(SEEN),
        "unseen": np.array(UNSEEN),
        "latent_map_xy": rng.normal(size=(12, 2)),
        "latent_map_class": classes[[0, 1, 2, 3, 4, 3, 4, 0, 1, 2, 3, 4]],
        "latent_map_kind": kinds,
    }


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    a, folder = _arrays(), tmp_path / "run"
    zsl = (a["zsl_labels"], a["zsl_predictions"], a["zsl_subjects"], a["zsl_recordings"])
    gzsl = (a["gzsl_labels"], a["gzsl_predictions"], a["gzsl_scores"], a["gate_p_unseen"])
    subjects = (a["gzsl_subjects"], a["gzsl_recordings"])
    oracle = {"per_class_top1": 0.847, "accuracy": 0.861, "cycle": 6}
    metrics = {
        "dataset": "toy",
        "split": "random-1",
        "seed": 0,
        "zsl": evaluate_zsl(*zsl, UNSEEN, seed=0),
        **evaluate_gzsl(*gzsl, *subjects, SEEN, UNSEEN, seed=0),
        "chosen": {"step": 400, "temperature": 0.5, "threshold": 0.4},
        "chance": {"zsl": 0.5, "gzsl": 0.2, "majority_zsl": 0.5},
        "reference": {"last_cycle": {"per_class_top1": 0.412, "accuracy": 0.434}, "oracle": oracle},
    }
    subjects_of = {"train_subjects": ("<s1>",), "val_subjects": ("p9",), "test_subjects": ("p0", "p1", "p2")}
    Split("toy", "random-1", "random", 0, SEEN, UNSEEN, **subjects_of, inner=(SEEN[:1],)).save(folder / "split.json")
    write_json(folder / "metrics.json", metrics)
    write_npz(folder / "predictions.npz", a)
    write_json(folder / "environment.json", {"python": "3.11", "note": "<script>"})
    write_text(folder / "config.yaml", "dataset: toy # <i>\n")
    return folder


def test_report_holds_every_figure_as_a_png(run_folder: Path) -> None:
    path = write_report(run_folder)
    assert path == run_folder / "report.html"
    images = dict(re.findall(r'<img alt="([^"]+)" src="data:image/png;base64,([^"]+)"', path.read_text("utf-8")))
    assert set(images) == set(FIGURES)
    assert all(base64.b64decode(data).startswith(b"\x89PNG") for data in images.values())


def test_report_refers_to_nothing_outside(run_folder: Path) -> None:
    page = write_report(run_folder).read_text("utf-8")
    assert "http" not in re.sub(r"base64,[^\"]+", "", page)
    assert not re.search(r"<(script|link|iframe)|url\(|@import", page)


def test_names_are_escaped(run_folder: Path) -> None:
    page = write_report(run_folder).read_text("utf-8")
    for name in (*SEEN, *UNSEEN, "<s1>", "# <i>"):
        assert escape(name) in page
    for raw in ("<b>", "<s1>", "<i>", "<script>", "run & jump"):
        assert raw not in page


def test_report_shows_results_protocol_and_reference(run_folder: Path) -> None:
    metrics = read_json(run_folder / "metrics.json")
    page = write_report(run_folder).read_text("utf-8")
    assert f"<td>{100 * metrics['gzsl']['ausuc']['value']:.1f}</td>" in page
    assert "step 400, temperature 0.5, threshold 0.4" in page
    assert "<dd>p0, p1, p2</dd>" in page
    oracle = next(row for row in page.split("<tr>") if "best cycle: ZSL per-class top-1" in row)
    assert "selected on test, not comparable" in oracle and "84.7" in oracle
    last = next(row for row in page.split("<tr>") if "last cycle: ZSL per-class top-1" in row)
    assert "selected on test" not in last and "41.2" in last


def test_report_is_written_the_same_again_and_leaves_no_other_file(run_folder: Path) -> None:
    before = {path.name for path in run_folder.iterdir()}
    first = write_report(run_folder).read_bytes()
    assert write_report(run_folder).read_bytes() == first
    assert {path.name for path in run_folder.iterdir()} == before | {"report.html"}


def test_a_run_before_the_gzsl_stage_gets_its_zsl_report(run_folder: Path) -> None:
    metrics, arrays = read_json(run_folder / "metrics.json"), read_npz(run_folder / "predictions.npz")
    for name in ("gzsl", "gate", "reference"):
        del metrics[name]
    write_json(run_folder / "metrics.json", metrics)
    zsl_only = {name: array for name, array in arrays.items() if name.startswith(("zsl", "latent"))}
    write_npz(run_folder / "predictions.npz", zsl_only)
    page = write_report(run_folder).read_text("utf-8")
    assert page.count("<img") == 3
    assert "GZSL harmonic" not in page


@pytest.mark.parametrize("name", ["metrics.json", "predictions.npz", "split.json", "environment.json", "config.yaml"])
def test_a_missing_file_is_named_with_a_remedy(run_folder: Path, name: str) -> None:
    (run_folder / name).unlink()
    with pytest.raises(InputError, match=f"{re.escape(str(run_folder / name))}.*run the same command again"):
        write_report(run_folder)


@pytest.mark.parametrize("name", ["metrics.json", "predictions.npz", "split.json", "environment.json"])
def test_a_damaged_file_is_named(run_folder: Path, name: str) -> None:
    path = run_folder / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=re.escape(str(path))):
        write_report(run_folder)
    assert not (run_folder / "report.html").exists()


def test_incomplete_results_are_named(run_folder: Path) -> None:
    arrays = read_npz(run_folder / "predictions.npz")
    write_npz(run_folder / "predictions.npz", {k: v for k, v in arrays.items() if k != "gzsl_scores"})
    with pytest.raises(InputError, match="predictions.npz.*gzsl_scores"):
        write_report(run_folder)
    write_npz(run_folder / "predictions.npz", arrays | {"gate_is_unseen": arrays["gate_is_unseen"][:-1]})
    with pytest.raises(InputError, match="predictions.npz.*do not fit"):
        write_report(run_folder)
    (run_folder / "metrics.json").write_text(json.dumps({"split": "x"}))
    with pytest.raises(InputError, match="metrics.json.*zsl"):
        write_report(run_folder)


def test_no_folder_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such run folder"):
        write_report(tmp_path / "nowhere")
