"""The list of activities of an everyday recogniser: it grows, shrinks, is restricted, saved and loaded."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from everyday_model import pretend_corpus, recording_of, six_channels
from text_archive import SENTENCES

from feature_extraction.descriptions.vocabulary import load_vocabulary
from feature_extraction.errors import InputError
from feature_extraction.own_files.declared import Declared
from feature_extraction.windows.stream import TimedWindows
from sadvae_har.recognition.everyday.model import EverydayModel
from sadvae_har.recognition.everyday.recognizer import EverydayRecognizer
from sadvae_har.recognition.live import predict_file
from sadvae_har.recognition.prediction import Prediction
from sadvae_har.recognition.recognizer import Recognizer

NEW = ("jumping jacks", "lying", "rowing")


@pytest.fixture(scope="module")
def windows() -> np.ndarray:
    return pretend_corpus().windows.samples[::5]


def add(recognizer: Recognizer, *names: str) -> Recognizer:
    for name in names:
        recognizer.add_activity(name, SENTENCES[name], load_vocabulary().descriptions[name].kinematics)
    return recognizer


def predicted(recognizer: Recognizer, windows: np.ndarray) -> Prediction:
    return recognizer.reading(six_channels("thing")).predict(windows)


def each_alone(recognizer: Recognizer, windows: np.ndarray) -> Prediction:
    """Recognise windows that do not follow each other."""
    apart = np.arange(len(windows))
    return recognizer.predict_windows(TimedWindows(windows, apart * 1000.0, apart))


def same(one: Prediction, other: Prediction) -> None:
    """Require the same predictions, bit for bit."""
    assert one.activities == other.activities
    for name in ("labels", "activity", "probability", "unseen", "strangeness", "probabilities"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_the_order_of_adds_and_removes_does_not_matter(
    everyday: EverydayRecognizer, everyday_model_path: Path, text_cache: Path, windows: np.ndarray
) -> None:
    """Only the list that is left does, and that in its order alone."""
    add(everyday, "lying", "rowing")
    everyday.remove_activity("lying")
    add(everyday, "jumping jacks", "lying")
    everyday.remove_activity("rowing")
    add(everyday, "rowing")
    everyday.remove_activity("jumping jacks")
    fresh = add(EverydayRecognizer.load(everyday_model_path, text_cache), "lying", "rowing")
    assert everyday.names == fresh.names
    same(predicted(everyday, windows), predicted(fresh, windows))


def test_the_order_of_the_list_only_orders_the_scores(
    everyday: EverydayRecognizer, everyday_model_path: Path, text_cache: Path, windows: np.ndarray
) -> None:
    other = add(EverydayRecognizer.load(everyday_model_path, text_cache), *NEW[::-1])
    one, two = predicted(add(everyday, *NEW), windows), predicted(other, windows)
    columns = [two.activities.index(name) for name in one.activities]
    assert one.activity.tolist() == two.activity.tolist()
    assert one.probabilities == pytest.approx(two.probabilities[:, columns], abs=1e-6)


def test_trained_activities_keep_their_scores(everyday: EverydayRecognizer, windows: np.ndarray) -> None:
    n_trained = len(everyday.names)

    def of_trained() -> np.ndarray:
        recognizer = everyday.reading(six_channels("thing"))
        return recognizer.text_logits(recognizer.features(windows))[:, :n_trained]

    before, alone = of_trained(), predicted(everyday, windows)
    add(everyday, *NEW)
    np.testing.assert_allclose(of_trained(), before, rtol=1e-5)
    for name in NEW:
        everyday.remove_activity(name)
    same(predicted(everyday, windows), alone)


def test_described_ones_are_marked_and_can_win(everyday: EverydayRecognizer, windows: np.ndarray) -> None:
    found = predicted(add(everyday, *NEW), windows)
    assert found.unseen.tolist() == [name in NEW for name in found.activity.tolist()]
    everyday.restrict(NEW)
    assert predicted(everyday, windows).unseen.all()
    everyday.restrict(["walking", "running"])
    assert not predicted(everyday, windows).unseen.any()
    everyday.restrict(None)
    assert found.probabilities.sum(1) == pytest.approx(np.ones(len(found)))
    assert [entry.seen for entry in everyday.activities] == [True] * 6 + [False] * 3


def test_saved_and_loaded_it_predicts_the_same_bit_for_bit(
    everyday: EverydayRecognizer, tmp_path: Path, text_cache: Path, windows: np.ndarray
) -> None:
    add(everyday, *NEW)
    everyday.remove_activity("lying")
    again = Recognizer.load(everyday.save(tmp_path), text_cache)
    assert isinstance(again, EverydayRecognizer)
    same(predicted(again, windows), predicted(everyday, windows))
    twice = again.save(tmp_path / "twice.safetensors")
    assert twice.read_bytes() == (tmp_path / "recognizer.safetensors").read_bytes()
    again.remove_activity("rowing")  # a loaded description is one like any other
    add(again, "rowing")
    same(predicted(again, windows), predicted(everyday, windows))


def test_a_model_in_memory_predicts_what_its_file_predicts(
    everyday: EverydayRecognizer, everyday_model: EverydayModel, windows: np.ndarray
) -> None:
    same(predicted(EverydayRecognizer(everyday_model), windows), predicted(everyday, windows))


@pytest.mark.parametrize(
    "copied", [lambda r: r.copy(), lambda r: r.reading(six_channels("thing"))], ids=["copy", "reading"]
)
def test_lists_of_copies_are_their_own(
    copied, everyday: EverydayRecognizer, everyday_model_path: Path, text_cache: Path, windows: np.ndarray
) -> None:
    """Each grows and shrinks as if the other were not there."""

    def fresh(*names: str) -> Recognizer:
        return add(EverydayRecognizer.load(everyday_model_path, text_cache), *names)

    other = copied(add(everyday, "rowing"))
    add(everyday, "jumping jacks")
    same(predicted(other, windows), predicted(fresh("rowing"), windows))
    add(other, "lying")
    other.remove_activity("rowing")
    same(predicted(other, windows), predicted(fresh("lying"), windows))
    same(predicted(everyday, windows), predicted(fresh("rowing", "jumping jacks"), windows))


@pytest.mark.parametrize(
    ("name", "said"),
    [("walking", "was trained on"), ("flying", "is not on the list"), ("rowing", "is not on the list")],
)
def test_what_cannot_be_removed(name: str, said: str, everyday: EverydayRecognizer) -> None:
    with pytest.raises(InputError, match=f"activity '{name}' {said}"):
        everyday.remove_activity(name)


@pytest.mark.parametrize("name", ["walking", "Unknown", "rowing"])
def test_what_cannot_be_added(name: str, everyday: EverydayRecognizer) -> None:
    add(everyday, "rowing")
    with pytest.raises(InputError, match=f"activity '{name}'"):
        everyday.add_activity(name, SENTENCES["rowing"], load_vocabulary().descriptions["rowing"].kinematics)
    assert everyday.names.count("rowing") == 1


# Restriction


@pytest.mark.parametrize(
    "names",
    [
        ["running", "sitting"],
        ["waving"],
        ["rowing", "lying"],
        ["lying"],
        ["walking", "rowing"],
        ["walking", "running", "lying", "rowing"],
    ],
    ids=", ".join,
)
def test_only_what_may_occur_comes_out(names: list[str], everyday: EverydayRecognizer, windows: np.ndarray) -> None:
    add(everyday, *NEW)
    everyday.restrict(names)
    found = each_alone(everyday.reading(six_channels("thing")), windows)
    assert set(found.activity) <= set(names)
    allowed = [found.activities.index(name) for name in names]
    assert found.probabilities[:, allowed].sum(1) == pytest.approx(np.ones(len(found)))
    assert np.isfinite(found.probabilities).all() and found.activities == everyday.names
    if len(set(names) & set(NEW)) in (0, len(names)):  # between trained and described ones the gate decides
        assert set(found.activity) == set(names)


def test_among_trained_ones_it_is_the_classifier_that_decides(
    everyday: EverydayRecognizer, windows: np.ndarray
) -> None:
    """As if nothing had been described: its order stays, whatever the gate makes of a window."""
    alone = each_alone(everyday.reading(six_channels("thing")), windows)
    add(everyday, *NEW)
    everyday.restrict(["walking", "running", "sitting"])
    found = each_alone(everyday.reading(six_channels("thing")), windows)
    columns = [alone.activities.index(name) for name in ("walking", "running", "sitting")]
    expected = np.array(["walking", "running", "sitting"])[alone.probabilities[:, columns].argmax(1)]
    assert found.activity.tolist() == expected.tolist()
    assert not found.unseen.any()


@pytest.mark.parametrize("weight", [1.0, -1.0])
@pytest.mark.parametrize("cue", ["text_margin", "energy", "novelty"])
def test_among_described_ones_descriptions_decide_whatever_the_gate_reads(
    cue: str, weight: float, everyday_model: EverydayModel, text_cache: Path, windows: np.ndarray
) -> None:
    """A gate that would send every window to trained activities has nothing to say either."""
    gate = replace(everyday_model.gate, cues=(cue,), mean=(0.0,), scale=(1.0,), weights=(weight,), bias=0.0)
    everyday = add(EverydayRecognizer(replace(everyday_model, gate=gate), text_cache), *NEW)
    bound = everyday.reading(six_channels("thing"))
    text = bound.text_logits(bound.features(windows))
    bound.restrict(["rowing", "lying"])
    found = each_alone(bound, windows)
    columns = [found.activities.index(name) for name in ("rowing", "lying")]
    expected = np.array(["rowing", "lying"])[text[:, columns].argmax(1)]
    assert found.activity.tolist() == expected.tolist() and len(set(expected)) == 2
    assert found.unseen.all()
    of_two = found.probabilities[:, columns]
    assert of_two.sum(1) == pytest.approx(np.ones(len(found)))
    decided = np.abs(np.diff(text[:, columns])[:, 0]) > 1
    assert (of_two.max(1)[decided] > 0.55).all()


def test_lifted_it_is_as_before(everyday: EverydayRecognizer, windows: np.ndarray) -> None:
    add(everyday, *NEW)
    before = predicted(everyday, windows)
    everyday.restrict(["sitting"])
    everyday.restrict(None)
    same(predicted(everyday, windows), before)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["flying"], "activity 'flying' is not on the list; there are walking"),
        (["walking", "rowing"], "activity 'rowing' is not on the list"),
        ([], "no activity is left that can occur; there are walking"),
        ("walking", "is not on the list"),
    ],
    ids=["unknown", "not yet described", "none", "a text"],
)
def test_what_it_cannot_be_restricted_to(names, said: str, everyday: EverydayRecognizer, windows: np.ndarray) -> None:
    before = predicted(everyday, windows)
    with pytest.raises(InputError, match=said):
        everyday.restrict(names)
    same(predicted(everyday, windows), before)


def test_an_activity_that_is_taken_off_the_list_may_no_longer_occur(
    everyday: EverydayRecognizer, windows: np.ndarray
) -> None:
    add(everyday, *NEW)
    everyday.restrict(["rowing", "lying"])
    everyday.remove_activity("lying")
    assert set(predicted(everyday, windows).activity) == {"rowing"}
    with pytest.raises(InputError, match="'rowing' is the only one that may occur; lift the restriction first"):
        everyday.remove_activity("rowing")
    assert set(predicted(everyday, windows).activity) == {"rowing"}


def test_a_copy_is_restricted_by_itself(everyday: EverydayRecognizer, windows: np.ndarray) -> None:
    other = everyday.copy()
    other.restrict(["sitting"])
    assert set(predicted(other, windows).activity) == {"sitting"}
    assert len(set(predicted(everyday, windows).activity)) > 3


# The rest of what a recogniser offers


def test_a_file_with_any_devices_is_read(everyday: EverydayRecognizer, tmp_path: Path) -> None:
    recording = recording_of("running", "wrist", "hip")
    names = [f"{c.device}_{c.quantity}_{c.axis} ({c.unit.replace('m/s2', 'm/s^2')})" for c in recording.channels]
    path = tmp_path / "somewhere.csv"
    np.savetxt(path, recording.samples, delimiter=",", header=",".join(names), comments="")
    plan = everyday.plan(path, Declared(rate_hz=50.0))
    assert list(dict.fromkeys(channel.device for channel in plan.channels)) == ["wrist", "hip"]
    found = predict_file(everyday, path, plan)
    assert set(found.labels) == {"running"} and len(found) == 7
    whole = everyday.reading(recording.channels).predict(recording)
    assert found.probabilities == pytest.approx(whole.probabilities, abs=1e-3)
    with pytest.raises(InputError, match="placement 'elbow' is unknown; choose from head"):
        predict_file(everyday, path, plan, placements={"hip": "elbow"})


def test_no_windows_give_no_predictions(everyday: EverydayRecognizer) -> None:
    short = recording_of("walking", "wrist")
    short = replace(short, samples=short.samples[:20])
    assert len(everyday.reading(short.channels).predict(short)) == 0


def test_it_says_why(everyday: EverydayRecognizer) -> None:
    recording = recording_of("running", "wrist")
    bound = add(everyday, "rowing").reading(recording.channels)
    window = bound.windows(recording).samples[0]
    found = bound.explain(window)
    assert found.label == "running" and found.rival in everyday.names and found.rival != "running"
    assert len(found.evidence) == 0  # nothing is measured: attributes depend on how a device is turned
    assert bound.latent_map(window[None]).names == everyday.names
    similarity = bound.similarity(bound.features(window[None]))
    assert similarity.shape == (1, 7) and (np.abs(similarity) <= 1 + 1e-6).all()


def test_it_is_not_shared_through_the_hub(everyday: EverydayRecognizer, tmp_path: Path) -> None:
    for refuse in (everyday.save_pretrained, everyday.push_to_hub):
        with pytest.raises(InputError, match="use save"):
            refuse("somewhere")
