"""Doubts about samples: synthetic motion of known size, turning and rate, said to be something else."""

from dataclasses import replace

import numpy as np
import pytest
from notations import motion

from feature_extraction.errors import InputError
from feature_extraction.own_files.plausibility import (
    ONE_G,
    Doubt,
    Examination,
    Reference,
    doubts_of_place,
    require_possible,
)
from feature_extraction.recordings.motion import DeviceMotion
from feature_extraction.recordings.recording import three_axes
from feature_extraction.recordings.signal import FACTORS, GRAVITY_MPS2

RATE_HZ = 50.0
DEG = np.pi / 180


def examine(samples, acc="m/s2", gyro="rad/s", rate_hz=RATE_HZ, **options) -> list[Doubt]:
    """Return the doubts about samples of acceleration alone, or of both sensors."""
    channels = (three_axes("wrist", "acc", acc) + three_axes("wrist", "gyro", gyro))[: samples.shape[1]]
    examination = Examination(channels, rate_hz, **options)
    examination.add(samples)
    return examination.doubts()


def kinds(doubts) -> list[tuple[str, str]]:
    return [(doubt.severity, doubt.kind) for doubt in doubts]


def test_motion_in_its_own_units_raises_no_doubt():
    assert examine(motion()) == [] and examine(motion()[:, :3] / GRAVITY_MPS2, acc="g") == []


@pytest.mark.parametrize("said", ["g", "m/s2", "mg"])
@pytest.mark.parametrize("unit", ONE_G)
def test_a_unit_that_the_values_contradict_is_an_error_that_names_the_right_one(unit, said):
    values = motion()[:, :3] / GRAVITY_MPS2 * ONE_G[unit]
    found = examine(values, acc=said)
    factor = ONE_G[unit] * FACTORS["acc"][said] / GRAVITY_MPS2
    if 1 / 3 < factor < 3:
        assert not [doubt for doubt in found if doubt.severity == "error"]
        return
    assert kinds(found) == [("error", "unit of acc")]
    near = [other for other in ONE_G if abs(np.log(ONE_G[other] / ONE_G[unit])) < 0.1]
    assert any(f"look like {other}" in found[0].text for other in near)
    with pytest.raises(InputError, match="^walk.csv: acc .* is said to be in"):
        require_possible(found, "walk.csv")


def test_an_error_says_where_the_unit_has_to_be_corrected():
    values = motion()[:, :3] / GRAVITY_MPS2
    stated = [f"acc_{axis} (m/s2)" for axis in "xyz"]
    assert "acc (acc_x (m/s2), " in examine(values, names=stated)[0].text
    assert examine(values, names=stated)[0].text.endswith("correct the unit in the names of the columns")
    assert examine(values, names=["x", "y", "z"])[0].text.endswith("declare --units acc=g")


def test_a_single_wild_value_is_no_unit():
    values = motion()
    values[7, 1], values[9, 4] = 5000.0, 400.0
    assert not [doubt for doubt in examine(values) if doubt.severity == "error"]


@pytest.mark.parametrize("chunk", [1, 7, 64, 250, 400])
def test_chunks_of_any_size_give_the_same(chunk):
    values = np.vstack([motion(), motion()[::-1], motion()[:33]])
    values[500:520] = np.nan
    whole, parts = DeviceMotion(RATE_HZ), DeviceMotion(RATE_HZ)
    whole.add(values)
    for first in range(0, len(values), chunk):
        parts.add(values[first : first + chunk])
    one, other = whole.so_far(), parts.so_far()
    for name in ("halves", "ranges", "rhythm", "at_extreme"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-9, atol=1e-9)
    assert one.n_rows == other.n_rows == 813


def test_degrees_said_to_be_radians():
    values = motion()
    values[:, 3:] /= DEG
    assert kinds(examine(values)) == [("error", "unit of gyro")]
    assert "the values look like deg/s" in examine(values)[0].text
    assert examine(values, gyro="deg/s") == []


def test_a_still_sensor_does_not_spin():
    values = np.tile([0.0, 0.0, GRAVITY_MPS2, 0.0, 0.0, 4.0], (500, 1)) + np.random.default_rng(0).normal(
        0, 0.01, (500, 6)
    )
    assert kinds(examine(values)) == [("question", "unit of gyro")]


def test_radians_said_to_be_degrees():
    """Gravity turns by 57 times what the gyroscope then says."""
    assert kinds(examine(motion(), gyro="deg/s")) == [("error", "unit of gyro")]
    assert "the values look like rad/s" in examine(motion(), gyro="deg/s")[0].text


