"""The recogniser on real recordings of people the model has not met."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from rounding import LOG_SCORE, PROBABILITY

from feature_extraction.datasets import get_dataset
from feature_extraction.datasets.prepare import prepare
from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import Recording
from feature_extraction.storage.files import read_npz
from feature_extraction.windows.stream import TimedWindows
from feature_extraction.windows.window_set import WindowSet
from sadvae_har.evaluation.metrics import per_class_top1
from sadvae_har.experiment.run_folder import RunFolder
from sadvae_har.recognition.prediction import UNKNOWN
from sadvae_har.recognition.recognizer import Recognizer

CIRCLES = "The person stretches one arm out sideways and draws wide circles in the air with it."


@pytest.fixture(scope="module")
def recognizer(trained_run: Path) -> Recognizer:
    return Recognizer.load(trained_run)


@pytest.fixture(scope="module")
def windows(trained_run: Path) -> WindowSet:
    return prepare("watch", out=trained_run.parent / "resources" / "windows")


@pytest.fixture(scope="module")
def test_rows(trained_run: Path, windows: WindowSet) -> np.ndarray:
    split = RunFolder(trained_run).split()
    return np.flatnonzero(np.isin(windows.labels, split.classes) & np.isin(windows.subjects, split.test_subjects))


@pytest.fixture(scope="module")
def features(recognizer: Recognizer, windows: WindowSet, test_rows: np.ndarray) -> np.ndarray:
    return recognizer.features(np.array(windows.samples[test_rows]))


@pytest.fixture(scope="module")
def recording(trained_run: Path) -> Recording:
    """One test person's exercises, one after the other."""
    split = RunFolder(trained_run).split()
    spec = get_dataset("watch")
    own = [item for item in spec.read() if isinstance(item, Recording) and item.subject == split.test_subjects[0]]
    return replace(own[0], samples=np.concatenate([item.samples[:1200] for item in own[:7]]), name="all")


def described(name: str) -> dict[str, object]:
    value = asdict(get_dataset("watch").class_list().descriptions[name])
    return {key: entry for key, entry in value.items() if key != "name"}


def test_it_predicts_what_stage_4_of_the_run_predicted(
    recognizer: Recognizer, features: np.ndarray, trained_run: Path
) -> None:
    """Everywhere but where rounding decides: at the threshold of the gate, or between two classes on the same side."""
    joint, positions = recognizer.score(features)
    saved, n_seen = read_npz(trained_run / "predictions.npz"), len(recognizer.model.trained)
    assert joint == pytest.approx(saved["gzsl_scores"], abs=LOG_SCORE)
    p, threshold = saved["gate_p_unseen"], saved["gate_threshold"]
    undecided = np.abs(np.log(p / (1 - p)) - np.log(threshold / (1 - threshold))) < LOG_SCORE
    for side in (joint[:, :n_seen], joint[:, n_seen:]):
        undecided |= np.diff(np.sort(side, axis=1)[:, -2:], axis=1)[:, 0] < LOG_SCORE
    same = np.array(recognizer.names)[positions] == saved["gzsl_predictions"]
    assert same[~undecided].all() and undecided.mean() < 0.02


def test_activities_added_by_text_reach_the_accuracy_of_the_run(
    recognizer: Recognizer, features: np.ndarray, windows: WindowSet, test_rows: np.ndarray, trained_run: Path
) -> None:
    metrics, split = RunFolder(trained_run).metrics(), RunFolder(trained_run).split()
    fresh = recognizer.copy()
    for name in split.unseen:
        fresh.remove_activity(name)
    assert fresh.names == split.seen
    for name in split.unseen:
        fresh.add_activity(name, described(name))
    labels = windows.labels[test_rows]
    unseen = np.isin(labels, split.unseen)
    best = fresh.text_logits(features[unseen])[:, len(split.seen) :].argmax(1)
    accuracy = per_class_top1(labels[unseen], np.array(split.unseen)[best])
    assert accuracy == pytest.approx(metrics["zsl"]["per_class_top1"]["value"], abs=0.01)
    assert np.array_equal(fresh.score(features)[1], recognizer.score(features)[1])


def test_adding_one_leaves_all_other_predictions_alone(recognizer: Recognizer, features: np.ndarray) -> None:
    more = recognizer.copy()
    before = more.score(features)[1]
    added = more.add_activity("arm circles", CIRCLES)
    after = more.score(features)[1]
    assert not added.seen and set(after[after != before].tolist()) <= {len(more.names) - 1}
    more.remove_activity("arm circles")
    assert np.array_equal(more.score(features)[1], before) and more.names == recognizer.names


