"""The examples of the documentation run from top to bottom on real recordings, and what they end with makes sense."""

import importlib
import json
import re
import runpy
import subprocess
import sys

import numpy as np
import pytest
from checkout import ROOT

EXAMPLES = ROOT / "docs" / "examples"
NOTEBOOKS = [path for path in sorted(EXAMPLES.glob("*.py")) if path.name != "onnx_numpy.py"]


@pytest.fixture
def example(trained_recognizer_path, tmp_path, monkeypatch):
    """Return a function that runs an example on the trained run and returns its variables."""

    def run(name: str) -> dict[str, object]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", [name, str(trained_recognizer_path.parent)])
        return runpy.run_path(str(EXAMPLES / name))

    return run


def test_own_csv(example, capsys):
    found = example("own_csv.py")
    prediction, streamed, segments = found["prediction"], found["streamed"], found["segments"]
    assert len(prediction) == 34  # of 5 s every 2.5 s in 89.98 s
    np.testing.assert_array_equal(streamed.labels, prediction.labels)
    np.testing.assert_allclose(streamed.probability, prediction.probability, atol=1e-3)
    assert segments[0].start_s == 0 and segments[-1].end_s == pytest.approx(87.5)
    assert all(one.end_s == two.start_s for one, two in zip(segments, segments[1:], strict=False))
    assert {"pendulum", "external rotation"} & {segment.label for segment in segments}
    assert "50 Hz" in capsys.readouterr().out


def test_new_activity(example):
    found = example("new_activity.py")
    before, after = found["before"], found["after_all_views"]
    assert before[1] == before[2] == 0 < before[0] <= 1
    assert 0 < after[1] <= 1 and 0 < after[0] <= before[0]
    assert found["recognizer"].names[-2:] == ("forward elevation", "internal rotation")
    assert all(0 <= value <= 1 for value in found["predicted"].values()) and len(found["predicted"]) == 20
    assert found["seconds"][1] < max(found["seconds"][0], 1)


def test_gzsl_explained(example, tmp_path):
    found = example("gzsl_explained.py")
    table, chosen = found["table"], found["chosen"]
    seen, unseen = ([accuracies[k] for accuracies in table.values()] for k in (0, 1))
    assert seen == sorted(seen) and unseen == sorted(unseen, reverse=True)
    assert table[-1.0][0] == table[1.0][1] == 0
    metrics = json.loads((found["folder"] / "metrics.json").read_text())["gzsl"]
    wanted = [metrics[name]["value"] for name in ("seen", "unseen", "harmonic_mean")]
    assert list(chosen) == pytest.approx(wanted, abs=1e-5)
    page = (tmp_path / "gzsl_explained.html").read_text()
    assert "calibrated stacking, every bias" in page


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_example_reads_like_a_notebook(path):
    text = path.read_text()
    assert text.startswith('"""') and text.count("# %% ") >= 3 and "assert" not in text
    assert f"python docs/examples/{path.name}" in text


def test_snippet_of_the_readme(trained_recognizer_path, tmp_path, monkeypatch, capsys):
    """The Python of the README runs as it stands, on a run where the command above it writes one."""
    (snippet,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(snippet.splitlines()) <= 12
    (tmp_path / "resources" / "runs").mkdir(parents=True)
    (tmp_path / "resources" / "runs" / "watch").symlink_to(trained_recognizer_path.parent)
    monkeypatch.chdir(tmp_path)
    values = np.random.default_rng(0).normal(0, 0.1, (600, 6)) + [0, 0, 1, 0, 0, 0]
    np.savetxt("exercises.csv", values, delimiter=",", header="ax,ay,az,gx,gy,gz", comments="")
    exec(compile(snippet, "README.md", "exec"), found := {})
    assert "hammering" in found["recognizer"].names and found["prediction"].segments
    assert capsys.readouterr().out.count("\n") == len(found["prediction"].segments)


def test_pages_of_the_api_are_built(tmp_path):
    flags = ["--docformat", "google", "--output-directory"]
    assert f"-m pdoc {' '.join(flags)}" in (ROOT / "scripts" / "api_pages.sh").read_text()
    modules = ["sadvae_har.evaluation.metrics", "feature_extraction.errors"]
    subprocess.run([sys.executable, "-m", "pdoc", *flags, str(tmp_path), *modules], check=True, cwd=ROOT)
    page = (tmp_path / "sadvae_har" / "evaluation" / "metrics.html").read_text()
    assert "harmonic_mean" in page and (tmp_path / "feature_extraction" / "errors.html").exists()


def test_the_map_of_the_api_names_what_exists():
    text = (ROOT / "docs" / "api.md").read_text()
    names = re.findall(r"\| `([a-z_.0-9]+)\.([A-Za-z_]+)` \|", text)
    assert len(names) >= 15
    for module, name in names:
        assert getattr(importlib.import_module(module), name).__doc__
