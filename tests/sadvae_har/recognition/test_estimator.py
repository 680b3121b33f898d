import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from synthetic_problem import ATTRIBUTES, CLASSES, SPLIT, make_table
from text_archive import SENTENCES

from feature_extraction.descriptions.class_list import attribute_names
from feature_extraction.descriptions.embeddings import embed
from feature_extraction.errors import InputError
from sadvae_har.recognition.estimator.estimator import ZeroShotClassifier

SEEN, UNSEEN = SPLIT.seen, SPLIT.unseen
SMALL: dict[str, Any] = {"n_seeds": 2, "n_steps": 120}


def described(name: str) -> dict[str, Any]:
    """Describe a class of the synthetic problem by the attributes that its features follow."""
    code = ATTRIBUTES[CLASSES.index(name)]
    values = dict.fromkeys(attribute_names(), 0.5)
    values |= {attribute: float(code >> bit & 1) for bit, attribute in enumerate(attribute_names()[:4])}
    return {"sentence": f"A person does {name}.", "kinematics": values}


DESCRIPTIONS = {name: described(name) for name in SEEN}
TABLE = make_table()
TEST = np.isin(TABLE.subjects, SPLIT.test_subjects)
TRAIN = np.isin(TABLE.labels, SEEN) & ~TEST
X, Y, SUBJECTS = TABLE.features[TRAIN], TABLE.labels[TRAIN], TABLE.subjects[TRAIN]
X_TEST, Y_TEST = TABLE.features[TEST], TABLE.labels[TEST]


def make(unseen: tuple[str, ...] = UNSEEN, **changes: Any) -> ZeroShotClassifier:
    texts = {name: described(name) for name in unseen}
    return ZeroShotClassifier(DESCRIPTIONS, texts, **{"views": ("kinematics",), **SMALL, **changes})


@pytest.fixture(scope="module")
def fitted() -> ZeroShotClassifier:
    return make().fit(X, Y, groups=SUBJECTS)


@parametrize_with_checks([ZeroShotClassifier(views=("label", "sentence"), n_seeds=1, n_steps=20)])
def test_what_scikit_learn_expects(estimator: BaseEstimator, check: Any, text_cache: Path) -> None:
    check(estimator.set_params(text_cache=str(text_cache)))


def test_recognises_classes_without_rows(fitted: ZeroShotClassifier) -> None:
    predicted, unseen = fitted.predict(X_TEST), np.isin(Y_TEST, UNSEEN)
    assert fitted.classes_.tolist() == [*sorted(SEEN), *UNSEEN]
    assert fitted.n_seen_ == 8 and fitted.n_inner_folds_ == 3
    assert (predicted == Y_TEST)[~unseen].mean() > 0.9
    assert (predicted == Y_TEST)[unseen].mean() > 0.6
    assert fitted.score(X_TEST, Y_TEST) == (predicted == Y_TEST).mean()


def test_descriptions_decide_about_unseen_classes() -> None:
    """With their descriptions exchanged, two unseen classes exchange their rows."""
    first, second, third = UNSEEN
    exchanged = make().set_params(unseen={first: described(second), second: described(first), third: described(third)})
    swap = {first: second, second: first}
    plain = make().fit(X, Y, groups=SUBJECTS).predict(X_TEST)
    assert exchanged.fit(X, Y, groups=SUBJECTS).predict(X_TEST).tolist() == [swap.get(n, n) for n in plain]
    assert {first, second} <= set(plain)


def test_probabilities_scores_and_labels_agree(fitted: ZeroShotClassifier) -> None:
    probabilities, scores = fitted.predict_proba(X_TEST), fitted.decision_function(X_TEST)
    assert probabilities.shape == scores.shape == (len(X_TEST), 11)
    assert probabilities.sum(1) == pytest.approx(np.ones(len(X_TEST)))
    assert np.array_equal(fitted.classes_[probabilities.argmax(1)], fitted.predict(X_TEST))
    assert np.array_equal(fitted.classes_[scores.argmax(1)], fitted.predict(X_TEST))


