"""Export in the layout of the original code and back, and folders that its authors made."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from feature_extraction.errors import InputError, LeakageError
from feature_extraction.features.table import FeatureTable
from feature_extraction.protocol.split import Provenance, Split
from sadvae_har.baselines.reference.layout import ABSENT_LOGIT, OriginalLayout, export_original, pseudo_unseen_classes
from sadvae_har.baselines.reference.layout_import import import_original

CLASSES = ("walk", "run", "sit", "stand", "lie", "jump", "row", "cycle")
SPLIT = Split(
    dataset="toy",
    name="random-1",
    kind="random",
    seed=0,
    seen=("walk", "sit", "stand", "lie", "jump", "cycle"),
    unseen=("row", "run"),
    train_subjects=("1", "2"),
    val_subjects=("3",),
    test_subjects=("4",),
    inner=(("sit", "lie"), ("walk", "jump")),
)


def toy_table() -> FeatureTable:
    """Eight classes, four subjects, three windows each."""
    rng = np.random.default_rng(0)
    labels = np.repeat(CLASSES, 12)
    subjects = np.tile(np.repeat(["1", "2", "3", "4"], 3), 8)
    features = rng.normal(size=(96, 5)) + 3 * rng.normal(size=(8, 5)).repeat(12, axis=0)
    return FeatureTable(
        features=features.astype(np.float32),
        labels=labels,
        subjects=subjects,
        recordings=np.array([f"{label}-{subject}" for label, subject in zip(labels, subjects, strict=True)]),
        start_s=np.tile(np.arange(3) * 2.5, 32),
        blocks={"statistical": 3, "resnet": 2},
        dataset="toy",
        window_key="0123456789abcdef",
        provenance=(Provenance("toy", SPLIT.seen, ("1", "2", "3"), labelled=True),),
    )


TEXT = np.random.default_rng(1).normal(size=(8, 7)).astype(np.float32)


@pytest.fixture
def layout(tmp_path: Path) -> OriginalLayout:
    return OriginalLayout(root=tmp_path / "resources", dataset="toy_random-1", n_classes=8, n_unseen=2)


@pytest.fixture
def exported(layout: OriginalLayout) -> OriginalLayout:
    export_original(layout, toy_table(), SPLIT, CLASSES, TEXT)
    return layout


def as_the_original(layout: OriginalLayout) -> OriginalLayout:
    """Remove what only our export writes."""
    for path in layout.root.rglob("*"):
        if path.suffix == ".json" or path.stem.endswith(("_subject", "_recording", "_start_s")):
            path.unlink()
    return layout


def rewrite(path: Path, array: np.ndarray) -> None:
    np.save(path, array, allow_pickle=array.dtype == object)


def test_file_names_are_those_the_original_opens(exported: OriginalLayout) -> None:
    written = {path.relative_to(exported.root).as_posix() for path in exported.root.rglob("*.npy")}
    main, inner = "sk_feats/imu_toy_random-1_2_r", "sk_feats/imu_toy_random-1_val_2_r"
    assert written >= {
        f"{main}/{name}.npy" for name in ("train", "train_label", "ztest", "z_label", "gtest", "g_label", "gtest_out")
    }
    names = ("train", "train_label", "ztest", "z_label", "val", "val_label", "ztest_out", "val_out")
    assert written >= {f"{inner}/{name}.npy" for name in names}
    assert written >= {f"label_splits/toy_random-1/{name}.npy" for name in ("ru2", "rs6", "rv2_0", "rs4_0")}
    assert "text_feats/toy_random-1/all-MiniLM-L6-v2/lb_8.npy" in written


def test_parts_hold_the_right_windows(exported: OriginalLayout) -> None:
    def labels(inner: bool, name: str) -> set[str]:
        return {CLASSES[label] for label in np.load(exported.features(inner) / f"{name}.npy")}

    assert labels(False, "train_label") == set(SPLIT.seen)
    assert labels(False, "z_label") == set(SPLIT.unseen)
    assert labels(False, "g_label") == set(CLASSES)
    assert labels(True, "z_label") == {"sit", "lie"}
    assert labels(True, "train_label") == labels(True, "val_label") == set(SPLIT.seen) - {"sit", "lie"}
    assert np.load(exported.features(False) / "train.npy").shape == (6 * 2 * 3, 5)
    np.testing.assert_array_equal(np.load(exported.label_split("unseen")), [1, 6])


def test_outputs_are_logits_over_all_classes(exported: OriginalLayout) -> None:
    outputs = np.load(exported.features(False) / "gtest_out.npy")
    assert outputs.shape == (8 * 3, 8)
    assert (outputs[:, [1, 6]] == ABSENT_LOGIT).all()
    labels = np.load(exported.features(False) / "g_label.npy")
    seen = ~np.isin(labels, [1, 6])
    assert np.mean(outputs.argmax(1)[seen] == labels[seen]) > 0.9
    assert np.isfinite(np.exp(outputs.astype(np.float64))).all()


def test_round_trip(exported: OriginalLayout) -> None:
    table, problem = toy_table(), import_original(exported)
    # Unseen classes of train and val subjects are nobody's business.
    allowed = ~(np.isin(table.labels, SPLIT.unseen) & (table.subjects != "4"))
    assert problem.split == SPLIT
    assert problem.classes == CLASSES
    np.testing.assert_array_equal(problem.text, TEXT)
    before = np.lexsort((table.start_s[allowed], table.recordings[allowed]))
    after = np.lexsort((problem.table.start_s, problem.table.recordings))
    for name in ("features", "labels", "subjects", "recordings", "start_s"):
        wanted = getattr(table, name)[allowed][before]
        np.testing.assert_array_equal(getattr(problem.table, name)[after], wanted)
    for name in ("blocks", "dataset", "window_key", "provenance"):
        assert getattr(problem.table, name) == getattr(table, name)


def test_folder_of_the_original_without_our_additions(exported: OriginalLayout) -> None:
    problem = import_original(as_the_original(exported))
    assert problem.classes[:2] == ("class 0", "class 1")
    assert problem.split.unseen == ("class 1", "class 6")
    assert problem.split.inner == (("class 2", "class 4"),)
    subjects, counts = np.unique(problem.table.subjects, return_counts=True)
    assert dict(zip(subjects, counts, strict=True)) == {"test": 24, "train": 30, "val": 6}
    assert problem.table.blocks == {"imu": 5}


def test_text_parts_are_concatenated(exported: OriginalLayout) -> None:
    rewrite(exported.text_file("chat"), np.ones((8, 3)))
    assert import_original(replace(exported, text="lb_chat")).text.shape == (8, 10)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("train.npy", np.array([None, "x"], dtype=object), "objects"),
        ("train.npy", np.zeros((35, 5)), r"\(35, 5\).*36 rows"),
        ("train.npy", np.zeros((36, 5), dtype=int), "expected floats"),
        ("train.npy", np.full((36, 5), np.nan), "NaN"),
        ("gtest.npy", np.zeros((24, 4)), "feature columns"),
        ("g_label.npy", np.full(24, 8), r"\(24,\) holds 8 to 8; classes are 0 to 7"),
        ("g_label.npy", np.full(24, 0.5), "class indices"),
        ("train_label.npy", np.zeros((36, 1), dtype=int), "class indices"),
    ],
)
def test_bad_arrays_name_file_and_shape(exported: OriginalLayout, name: str, array: np.ndarray, message: str) -> None:
    path = as_the_original(exported).features(False) / name
    rewrite(path, array)
    with pytest.raises(InputError, match=message) as caught:
        import_original(exported)
    assert str(path.parent) in str(caught.value)


def test_missing_and_cut_files(exported: OriginalLayout) -> None:
    path = exported.features(False) / "gtest.npy"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=f"{path}: not readable as npy"):
        import_original(exported)
    path.unlink()
    with pytest.raises(InputError, match=f"{path}: no such file"):
        import_original(exported)


def test_label_splits_that_disagree(exported: OriginalLayout) -> None:
    as_the_original(exported)
    rewrite(exported.label_split("inner_unseen"), np.array([0, 2]))
    with pytest.raises(InputError, match="rv2_0.npy and rs4_0.npy do not make up rs6.npy"):
        import_original(exported)
    rewrite(exported.label_split("inner_unseen"), np.array([0]))
    with pytest.raises(InputError, match="1 different classes"):
        import_original(exported)


def test_unseen_class_among_training_windows_is_leakage(exported: OriginalLayout) -> None:
    path = as_the_original(exported).features(False) / "train_label.npy"
    labels = np.load(path)
    labels[0] = 1
    rewrite(path, labels)
    with pytest.raises(LeakageError, match="class 1"):
        import_original(exported)


def test_features_that_know_a_test_subject_are_not_exported(layout: OriginalLayout) -> None:
    table = replace(toy_table(), provenance=(Provenance("toy", SPLIT.seen, ("1", "4"), labelled=True),))
    with pytest.raises(LeakageError):
        export_original(layout, table, SPLIT, CLASSES, TEXT)
    assert not layout.root.exists()


def test_layout_names_that_the_original_would_misread(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="_val"):
        OriginalLayout(tmp_path, "toy_val", 8, 2)
    with pytest.raises(InputError, match="fewer unseen"):
        OriginalLayout(tmp_path, "toy", 5, 2)


def test_pseudo_unseen_classes_come_from_the_inner_folds_first() -> None:
    assert pseudo_unseen_classes(SPLIT, 1) == ("sit",)
    assert pseudo_unseen_classes(SPLIT, 3) == ("sit", "lie", "walk")
    assert pseudo_unseen_classes(SPLIT, 5) == ("sit", "lie", "walk", "jump", "stand")
