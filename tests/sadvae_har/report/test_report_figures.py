"""Figures of a report show the numbers of the run, and names as they are."""

from pathlib import Path

import numpy as np
import pytest
from report_runs import SEEN, THRESHOLD, UNSEEN, write_run

from feature_extraction.storage.escaping import figure_label
from sadvae_har.report.figures import (
    curve_figure,
    gate_histogram,
    gzsl_confusion,
    latent_plane,
    per_class_bars,
    zsl_confusion,
)
from sadvae_har.report.look.plotly_figures import names_below, names_beside
from sadvae_har.report.run_files import RunFiles, read_run


@pytest.fixture
def run(tmp_path: Path) -> RunFiles:
    return read_run(write_run(tmp_path / "run"))


def named(figure, words: str):
    (trace,) = [trace for trace in figure.data if trace.name and words in trace.name]
    return trace


def test_confusion_shows_shares_of_each_true_class(run: RunFiles) -> None:
    (heat,) = zsl_confusion(run).data
    labels, predicted = run.arrays["zsl_labels"], run.arrays["zsl_predictions"]
    for i, true in enumerate(UNSEEN):
        for j, guess in enumerate(UNSEEN):
            n = int(((labels == true) & (predicted == guess)).sum())
            assert heat.z[i][j] == pytest.approx(100 * n / 40)
            assert heat.hovertext[i][j].endswith(f"{n} of 40 windows ({100 * n / 40:.1f} %)")


def test_lines_part_seen_from_unseen(run: RunFiles) -> None:
    lines = {(line.x0, line.y0) for line in gzsl_confusion(run).layout.shapes}
    assert lines == {(0, len(SEEN) - 0.5), (len(SEEN) - 0.5, 0)}


def test_operating_point_is_that_of_the_metrics(run: RunFiles) -> None:
    point, gzsl = named(curve_figure(run), "gate"), run.metrics["gzsl"]
    assert point.x[0] == pytest.approx(100 * gzsl["unseen"]["value"], abs=1e-3)
    assert point.y[0] == pytest.approx(100 * gzsl["seen"]["value"], abs=1e-3)
    assert f"H {100 * gzsl['harmonic_mean']['value']:.1f}" in point.name


def test_curve_shows_the_harmonic_mean_under_the_mouse(run: RunFiles) -> None:
    curve = named(curve_figure(run), "every bias")
    x, y, mean = (np.array(values) for values in (curve.x, curve.y, curve.customdata))
    inner = (x > 0) & (y > 0)
    assert inner.any() and np.allclose(mean[inner], 2 * x[inner] * y[inner] / (x[inner] + y[inner]))
    assert mean[[0, -1]] == pytest.approx(0)


def test_gate_bars_hold_every_window_and_the_threshold_its_place(run: RunFiles) -> None:
    figure = gate_histogram(run)
    for name, n in (("unseen classes", 80), ("seen classes: 120", 120)):
        bar = [trace for trace in figure.data if trace.name.startswith(name)][0]
        assert np.array(bar.y).sum() == pytest.approx(100) and np.array(bar.customdata)[:, 2].sum() == n
    assert list(named(figure, "threshold 0.40").x) == [THRESHOLD] * 2


def test_bars_are_the_accuracy_of_each_class_beside_chance(run: RunFiles) -> None:
    zsl, gzsl = (run.metrics[part]["per_class"] for part in ("zsl", "gzsl"))
    figure = per_class_bars(run)
    ours = named(figure, "GZSL, among")
    order = [*UNSEEN, *SEEN]
    assert dict(zip((order[k] for k in ours.y), ours.x, strict=True)) == {n: 100 * v for n, v in gzsl.items()}
    assert list(named(figure, "ZSL, among unseen").x) == [100 * zsl[name] for name in UNSEEN]
    assert named(figure, "GZSL chance").x[0] == pytest.approx(20) and "50.0" in named(figure, "ZSL chance 5").name


def test_latent_map_toggles_classes_and_kinds(run: RunFiles) -> None:
    figure = latent_plane(run)
    assert {trace.name for trace in figure.data if trace.showlegend is not False} == {
        *map(figure_label, UNSEEN),
        "all seen classes",
    }
    (menu,) = figure.layout.updatemenus
    for button in menu.buttons:
        shown = button.args[0]["visible"]
        assert len(shown) == len(figure.data)
        assert all(kept for kept, trace in zip(shown, figure.data, strict=True) if trace.showlegend is not False)
    assert sum(len(trace.x) for trace in figure.data if trace.showlegend is False) == 12


def test_names_are_shown_as_they_are_and_stay_apart() -> None:
    assert figure_label("a <b> & c") == "a &lt;b&gt; &amp; c"
    long = [f"cycling on an exercise bike in {way} position" for way in ("horizontal", "vertical")]
    assert len(set(names_below(long)["ticktext"])) == 2
    assert names_beside(long)["ticktext"][1] == "cycling on an exercise bike in<br>vertical position"
    assert names_beside(["a", "b"])["range"] == [1.5, -0.5]
