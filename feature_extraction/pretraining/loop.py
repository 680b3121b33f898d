"""The training loop of the patch transformer: many data sets, several objectives, any number of processes.

An epoch is a fixed number of steps. After each one the encoder is validated on held-out subjects, and the whole state
is saved; a batch's random draws come from a generator of its own, so a resumed run goes on as if never interrupted.
While a run lasts, `state.safetensors` holds its latest weights, and the best ones so far, which become
`model.safetensors` in the end. With `keep_every`, `epoch-010.safetensors` and the like hold those of some epochs;
`PatchCheckpoint.load_epoch` reads them.
Axis legend: B windows of a batch.
"""

import json
import logging
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, fields
from pathlib import Path

import torch
from torch import nn
from tqdm.auto import tqdm

from feature_extraction.encoders.patch_transformer.network import PatchTransformer
from feature_extraction.pretraining.checkpoint import save_epoch
from feature_extraction.pretraining.config import PatchPretrainConfig
from feature_extraction.pretraining.corpus import Corpus
from feature_extraction.pretraining.curves import plot_pooled_curves
from feature_extraction.pretraining.event_files import EventLog, open_event_log
from feature_extraction.pretraining.objectives.objective import PatchBatch
from feature_extraction.pretraining.objectives.weighted_sum import CombinedObjective, Losses
from feature_extraction.pretraining.processes import Processes
from feature_extraction.pretraining.resnet.loop import CURVES, PROGRESS, STATE, learning_rate_factor
from feature_extraction.pretraining.resnet.objective import Metric
from feature_extraction.pretraining.state import PretrainState
from feature_extraction.storage.files import write_text

logger = logging.getLogger(__name__)

METRIC = Metric("val_loss", higher_is_better=False)


@dataclass
class Run:
    """One pretraining run.

    Attributes:
        corpus: Windows to learn from and to choose by.
        config: Objectives and optimisation.
        encoder: The network.
        objective: Weighted sum of objectives, with their heads.
        processes: Who else works on this run.
        device: Where the network computes.
    """

    corpus: Corpus
    config: PatchPretrainConfig
    encoder: PatchTransformer
    objective: CombinedObjective
    processes: Processes
    device: torch.device

    def parameters(self) -> list[nn.Parameter]:
        """Return what is trained."""
        return [p for p in nn.ModuleList([self.encoder, self.objective]).parameters() if p.requires_grad]

    def losses(self, batch: PatchBatch, generator: torch.Generator) -> Losses:
        """Return the losses of a batch in the precision of the config."""
        low = self.config.precision == "bfloat16"
        with torch.autocast(self.device.type, torch.bfloat16) if low else nullcontext():
            return self.objective.losses(self.encoder, _on(batch, self.device), generator)


