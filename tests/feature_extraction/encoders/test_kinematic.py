"""Measured kinematic attributes of synthetic motion, the feature block, and the matcher that compares them.

Synthetic axes: x points up while standing, y to the left, z forward.
"""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from synthetic_windows import GRAVITY_MPS2, RATE_HZ, make_channels, make_split, make_windows

from feature_extraction.descriptions.class_list import attribute_names
from feature_extraction.encoders.kinematic import attributes as kinematic
from feature_extraction.encoders.kinematic.attributes import MOUNTINGS, measurable_attributes, measure_kinematics
from feature_extraction.errors import InputError
from feature_extraction.features import extract
from feature_extraction.features.extract import extract_kinematic, features_for, kinematic_columns, kinematic_names
from feature_extraction.recordings.recording import Channel
from sadvae_har.baselines.kinematic_matcher import KinematicMatcher, candidates, reliability
from sadvae_har.baselines.method import SeenData

N_SAMPLES = 125
TIME_S = np.arange(N_SAMPLES) / RATE_HZ
LIMBS = ("torso", "right arm", "left arm", "right leg", "left leg")
UP = dict.fromkeys((*LIMBS, "hip", "wrist", "thigh"), "+x")


def window(tilt_rad=0.0, swing_mps2=0.0, turn_radps=0.0):
    """Return a window [T, 6] of a device tipped forward by `tilt_rad`, shaken along and turned about the vertical."""
    tilt, size, rate = (np.broadcast_to(value, N_SAMPLES) for value in (tilt_rad, swing_mps2, turn_radps))
    vertical = np.stack([np.cos(tilt), np.zeros(N_SAMPLES), np.sin(tilt)], axis=1)
    return np.concatenate([vertical * (GRAVITY_MPS2 + size)[:, None], vertical * rate[:, None]], axis=1)


def sine(frequency_hz, amplitude=4.0):
    return amplitude * np.sin(2 * np.pi * frequency_hz * TIME_S)


def measure(*devices, names=("hip",), quantities=("acc", "gyro"), placements=None, up_axes=UP):
    samples = np.concatenate(devices, axis=1)[None].astype(np.float32)
    values, found = measure_kinematics(samples, make_channels(names, quantities), RATE_HZ, placements, up_axes)
    assert values.dtype == np.float32 and values.shape == (1, len(found))
    assert (values >= 0).all() and (values <= 1).all()
    assert list(found) == [name for name in attribute_names() if name in found]
    return dict(zip(found, values[0].tolist(), strict=True))


@pytest.mark.parametrize(("frequency_hz", "cadence"), [(1.5, 0.5), (0.9, 0.3), (2.4, 0.8), (3.6, 1.0)])
def test_cadence_is_the_frequency_over_three_hertz(frequency_hz, cadence):
    values = measure(window(swing_mps2=sine(frequency_hz)))
    assert values["cadence"] == pytest.approx(cadence, abs=0.02)
    assert values["periodicity"] > 0.9


def test_noise_has_less_rhythm_than_a_cycle():
    noise = np.random.default_rng(0).normal(0, 3, N_SAMPLES)
    values = measure(window(swing_mps2=noise))
    assert values["periodicity"] < 0.5
    assert values["smoothness"] < measure(window(swing_mps2=sine(1.5)))["smoothness"]


def test_stillness():
    values = measure(window(swing_mps2=np.random.default_rng(0).normal(0, 0.02, N_SAMPLES)))
    still = ("posture_change", "overall_intensity", "torso_intensity", "periodicity", "cadence", "impacts", "turning")
    assert all(values[name] < 0.05 for name in (*still, "vertical_bounce", "irregularity", "transience"))
    assert values["smoothness"] > 0.9 and values["torso_upright"] > 0.99
    assert values["vertical_travel"] == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(("tilt_rad", "upright"), [(0, 1), (np.pi / 3, 0.5), (np.pi / 2, 0), (np.pi, 0)])