def test_without_unseen_classes_seen_ones_compete_alone(fitted: ZeroShotClassifier) -> None:
    alone = make(()).fit(X, Y, groups=SUBJECTS)
    assert set(alone.predict(X_TEST)) <= set(SEEN)
    assert alone.predict_proba(X_TEST).shape[1] == 8
    seen = np.isin(fitted.predict(X_TEST), SEEN)
    assert np.array_equal(alone.predict(X_TEST)[seen], fitted.predict(X_TEST)[seen])


def test_classes_come_and_go_after_fitting(fitted: ZeroShotClassifier) -> None:
    grown = make(()).fit(X, Y, groups=SUBJECTS)
    before = grown.predict_proba(X_TEST)
    for name in UNSEEN:
        grown.add_class(name, described(name))
    assert grown.classes_.tolist() == fitted.classes_.tolist()
    assert np.array_equal(grown.decision_function(X_TEST), fitted.decision_function(X_TEST))
    for name in UNSEEN[::-1]:
        grown.remove_class(name)
    assert np.array_equal(grown.predict_proba(X_TEST), before)


def test_removing_one_class_leaves_the_others(fitted: ZeroShotClassifier) -> None:
    some = pickle.loads(pickle.dumps(fitted)).remove_class(UNSEEN[0])
    wanted = make(UNSEEN[1:]).fit(X, Y, groups=SUBJECTS)
    assert some.classes_.tolist() == wanted.classes_.tolist()
    assert some.decision_function(X_TEST) == pytest.approx(wanted.decision_function(X_TEST), rel=1e-4, abs=1e-4)
    assert UNSEEN[0] in fitted.classes_


def test_numbers_as_labels() -> None:
    number = {name: k for k, name in enumerate(CLASSES)}
    texts = {number[name]: described(name) for name in SEEN}
    estimator = make().set_params(descriptions=texts, unseen={number[name]: described(name) for name in UNSEEN})
    estimator.fit(X, np.array([number[name] for name in Y]), groups=SUBJECTS)
    assert estimator.classes_.dtype.kind == "i" and estimator.classes_.tolist() == list(range(11))
    assert (estimator.predict(X_TEST) == np.array([number[name] for name in Y_TEST])).mean() > 0.7


def test_same_seed_same_result_other_seed_other(fitted: ZeroShotClassifier) -> None:
    again, other = make().fit(X, Y, groups=SUBJECTS), make(random_state=1).fit(X, Y, groups=SUBJECTS)
    assert np.array_equal(again.decision_function(X_TEST), fitted.decision_function(X_TEST))
    assert not np.allclose(other.decision_function(X_TEST), fitted.decision_function(X_TEST))
    drawn = [make(random_state=np.random.RandomState(3)).fit(X, Y).predict_proba(X_TEST) for _ in range(2)]
    assert np.array_equal(*drawn)


def test_pickle_and_clone(fitted: ZeroShotClassifier) -> None:
    copy = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(copy.decision_function(X_TEST), fitted.decision_function(X_TEST))
    fresh = clone(fitted)
    assert fresh.get_params() == fitted.get_params()
    for method in (fresh.predict, fresh.predict_proba, fresh.decision_function):
        with pytest.raises(NotFittedError):
            method(X_TEST)
    with pytest.raises(NotFittedError):
        fresh.add_class("row", "A person rows.")


def test_in_a_pipeline_and_under_cross_validation(fitted: ZeroShotClassifier) -> None:
    pipeline = make_pipeline(StandardScaler(), make())
    pipeline.fit(1000 * X + 7, Y, zeroshotclassifier__groups=SUBJECTS)
    assert np.mean(pipeline.predict(1000 * X_TEST + 7) == fitted.predict(X_TEST)) > 0.98
    assert cross_val_score(make((), n_steps=20, n_seeds=1), X, Y, cv=2).min() > 0.9


