import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from fake_hub import COMMIT, TOKEN, FakeHub, fake_hub
from huggingface_hub import constants

from feature_extraction.datasets import get_dataset
from feature_extraction.descriptions.class_list import attribute_names
from feature_extraction.errors import InputError
from feature_extraction.protocol.split import find_split
from sadvae_har.recognition.model.card import model_card
from sadvae_har.recognition.model.header import MODEL_FILE
from sadvae_har.recognition.model.hub import CARD_FILE
from sadvae_har.recognition.recognizer import Recognizer

SENTENCE = "A person draws | circles in the air with one straight arm."


@pytest.fixture(scope="module")
def recognizer(trained_recognizer_path: Path, text_cache: Path) -> Recognizer:
    """Return a recogniser with one activity more than it was trained with."""
    found = Recognizer.load(trained_recognizer_path, text_cache)
    found.add_activity("arm circles", SENTENCE, dict.fromkeys(attribute_names(), 0.5))
    return found


@pytest.fixture(scope="module")
def windows(recognizer: Recognizer) -> np.ndarray:
    n_samples, n_channels = recognizer.source.settings.window_samples, len(recognizer.channels)
    return np.random.default_rng(0).normal(size=(6, n_samples, n_channels))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    with fake_hub(monkeypatch) as server:
        yield server


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch) -> str:
    """Point at a port that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    return address


def require_same(found: Recognizer, wanted: Recognizer, windows: np.ndarray) -> None:
    assert found.activities == wanted.activities
    assert np.array_equal(found.predict(windows).probabilities, wanted.predict(windows).probabilities)


def test_a_folder_gives_the_same_predictions(recognizer: Recognizer, windows: np.ndarray, tmp_path: Path) -> None:
    folder = recognizer.save_pretrained(tmp_path / "deep" / "model")
    assert sorted(path.name for path in folder.iterdir()) == [CARD_FILE, MODEL_FILE]
    require_same(Recognizer.from_pretrained(folder), recognizer, windows)
    require_same(Recognizer.from_pretrained(str(folder / MODEL_FILE)), recognizer, windows)


def test_saving_again_renews_the_card(recognizer: Recognizer, tmp_path: Path) -> None:
    recognizer.save_pretrained(tmp_path)
    before = (tmp_path / CARD_FILE).read_text()
    smaller = recognizer.copy()
    smaller.remove_activity("arm circles")
    smaller.save_pretrained(tmp_path)
    assert "arm circles" in before and "arm circles" not in (tmp_path / CARD_FILE).read_text()


def test_a_readme_of_others_is_kept(recognizer: Recognizer, tmp_path: Path) -> None:
    (tmp_path / CARD_FILE).write_text("# My thesis\n")
    with pytest.raises(InputError, match=r"README\.md: would be replaced by the card of the model; choose another"):
        recognizer.save_pretrained(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [CARD_FILE]
    assert (tmp_path / CARD_FILE).read_text() == "# My thesis\n"


def test_a_file_in_place_of_the_folder_is_refused(recognizer: Recognizer, tmp_path: Path) -> None:
    (tmp_path / "model").write_text("")
    with pytest.raises(InputError, match=r"model: cannot be written \(.+\); choose another folder"):
        recognizer.save_pretrained(tmp_path / "model")


def test_the_card_says_what_the_file_holds(recognizer: Recognizer, tmp_path: Path) -> None:
    card = (recognizer.save_pretrained(tmp_path) / CARD_FILE).read_text()
    _, header, body = card.split("---\n", 2)
    assert yaml.safe_load(header)["library_name"] == "sadvae-har"
    spec, split = get_dataset("watch"), find_split("watch", "random-1")
    for text in (spec.title, spec.licence, spec.citation, spec.homepage, "8 activities", "m/s2", "rad/s", "50 Hz"):
        assert text in body
    rows = [line.split(" | ") for line in body.splitlines() if line.endswith("|") and line.count(" | ") == 2]
    found = {row[0].removeprefix("| "): row[1] for row in rows}
    assert {name for name, source in found.items() if source == "recordings"} == set(split.seen)
    assert {name for name, source in found.items() if source == "its description"} == {*split.unseen, "arm circles"}
    assert SENTENCE.replace("|", "\\|") in body
    n_windows = len(recognizer.model.fold.train_features)
    assert f"of {n_windows} windows of 5 training subjects ({', '.join(split.train_subjects)})" in body


def test_the_card_of_users_own_data_tells_no_paths(recognizer: Recognizer) -> None:
    model, folder = recognizer.model, "/home/someone/secret"
    source = replace(model.encoder.source, dataset="kitchen")
    own = replace(
        model,
        encoder=replace(model.encoder, source=source),
        config=replace(model.config, dataset=f"{folder}/dataset.yaml", split=f"{folder}/split.json"),
        text=replace(model.text, model=f"{folder}/encoder"),
    )
    card = model_card(own)
    assert "secret" not in card and "Descriptions are read by encoder." in card
    assert "Data set: kitchen" in card and "its terms are not known" in card
    assert "windows of subjects that the model file does not name" in card


def test_there_and_back_again(
    recognizer: Recognizer, windows: np.ndarray, hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = recognizer.push_to_hub("someone/watch", token=TOKEN, private=True)
    assert address == f"{hub.address}/someone/watch/commit/{COMMIT}"
    assert hub.private == {"someone/watch"}
    assert set(hub.repositories["someone/watch"]) == {MODEL_FILE, CARD_FILE}
    require_same(Recognizer.from_pretrained("someone/watch", cache_dir=tmp_path), recognizer, windows)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    for local_files_only in (False, True):  # found in the cache without a network
        again = Recognizer.from_pretrained("someone/watch", cache_dir=tmp_path, local_files_only=local_files_only)
        require_same(again, recognizer, windows)


def test_what_the_hub_refuses_is_one_line(recognizer: Recognizer, hub: FakeHub, tmp_path: Path) -> None:
    hub.repositories["someone/empty"] = {CARD_FILE: b""}
    for name in ("someone/nothing", "someone/empty", "no such name//"):
        with pytest.raises(InputError, match=f"^{name}: no model to be had .+; check the name") as caught:
            Recognizer.from_pretrained(name, cache_dir=tmp_path)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="^someone/watch: cannot be pushed .*401.*; check its name .* the token"):
        recognizer.push_to_hub("someone/watch", token="hf_wrong")
    with pytest.raises(InputError, match="^a b: cannot be pushed"):
        recognizer.push_to_hub("a b", token=TOKEN)
    assert set(hub.repositories) == {"someone/empty"}


def test_a_damaged_download_is_refused(hub: FakeHub, tmp_path: Path) -> None:
    hub.repositories["someone/damaged"] = {MODEL_FILE: b"not a model"}
    with pytest.raises(InputError, match="damaged or not a safetensors file"):
        Recognizer.from_pretrained("someone/damaged", cache_dir=tmp_path)


def test_without_a_network(recognizer: Recognizer, no_hub: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"^someone/watch: neither a folder .*{no_hub} is out of reach .*; go online"):
        Recognizer.from_pretrained("someone/watch", cache_dir=tmp_path)
    with pytest.raises(InputError, match="^someone/watch: not downloaded before; go online"):
        Recognizer.from_pretrained("someone/watch", cache_dir=tmp_path, local_files_only=True)
    with pytest.raises(InputError, match=f"^someone/watch cannot be pushed, and {no_hub} is out of reach"):
        recognizer.push_to_hub("someone/watch", token=TOKEN)


@pytest.mark.parametrize("name", ["/no/such/folder", "./no-such-folder", "~/no-such-folder"])
def test_a_path_is_not_looked_for_on_the_hub(name: str) -> None:
    with pytest.raises(InputError, match=f"^{name}: no such folder; name one that holds {MODEL_FILE}"):
        Recognizer.from_pretrained(name)
