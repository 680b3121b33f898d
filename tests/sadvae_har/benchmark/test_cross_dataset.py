"""Splits across data sets: classes, subjects and synonyms."""

import pytest

from feature_extraction.datasets import get_dataset
from feature_extraction.descriptions.synonyms import with_synonyms
from sadvae_har.benchmark.cross_dataset import CROSS_SETTINGS, SEPARATOR, CrossSetting, cross_split


def classes(names: tuple[str, ...]) -> set[tuple[str, str]]:
    return {(name.split(SEPARATOR)[0], name.split(SEPARATOR)[1]) for name in names}


@pytest.mark.parametrize("setting", CROSS_SETTINGS, ids=lambda setting: setting.name)
def test_all_target_classes_are_unseen_and_all_seen_ones_are_of_the_sources(setting: CrossSetting) -> None:
    split = cross_split(setting)
    target, sources = setting.target.dataset, {source.dataset for source in setting.sources}
    assert classes(split.unseen) == {(target, name) for name in get_dataset(target).class_list().names}
    assert {dataset for dataset, _ in classes(split.seen)} == sources


@pytest.mark.parametrize("setting", CROSS_SETTINGS, ids=lambda setting: setting.name)
def test_nobody_of_the_target_is_learned_from(setting: CrossSetting) -> None:
    split = cross_split(setting)
    learned = {name.split(SEPARATOR)[0] for name in (*split.train_subjects, *split.val_subjects)}
    assert learned == {source.dataset for source in setting.sources}
    assert any(name.startswith(setting.target.dataset + SEPARATOR) for name in split.test_subjects)


def test_strict_removes_synonyms_of_unseen_classes_and_open_keeps_them() -> None:
    open_setting, strict = (cross_split(setting) for setting in CROSS_SETTINGS)
    unseen = classes(strict.unseen)
    assert not classes(strict.seen) & with_synonyms(unseen)
    assert ("hapt", "walking") in classes(open_setting.seen) - classes(strict.seen)


def test_inner_folds_hold_out_synonyms_together() -> None:
    split = cross_split(CROSS_SETTINGS[0])
    for fold in split.inner:
        held_out = classes(fold)
        assert with_synonyms(held_out) & classes(split.seen) == held_out
