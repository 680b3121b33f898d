from pathlib import Path

import numpy as np
import pytest
import yaml

from feature_extraction.descriptions import kinematic_lexicon
from feature_extraction.descriptions.class_list import attribute_names, class_list_from_mapping, load_class_list
from feature_extraction.descriptions.kinematic_lexicon import (
    KinematicPredictor,
    Lexicon,
    activity_embeddings,
    attributes_of,
    load_lexicon,
    with_kinematics,
)
from feature_extraction.errors import InputError
from feature_extraction.storage.places import CLASS_LISTS_FOLDER

N_ATTRIBUTES = 20


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return load_lexicon()


@pytest.fixture(scope="module")
def third(lexicon: Lexicon) -> KinematicPredictor:
    """Return the predictor of every third entry: embedding all of them anew would take too long for a test."""
    embeddings = activity_embeddings(lexicon.labels[::3], lexicon.texts[::3])
    return KinematicPredictor.fit(embeddings, lexicon.attributes[::3])


def at(lexicon: Lexicon, label: str, attribute: str) -> float:
    """Return one value of the lexicon."""
    return float(lexicon.attributes[lexicon.labels.index(label), lexicon.names.index(attribute)])


def random_problem(n_entries: int, seed: int, n_dimensions: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Return unit vectors [n_entries, n_dimensions] and three attributes linear in them."""
    generator = np.random.default_rng(seed)
    embeddings = generator.normal(size=(n_entries, n_dimensions))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return embeddings, 0.5 + embeddings @ np.random.default_rng(99).uniform(-0.2, 0.2, size=(n_dimensions, 3))


def written(folder: Path, **changes: object) -> Path:
    """Write a lexicon of four sound entries, with changes to the one called `hop`."""
    entries = {
        name: {"text": f"Somebody does a {name} with both legs and some care.", "values": [0.5] * N_ATTRIBUTES}
        for name in ("hop", "skip", "jump", "rest")
    }
    entries["hop"].update(changes)
    path = folder / "lexicon.yaml"
    path.write_text(yaml.safe_dump({"lexicon": entries}))
    return path


def test_lexicon_is_large_and_names_are_unique(lexicon: Lexicon) -> None:
    assert len(lexicon.labels) >= 260
    assert len({label.lower() for label in lexicon.labels}) == len(lexicon.labels)
    assert lexicon.names == attribute_names()
    assert lexicon.attributes.shape == (len(lexicon.labels), N_ATTRIBUTES)


def test_values_are_in_range(lexicon: Lexicon) -> None:
    assert lexicon.attributes.min() >= 0
    assert lexicon.attributes.max() <= 1


@pytest.mark.parametrize("place", range(N_ATTRIBUTES))
def test_every_attribute_has_low_middle_and_high_examples(lexicon: Lexicon, place: int) -> None:
    values = lexicon.attributes[:, place]
    assert (values <= 0.2).sum() >= 5
    assert ((values >= 0.35) & (values <= 0.65)).sum() >= 5
    assert (values >= 0.75).sum() >= 5


def test_descriptions_are_short_and_nobody_elses(lexicon: Lexicon) -> None:
    assert all(8 <= len(text.split()) <= 25 for text in lexicon.texts)
    taken = set()
    for path in CLASS_LISTS_FOLDER.glob("*_descriptions.yaml"):
        for description in load_class_list(path.name.removesuffix("_descriptions.yaml")).descriptions.values():
            taken |= {description.sentence.lower(), *map(str.lower, description.motion.values())}
            taken |= set(map(str.lower, description.paraphrases))
    texts = [text.lower() for text in lexicon.texts]
    assert len(set(texts)) == len(texts)
    assert taken and not taken & set(texts)


def test_values_follow_the_definitions(lexicon: Lexicon) -> None:
    assert (
        at(lexicon, "lying on the back", "torso_upright") < 0.1 < 0.9 < at(lexicon, "standing still", "torso_upright")
    )
    assert (
        at(lexicon, "descending stairs", "vertical_travel")
        < 0.1
        < 0.9
        < at(lexicon, "climbing stairs", "vertical_travel")
    )
    assert at(lexicon, "sprinting", "overall_intensity") == 1
    assert at(lexicon, "giving a thumbs up", "transience") > 0.9 > 0.1 > at(lexicon, "walking", "transience")
    shared = {"walking": "walking", "standing still": "standing", "sitting on a chair": "sitting"}
    kinematics = load_class_list("hapt").descriptions
    for label, name in shared.items():
        row = lexicon.attributes[lexicon.labels.index(label)]
        assert np.abs(row - list(kinematics[name].kinematics.values())).max() < 0.15


def test_predictor_recovers_a_linear_map() -> None:
    embeddings, attributes = random_problem(200, seed=1)
    unseen, truth = random_problem(50, seed=2)
    predicted = KinematicPredictor.fit(embeddings, attributes).predict(unseen)
    assert np.abs(predicted - truth).max() < 0.01


def test_prediction_does_not_depend_on_length_and_stays_in_range() -> None:
    embeddings, attributes = random_problem(40, seed=3)
    predictor = KinematicPredictor.fit(embeddings, np.clip(4 * (attributes - 0.5) + 0.5, 0, 1))
    unseen, _ = random_problem(30, seed=4)
    predicted = predictor.predict(unseen)
    assert np.allclose(predicted, predictor.predict(3 * unseen))
    assert predicted.min() >= 0
    assert predicted.max() <= 1


def test_strong_regularisation_predicts_the_mean() -> None:
    embeddings, attributes = random_problem(30, seed=5)
    predictor = KinematicPredictor.fit(embeddings, attributes, widths=(1.0,), regularisations=(1e9,))
    assert np.allclose(predictor.predict(embeddings), attributes.mean(axis=0), atol=1e-6)


@pytest.mark.parametrize("regularisation", [0.001, 0.1, 3.0])
def test_leave_one_out_error_is_that_of_refitting(regularisation: float) -> None:
    embeddings, attributes = random_problem(15, seed=6)
    attributes = np.clip(attributes + np.random.default_rng(7).normal(scale=0.3, size=attributes.shape), 0, 1)
    choice = {"widths": (0.7,), "regularisations": (regularisation,)}
    held_out, means = [], []
    for row in range(len(embeddings)):
        rest = np.arange(len(embeddings)) != row
        predictor = KinematicPredictor.fit(embeddings[rest], attributes[rest], **choice)
        held_out.append(predictor.predict(embeddings[row : row + 1])[0])
        means.append(attributes[rest].mean(axis=0))
    error = KinematicPredictor.fit(embeddings, attributes, **choice).leave_one_out_error()
    assert np.allclose(error.predictor, np.abs(held_out - attributes).mean(axis=0), atol=1e-9)
    assert np.allclose(error.mean, np.abs(means - attributes).mean(axis=0), atol=1e-12)
    squared, squared_mean = ((held_out - attributes) ** 2).sum(axis=0), ((means - attributes) ** 2).sum(axis=0)
    assert np.allclose(error.explained, 1 - squared / squared_mean, atol=1e-9)


def test_settings_of_smallest_leave_one_out_error_are_chosen() -> None:
    embeddings, attributes = random_problem(25, seed=8)
    noise = np.random.default_rng(9).uniform(size=len(embeddings))
    predictor = KinematicPredictor.fit(embeddings, np.column_stack([attributes[:, 0], noise]))
    assert predictor.regularisation[0] < predictor.regularisation[1]


def test_real_texts_beat_the_mean(third: KinematicPredictor) -> None:
    error = third.leave_one_out_error()
    assert error.predictor.mean() < 0.75 * error.mean.mean()
    assert (error.predictor < error.mean).sum() >= 18  # hardly anything gains height: there the mean is hard to beat
    assert error.explained.mean() > 0.35


def test_attributes_of_a_new_activity(third: KinematicPredictor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinematic_lexicon, "default_predictor", lambda model, cache: third)
    asleep = attributes_of("napping on a couch", "The body lies stretched out and hardly moves for an hour.")
    chased = attributes_of("fleeing from a dog", "The person runs away as fast as the legs can carry.")
    assert tuple(asleep) == attribute_names()
    assert asleep["torso_upright"] < chased["torso_upright"] - 0.2
    assert asleep["leg_intensity"] < chased["leg_intensity"] - 0.3
    assert asleep["smoothness"] > chased["smoothness"] + 0.2
    with pytest.raises(InputError, match="must both say something"):
        attributes_of("napping", " ")


def test_entries_with_a_label_can_be_left_out(lexicon: Lexicon) -> None:
    rest = lexicon.without(["WALKING", "no such activity"])
    assert len(rest.labels) == len(rest.texts) == len(rest.attributes) == len(lexicon.labels) - 1
    assert "walking" not in rest.labels
    row, before = rest.labels.index("jogging"), lexicon.labels.index("jogging")
    assert np.array_equal(rest.attributes[row], lexicon.attributes[before])


def test_activity_is_embedded_half_way_between_label_and_text(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"hop": [1.0, 0.0], "It hops.": [0.0, 1.0]}
    monkeypatch.setattr(kinematic_lexicon, "embed", lambda texts, model, cache: np.array([known[t] for t in texts]))
    assert np.allclose(activity_embeddings(["hop"], ["It hops."]), [[0.5**0.5, 0.5**0.5]])


def test_sound_file_is_read(tmp_path: Path) -> None:
    lexicon = load_lexicon(written(tmp_path))
    assert lexicon.labels == ("hop", "jump", "rest", "skip")
    assert (lexicon.attributes == 0.5).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"values": [0.5] * 19}, "; give 20, in the order of kinematics.yaml"),
        ({"values": [0.5] * 3 + [1.2] + [0.5] * 16}, "hop: kinematics 'overall_intensity' is 1.2"),
        ({"values": [0.5] * 19 + [True]}, "hop: kinematics 'transience' is True"),
        ({"values": [0.5] * 19 + [float("nan")]}, "hop: kinematics 'transience' is nan"),
        ({"values": [0.5] * 19 + ["high"]}, "hop: kinematics 'transience' is 'high'"),
        ({"values": 0.5}, "hop: values are 0.5; give 20"),
        ({"text": "  "}, "hop: text is '  '"),
        ({"text": "Somebody does a jump with both legs and some care."}, "in words of its own"),
        ({"label": "hop"}, "hop: expected a label (in quotes) with exactly 'text' and 'values'"),
    ],
)
def test_bad_entry_is_named(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    path = written(tmp_path, **changes)
    with pytest.raises(InputError) as error:
        load_lexicon(path)
    assert str(path) in str(error.value)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lexicon: [", "not readable as YAML"),
        ("", "needs a mapping 'lexicon'"),
        ("lexicon: [a, b]", "needs a mapping 'lexicon'"),
        ("lexicon: {hop: {}, skip: {}, hop: {}}", "'hop' stands there twice"),
        ("lexicon: {7: {}}", "7: expected a label (in quotes)"),
    ],
)
def test_bad_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "lexicon.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as error:
        load_lexicon(path)
    assert str(path) in str(error.value)
    assert message in str(error.value)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.yaml: no such file"):
        load_lexicon(tmp_path / "none.yaml")


def test_kinematics_that_are_not_written_are_predicted_as_for_an_added_activity(text_cache, caplog) -> None:
    written = {name: 0.5 for name in attribute_names()}
    label, text = load_lexicon().labels[0], load_lexicon().texts[0]
    mapping = {"one": {"sentence": "Someone.", "kinematics": written}, label: {"sentence": text}}
    class_list = class_list_from_mapping("tiny-predicted", mapping, "dataset.yaml")
    with caplog.at_level("INFO"):
        found = [with_kinematics(class_list, cache=text_cache) for _ in range(2)][1].descriptions
    assert found["one"].kinematics == written
    assert found[label].kinematics == attributes_of(label, text, cache=text_cache)
    said = [record.message for record in caplog.records if "predicted" in record.message]
    assert said == [f"tiny-predicted: kinematics of {label} are predicted from name and sentence"]
