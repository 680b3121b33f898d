import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from report_runs import write_run

from feature_extraction.errors import InputError
from sadvae_har.report.calibration import read_calibration, reliability_diagram, unknown_figure
from sadvae_har.report.look.plotly_figures import script
from sadvae_har.report.run_page import write_report

# Of the 200 windows of `write_run`, of which 81 are right.
GOOD: dict[str, Any] = {
    "ece_before": 0.14,
    "ece_after": 0.04,
    "n_windows": 200,
    "reliability_before": [[0.34, 0.2, 40], [0.59625, 0.45625, 160]],
    "reliability_after": [[0.24, 0.2, 100], [0.65, 0.61, 100]],
    "unknown_curve": [[1, 0], [0.95, 0.5], [0, 1]],
    "known_kept": 0.95,
    "unknown_flagged": 0.5,
}


def put(folder: Path, **changes: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "calibration.json").write_text(json.dumps(GOOD | changes))
    return folder


def test_the_section_is_there_only_with_the_file(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    assert "Probabilities and unknown activities" not in write_report(folder).read_text("utf-8")
    page = write_report(put(folder)).read_text("utf-8").replace(script(), "")
    assert "14.0 % before and 4.0 % after" in page and "50 of 100 of the one left out are flagged" in page
    assert '"reliability"' in page and '"unknown"' in page


def test_without_an_activity_to_leave_out_there_are_probabilities_only(tmp_path: Path) -> None:
    folder = put(write_run(tmp_path / "run"), unknown_curve=[], known_kept=None, unknown_flagged=None)
    page = write_report(folder).read_text("utf-8").replace(script(), "")
    assert '"reliability"' in page and '"unknown"' not in page and "left out" not in page


def test_figures_show_the_numbers_of_the_file(tmp_path: Path) -> None:
    found = read_calibration(put(tmp_path))
    assert found is not None
    before = next(trace for trace in reliability_diagram(found).data if trace.name == "before, ECE 14.0 %")
    assert np.allclose(before.x, [34, 59.625]) and np.allclose(before.y, [20, 45.625])
    area = (np.array(before.marker.size) - 8) ** 2
    assert area[0] / area[1] == pytest.approx(1 / 4)
    point = unknown_figure(found).data[-1]
    assert (point.x[0], point.y[0], point.name) == (95, 50, "in use")


@pytest.mark.parametrize(
    "changes",
    [
        {"ece_before": None},
        {"unknown_flagged": "high"},
        {"reliability_before": [[0.1, 0.2]]},
        {"reliability_after": [[0.1, 0.2, 3], [0.1]]},
        {"unknown_curve": 3},
    ],
    ids=str,
)
def test_a_value_of_another_kind_is_damage(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"calibration\.json: damaged .* delete it or make it again"):
        read_calibration(put(tmp_path, **changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"n_windows": 201}, "201 windows, 200 were scored"),
        ({"ece_after": 0.01}, "ece_after: 0.01 does not follow from reliability_after"),
        ({"ece_before": 0.05}, "ece_before: 0.05 does not follow from reliability_before"),
        ({"reliability_after": [[0.74, 0.7, 200]]}, "reliability_after: 200 windows, 140 right; 81 are"),
    ],
    ids=str,
)
def test_calibration_that_contradicts_the_predictions_is_refused(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    folder = put(write_run(tmp_path / "run"), **changes)
    with pytest.raises(InputError, match=rf"calibration\.json: contradicts predictions\.npz .*{words}.*; delete it"):
        write_report(folder)


@pytest.mark.parametrize("content", ["[1]", '{"ece_before": 0.1}', "{", ""])
def test_a_malformed_file_leaves_the_old_report(tmp_path: Path, content: str) -> None:
    folder = write_run(tmp_path / "run")
    before = write_report(folder).read_bytes()
    (folder / "calibration.json").write_text(content)
    with pytest.raises(InputError, match=r"calibration\.json"):
        write_report(folder)
    assert (folder / "report.html").read_bytes() == before
