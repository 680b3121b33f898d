"""Any devices: turned, at other rates, without gyroscope, several or one, called whatever, worn wherever."""

from dataclasses import replace

import numpy as np
import pytest
from everyday_model import MOTIONS, felt, pretend_corpus, recording_of, six_channels, turned

from feature_extraction.descriptions.vocabulary import load_vocabulary
from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import Recording, three_axes
from sadvae_har.recognition.everyday.recognizer import EverydayRecognizer
from sadvae_har.recognition.prediction import Prediction

JUMPING = "A person jumps on the spot, legs apart and arms overhead, then back, again and again."
LYING = "A person lies on a bed and hardly moves."
KINEMATICS = load_vocabulary().descriptions["jumping jacks"].kinematics
PLACES = ("wrist", "thigh", "hip")
# Statistics are the same up to 6e-5 of their spread and embeddings up to 5e-6, each for sums of a hundred samples. The
# logits of 66 statistics and 128 embeddings follow by their weights, all below 1, and a probability by a quarter.
PROBABILITY = 1e-4
STRANGENESS = 1e-3


def recognise(recognizer: EverydayRecognizer, recording: Recording, **places: str) -> Prediction:
    """Return what is recognised in a recording, of whose devices nothing is known but these places."""
    return recognizer.reading(recording.channels, placements=places).predict(recording)


def renamed(recording: Recording, *names: str) -> Recording:
    """Return the recording with other names of its devices."""
    other = dict(zip(recording.devices, names, strict=True))
    return replace(
        recording, channels=tuple(replace(c, device=other[c.device]) for c in recording.channels), placements={}
    )


def with_columns(recording: Recording, columns: list[int]) -> Recording:
    """Return the recording with some of its columns."""
    channels = tuple(recording.channels[k] for k in columns)
    return replace(recording, samples=recording.samples[:, columns], channels=channels, placements={})


def both(first: Recording, second: Recording) -> Recording:
    """Return two recordings at once, with devices called one and two."""
    samples = np.concatenate([first.samples, second.samples], axis=1)
    return replace(first, samples=samples, channels=six_channels("one") + six_channels("two"), placements={})


def agree(one: Prediction, other: Prediction) -> None:
    """Require the same labels and, up to rounding, the same numbers."""
    assert one.activity.tolist() == other.activity.tolist()
    assert one.labels.tolist() == other.labels.tolist()
    assert one.probabilities == pytest.approx(other.probabilities, abs=PROBABILITY)
    assert one.strangeness == pytest.approx(other.strangeness, abs=STRANGENESS)


@pytest.fixture(scope="module")
def windows() -> np.ndarray:
    corpus = pretend_corpus()
    return corpus.windows.samples[corpus.windows.has_gyro][::3]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("activity", [name for name in MOTIONS if name != "waving"])
def test_somebody_new_is_recognised(activity: str, place: str, everyday: EverydayRecognizer) -> None:
    found = recognise(everyday, recording_of(activity, place), **{place: place})
    assert set(found.activity) == {activity} and set(found.labels) == {activity}
    assert len(found) == 7  # 20 s: 5 s every 2.5 s