def test_words_describe_a_class_that_nobody_described(text_cache: Path) -> None:
    """Features are a linear map of the embedding of the label's words; `_` and `-` are spaces."""
    names = list(SENTENCES)
    clean = embed(names, cache=text_cache) @ np.random.default_rng(0).normal(size=(384, 12))
    features = np.repeat(clean, 20, axis=0) + 0.1 * np.random.default_rng(1).normal(size=(120, 12))
    y = np.repeat([name.replace(" ", "_") for name in names], 20)
    options = {"views": ("label", "sentence"), "text_cache": str(text_cache), **SMALL}
    found = ZeroShotClassifier(**options).fit(features, y)
    spelled = ZeroShotClassifier({"jumping_jacks": {"label": "jumping jacks", "sentence": "jumping jacks"}}, **options)
    assert np.array_equal(found.predict_proba(features), spelled.fit(features, y).predict_proba(features))
    assert found.score(features, y) > 0.9
    sentences = ZeroShotClassifier({n.replace(" ", "_"): SENTENCES[n] for n in names}, **options).fit(features, y)
    found.add_class("strolling", SENTENCES["walking"])
    assert np.array_equal(sentences.predict(features), y) and "strolling" in found.classes_


def test_few_classes_still_know_unseen_ones() -> None:
    """Three seen classes are too few to hold some out; the best description decides."""
    few = np.isin(Y, SEEN[:3])
    estimator = make(UNSEEN[:1]).set_params(descriptions={n: described(n) for n in SEEN[:3]})
    with pytest.warns(UserWarning, match="3 seen classes and their rows are too few to fit the gate"):
        estimator.fit(X[few], Y[few])
    assert estimator.n_inner_folds_ == 0
    assert (estimator.predict(X[few]) == Y[few]).mean() > 0.9
    assert estimator.predict_proba(X_TEST).shape == (len(X_TEST), 4)


@pytest.mark.parametrize(
    ("changes", "y", "message"),
    [
        ({"unseen": {"walk": described("walk")}}, Y, "class 'walk' is there already"),
        ({"unseen": {7: described("row")}}, Y, "class 7 is of type int, labels such as 'hop' are of type str"),
        ({"unseen": {"row": described("walk")}}, Y, "class 'row': its description is that of 'walk' too"),
        ({"unseen": {"row": {"kinematics": {}}}}, Y, "activity 'row': say in a sentence"),
        ({"unseen": {"row": {"sentence": "Rows.", "colour": "red"}}}, Y, r"activity 'row': unknown keys \['colour'\]"),
        ({"unseen": {"row": " "}}, Y, "activity 'row'"),
        ({"unseen": {"row": 3}}, Y, "activity 'row'"),
        ({"unseen": {"row": {"sentence": "Rows.", "paraphrases": 3}}}, Y, "activity 'row': paraphrases must be a list"),
        ({"unseen": ["row"]}, Y, r"unseen: \['row'\] cannot be used; map labels"),
        ({"descriptions": "walking"}, Y, "descriptions: 'walking' cannot be used; map labels"),
        ({"descriptions": {"swim": described("row")}}, Y, "descriptions: 'swim' is no label in y"),
        ({"descriptions": None, "unseen": {99: described("row")}}, np.arange(len(Y)) % 4, "label 0 does not say"),
        ({"unseen": {"row": described("row")}}, np.arange(len(Y)) % 4, "class 'row' is of type str, labels such as 0"),
        ({"descriptions": None, "views": ("label",)}, np.full(len(Y), "walking"), "y holds 1 class, 'walking'"),
        ({"views": ("smell",)}, Y, "text.views"),
        ({"n_steps": 0}, Y, "train.n_steps: 0 cannot be used"),
        ({"n_seeds": 0}, Y, "train.n_seeds: 0 cannot be used"),
    ],
)
def test_what_cannot_be_used_is_named(changes: dict[str, Any], y: np.ndarray, message: str, text_cache: Path) -> None:
    with pytest.raises(InputError, match=message):
        make((), text_cache=str(text_cache)).set_params(**changes).fit(X, y)


def test_groups_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        make().fit(X, Y, groups=SUBJECTS[1:])


@pytest.mark.parametrize("name", ["walk", "swim", 3])
def test_only_unseen_classes_can_be_removed(fitted: ZeroShotClassifier, name: Any) -> None:
    with pytest.raises(InputError, match="cannot be removed; unseen classes are"):
        fitted.remove_class(name)
