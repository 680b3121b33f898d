"""One training run in several processes, as `torchrun` starts them; a single process is the same with one of them.

Batches of a step are numbered; process r of W works on batches r, r + W, ..., and gradients are summed. The random
draws of a batch depend on seed, step and number alone, so W processes and one differ in the order of a sum only.
`DistributedDataParallel` is not used: it hooks into `forward`, while objectives call other methods of the encoder.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar, cast

import torch
from torch import Tensor, distributed

T = TypeVar("T")


@dataclass(frozen=True)
class Processes:
    """Who works on a run.

    Attributes:
        rank: Number of this process, from 0.
        count: W.
    """

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and shows progress."""
        return self.rank == 0

    def share(self, n_batches: int) -> range:
        """Return the numbers of the batches this process works on."""
        return range(self.rank, n_batches, self.count)

    def sum_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Add up gradients over processes, in place; a parameter without a gradient counts as 0."""
        if self.count == 1:
            return
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            distributed.all_reduce(parameter.grad)

    def sum(self, values: Tensor) -> Tensor:
        """Return values summed over processes."""
        if self.count > 1:
            distributed.all_reduce(values)
        return values

    def gather(self, value: T) -> list[T]:
        """Return the values of all processes, in order of their numbers."""
        if self.count == 1:
            return [value]
        found: list[T | None] = [None] * self.count
        distributed.all_gather_object(found, value)
        return cast(list[T], found)

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.count > 1:
            distributed.barrier()


@contextmanager
def join_processes() -> Iterator[Processes]:
    """Join the processes that `torchrun` started, if it did, and leave them in the end."""
    if not distributed.is_torchelastic_launched():
        yield Processes()
        return
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield Processes(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()