def train(run: Run, folder: Path, key: str) -> PretrainState:
    """Train; go on exactly where an interrupted run of the same `key` left off.

    Returns:
        The state after the last epoch; its `best` holds the encoder weights with the lowest validation loss.

    Raises:
        InputError: The saved state is damaged.
    """
    config = run.config
    optimizer = torch.optim.AdamW(run.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    state = PretrainState(run.encoder, run.objective, optimizer, torch.Generator())
    if state.load(folder / STATE, key) and run.processes.is_first:
        logger.info("going on after epoch %d of %s", state.epoch, folder)
    total, done = config.n_epochs * config.epoch_steps, state.epoch * config.epoch_steps
    hidden = None if run.processes.is_first else True
    with (
        tqdm(total=total, initial=done, desc="pretrain", unit="step", disable=hidden) as bar,
        open_event_log(folder, state.history) if run.processes.is_first else nullcontext() as events,
    ):
        while state.epoch < config.n_epochs and state.stale_epochs < config.patience:
            _run_epoch(run, state, bar)
            if events is not None:
                _save(run, state, folder, key, events)
            run.processes.wait()
    return state


def _run_epoch(run: Run, state: PretrainState, bar: tqdm) -> None:
    began, config = time.perf_counter(), run.config
    found: dict[str, list[float]] = defaultdict(list)
    run.encoder.train()
    run.objective.train()
    for step in range(state.epoch * config.epoch_steps, (state.epoch + 1) * config.epoch_steps):
        factor = learning_rate_factor(step / (config.n_epochs * config.epoch_steps))
        for group in state.optimizer.param_groups:
            group["lr"] = config.learning_rate * factor
        for name, value in _step(run, state.optimizer, step):
            found[name].append(value)
        bar.update()
    score = _validate(run)
    state.epoch += 1
    state.stale_epochs = 0 if METRIC.improves(score, state.best_value) else state.stale_epochs + 1
    if METRIC.at_least_as_good(score, state.best_value):
        state.best = {name: tensor.detach().cpu().clone() for name, tensor in run.encoder.state_dict().items()}
        state.best_value, state.best_epoch = score, state.epoch
    means = _mean_terms(run.processes.gather(dict(found)))
    seconds = round(time.perf_counter() - began, 2)
    numbers = {METRIC.name: score, "learning_rate": state.optimizer.param_groups[0]["lr"], "seconds": seconds}
    state.history.append({"epoch": state.epoch, **means, **numbers})
    bar.set_postfix({METRIC.name: f"{score:.3f}"})


def _mean_terms(found: Sequence[Mapping[str, Sequence[float]]]) -> dict[str, float]:
    """Average each term over the batches of all processes."""
    values: dict[str, list[float]] = defaultdict(list)
    for terms in found:
        for name, some in terms.items():
            values[name] += some
    return {name: sum(values[name]) / len(values[name]) for name in sorted(values)}


def _step(run: Run, optimizer: torch.optim.Optimizer, step: int) -> Iterator[tuple[str, float]]:
    """Make one step; yield the loss terms of this process's batches by data set."""
    config = run.config
    optimizer.zero_grad()
    found: list[tuple[int, Losses]] = []
    for number in run.processes.share(config.batches_per_step):
        generator = torch.Generator().manual_seed(_seed(config.seed, step, number))
        batch = run.corpus.draw(config.batch_windows, config.augment, generator, run.objective.labelled)
        losses = run.losses(batch, generator)
        (losses.total / config.batches_per_step).backward()
        found.append((int(batch.dataset[0]), losses))
    parameters = run.parameters()
    run.processes.sum_gradients(parameters)
    nn.utils.clip_grad_norm_(parameters, config.largest_gradient)
    optimizer.step()
    for part, losses in found:
        dataset = run.corpus.parts[part].windows.dataset
        for name, value in losses.terms.items():
            yield f"{name} {dataset}", float(value)


@torch.no_grad()
def _validate(run: Run) -> float:
    """Return the mean loss over validation batches, the data sets weighing the same."""
    run.encoder.eval()
    run.objective.eval()
    sums = torch.zeros(len(run.corpus.parts), 2, dtype=torch.float64)
    for number, batch in enumerate(run.corpus.validation(run.config.batch_windows, run.config.validation_windows)):
        if number % run.processes.count != run.processes.rank:
            continue
        generator = torch.Generator().manual_seed(_seed(run.config.seed, 0, number))
        loss = float(run.losses(batch, generator).total)
        sums[int(batch.dataset[0])] += torch.tensor([loss * len(batch.values), len(batch.values)])
    sums = run.processes.sum(sums)
    return float((sums[:, 0] / sums[:, 1]).mean())


def _on(batch: PatchBatch, device: torch.device) -> PatchBatch:
    return PatchBatch(*(getattr(batch, entry.name).to(device) for entry in fields(batch)))


def _save(run: Run, state: PretrainState, folder: Path, key: str, events: EventLog) -> None:
    if run.config.keep_every and state.epoch % run.config.keep_every == 0:
        save_epoch(folder, state.epoch, run.encoder, key)
    state.save(folder / STATE, key)
    write_text(folder / PROGRESS, "".join(json.dumps(row) + "\n" for row in state.history))
    events.add(state.history[-1])
    plot_pooled_curves(state.history, METRIC.name, folder / CURVES)


def _seed(seed: int, step: int, number: int) -> int:
    """Return a seed of its own for every batch of every step."""
    return ((seed * 1_000_003 + step) * 1_009 + number) % (2**63 - 1)