def test_uprightness_is_the_cosine_of_the_tilt(tilt_rad, upright):
    assert measure(window(tilt_rad))["torso_upright"] == pytest.approx(upright, abs=1e-3)


def test_thigh_and_forearm():
    assert measure(window(np.pi), names=("thigh",))["thigh_vertical"] == pytest.approx(1, abs=1e-3)
    assert measure(window(np.pi / 2), names=("thigh",))["thigh_vertical"] == pytest.approx(0, abs=1e-3)
    for tilt_rad in (0, np.pi / 4, np.pi / 2, np.pi):
        raised = measure(window(tilt_rad), names=("wrist",))["arm_raised"]
        assert raised == pytest.approx(tilt_rad / np.pi, abs=1e-3)
    assert measure(window(0), names=("wrist",), up_axes={"wrist": "-x"})["arm_raised"] == pytest.approx(1, abs=1e-3)


def test_posture_that_changes_in_mid_window():
    lying_down = measure(window(np.pi / 2 * (TIME_S > 2.5)))
    assert lying_down["posture_change"] == pytest.approx(1, abs=1e-3)
    assert lying_down["torso_upright"] == pytest.approx(0.5, abs=0.05)
    assert lying_down["vertical_travel"] < 0.1
    assert measure(window(np.pi / 2 * (TIME_S < 2.5)))["vertical_travel"] > 0.9
    assert measure(window(np.pi / 4 * (TIME_S > 2.5)))["posture_change"] == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("rise_m", [-0.4, 0.4])
def test_rising_from_rest_to_rest_is_travel(rise_m):
    duration_s = 1.6
    during = (TIME_S > 1) & (TIME_S < 1 + duration_s)
    # One sine of acceleration over d seconds lifts by amplitude d² / 2π.
    lift = np.where(during, np.sin(2 * np.pi * (TIME_S - 1) / duration_s), 0) * rise_m * 2 * np.pi / duration_s**2
    expected = 0.5 + np.sign(rise_m) * 0.25
    assert measure(window(swing_mps2=lift))["vertical_travel"] == pytest.approx(expected, abs=0.1)


def test_bouncing_is_no_travel():
    assert measure(window(swing_mps2=sine(1.3, 6.0)))["vertical_travel"] == pytest.approx(0.5, abs=0.05)


def test_bounce_is_the_spread_along_gravity():
    assert measure(window(swing_mps2=sine(2, 6.0)))["vertical_bounce"] == pytest.approx(6 / np.sqrt(2) / 12, rel=0.02)


@pytest.mark.parametrize(("turn_radps", "turning"), [(0.3, 0.25), (-0.6, 0.5), (2.0, 1.0)])
def test_turning_about_gravity(turn_radps, turning):
    for tilt_rad in (0, 1.0):
        assert measure(window(tilt_rad, turn_radps=turn_radps))["turning"] == pytest.approx(turning, abs=1e-3)
    rocking = window()
    rocking[:, 4] = turn_radps
    assert measure(rocking)["turning"] == pytest.approx(0, abs=1e-3)
    assert measure(window(turn_radps=sine(2.0, 1.0)))["turning"] < 0.05


def test_rotation_of_the_wrist():
    slow, fast = (measure(window(turn_radps=rate), names=("wrist",))["arm_rotation"] for rate in (1.0, 10.0))
    assert 0.1 < slow < 0.4 and fast == pytest.approx(1, abs=1e-3)


def test_one_arm_only():
    shaken, still = window(swing_mps2=sine(2)), window()
    values = measure(still, shaken, still, still, still, names=LIMBS)
    assert tuple(values) == attribute_names()
    assert values["dominant_arm_intensity"] > 0.3 > values["overall_intensity"] > values["other_arm_intensity"]
    assert values["leg_intensity"] == values["torso_intensity"] == values["other_arm_intensity"] == 0
    assert values["left_right_symmetry"] == pytest.approx(0.5, abs=0.05)  # legs alike, arms not
    both = measure(still, shaken, shaken, still, still, names=LIMBS)
    assert both["left_right_symmetry"] == pytest.approx(1, abs=1e-3)
    assert both["dominant_arm_intensity"] == both["other_arm_intensity"] == values["dominant_arm_intensity"]