@pytest.mark.parametrize("described", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_how_a_device_is_turned_does_not_matter(
    seed: int, described: bool, everyday: EverydayRecognizer, windows: np.ndarray
) -> None:
    if described:
        everyday.add_activity("jumping jacks", JUMPING, KINEMATICS)
    recognizer = everyday.reading(six_channels("thing"))
    agree(recognizer.predict(windows), recognizer.predict(turned(windows, seed)))


def test_a_device_that_takes_acceleration_for_rotation_is_noticed(
    everyday: EverydayRecognizer, windows: np.ndarray
) -> None:
    """The same test fails for what is not the same motion: axes of rotation turned against those of acceleration."""
    recognizer = everyday.reading(six_channels("thing"))
    changed = np.concatenate([windows[..., :3], 3 * windows[..., 3:]], axis=-1)
    difference = recognizer.predict(changed).probabilities - recognizer.predict(windows).probabilities
    assert np.abs(difference).max() > 100 * PROBABILITY


@pytest.mark.parametrize("rate_hz", [20.0, 25.0, 50.0, 100.0, 102.4, 200.0])
@pytest.mark.parametrize("activity", ["walking", "running", "sitting", "waving"])
def test_the_rate_of_a_recording_does_not_matter(activity: str, rate_hz: float, everyday: EverydayRecognizer) -> None:
    found = recognise(everyday, recording_of(activity, "wrist", rate_hz=rate_hz))
    assert set(found.labels) == {activity}
    assert len(found) == 7


@pytest.mark.parametrize("unit", ["m/s2", "g", "1/64 g"])
def test_units_do_not_matter(unit: str, everyday: EverydayRecognizer) -> None:
    recording = recording_of("walking", "wrist")
    factor = {"m/s2": 1.0, "g": 1 / 9.80665, "1/64 g": 64 / 9.80665}[unit]
    channels = three_axes("wrist", "acc", unit) + three_axes("wrist", "gyro", "deg/s")
    samples = recording.samples * np.repeat([factor, 180 / np.pi], 3)
    agree(recognise(everyday, replace(recording, samples=samples, channels=channels)), recognise(everyday, recording))


@pytest.mark.parametrize("activity", ["walking", "running", "sitting"])
def test_a_device_without_gyroscope_is_read(activity: str, everyday: EverydayRecognizer) -> None:
    found = recognise(everyday, with_columns(recording_of(activity, "wrist"), [0, 1, 2]))
    assert set(found.activity) == {activity}
    assert np.isfinite(found.probabilities).all() and np.isfinite(found.strangeness).all()


def test_features_without_gyroscope_are_whole(everyday: EverydayRecognizer, windows: np.ndarray) -> None:
    """What the accelerometer tells is untouched, and the rest is what it lets expect."""
    full = everyday.reading(six_channels("thing")).features(windows)[:, 0]
    bare = everyday.reading(six_channels("thing")[:3]).features(windows[..., :3])[:, 0]
    weight, bias = everyday.model.guess.weight, everyday.model.guess.bias
    n_acc, n_all = len(weight), len(weight) + len(bias)
    assert bare.shape == full.shape and np.isfinite(bare).all()
    np.testing.assert_array_equal(bare[:, :n_acc], full[:, :n_acc])
    np.testing.assert_allclose(bare[:, n_acc:n_all], full[:, :n_acc] @ weight + bias, rtol=1e-5, atol=1e-5)


def test_beside_a_device_without_gyroscope_one_that_has_it_is_untouched(everyday: EverydayRecognizer) -> None:
    recording = recording_of("walking", "wrist", "hip")
    mixed = with_columns(recording, [0, 1, 2, *range(6, 12)])
    features = [everyday.reading(r.channels).predict(r) for r in (recording, mixed)]
    assert all(set(found.activity) == {"walking"} for found in features)
    windows = everyday.reading(recording.channels).windows(recording).samples
    full = everyday.reading(recording.channels).features(windows)
    part = everyday.reading(mixed.channels).features(windows[..., [0, 1, 2, *range(6, 12)]])
    np.testing.assert_array_equal(part[:, 1], full[:, 1])


@pytest.mark.parametrize("place", PLACES)
def test_two_devices_that_agree_are_surer_than_one(place: str, everyday: EverydayRecognizer) -> None:
    """Same motion, turned differently: the label of one, with more confidence, for devices err alike but not wholly."""
    recording = renamed(recording_of("walking upstairs", place), "one")
    twice = both(recording, replace(recording, samples=turned(recording.samples, 5)))
    one, two = recognise(everyday, recording, one=place), recognise(everyday, twice, one=place, two=place)
    assert one.activity.tolist() == two.activity.tolist()
    assert (two.probability > one.probability).all() and (two.probability < 1).all()


def test_a_device_that_contradicts_changes_the_outcome(everyday: EverydayRecognizer) -> None:
    running, sitting = (recording_of(name, "hip") for name in ("running", "sitting"))
    alone = recognise(everyday, renamed(running, "one"))
    against = recognise(everyday, both(running, sitting))
    assert set(alone.activity) == {"running"}
    k = against.activities.index("running")
    assert (against.probabilities[:, k] < alone.probabilities[:, k] - 0.1).all()


@pytest.mark.parametrize("n_devices", [1, 2, 3])
def test_what_is_missing_is_not_needed(n_devices: int, everyday: EverydayRecognizer) -> None:
    recording = recording_of("walking", *PLACES)
    some = with_columns(recording, list(range(6 * n_devices)))
    found = recognise(everyday, some)
    assert set(found.labels) == {"walking"} and np.isfinite(found.probabilities).all()


@pytest.mark.parametrize("order", [(1, 0, 2), (2, 1, 0)], ids=str)
@pytest.mark.parametrize("described", [False, True])
def test_the_order_of_devices_does_not_matter(
    order: tuple[int, ...], described: bool, everyday: EverydayRecognizer
) -> None:
    if described:
        everyday.add_activity("jumping jacks", JUMPING, KINEMATICS)
    recording = recording_of("waving", *PLACES)
    columns = [6 * device + k for device in order for k in range(6)]
    agree(recognise(everyday, recording), recognise(everyday, with_columns(recording, columns)))


def test_the_order_of_columns_does_not_matter(everyday: EverydayRecognizer) -> None:
    recording = recording_of("waving", "wrist", "hip")
    columns = np.random.default_rng(0).permutation(12).tolist()
    agree(recognise(everyday, recording), recognise(everyday, with_columns(recording, columns)))


def test_names_of_devices_do_not_matter(everyday: EverydayRecognizer) -> None:
    everyday.add_activity("jumping jacks", JUMPING, KINEMATICS)
    recording = recording_of("walking", *PLACES)
    named = recognise(everyday, renamed(recording, "a", "b", "c"), a="wrist", b="thigh", c="hip")
    again = recognise(everyday, renamed(recording, "x", "7", "the hip"), x="wrist", **{"7": "thigh", "the hip": "hip"})
    agree(named, again)
    agree(named, recognise(everyday, recording))  # which says the places by its names


def test_a_magnetometer_is_passed_over(everyday: EverydayRecognizer) -> None:
    recording = recording_of("walking", "wrist")
    more = replace(
        recording,
        samples=np.concatenate([recording.samples, np.full((len(recording.samples), 3), 40.0)], axis=1),
        channels=recording.channels + three_axes("wrist", "mag", "uT"),
    )
    agree(recognise(everyday, more), recognise(everyday, recording))


@pytest.mark.parametrize(
    ("channels", "said"),
    [
        (three_axes("hip", "gyro", "rad/s"), "'hip': acc lacks axis"),
        (three_axes("hip", "acc", "m/s2")[:2], "acc lacks axis z"),
        (three_axes("hip", "mag", "uT"), "need a three-axis accelerometer"),
        (three_axes("hip", "acc", "furlongs"), "unit 'furlongs' is unknown"),
    ],
    ids=["gyroscope alone", "two axes", "magnetometer alone", "unit"],
)
def test_without_a_whole_accelerometer_it_is_refused(channels: tuple, said: str, everyday: EverydayRecognizer) -> None:
    with pytest.raises(InputError, match=said):
        everyday.reading(channels)


@pytest.mark.parametrize(
    ("shape", "value"), [((3, 100, 3), 0.0), ((3, 50, 6), 0.0), ((100, 6), 0.0), ((3, 100, 6), np.nan)], ids=str
)
def test_windows_of_another_format_are_refused(
    shape: tuple[int, ...], value: float, everyday: EverydayRecognizer
) -> None:
    with pytest.raises(InputError, match="expected|not finite"):
        everyday.reading(six_channels("thing")).predict(np.full(shape, value))


def test_a_recording_that_lacks_what_it_was_bound_to_is_refused(everyday: EverydayRecognizer) -> None:
    bare = with_columns(recording_of("walking", "wrist"), [0, 1, 2])
    with pytest.raises(InputError, match="gyro_x"):
        everyday.reading(six_channels("wrist")).predict(bare)


# Placement


def text_scores(recognizer: EverydayRecognizer, samples: np.ndarray, place: str) -> np.ndarray:
    bound = recognizer.reading(six_channels("thing"), placements={"thing": place} if place else None)
    return bound.text_logits(bound.features(samples))


def test_where_the_place_is_unknown_all_of_them_count(everyday: EverydayRecognizer, windows: np.ndarray) -> None:
    """Densities of all places add up, and a place that is said leaves its own."""
    everyday.add_activity("jumping jacks", JUMPING, KINEMATICS)
    at = {place: text_scores(everyday, windows, place) for place in everyday.model.text.placements}
    anywhere = text_scores(everyday, windows, "")
    k = everyday.names.index("jumping jacks")
    summed = np.logaddexp.reduce([found[:, k] for found in at.values()], axis=0)
    np.testing.assert_allclose(anywhere[:, k], summed, rtol=1e-4)
    summed = np.logaddexp.reduce([at[place][:, 0] for place in PLACES], axis=0)
    np.testing.assert_allclose(anywhere[:, 0], summed, rtol=1e-4)


def test_a_place_that_is_said_leaves_its_description_alone(everyday: EverydayRecognizer, windows: np.ndarray) -> None:
    """Motion of the wrist that is told otherwise changes nothing for a device at the hip."""
    texts = dict.fromkeys(everyday.model.text.placements, LYING)
    description = {"sentence": JUMPING, "label": "jumping jacks", "kinematics": KINEMATICS}
    scores = {}
    for word in (LYING, JUMPING):
        recognizer = everyday.copy()
        recognizer.add_activity("it", {**description, "motion": {**texts, "wrist": word}})
        scores[word] = {place: text_scores(recognizer, windows, place)[:, -1] for place in ("hip", "wrist", "")}
    np.testing.assert_array_equal(scores[LYING]["hip"], scores[JUMPING]["hip"])
    assert not np.allclose(scores[LYING]["wrist"], scores[JUMPING]["wrist"])
    assert not np.allclose(scores[LYING][""], scores[JUMPING][""])


def test_at_a_place_where_nothing_was_trained_trained_activities_keep_all_their_places(
    everyday: EverydayRecognizer, windows: np.ndarray
) -> None:
    np.testing.assert_array_equal(text_scores(everyday, windows, "head"), text_scores(everyday, windows, ""))


def test_places_are_said_or_read_off_names(everyday: EverydayRecognizer) -> None:
    channels = six_channels("left wrist") + six_channels("thing")

    def placed(file_name: str = "", **said: str) -> list[str]:
        return [device.placement for device in everyday.reading(channels, file_name, said).devices]

    assert placed() == ["wrist", ""]
    assert placed("walk_thigh") == ["wrist", "thigh"]
    assert placed("walk_thigh", thing="hip") == ["wrist", "hip"]
    assert placed(**{"left wrist": "ankle"}) == ["ankle", ""]
    assert placed(**{"": "head"}) == ["head", "head"]
    assert placed(**{"": "head", "thing": "hip"}) == ["head", "hip"]


@pytest.mark.parametrize("place", ["elbow", "somewhere", "7"])
def test_an_unknown_place_is_refused_with_the_list(place: str, everyday: EverydayRecognizer) -> None:
    with pytest.raises(InputError, match="choose from head, trunk, hip, thigh, ankle, upper arm, wrist"):
        everyday.reading(six_channels("thing"), placements={"thing": place})


def test_a_place_of_an_unknown_device_is_refused(everyday: EverydayRecognizer) -> None:
    with pytest.raises(InputError, match="placement of 'watch': no such device; there are thing"):
        everyday.reading(six_channels("thing"), placements={"watch": "wrist"})


def test_reading_leaves_the_recogniser_as_it_was(everyday: EverydayRecognizer) -> None:
    everyday.reading(six_channels("left wrist") + six_channels("thing"))
    assert [device.name for device in everyday.devices] == ["imu"]
    assert everyday.channels == six_channels("imu")
    assert everyday.predict(felt("walking", "wrist")[None]).activity.tolist() == ["walking"]
