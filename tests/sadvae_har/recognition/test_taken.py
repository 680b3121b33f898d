"""What an added activity takes of the others, and activities added by their names alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from everyday_model import NOT_RECORDED

from feature_extraction.datasets.prepare import prepare
from feature_extraction.descriptions.everyday import described_at
from feature_extraction.descriptions.vocabulary import load_vocabulary
from feature_extraction.errors import InputError
from sadvae_har.experiment.run_folder import RunFolder
from sadvae_har.method.gate import TEXT_MARGIN
from sadvae_har.recognition.everyday.recognizer import EverydayRecognizer
from sadvae_har.recognition.recognizer import Recognizer


def with_gate(recognizer: Recognizer, margin: float) -> Recognizer:
    """Return it with a gate that a description passes if it matches better than the trained ones by a margin."""
    recognizer.model = replace(recognizer.model, gate=replace(TEXT_MARGIN, mean=(margin,)))
    return recognizer


def test_what_is_taken_lies_between_nothing_and_everything(everyday: EverydayRecognizer) -> None:
    name = everyday.add_activity(NOT_RECORDED).name
    taken = everyday.taken_by(name)
    assert 0 <= taken.share <= 1 and set(taken.by_activity) <= {entry.name for entry in everyday.model.trained}
    assert list(taken.by_activity.values()) == sorted(taken.by_activity.values(), reverse=True)
    assert with_gate(everyday, 1e6).taken_by(name).share == 0
    assert with_gate(everyday, -1e9).taken_by(name).share == 1


def test_shares_are_those_of_the_windows(everyday: EverydayRecognizer) -> None:
    """The whole is the mean over activities, weighted by their windows; a copy of walking takes walking first."""
    walking = load_vocabulary().descriptions["walking"]
    name = everyday.add_activity("strolling", {k: v for k, v in vars(walking).items() if k != "name"}).name
    taken = with_gate(everyday, -0.01).taken_by(name)
    owner = everyday._owner[everyday.model.fold.train_classes.numpy()]
    counts = {everyday.names[k]: n for k, n in zip(*np.unique(owner, return_counts=True), strict=True)}
    total = sum(counts[other] * share for other, share in taken.by_activity.items())
    assert taken.share == pytest.approx(total / len(owner))
    assert next(iter(taken.by_activity)) == "walking" and taken.by_activity["walking"] > 0.3


def test_only_described_activities_take(everyday: EverydayRecognizer) -> None:
    for name in ("walking", "juggling"):
        with pytest.raises(InputError, match="not among the described ones; there are none"):
            everyday.taken_by(name)


def test_what_is_said_of_a_model_holds_for_people_it_never_met(trained_run: Path) -> None:
    """Of test windows of trained activities, about as many go to the described ones as is said of kept windows."""
    recognizer = Recognizer.load(trained_run)
    windows, split = prepare("watch", out=trained_run.parent / "resources" / "windows"), RunFolder(trained_run).split()
    rows = np.flatnonzero(np.isin(windows.labels, split.seen) & np.isin(windows.subjects, split.test_subjects))
    predicted = recognizer.score(recognizer.features(np.array(windows.samples[rows])))[1]
    said = sum(recognizer.taken_by(name).share for name in split.unseen)
    assert said == pytest.approx(np.mean(predicted >= len(recognizer.model.trained)), abs=0.1)


def test_a_name_alone_takes_the_shipped_description(everyday: EverydayRecognizer, trained_run: Path) -> None:
    vocabulary = load_vocabulary()
    added = everyday.add_activity("Jumping  Jacks")
    assert added.name == NOT_RECORDED and added.description == vocabulary.descriptions[NOT_RECORDED].sentence
    assert everyday._described[-1].motion == vocabulary.descriptions[NOT_RECORDED].motion
    other = Recognizer.load(trained_run)
    added = other.add_activity(NOT_RECORDED)
    assert added.kinematics == vocabulary.descriptions[NOT_RECORDED].kinematics and not added.seen


def test_motion_is_described_where_the_model_asks_for_it() -> None:
    known = load_vocabulary().descriptions["rowing"]
    found = described_at("Rowing", ("wrist", "left elbow"))
    assert found.motion == {"wrist": known.motion["wrist"], "left elbow": known.sentence}
    with pytest.raises(InputError, match="no everyday activity 'rowin'; near ones are rowing"):
        described_at("rowin", ("wrist",))


def test_what_can_occur_is_added_if_it_is_described(everyday: EverydayRecognizer) -> None:
    before = everyday.names
    with pytest.raises(InputError, match="neither on the list nor described .* near ones are walking"):
        everyday.restrict(["walkin", NOT_RECORDED], add=True)
    with pytest.raises(InputError, match="'jumping jacks' is not on the list"):
        everyday.restrict(["walking", NOT_RECORDED])
    assert everyday.names == before
    everyday.restrict(["Walking", NOT_RECORDED], add=True)
    assert everyday.names == (*before, NOT_RECORDED) and everyday._only == {"walking", NOT_RECORDED}
    everyday.restrict(["Walking"], add=True)
    assert everyday.names == (*before, NOT_RECORDED) and everyday._only == {"walking"}