def test_shocks_bouts_and_single_events():
    steady = measure(window(swing_mps2=sine(2)))
    shocks = measure(window(swing_mps2=40.0 * (np.arange(N_SAMPLES) % 25 == 0)))
    once = measure(window(swing_mps2=sine(2) * (TIME_S >= 2) * (TIME_S < 3)))
    assert shocks["impacts"] > 0.5 > steady["impacts"]
    assert once["transience"] > 0.6 and steady["transience"] < 0.1
    assert once["irregularity"] > 0.5 and steady["irregularity"] < 0.1


def test_intensity_grows_with_the_amplitude():
    values = [measure(window(swing_mps2=sine(2, size)))["overall_intensity"] for size in (0.5, 2, 8, 30)]
    assert values == sorted(values) and values[0] < 0.15 and 0.8 < values[-1] < 1


def natural_windows(n_windows=6, devices=1, seed=0):
    """Return irregular motion about upright, [N, T, 6 * devices]."""
    generator = np.random.default_rng(seed)
    drift = np.cumsum(generator.normal(0, 0.05, (n_windows, devices, N_SAMPLES)), axis=2)
    swing = generator.normal(0, 2, (n_windows, devices, N_SAMPLES))
    rows = [[window(drift[n, d], swing[n, d], drift[n, d]) for d in range(devices)] for n in range(n_windows)]
    return np.stack([np.concatenate(row, axis=1) for row in rows]).astype(np.float32)


def test_turning_the_sensor_about_its_long_axis_keeps_every_value():
    windows = natural_windows()
    turn = Rotation.from_euler("x", 1.1).as_matrix().astype(np.float32)
    turned = np.concatenate([windows[..., :3] @ turn.T, windows[..., 3:] @ turn.T], axis=2)
    before, after = (measure_kinematics(x, make_channels(("hip",)), RATE_HZ, None, UP)[0] for x in (windows, turned))
    np.testing.assert_allclose(before, after, atol=2e-3)


def test_any_turn_of_the_sensor_keeps_what_needs_no_mounting():
    windows = natural_windows()
    turn = Rotation.random(random_state=3).as_matrix().astype(np.float32)
    turned = np.concatenate([windows[..., :3] @ turn.T, windows[..., 3:] @ turn.T], axis=2)
    before, names = measure_kinematics(windows, make_channels(("hip",)), RATE_HZ)
    assert not {"torso_upright", "vertical_travel"} & set(names)
    np.testing.assert_allclose(before, measure_kinematics(turned, make_channels(("hip",)), RATE_HZ)[0], atol=2e-3)


def test_the_order_of_channels_and_devices_does_not_matter():
    windows, channels = natural_windows(devices=5), make_channels(LIMBS)
    order = np.random.default_rng(1).permutation(len(channels))
    before, names = measure_kinematics(windows, channels, RATE_HZ, None, UP)
    after, again = measure_kinematics(windows[:, :, order], [channels[k] for k in order], RATE_HZ, None, UP)
    assert names == again
    np.testing.assert_allclose(before, after, atol=2e-3)


def test_chunks_do_not_change_values_and_memory_stays_flat(monkeypatch, tmp_path):
    windows, channels = natural_windows(40), make_channels(("hip",))
    whole = measure_kinematics(windows, channels, RATE_HZ)[0]
    monkeypatch.setattr(kinematic, "CHUNK_WINDOWS", 7)
    np.testing.assert_allclose(measure_kinematics(windows, channels, RATE_HZ)[0], whole, atol=1e-5)
    np.save(tmp_path / "windows.npy", np.tile(windows, (50, 1, 1)))
    mapped = np.load(tmp_path / "windows.npy", mmap_mode="r")
    tracemalloc.start()
    measure_kinematics(mapped, channels, RATE_HZ)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < mapped.nbytes / 2


