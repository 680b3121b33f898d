"""Pretraining of a patch transformer on pooled data sets, from windows to checkpoint."""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from feature_extraction.descriptions.embeddings import DEFAULT_TEXT_MODEL
from feature_extraction.encoders.patch_transformer.network import PatchTransformer
from feature_extraction.errors import InputError, require_extra
from feature_extraction.pretraining.checkpoint import FORMAT, PatchCheckpoint
from feature_extraction.pretraining.config import PatchPretrainConfig
from feature_extraction.pretraining.corpus import Corpus, Part
from feature_extraction.pretraining.loop import METRIC, Run, train
from feature_extraction.pretraining.patch_objectives import make_objective
from feature_extraction.pretraining.processes import Processes, join_processes
from feature_extraction.pretraining.resnet.checkpoint import is_checkpoint, read_key
from feature_extraction.pretraining.resnet.loop import STATE
from feature_extraction.storage.files import content_hash
from feature_extraction.storage.places import TEXT_CACHE

logger = logging.getLogger(__name__)


def patch_pretraining_key(
    parts: Sequence[Part], config: PatchPretrainConfig, text_model: str, start: PatchCheckpoint | None = None
) -> str:
    """Return a digest of everything that decides the encoder `pretrain_patches` makes with the same arguments."""
    chosen = [
        [part.windows.key, part.train.tolist(), part.val.tolist(), sorted(part.banned)]
        for part in sorted(parts, key=lambda part: part.windows.dataset)
    ]
    decisive = asdict(replace(config, keep_every=0))
    begun = [] if start is None else [start.digest]
    return content_hash(json.dumps([FORMAT, text_model, decisive, chosen, *begun], sort_keys=True))


def pretrain_patches(
    parts: Sequence[Part],
    config: PatchPretrainConfig,
    out: Path,
    text_model: str = DEFAULT_TEXT_MODEL,
    text_cache: Path = TEXT_CACHE,
    start: PatchCheckpoint | None = None,
) -> Path:
    """Train a patch transformer; validation subjects choose the epoch.

    An interrupted call is continued by the same call; a finished one returns at once. Under `torchrun` the processes
    share the work.

    Args:
        parts: What each data set gives, see `choose_windows`.
        config: Objectives and optimisation.
        out: Folder of the checkpoint.
        text_model: Sentence-transformers model of channel and class descriptions.
        text_cache: Folder of embeddings made before.
        start: Encoder whose weights are trained further; what it has seen, the result has seen, too.

    Returns:
        The folder, with `model.safetensors`, `config.json`, `progress.jsonl`, `curves.png`, TensorBoard's
        `events.out.tfevents.*`, and the epochs that the config keeps, `epoch-010.safetensors` and so on.

    Raises:
        InputError: An unknown objective, windows that cannot be read, another encoder in the folder, or a start of
            another network or text model.
    """
    parts = sorted(parts, key=lambda part: part.windows.dataset)
    _check_start(start, config, text_model)
    key = patch_pretraining_key(parts, config, text_model, start)
    if is_checkpoint(out):
        if read_key(out) == key:
            return out
        raise InputError(f"{out}: holds another encoder; delete it or name another folder")
    require_extra("plots", "matplotlib")
    require_extra("tensorboard", "tensorboard")
    with join_processes() as processes:
        run = _begin(parts, config, text_model, text_cache, processes)
        if start is not None:
            run.encoder.load_state_dict(start.encoder.state_dict())
        state = train(run, out, key)
        if processes.is_first:
            assert state.best_value is not None
            run.encoder.load_state_dict(state.best)
            labelled = run.objective.labelled
            training: dict[str, Any] = {
                "datasets": [part.windows.dataset for part in parts],
                "n_windows": sum(len(part.train) for part in parts),
                "n_epochs": state.epoch,
                "best_epoch": state.best_epoch,
                METRIC.name: state.best_value,
                "config": asdict(config),
            }
            provenance = tuple(entry for part in parts for entry in part.provenance(labelled))
            bank = run.corpus.bank if labelled else ()
            if start is not None:
                training["start"] = start.key
                provenance = tuple(dict.fromkeys((*start.provenance, *provenance)))
                bank = tuple(dict.fromkeys((*start.bank, *bank)))
            PatchCheckpoint(run.encoder.cpu().eval(), provenance, bank, text_model, key, training).save(out)
            (out / STATE).unlink(missing_ok=True)
        processes.wait()
    return out


def _check_start(start: PatchCheckpoint | None, config: PatchPretrainConfig, text_model: str) -> None:
    if start is not None and (start.encoder.config, start.text_model) != (config.encoder, text_model):
        raise InputError(
            f"pretraining: the encoder to start from has {start.encoder.config} and text model {start.text_model!r}, "
            f"the config {config.encoder} and {text_model!r}; take its sizes over into the YAML file"
        )


def _begin(
    parts: Sequence[Part], config: PatchPretrainConfig, text_model: str, text_cache: Path, processes: Processes
) -> Run:
    corpus = Corpus(parts, config.encoder.patches, text_model, text_cache, config.sampling_exponent)
    with torch.random.fork_rng(devices=[]):  # initialisation draws from the global generator, restored afterwards
        torch.manual_seed(config.seed)
        encoder = PatchTransformer(config.encoder)
        objective = make_objective(config.objectives, config.encoder, corpus)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if processes.is_first:
        sizes = ", ".join(f"{part.windows.dataset} {len(part.train)}" for part in parts)
        n_weights = sum(parameter.numel() for parameter in encoder.parameters())
        logger.info("pretraining %s weights on windows of %s", f"{n_weights:,}", sizes)
    return Run(corpus, config, encoder.to(device), objective.to(device), processes, device)
