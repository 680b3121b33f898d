"""Answers within a time limit: work that takes longer is given up, and the person is told."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from typing import TypeVar

from feature_extraction.errors import InputError

Answer = TypeVar("Answer")


class TimeLimit:
    """A few worker threads that all sessions share.

    A thread cannot be stopped, so work that was given up goes on in the background until it ends and its answer is
    thrown away; work that waits for a free thread longer than the limit never starts. However many people press
    buttons, no more than `n_workers` pieces of work run at a time.
    """

    def __init__(self, limit_s: float, n_workers: int = 2) -> None:
        """Start no thread before there is work.

        Args:
            limit_s: Longest time from the question to the answer.
            n_workers: Pieces of work that may run at the same time.

        Raises:
            InputError: The limit is not a positive number of seconds.
        """
        if not 0 < limit_s < 86_400:
            raise InputError(f"time limit {limit_s} s cannot be used; give seconds, more than 0 and less than a day")
        self.limit_s = limit_s
        self._workers = ThreadPoolExecutor(n_workers, thread_name_prefix="demo")

    def run(self, work: Callable[[], Answer]) -> Answer:
        """Return what `work` returns; its exceptions are passed on.

        Raises:
            InputError: There was no answer in time.
        """
        waiting = self._workers.submit(work)
        try:
            return waiting.result(self.limit_s)
        except NotInTime:
            waiting.cancel()
            raise InputError(
                f"no answer within {self.limit_s:g} s, so it was given up; use a shorter recording, or start the "
                "page with a larger --time-limit-s"
            ) from None

    def begin(self, work: Callable[[], object]) -> None:
        """Do something whose answer nobody waits for."""
        self._workers.submit(work)