def test_what_no_placement_measures_is_left_out():
    trunk = {"torso_upright", "torso_intensity", "vertical_bounce", "vertical_travel", "turning"}
    arm = {"dominant_arm_intensity", "arm_rotation", "arm_raised"}
    leg = {"leg_intensity", "thigh_vertical"}
    rare = trunk | arm | leg | {"other_arm_intensity", "left_right_symmetry"}
    for place, own in (("hip", trunk), ("wrist", arm), ("thigh", leg), ("pocket", set())):
        assert set(measurable_attributes(make_channels(), [place], UP)) & rare == own
    assert set(measurable_attributes(make_channels(("left wrist",)))) & rare == {"other_arm_intensity"}
    assert set(measurable_attributes(make_channels(("right ankle",)))) & rare == {"leg_intensity"}
    assert set(measurable_attributes(make_channels(("hip",), ("acc",)), up_axes=UP)) & trunk == trunk - {
        "turning",
        "vertical_travel",
    }
    assert set(measurable_attributes(make_channels(LIMBS), up_axes=UP)) == set(attribute_names())


def test_windows_of_different_placements_have_what_both_measure():
    places = ["wrist", "thigh"] * 3
    windows = natural_windows(6)
    values, names = measure_kinematics(windows, make_channels(), RATE_HZ, places, UP)
    assert "overall_intensity" in names and not {"arm_raised", "leg_intensity"} & set(names)
    alone, found = measure_kinematics(windows[1:2], make_channels(), RATE_HZ, ["thigh"], UP)
    np.testing.assert_allclose(values[1], alone[0, [found.index(name) for name in names]], atol=1e-6)


def test_what_cannot_be_measured_is_refused():
    windows, channels = natural_windows(2), make_channels()
    with pytest.raises(InputError, match="at least 2 s; use a longer window_s"):
        measure_kinematics(windows[:, :49], channels, RATE_HZ)
    with pytest.raises(InputError, match="at least one window"):
        measure_kinematics(windows[:0], channels, RATE_HZ)
    with pytest.raises(InputError, match="do not fit 6 channels"):
        measure_kinematics(windows[..., :5], channels, RATE_HZ)
    with pytest.raises(InputError, match="one per window"):
        measure_kinematics(windows, channels, RATE_HZ, ["hip"])
    with pytest.raises(InputError, match="unit 'g'"):
        measure_kinematics(windows, [Channel("imu", c.quantity, c.axis, "g") for c in channels], RATE_HZ)
    with pytest.raises(InputError, match="lacks axis x"):
        measure_kinematics(windows[..., 1:], channels[1:], RATE_HZ)
    with pytest.raises(InputError, match="write \\+x"):
        measure_kinematics(windows, make_channels(("hip",)), RATE_HZ, None, {"hip": "up"})
    windows[1, 3, 2] = np.nan
    with pytest.raises(InputError, match="window 1: samples are not finite"):
        measure_kinematics(windows, channels, RATE_HZ)


def test_mountings_name_placements_of_the_class_lists():
    from feature_extraction.descriptions.class_list import load_class_list

    for dataset, axes in MOUNTINGS.items():
        assert set(axes) <= set(load_class_list(dataset).placements), dataset


def test_the_block_beside_the_others(tmp_path, monkeypatch):
    windows = make_windows()
    table = features_for(windows, make_split(), ("statistical", "kinematic"), tmp_path)
    names = kinematic_names(windows)
    assert table.provenance == () and table.blocks["kinematic"] == len(names) and len(table) == len(windows.samples)
    assert names[0] == "kinematic.posture_change" and "kinematic.torso_intensity" in names
    assert [f"kinematic.{attribute_names()[k]}" for k in kinematic_columns(windows)] == list(names)
    cadence = table.select(("kinematic",)).features[:, names.index("kinematic.cadence")]
    assert cadence[windows.labels == "medium"].mean() == pytest.approx(1.6 / 3, abs=0.05)
    monkeypatch.setattr(extract, "single_block", None)  # would fail if it were computed again
    again = features_for(windows, make_split(), ("kinematic",), tmp_path)
    np.testing.assert_array_equal(again.features, table.select(("kinematic",)).features)
    path = next(tmp_path.rglob("kinematic-v*.npz"))
    with pytest.raises(InputError, match="delete it or name another file"):
        extract_kinematic(replace(windows, key="other"), path)


