import importlib.util

import numpy as np
import pytest

from feature_extraction.datasets import get_dataset
from feature_extraction.datasets.check import check
from feature_extraction.errors import InputError

SPEC = get_dataset("watch")


def test_installed_recordings():
    recordings = list(SPEC.read())
    assert len(recordings) == len({r.name for r in recordings}) == 140
    assert {r.subject for r in recordings} == {str(number) for number in range(1, 11)}
    assert {r.label for r in recordings} == set(SPEC.class_list().names)
    sides = {(r.subject, r.name.split("_")[1]) for r in recordings}
    assert len(sides) == 20
    assert {r.rate_hz for r in recordings} == {50.0}
    assert [channel.unit for channel in recordings[0].channels] == ["g"] * 3 + ["rad/s"] * 3
    assert all(dict(r.placements) == {"imu": "wrist"} for r in recordings)


def test_codes_are_the_names_of_the_package():
    from seglearn.datasets import load_watch

    data = load_watch()
    assert list(SPEC.class_list().codes) == list(data["y_labels"])
    one = next(r for r in SPEC.read() if r.name == "7_right_PEN")
    index = np.flatnonzero((data["subject"] == 7) & (data["side"] == 1) & (data["y"] == 0))[0]
    np.testing.assert_allclose(one.samples, data["X"][index], rtol=1e-6)
    assert one.label == "pendulum"


def test_missing_package_says_how_to_install_it(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'sadvae-har\[watch\]'"):
        SPEC.list_files(tmp_path)


def test_check_finds_gravity_in_place():
    findings = check("watch")
    assert any(line.startswith("ok: imu:") and "m/s2" in line for line in findings)
    assert not [line for line in findings if line.startswith("warning")]
