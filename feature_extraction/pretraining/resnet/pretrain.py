"""Pretraining of a residual network on the seen classes of a split, from windows to checkpoint."""

import json
from dataclasses import asdict
from pathlib import Path

from feature_extraction.errors import InputError
from feature_extraction.pretraining.resnet.checkpoint import EncoderCheckpoint, WindowFormat
from feature_extraction.pretraining.resnet.config import PretrainConfig
from feature_extraction.pretraining.resnet.loop import Task, fit
from feature_extraction.pretraining.resnet.supervised import METRIC
from feature_extraction.pretraining.state import STATE
from feature_extraction.pretraining.weights import is_checkpoint, read_key
from feature_extraction.protocol.split import Provenance, Split
from feature_extraction.storage.files import content_hash
from feature_extraction.windows.window_set import WindowSet


def pretraining_key(
    windows: WindowSet, split: Split, config: PretrainConfig | None = None, held_out: tuple[str, ...] = ()
) -> str:
    """Return a digest of everything that decides the encoder `pretrain` makes with the same arguments."""
    parts = {
        "format": EncoderCheckpoint.format,
        "windows": windows.key,
        "dataset": split.dataset,
        "classes": [name for name in split.seen if name not in held_out],
        "train": sorted(split.train_subjects),
        "val": sorted(split.val_subjects),
        "config": asdict(config or PretrainConfig()),
    }
    return content_hash(json.dumps(parts, sort_keys=True))


def pretrain(
    windows: WindowSet,
    split: Split,
    config: PretrainConfig | None = None,
    out: Path = Path("encoder"),
    held_out: tuple[str, ...] = (),
) -> Path:
    """Train an encoder on the seen classes of the split's train subjects; val subjects choose the epoch.

    An interrupted call is continued by the same call; a finished one returns at once.

    Args:
        windows: All windows of the split's data set; which of them may be learned from is chosen here.
        split: The zero-shot problem.
        config: Optimisation.
        out: Folder of the checkpoint.
        held_out: Seen classes to leave out as well, for instance the pseudo-unseen classes of an inner fold.

    Returns:
        The folder, with `model.safetensors`, `config.json`, `progress.jsonl` and `curves.png`.

    Raises:
        InputError: Windows of another data set, a class without windows, or another encoder in the folder.
    """
    config = config or PretrainConfig()
    if split.holds_out != "people" or not split.val_subjects:
        raise InputError(
            f"encoder pretraining: learns from some people and is chosen on others, which split {split.dataset}/"
            f"{split.name} does not set apart; use features that need no training, or an encoder pretrained elsewhere"
        )
    if windows.dataset != split.dataset:
        raise InputError(f"windows are of {windows.dataset!r}, split {split.name!r} is of {split.dataset!r}; pair them")
    key = pretraining_key(windows, split, config, held_out)
    if is_checkpoint(out):
        if read_key(out) == key:
            return out
        raise InputError(
            f"{out}: holds an encoder of other windows, split or settings; delete it or name another folder"
        )
    classes = tuple(name for name in split.seen if name not in held_out)
    rows = {part: split.rows(windows.labels, windows.subjects, classes, part) for part in ("train", "val")}
    run = fit(Task(windows, split, classes, rows["train"], rows["val"]), config, out, key)
    training = {
        "objective": "supervised",
        "dataset": split.dataset,
        "split": split.name,
        "held_out": list(held_out),
        "config": asdict(config),
        "n_windows": len(rows["train"]),
        "n_epochs": run.state.epoch,
        "best_epoch": run.state.best_epoch,
        METRIC.name: run.state.best_value,
    }
    provenance = Provenance(split.dataset, classes, split.train_subjects + split.val_subjects, labelled=True)
    EncoderCheckpoint(run.encoder, WindowFormat.of(windows), (provenance,), key, training).save(out)
    (out / STATE).unlink(missing_ok=True)
    return out