COLUMNS = (3, 0, 5, 8, 1, 6)


def matching_problem(shuffled=False, seed=0):
    """Return seen data, and windows, labels and texts of unseen classes: measured = written + noise."""
    generator = np.random.default_rng(seed)
    text = generator.uniform(-1, 1, (14, 10)).astype(np.float32)
    text -= text[:8].mean(axis=0)
    labels = np.repeat(np.arange(14), 30)
    written = text[:, list(COLUMNS)]
    told = written[labels]
    if shuffled:
        told = generator.permuted(told, axis=0)
    measured = told + generator.normal(0, 0.15, told.shape)
    measured = (measured / measured[labels < 8].std(axis=0)).astype(np.float32)
    seen = labels < 8
    return SeenData(measured[seen], labels[seen], text[:8]), measured[~seen], labels[~seen] - 8, text[8:]


@pytest.mark.parametrize("method", candidates(COLUMNS), ids=lambda m: f"{m.similarity}-{m.weighting}")
def test_the_matcher_finds_the_class_and_guesses_on_shuffled_attributes(method):
    data, features, labels, text = matching_problem()
    scores = method.fit(data, 0).score(features, text)
    assert scores.shape == (len(features), len(text)) and np.isfinite(scores).all()
    assert (scores.argmax(axis=1) == labels).mean() > 0.95
    hits = []
    for seed in range(5):
        data, features, labels, text = matching_problem(True, seed)
        hits.append((method.fit(data, 0).score(features, text).argmax(axis=1) == labels).mean())
    assert np.mean(hits) == pytest.approx(1 / 6, abs=0.05)


def test_the_right_columns_are_compared():
    data, features, labels, text = matching_problem()
    wrong = KinematicMatcher(tuple(reversed(COLUMNS))).fit(data, 0).score(features, text)
    assert (wrong.argmax(axis=1) == labels).mean() < 0.6


def test_only_reliability_looks_at_labels():
    data, features, _, text = matching_problem()
    mixed = replace(data, labels=np.random.default_rng(0).permutation(data.labels))
    for method in candidates(COLUMNS):
        same = np.allclose(method.fit(data, 0).score(features, text), method.fit(mixed, 0).score(features, text))
        assert same == (method.weighting != "reliability")


def test_reliability_by_hand():
    written = np.array([[0, 0, 0, 1], [1, 1, 1, 1], [2, 2, 2, 1]], dtype=np.float32)
    measured = np.array([[0, 2, 1, 5], [3, 1, 1, 6], [6, 0, 1, 7]], dtype=np.float32)
    np.testing.assert_allclose(reliability(measured, written), [1, 0.05, 0.05, 0.05], atol=1e-6)


def test_an_attribute_all_seen_classes_share_still_counts_for_unseen_ones():
    columns = (0, 1)
    text = np.array([[-1, 0], [1, 0]], dtype=np.float32)
    generator = np.random.default_rng(0)
    data = SeenData(generator.normal(0, 1, (40, 2)).astype(np.float32), np.arange(40) % 2, text)
    unseen = np.array([[0, 0], [0, 1]], dtype=np.float32)
    scores = KinematicMatcher(columns, "distance").fit(data, 0).score(np.array([[0, 3]], dtype=np.float32), unseen)
    assert scores.argmax() == 1


def test_features_that_do_not_fit_the_columns_are_refused():
    data, *_ = matching_problem()
    with pytest.raises(InputError, match="6 features and 10 written attributes do not fit"):
        KinematicMatcher((0, 1)).fit(data, 0)
    with pytest.raises(InputError, match="kinematics alone"):
        KinematicMatcher((0, 1, 2, 3, 4, 10)).fit(data, 0)
