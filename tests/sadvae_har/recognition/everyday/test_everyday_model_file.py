"""The one file of an everyday model: what it holds comes back, nothing of any person is in it, damage is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from checkout import ROOT
from everyday_model import pretend_corpus
from malformed import edited, read_model, write_model
from safetensors import safe_open
from text_archive import SENTENCES

from feature_extraction.descriptions.vocabulary import load_vocabulary
from feature_extraction.errors import InputError
from sadvae_har.everyday.train import DRAWN_PER_PAIR
from sadvae_har.recognition.everyday.model import EverydayModel, load_everyday, save_everyday
from sadvae_har.recognition.model.header import EVERYDAY_KIND, KIND, kind_of_model, read_summary

Tensors = dict[str, torch.Tensor]


def rewritten(model: Path, path: Path, change: Callable[[Tensors], Any]) -> Path:
    """Write a copy with other tensors, and a checksum that fits."""
    header, tensors = read_model(model)
    change(tensors)
    return write_model(path, header, tensors, EVERYDAY_KIND)


def test_saving_what_was_loaded_gives_the_same_file(everyday_model_path: Path, tmp_path: Path) -> None:
    save_everyday(load_everyday(everyday_model_path), tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == everyday_model_path.read_bytes()


def test_every_tensor_is_accounted_for(everyday_model_path: Path, everyday_model: EverydayModel) -> None:
    """By name and shape: sizes of features, activities, pairs, networks; none has a row for each window or person."""
    corpus, model = pretend_corpus(), everyday_model
    n_statistics, n_acc = corpus.features.shape[1], corpus.n_of_accelerometer
    n_activities, n_pairs, n_embedded = len(model.trained), len(model.pairs), model.networks[0].embedding_dim
    n_drawn, text = DRAWN_PER_PAIR * n_pairs, model.vectors.shape[1]
    n_synthesised = model.config.classifier.samples_per_class
    expected = {
        "guess/weight": (n_acc, n_statistics - n_acc),
        "guess/bias": (n_statistics - n_acc,),
        "known/mean": (n_statistics,),
        "known/scale": (n_statistics,),
        "standardizer/mean": (n_statistics,),
        "standardizer/scale": (n_statistics,),
        "seen/weight": (n_statistics + n_embedded, n_activities),
        "seen/bias": (n_activities,),
        "drawn/features": (n_drawn, n_statistics),
        "drawn/classes": (n_drawn,),
        "familiarity/factor": (n_statistics, n_statistics),
        "familiarity/usual": (n_pairs,),
        "familiarity/spread": (n_pairs,),
        "synthesis/donors": (1, n_synthesised),
        "synthesis/noise": (1, n_synthesised, model.space.width + model.config.model.latent_dim),
        "text/vectors": (n_pairs, text),
    }
    expected |= {f"space/{name}": value.shape for name, value in model.space.to_arrays().items()}
    expected |= {f"networks/{name}": tuple(v.shape) for name, v in model.fold.networks.state_dict().items()}
    expected |= {f"network-0/{name}": tuple(v.shape) for name, v in model.networks[0].state_dict().items()}
    found = {name: tuple(value.shape) for name, value in read_model(everyday_model_path)[1].items()}
    assert found == expected
    lengths = {size for shape in found.values() for size in shape}
    assert len(corpus) not in lengths and len(set(corpus.windows.subjects)) not in {s[0] for s in found.values() if s}


def test_no_row_of_any_tensor_is_a_window_of_a_person(everyday_model_path: Path, everyday_model: EverydayModel) -> None:
    """Whatever is as wide as the statistics is compared with all of them, in units and standardised."""
    corpus, model = pretend_corpus(), everyday_model
    filled = model.guess.fill(corpus.features)
    windows = [filled, model.standardizer.transform(filled), model.known_standardizer.transform(filled)]
    n_compared = 0
    for value in read_model(everyday_model_path)[1].values():
        if value.ndim == 2 and value.shape[1] == filled.shape[1]:
            n_compared += len(value)
            for rows in windows:
                assert np.linalg.norm(value.numpy()[:, None] - rows[None], axis=2).min() > 0.1
    assert n_compared >= DRAWN_PER_PAIR * len(model.pairs)


def test_it_names_no_person_and_no_path(everyday_model_path: Path) -> None:
    with safe_open(everyday_model_path, framework="pt") as file:
        metadata = file.metadata()
    assert list(metadata) == [EVERYDAY_KIND]
    header = metadata[EVERYDAY_KIND]
    assert str(ROOT) not in header and str(everyday_model_path.parent) not in header
    assert not [person for person in set(pretend_corpus().windows.subjects) if person in header]
    assert b"torch._utils" not in everyday_model_path.read_bytes()


def test_the_summary_lists_what_the_model_lists(everyday_model_path: Path, everyday_model: EverydayModel) -> None:
    summary = read_summary(everyday_model_path)
    assert [entry.name for entry in summary.activities] == [entry.name for entry in everyday_model.trained]
    assert summary.source == everyday_model.source and all(entry.seen for entry in summary.activities)


def nan(value: torch.Tensor) -> torch.Tensor:
    """Return the tensor with one value that is no number."""
    value = value.clone()
    value.view(-1)[0] = torch.nan
    return value


@pytest.mark.parametrize(
    ("name", "make", "said"),
    [
        ("seen/weight", lambda t: t[:-1].clone(), "seen classifier of shape"),
        ("seen/bias", lambda t: t[:-1].clone(), "its intercepts of shape"),
        ("known/mean", lambda t: t[:-1].clone(), "standardisation of shapes"),
        ("standardizer/scale", lambda t: -t, "standardisation"),
        ("guess/weight", lambda t: t[:-1].clone(), "features of the gyroscope of shape"),
        ("guess/bias", lambda t: t[:-1].clone(), "features of the gyroscope: arrays of shapes"),
        ("drawn/features", lambda t: t[:, :-1].clone(), "cannot be used"),
        ("drawn/features", lambda t: t[:-1].clone(), "drawn windows of shapes"),
        ("drawn/features", nan, "drawn windows hold values"),
        ("drawn/features", lambda t: t.double(), "drawn windows hold values"),
        ("drawn/classes", lambda t: t.int(), "drawn windows of shapes"),
        ("drawn/classes", lambda t: t - 1, "drawn windows hold values"),
        ("drawn/classes", lambda t: t + 1, "cannot be used|out of range"),
        ("synthesis/donors", lambda t: t + 10_000, "out of range"),
        ("synthesis/donors", lambda t: t - 10_000, "out of range"),
        ("synthesis/donors", lambda t: t[:, :-1].clone(), "donors of shape"),
        ("synthesis/noise", lambda t: t[..., :-1].clone(), "noise of shape"),
        ("synthesis/noise", nan, "not finite"),
        ("text/vectors", lambda t: t[:-1].clone(), "semantic vectors of shape"),
        ("text/vectors", nan, "semantic vectors hold values"),
        ("familiarity/spread", lambda t: 0 * t, "strangeness"),
        ("network-0/body.0.weight", nan, "not finite"),
        ("network-0/body.0.weight", lambda t: t[:-1].clone(), "network 0: its weights are not of its sizes"),
        ("network-0/body.1.running_mean", nan, "not finite"),
        ("network-0/body.1.running_var", nan, "not finite"),
        ("network-0/body.1.running_var", lambda t: -t - 1, "network 0: a spread is negative"),
        ("network-0/norm.weight", nan, "not finite"),
        ("seen/weight", nan, "not finite"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(
    name: str, make: Callable, said: str, everyday_model_path: Path, tmp_path: Path
) -> None:
    path = rewritten(everyday_model_path, tmp_path / "a.safetensors", lambda t: t.update({name: make(t[name])}))
    with pytest.raises(InputError, match=rf"a\.safetensors: .*({said})"):
        load_everyday(path)


@pytest.mark.parametrize(
    ("window_s", "said"), [(0.2, "need at least 8"), (4e5, "are not those of 400000.0 s"), (0.0, "under 2 samples")]
)
def test_windows_that_have_no_such_statistics_are_refused(
    window_s: float, said: str, everyday_model_path: Path, tmp_path: Path
) -> None:
    """Before any array of their length is made."""
    settings = read_model(everyday_model_path)[0]["settings"] | {"window_s": window_s}
    with pytest.raises(InputError, match=rf"a\.safetensors: .*{said}"):
        load_everyday(edited(everyday_model_path, tmp_path / "a.safetensors", settings=settings))


def test_networks_that_are_not_in_the_header_are_missed(everyday_model_path: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="seen classifier of shape"):
        load_everyday(edited(everyday_model_path, tmp_path / "a.safetensors", networks=[]))


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        (lambda pairs: [["flying", "wrist"], *pairs[1:]], "flying at wrist"),
        (lambda pairs: [[pairs[0][0], "elbow"], *pairs[1:]], "at elbow"),
        (lambda pairs: [pairs[1], *pairs[1:]], "pairs .* cannot be used"),
        (lambda pairs: pairs[:-1], "semantic vectors of shape"),
        (lambda pairs: [*pairs[:-1], ["walking"]], "is not an activity and a place"),
    ],
    ids=["activity", "place", "twice", "too few", "no pair"],
)
def test_pairs_that_make_no_sense_are_refused(
    pairs: Callable, said: str, everyday_model_path: Path, tmp_path: Path
) -> None:
    known = read_model(everyday_model_path)[0]["pairs"]
    path = edited(everyday_model_path, tmp_path / "a.safetensors", pairs=pairs(known))
    with pytest.raises(InputError, match=said):
        load_everyday(path)


@pytest.mark.parametrize("name", ["walking", "Unknown"])
def test_names_that_cannot_stand_on_the_list_are_refused(name: str, everyday_model_path: Path, tmp_path: Path) -> None:
    trained = read_model(everyday_model_path)[0]["trained"]
    assert trained[0]["name"] == "walking"
    renamed = [*trained[:-1], trained[-1] | {"name": name}]
    with pytest.raises(InputError, match="cannot be used"):
        load_everyday(edited(everyday_model_path, tmp_path / "a.safetensors", trained=renamed))


def test_a_newer_version_is_refused_before_anything_else_is_read(everyday_model_path: Path, tmp_path: Path) -> None:
    path = edited(everyday_model_path, tmp_path / "a.safetensors", version=99, networks=None)
    for read in (load_everyday, read_summary):
        with pytest.raises(InputError, match=r"a.safetensors: made by a newer version .*format 99.*update the program"):
            read(path)


def test_a_model_with_described_activities_is_whole(everyday, tmp_path: Path) -> None:
    everyday.add_activity("rowing", SENTENCES["rowing"], load_vocabulary().descriptions["rowing"].kinematics)
    model = load_everyday(everyday.save(tmp_path / "a.safetensors"))
    assert [entry.name for entry in model.described] == ["rowing"]
    assert len(model.vectors) == len(model.pairs) + len(model.text.placements)
    summary = read_summary(tmp_path / "a.safetensors")
    assert [entry.seen for entry in summary.activities] == [True] * 6 + [False]
    header, tensors = read_model(tmp_path / "a.safetensors")
    path = write_model(tmp_path / "b.safetensors", header | {"described": []}, tensors, EVERYDAY_KIND)
    with pytest.raises(InputError, match="semantic vectors of shape"):
        load_everyday(path)


def test_kinds_are_told_apart(everyday_model_path: Path, tmp_path: Path) -> None:
    assert kind_of_model(everyday_model_path) == EVERYDAY_KIND
    (tmp_path / "text").write_text("no model")
    assert kind_of_model(tmp_path / "text") == kind_of_model(tmp_path) == kind_of_model(tmp_path / "none") == KIND