@pytest.mark.parametrize("seen", [(True,), (False,), (True, False)], ids=["trained", "described", "both"])
def test_only_what_may_occur_comes_out(recognizer: Recognizer, features: np.ndarray, seen: tuple[bool, ...]) -> None:
    """One side of the gate alone, where it has nothing to decide, or a part of both."""
    restricted = recognizer.copy()
    names = [activity.name for activity in recognizer.activities if activity.seen in seen]
    names = names[1:] if len(seen) > 1 else names[-2:]
    restricted.restrict(names)
    joint, positions = restricted.score(features)
    allowed = [recognizer.names.index(name) for name in names]
    assert set(positions.tolist()) <= set(allowed) and len(set(positions.tolist())) > 1
    assert np.exp(joint[:, allowed]).sum(1) == pytest.approx(np.ones(len(joint)))
    if seen == (False,):
        by_text = recognizer.text_logits(features)[:, allowed].argmax(1)
        assert np.array(allowed)[by_text].tolist() == positions.tolist()
    restricted.restrict(None)
    assert np.array_equal(restricted.score(features)[1], recognizer.score(features)[1])


def test_what_is_not_on_the_list_cannot_be_all_that_may_occur(recognizer: Recognizer) -> None:
    for names in (["flying"], []):
        with pytest.raises(InputError, match="there are "):
            recognizer.copy().restrict(names)


def test_fixed_devices_are_worn_where_they_were_trained(recognizer: Recognizer) -> None:
    assert recognizer.reading(recognizer.channels) is recognizer
    with pytest.raises(InputError, match="--placement: this model reads the devices it was trained on"):
        recognizer.reading(recognizer.channels, placements={"wrist": "hip"})


def test_without_described_activities_it_tells_trained_ones_apart(recognizer: Recognizer, features: np.ndarray) -> None:
    trained = recognizer.copy()
    for activity in recognizer.activities:
        if not activity.seen:
            trained.remove_activity(activity.name)
    joint, positions = trained.score(features)
    assert joint.shape[1] == len(trained.names) and positions.max() < len(trained.names)
    assert np.exp(joint).sum(1) == pytest.approx(np.ones(len(joint)))


def test_a_recording_becomes_windows_labels_and_segments(recognizer: Recognizer, recording: Recording) -> None:
    prediction = recognizer.predict(recording)
    assert len(prediction) == len(recognizer.windows(recording).start_s) > 40
    assert set(prediction.labels.tolist()) <= {*recognizer.names, UNKNOWN}
    assert prediction.probabilities.sum(1) == pytest.approx(np.ones(len(prediction)))
    likeliest = np.array([recognizer.names.index(name) for name in prediction.activity.tolist()])
    assert np.array_equal(prediction.probability, prediction.probabilities[np.arange(len(likeliest)), likeliest])
    n_trained = sum(activity.seen for activity in recognizer.activities)
    assert np.array_equal(prediction.unseen, likeliest >= n_trained)
    assert prediction.segments[0].start_s == 0 and prediction.segments[-1].end_s == prediction.end_s[-1]
    assert list(prediction.rows()[0]) == [
        *("start_s", "end_s", "label", "activity", "probability", "unseen", "strangeness")
    ]


def test_noise_is_unknown(recognizer: Recognizer) -> None:
    noise = np.random.default_rng(0).normal(size=(12, 250, 6)).astype(np.float32) * 30
    assert set(recognizer.predict(noise).labels.tolist()) == {UNKNOWN}


def test_a_saved_model_with_its_list_predicts_the_same(
    recognizer: Recognizer, recording: Recording, tmp_path: Path
) -> None:
    more = recognizer.copy()
    more.add_activity("arm circles", CIRCLES)
    again = Recognizer.load(more.save(tmp_path / "model.safetensors"))
    assert again.names == more.names and again.activities == more.activities
    first, second = more.predict(recording), again.predict(recording)
    assert np.array_equal(first.labels, second.labels)
    assert first.probabilities == pytest.approx(second.probabilities, abs=1e-6)


def test_copies_do_not_see_each_others_activities(recognizer: Recognizer) -> None:
    one, other = recognizer.copy(), recognizer.copy()
    one.add_activity("arm circles", CIRCLES)
    other.add_activity("hammering", "The person strikes a nail with a hammer, again and again.")
    assert "hammering" not in one.names and "arm circles" not in other.names
    assert len(recognizer.names) == len(one.names) - 1