@pytest.mark.parametrize("scale", [1.0, 0.3])
def test_acceleration_without_gravity_is_noticed_whatever_its_unit(scale):
    generator, time_s = np.random.default_rng(1), np.arange(1500) / RATE_HZ
    swing = 3 * np.sin(2 * np.pi * 1.1 * time_s)[:, None] * np.array([1.0, 0.5, -0.4])
    values = scale * (swing + generator.normal(0, 0.2, (1500, 3)))
    assert kinds(examine(values)) == [("question", "no gravity")]
    assert "record total acceleration, or add gravity and user acceleration up" in examine(values)[0].text
    without = Reference(gravity_mps2={"wrist": 0.1})
    assert examine(values, reference=without) == []
    assert kinds(examine(motion(), reference=without))[0] == ("question", "gravity")


def test_a_rate_at_which_nobody_can_step_is_a_question():
    time_s = np.arange(3000) / RATE_HZ
    walk = np.array([0.5, 9.0, 3.0]) + np.abs(np.sin(np.pi * 1.9 * time_s))[:, None] * np.array([0.5, 6.0, 1.0])
    assert examine(walk) == []
    assert kinds(examine(walk, rate_hz=500.0)) == [("question", "rate")]
    assert "500 Hz" in examine(walk, rate_hz=500.0)[0].text


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda v: v.__setitem__((slice(None), 1), 0.0), "dead acc axis"),
        (lambda v: v.__setitem__((slice(700, None), 1), v[700, 1]), "dead acc axis"),
        (lambda v: v.__setitem__((slice(None), 4), 0.0), "dead gyro axis"),
        (lambda v: v.__setitem__((slice(None), slice(3, 6)), 0.0), "dead gyro"),
        (lambda v: v.__setitem__((slice(None), slice(0, 3)), 5.0), "dead acc"),
        (lambda v: v.__setitem__((slice(None), 1), v[:, 2]), "dead acc copy"),
        (lambda v: v.__setitem__((slice(None), 1), -v[:, 0]), "dead acc copy"),
    ],
)
def test_axes_that_are_not_recorded(change, kind):
    values = np.vstack([motion(), motion()[::-1], motion()])
    assert examine(values) == []
    change(values)
    assert kinds(examine(values)) == [("question", kind)]


def test_a_sensor_at_the_end_of_its_range_is_noted():
    values = np.vstack([motion(), motion()])
    values[:, 0] = np.clip(6 * np.sin(np.arange(800) / 9) + 12, None, 15.0)
    found = examine(values)
    assert kinds(found) == [("note", "limit of acc")] and "wrist.acc_x is at its limit of 15 m/s2" in found[0].text


def test_a_device_worn_in_another_direction_is_noted():
    mean = motion()[:, :3]
    known = mean / np.linalg.norm(mean, axis=1, keepdims=True)
    assert examine(motion(), reference=Reference(gravity={"wrist": known})) == []
    found = examine(motion(), reference=Reference(gravity={"wrist": -known}))
    assert kinds(found) == [("note", "direction of gravity")] and "worn differently" in found[0].text


@pytest.mark.parametrize(
    ("names", "file_name", "places", "asks"),
    [
        (["left_ankle_acc_x"], "walk", ("wrist",), True),
        (["acc_x"], "left_ankle", ("wrist",), True),
        (["acc_x"], "walk", ("wrist",), False),
        (["wrist_acc_x"], "ankle circles", ("wrist",), True),
        (["right arm acc x"], "walk", ("right wrist",), False),
        (["pocket_acc_x"], "walk", ("thigh",), False),
        (["thigh_acc_x"], "walk", ("ankle", "thigh"), False),
        (["acc_x"], "hand_waving_back_to_chest", ("wrist",), False),
        (["ankle_acc_x"], "walk", (), False),
    ],
)
def test_a_place_that_is_not_the_models_is_a_question(names, file_name, places, asks):
    reference = Reference(places=places)
    assert kinds(doubts_of_place(names, file_name, reference)) == ([("question", "place")] if asks else [])


def test_an_activity_in_a_file_name_is_no_place():
    reference = Reference(places=("wrist",), activities=("ankle circles",))
    assert not doubts_of_place(["wrist_acc_x"], "ankle circles", reference)
    assert doubts_of_place(["wrist_acc_x"], "ankle circles", replace(reference, activities=("walking",)))


def test_recordings_too_short_to_tell_raise_no_doubt():
    for n_rows in (0, 1, 2, 5):
        assert not [d for d in examine(motion()[:n_rows]) if d.severity == "error"]
    assert examine(np.full((100, 6), np.nan)) == []
