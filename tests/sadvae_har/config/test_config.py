"""Configs: every shipped file parses, unknown keys fail, contradictions are refused at construction."""

from dataclasses import FrozenInstanceError, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonargparse import ArgumentParser

from feature_extraction.errors import InputError
from feature_extraction.pretraining.config import load_patch_config
from feature_extraction.protocol.split import find_split
from sadvae_har.baselines.reference.recipe import load_reference_config
from sadvae_har.config.files import CONFIGS_FOLDER, add_config_flags, config_from_namespace, load_config
from sadvae_har.config.settings import (
    ClassifierConfig,
    Config,
    FeatureConfig,
    GateConfig,
    ModelConfig,
    TextConfig,
    TrainConfig,
)

SHIPPED = sorted(CONFIGS_FOLDER.glob("*.yaml"))
REFERENCE = [path for path in SHIPPED if path.name.startswith("reference_")]
PRETRAINING = [path for path in SHIPPED if path.name.startswith("pretrain_")]
OURS = [path for path in SHIPPED if path not in (*REFERENCE, *PRETRAINING)]


def write(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_there_are_configs_of_both_kinds() -> None:
    assert REFERENCE and OURS
    assert sorted(CONFIGS_FOLDER.iterdir()) == SHIPPED


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_every_shipped_config_parses_and_names_a_shipped_split(path: Path) -> None:
    config = load_config(path)
    assert isinstance(config, Config)
    assert find_split(config.dataset, config.split).unseen


@pytest.mark.parametrize("path", PRETRAINING, ids=lambda path: path.name)
def test_every_shipped_pretraining_config_parses(path: Path) -> None:
    config = load_patch_config(path)
    assert all(getattr(config, name) == value for name, value in yaml.safe_load(path.read_text()).items())


def test_default_config_shows_every_field_at_its_default() -> None:
    text = (CONFIGS_FOLDER / "default.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(text) == Config().to_dict()


@pytest.mark.parametrize("path", REFERENCE, ids=lambda path: path.name)
def test_every_shipped_reference_config_parses(path: Path) -> None:
    config = load_reference_config(path)
    assert all(getattr(config, name) == value for name, value in yaml.safe_load(path.read_text()).items())


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_unknown_key_fails(path: Path, tmp_path: Path) -> None:
    loaders = {"reference": load_reference_config, "pretrain": load_patch_config}
    load = loaders.get(path.name.partition("_")[0], load_config)
    changed = write(tmp_path, path.read_text(encoding="utf-8") + "\nlerning_rate: 0.1\n")
    with pytest.raises(InputError, match=r"config\.yaml: .*lerning_rate"):
        load(changed)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model:\n  latent: 3\n", "latent"),
        ("train:\n  n_steps: many\n", "n_steps.*many"),
        ("train: 3\n", "train: 3 cannot be used; give its fields"),
        ("seed: 2\ntrain:\n", "train"),
        ("classifier:\n  kind: nearest\n", "kind.*nearest"),
        ("text:\n  views: [label, smell]\n", "text.views: .*smell.*choose from label, sentence"),
        ("seed: -1\n", "seed: -1 cannot be used; use 0 to"),
        ("seed:\n", "seed: has no value; give one"),
        ("model: {kl_text: }\n", "model.kl_text: has no value"),
        (f"model: {{kl_text: 1{'0' * 400}}}\n", "int too large"),
        (f"train: {{n_steps: 1{'0' * 400}}}\n", "n_steps: 1000+ cannot be used"),
        ("- a\n- b\n", "'a', 'b'. holds no settings; write one a line"),
        ("dataset: [\n", ""),
    ],
)
def test_unusable_config_fails_in_one_line_that_names_file_and_value(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=rf"config\.yaml: .*{message}") as caught:
        load_config(write(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_missing_config_fails(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.yaml: no such config; shipped ones lie in .*shipped"):
        load_config(tmp_path / "absent.yaml")


def test_folder_instead_of_a_config_fails(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=str(tmp_path)):
        load_config(tmp_path)


@pytest.mark.parametrize(
    ("part", "values", "field"),
    [
        (FeatureConfig, {"blocks": ()}, "features.blocks"),
        (FeatureConfig, {"blocks": ("resnet", "resnet")}, "features.blocks"),
        (TextConfig, {"views": ()}, "text.views"),
        (TextConfig, {"views": ("smell",)}, "text.views"),
        (TextConfig, {"kinematics_weight": -1.0}, "text.kinematics_weight"),
        (ModelConfig, {"latent_dim": 0}, "model.latent_dim"),
        (ModelConfig, {"instance_dim": -1}, "model.instance_dim"),
        (ModelConfig, {"hidden_dim": -1}, "model.hidden_dim"),
        (ModelConfig, {"kl_text": -0.1}, "model.kl_text"),
        (ModelConfig, {"feature_noise": -0.1}, "model.feature_noise"),
        (TrainConfig, {"n_seeds": 0}, "train.n_seeds"),
        (TrainConfig, {"n_steps": 3, "n_checkpoints": 4}, "train.n_checkpoints"),
        (TrainConfig, {"learning_rate": 0.0}, "train.learning_rate"),
        (TrainConfig, {"weight_averaging": 1.0}, "train.weight_averaging"),
        (ClassifierConfig, {"samples_per_class": 1}, "classifier.samples_per_class"),
        (ClassifierConfig, {"n_steps": 0}, "classifier.n_steps"),
        (ClassifierConfig, {"kind": "nearest"}, "classifier.kind"),
        (ClassifierConfig, {"synthesise": "windows"}, "classifier.synthesise"),
        (GateConfig, {"temperatures": ()}, "gate.temperatures"),
        (GateConfig, {"temperatures": (1.0, 0.0)}, "gate.temperatures"),
        (GateConfig, {"regularisation": 0.0}, "gate.regularisation"),
    ],
)
def test_contradiction_is_refused_at_construction(part: type, values: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError, match=rf"{field}: .* cannot be used; "):
        part(**values)


def test_configs_are_frozen() -> None:
    config = Config()
    with pytest.raises(FrozenInstanceError):
        config.seed = 3  # type: ignore[misc]
    for entry in fields(config):
        value = getattr(config, entry.name)
        assert not is_dataclass(value) or value.__dataclass_params__.frozen  # type: ignore[attr-defined]


def test_a_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    monkeypatch.setattr("sadvae_har.config.files.read_yaml", lambda path: read.append(path) or {"seed": 3})
    parser, path = ArgumentParser(exit_on_error=False), write(tmp_path, "seed: 3\n")
    add_config_flags(parser)
    assert config_from_namespace(parser.parse_args(["--config", str(path)])).seed == load_config(path).seed == 3
    assert read == [path, path]


def test_missing_keys_keep_their_defaults(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, "dataset: usc-had\nmodel:\n  latent_dim: 5\n"))
    assert config == replace(Config(), dataset="usc-had", model=ModelConfig(latent_dim=5))


def test_config_survives_yaml(tmp_path: Path) -> None:
    config = Config(
        dataset="watch",
        split="zerohar-fold2",
        seed=3,
        features=FeatureConfig(("resnet",)),
        text=TextConfig(views=("label", "kinematics"), kinematics_weight=0.5),
        model=ModelConfig(latent_dim=7, kl_text=1e-3),
        train=TrainConfig(n_steps=11, learning_rate=3e-4),
        classifier=ClassifierConfig(kind="softmax", synthesise="features"),
        gate=GateConfig(temperatures=(0.5, 1.0)),
        reference="reference.yaml",
    )
    assert load_config(write(tmp_path, yaml.safe_dump(config.to_dict()))) == config


DIGEST, OTHER = "ab" * 32, "01" * 32


def test_trust_in_code_comes_from_flags_and_files_and_is_not_recorded(tmp_path: Path) -> None:
    path = write(tmp_path, f"trust_code: [{DIGEST}]\n")
    parser = ArgumentParser(exit_on_error=False)
    add_config_flags(parser)
    for flags, trusted in (
        ([], ()),
        (["--config", str(path)], (DIGEST,)),
        (["--trust-code", f"{DIGEST},{OTHER}"], (DIGEST, OTHER)),
        (["--config", str(path), "--trust-code", OTHER], (OTHER,)),
    ):
        config = config_from_namespace(parser.parse_args(flags))
        assert config.trust_code == trusted and config == Config() and config.to_dict() == Config().to_dict()
    assert load_config(path).trust_code == (DIGEST,)


@pytest.mark.parametrize("value", [DIGEST, f"[{DIGEST.upper()}]", f"[{DIGEST[:-1]}]", "[3]", "", "{a: b}"])
def test_what_is_no_list_of_digests_is_refused(value: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"config\.yaml: trust_code: "):
        load_config(write(tmp_path, f"trust_code: {value}\n"))


def test_flags_override_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, "seed: 4\ntrain:\n  n_steps: 50\n  n_seeds: 3\n")
    flags = ["--config", str(path), "--train.n_steps", "70", "--model.kl_text=0.5"]
    parser = ArgumentParser(exit_on_error=False)
    add_config_flags(parser)
    config = config_from_namespace(parser.parse_args(flags))
    assert (config.seed, config.train.n_seeds, config.train.n_steps, config.model.kl_text) == (4, 3, 70, 0.5)