def test_an_explanation_names_descriptions_and_measured_kinematics(
    recognizer: Recognizer, windows: WindowSet, test_rows: np.ndarray
) -> None:
    samples = np.array(windows.samples[test_rows[0]])
    found, probabilities = recognizer.explain(samples), recognizer.predict(samples[None]).probabilities[0]
    assert found.probability == probabilities[recognizer.names.index(found.activity)]
    assert found.activity in recognizer.names and found.rival in recognizer.names and found.rival != found.activity
    scores = [score for _, score in found.nearest]
    assert scores == sorted(scores, reverse=True) and all(-1 <= score <= 1 for score in scores)
    written = {activity.name: activity.kinematics for activity in recognizer.activities}
    for entry in found.evidence:
        assert entry.written == written[found.activity][entry.attribute]
        nearer = abs(entry.measured - entry.rival_written) - abs(entry.measured - entry.written)
        assert entry.speaks_for == pytest.approx(nearer)
    sizes = [abs(entry.speaks_for) for entry in found.evidence]
    assert len(sizes) > 3 and sizes == sorted(sizes, reverse=True)


def test_the_rival_is_the_most_probable_of_the_others(
    recognizer: Recognizer, windows: WindowSet, test_rows: np.ndarray
) -> None:
    samples = np.array(windows.samples[test_rows[:: len(test_rows) // 8]])
    apart = np.arange(len(samples))
    prediction = recognizer.predict_windows(TimedWindows(samples, apart * 1000.0, apart))
    rivals = []
    for window, activity, probabilities in zip(samples, prediction.activity, prediction.probabilities, strict=True):
        found, others = recognizer.explain(window), probabilities.copy()
        others[recognizer.names.index(activity)] = -1
        rivals.append(found.rival)
        chosen = probabilities[recognizer.names.index(found.rival)]
        assert found.activity == activity and chosen == pytest.approx(others.max(), abs=PROBABILITY)
        assert chosen > others[others >= 0].min()
    assert len(set(rivals)) > 1


def test_the_map_stays_where_it_is_for_other_windows(
    recognizer: Recognizer, windows: WindowSet, test_rows: np.ndarray
) -> None:
    samples = np.array(windows.samples[test_rows[:6]])
    whole, part = recognizer.latent_map(samples), recognizer.latent_map(samples[2:4])
    # A unit vector in a plane: off by what features of another batch are, 1e-6, times a few weights.
    assert whole.windows_xy[2:4] == pytest.approx(part.windows_xy, abs=1e-5)
    assert whole.anchors_xy.shape == (len(recognizer.names), 2) and whole.names == recognizer.names


@pytest.mark.parametrize(
    ("name", "description", "words"),
    [
        ("pendulum", CIRCLES, "is on the list already"),
        ("Unknown", CIRCLES, "that is what windows like nothing on the list are called"),
        ("", CIRCLES, "expected a text"),
        ("arm circles", "", "expected a text"),
        ("arm circles", "x" * 3000, "shorten it to 2000"),
        ("x" * 200, CIRCLES, "shorten it to 100"),
        ("arm circles", {"label": "circles"}, "say in a sentence"),
        ("arm circles", {"sentence": CIRCLES, "colour": "red"}, r"unknown keys \['colour'\]"),
        ("arm circles", 5, "say in a sentence"),
    ],
)
def test_a_description_that_cannot_be_used_is_named(
    recognizer: Recognizer, name: str, description: object, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        recognizer.copy().add_activity(name, description)  # type: ignore[arg-type]


def test_written_kinematics_are_taken_at_their_word(recognizer: Recognizer) -> None:
    values = dict.fromkeys(recognizer.activities[0].kinematics, 0.25)
    assert recognizer.copy().add_activity("arm circles", CIRCLES, values).kinematics == values
    with pytest.raises(InputError, match="give a number from 0 to 1"):
        recognizer.copy().add_activity("arm circles", CIRCLES, values | {"cadence": 3})


def test_trained_and_absent_activities_cannot_be_removed(recognizer: Recognizer) -> None:
    with pytest.raises(InputError, match="was trained on"):
        recognizer.copy().remove_activity("pendulum")
    with pytest.raises(InputError, match="'juggling' is not on the list; there are pendulum"):
        recognizer.copy().remove_activity("juggling")


def test_windows_of_another_shape_or_with_gaps_are_refused(recognizer: Recognizer) -> None:
    with pytest.raises(InputError, match=r"shape \(2, 100, 6\) cannot be read; expected \[n, 250, 6\]: 5 s at 50 Hz"):
        recognizer.predict(np.zeros((2, 100, 6), np.float32))
    gap = np.ones((2, 250, 6), np.float32)
    gap[1, 3, 2] = np.nan
    with pytest.raises(InputError, match="window 1 holds values that are not finite"):
        recognizer.predict(gap)


def test_a_recording_that_is_too_short_gives_nothing(recognizer: Recognizer, recording: Recording) -> None:
    prediction = recognizer.predict(replace(recording, samples=recording.samples[:100]))
    assert len(prediction) == 0 and prediction.segments == () and prediction.rows() == []


def test_a_folder_without_a_model_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"recognizer\.safetensors: no such model file; .*sadvae-har run"):
        Recognizer.load(tmp_path)
