"""Pretraining of a patch transformer on pooled data sets, from windows to checkpoint.

A batch's random draws come from a generator of its own, so a resumed run goes on as if never interrupted, and any
number of processes do the same as one.
"""

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from feature_extraction.descriptions.embeddings import DEFAULT_TEXT_MODEL
from feature_extraction.encoders.patch_transformer.network import PatchTransformer
from feature_extraction.errors import InputError
from feature_extraction.pretraining.checkpoint import EPOCH, PatchCheckpoint
from feature_extraction.pretraining.config import PatchPretrainConfig
from feature_extraction.pretraining.corpus import Corpus, Part
from feature_extraction.pretraining.loop import Run, train
from feature_extraction.pretraining.objectives.objective import PatchBatch
from feature_extraction.pretraining.objectives.registry import make_objective
from feature_extraction.pretraining.objectives.weighted_sum import Losses
from feature_extraction.pretraining.processes import Processes, join_processes
from feature_extraction.pretraining.state import STATE, Metric, PretrainState
from feature_extraction.pretraining.weights import is_checkpoint, read_key, write_weights
from feature_extraction.storage.files import content_hash
from feature_extraction.storage.places import TEXT_CACHE

logger = logging.getLogger(__name__)

METRIC = Metric("val_loss", higher_is_better=False)


class PooledRun(Run):
    """One training of a patch transformer: many data sets, several objectives, any number of processes."""

    metric, with_events = METRIC, True
    config: PatchPretrainConfig

    def __init__(self, corpus: Corpus, config: PatchPretrainConfig, processes: Processes) -> None:
        """Draw the network and the heads of its objectives.

        Args:
            corpus: Windows to learn from and to choose by.
            config: Objectives and optimisation.
            processes: Who else works on this run.
        """
        self.corpus, self.config, self.processes = corpus, config, processes
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        with torch.random.fork_rng(devices=[]):  # initialisation draws from the global generator, restored afterwards
            torch.manual_seed(config.seed)
            self.encoder = PatchTransformer(config.encoder)
            self.objective = make_objective(config.objectives, config.encoder, corpus)
        self.encoder, self.objective = self.encoder.to(self.device), self.objective.to(self.device)
        modules = nn.ModuleList([self.encoder, self.objective])
        self.parameters = [parameter for parameter in modules.parameters() if parameter.requires_grad]
        optimizer = torch.optim.AdamW(self.parameters, lr=config.learning_rate, weight_decay=config.weight_decay)
        self.state = PretrainState(self.encoder, self.objective, optimizer)

    @property
    def n_steps(self) -> int:
        """Steps of an epoch."""
        return self.config.epoch_steps

    def losses(self, batch: PatchBatch, generator: torch.Generator) -> Losses:
        """Return the losses of a batch in the precision of the config."""
        low = self.config.precision == "bfloat16"
        batch = PatchBatch(*(getattr(batch, entry.name).to(self.device) for entry in fields(batch)))
        with torch.autocast(self.device.type, torch.bfloat16) if low else nullcontext():
            return self.objective.losses(self.encoder, batch, generator)

    def step(self, number: int) -> Iterator[tuple[str, float]]:
        """Make one step; yield the loss terms of this process's batches by data set."""
        config, optimizer = self.config, self.state.optimizer
        optimizer.zero_grad()
        found: list[tuple[int, Losses]] = []
        for k in self.processes.share(config.batches_per_step):
            generator = self._generator(number, k)
            batch = self.corpus.draw(config.batch_windows, config.augment, generator, self.objective.labelled)
            losses = self.losses(batch, generator)
            (losses.total / config.batches_per_step).backward()
            found.append((int(batch.dataset[0]), losses))
        self.processes.sum_gradients(self.parameters)
        nn.utils.clip_grad_norm_(self.parameters, config.largest_gradient)
        optimizer.step()
        for part, losses in found:
            dataset = self.corpus.parts[part].windows.dataset
            for name, value in losses.terms.items():
                yield f"{name} {dataset}", float(value)

    def validate(self) -> float:
        """Return the mean loss over validation batches, the data sets weighing the same."""
        sums = torch.zeros(len(self.corpus.parts), 2, dtype=torch.float64)
        for k, batch in enumerate(self.corpus.validation(self.config.batch_windows, self.config.validation_windows)):
            if k % self.processes.count == self.processes.rank:
                loss = float(self.losses(batch, self._generator(0, k)).total)
                sums[int(batch.dataset[0])] += torch.tensor([loss * len(batch.values), len(batch.values)])
        sums = self.processes.sum(sums)
        return float((sums[:, 0] / sums[:, 1]).mean())

    def keep(self, folder: Path, key: str) -> None:
        """Keep the weights of the epochs that the config asks for; `PatchCheckpoint.load_epoch` reads them."""
        if self.config.keep_every and self.state.epoch % self.config.keep_every == 0:
            write_weights(self.encoder, folder / EPOCH.format(self.state.epoch), key)

    def _generator(self, step: int, number: int) -> torch.Generator:
        """Return a generator of its own for every batch of every step."""
        seed = ((self.config.seed * 1_000_003 + step) * 1_009 + number) % (2**63 - 1)
        return torch.Generator().manual_seed(seed)


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
    return content_hash(json.dumps([PatchCheckpoint.format, text_model, decisive, chosen, *begun], sort_keys=True))


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
    if start is not None and (start.encoder.config, start.text_model) != (config.encoder, text_model):
        raise InputError(
            f"pretraining: the encoder to start from has {start.encoder.config} and text model {start.text_model!r}, "
            f"the config {config.encoder} and {text_model!r}; take its sizes over into the YAML file"
        )
    key = patch_pretraining_key(parts, config, text_model, start)
    if is_checkpoint(out):
        if read_key(out) == key:
            return out
        raise InputError(f"{out}: holds another encoder; delete it or name another folder")
    with join_processes() as processes:
        corpus = Corpus(parts, config.encoder.patches, text_model, text_cache, config.sampling_exponent)
        run = PooledRun(corpus, config, processes)
        if start is not None:
            run.encoder.load_state_dict(start.encoder.state_dict())
        if processes.is_first:
            sizes = ", ".join(f"{part.windows.dataset} {len(part.train)}" for part in parts)
            n_weights = sum(parameter.numel() for parameter in run.encoder.parameters())
            logger.info("pretraining %s weights on windows of %s", f"{n_weights:,}", sizes)
        train(run, out, key)
        if processes.is_first:
            _checkpoint(run, start, key).save(out)
            (out / STATE).unlink(missing_ok=True)
        processes.wait()
    return out


def _checkpoint(run: PooledRun, start: PatchCheckpoint | None, key: str) -> PatchCheckpoint:
    """Return the best encoder of a finished run, with what it and its start have seen."""
    parts, state, labelled = run.corpus.parts, run.state, run.objective.labelled
    training: dict[str, Any] = {
        "datasets": [part.windows.dataset for part in parts],
        "n_windows": sum(len(part.train) for part in parts),
        "n_epochs": state.epoch,
        "best_epoch": state.best_epoch,
        METRIC.name: state.best_value,
        "config": asdict(run.config),
    }
    provenance = tuple(entry for part in parts for entry in part.provenance(labelled))
    bank = run.corpus.bank if labelled else ()
    if start is not None:
        training["start"] = start.key
        provenance = tuple(dict.fromkeys((*start.provenance, *provenance)))
        bank = tuple(dict.fromkeys((*start.bank, *bank)))
    return PatchCheckpoint(run.encoder.cpu(), provenance, bank, run.corpus.text_model, key, training)
