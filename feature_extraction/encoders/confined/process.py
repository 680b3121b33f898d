"""The near side of a process with code of others: started once, asked batch by batch, never believed."""

import logging
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import torch

from feature_extraction.encoders.confined import frames
from feature_extraction.errors import InputError

WORKER = "feature_extraction.encoders.confined.worker"
ANSWER_S = 600.0
_IMPORTED_FROM = Path(__file__).resolve().parents[WORKER.count(".")]
_log = logging.getLogger(__name__)


@dataclass(eq=False)
class ConfinedNetwork:
    """A network that runs in another process.

    Attributes:
        process: Says what cannot be denied to it, then that it has loaded, then answers arrays with arrays. It ends
            with this object.
        file: What it runs; named in errors.
        answer_s: Seconds that it has to load, and for each batch.
    """

    process: "subprocess.Popen[bytes]"
    file: Path
    answer_s: float = ANSWER_S

    def __post_init__(self) -> None:
        """End the process with this object, or with the program."""
        weakref.finalize(self, _end, self.process)

    def await_loaded(self) -> None:
        """Wait until the network is loaded; warn of what this system cannot deny to it.

        Raises:
            InputError: It cannot be loaded, hangs or crashes.
        """
        with self._deadline():
            not_denied = frames.text_of(self._receive(frames.LIMITS))
        if not_denied:
            _log.warning("%s is code of others, and this system cannot deny to it: %s", self.file, not_denied)
        with self._deadline():
            self._receive(frames.LOADED)

    def embed(self, pieces: np.ndarray) -> np.ndarray:
        """Map float32 [B, T, C] of the network's rate, length and units to float32 [B, D].

        Raises:
            InputError: The network fails, hangs or crashes.
        """
        with self._deadline():
            frames.send(cast(BinaryIO, self.process.stdin), frames.ARRAY, frames.array_bytes(pieces))
            return frames.array_of(self._receive(frames.ARRAY))

    def _receive(self, expected: bytes) -> bytes:
        kind, data = frames.receive(cast(BinaryIO, self.process.stdout), frames.LARGEST_ANSWER)
        if kind == frames.ERROR:
            raise InputError(frames.text_of(data))
        if kind != expected:
            raise ValueError(f"an answer of kind {kind!r}, expected {expected!r}")
        return data

    @contextmanager
    def _deadline(self) -> Iterator[None]:
        """End the process where it takes too long or breaks the rules, and say so in one line."""
        late, process = threading.Event(), self.process  # a timer that held `self` would keep the process alive

        def end() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(self.answer_s, end)
        timer.daemon = True
        timer.start()
        try:
            yield
        except InputError:
            raise
        except (OSError, EOFError, ValueError) as error:
            problem = f"sent something else than features ({error})"
            if late.is_set():
                problem = f"gave no answer within {self.answer_s:g} s and was ended"
            elif isinstance(error, OSError | EOFError):
                problem = f"crashed ({_how_it_ended(self.process)})"
            self.process.kill()
            raise InputError(
                f"{self.file}: the process that runs this code of others {problem}; get another version of the file, "
                "or the network as ONNX"
            ) from error
        except BaseException:  # interrupted: its next answer would be to the last question
            self.process.kill()
            raise
        finally:
            timer.cancel()


def start(description: Path, file: Path, digest: str, answer_s: float = ANSWER_S) -> ConfinedNetwork:
    """Start a process that loads a network of others.

    Args:
        description: YAML file of the encoder.
        file: What in it is code; named in errors.
        digest: The only digest of this code that the process accepts.
        answer_s: Seconds that it has to load, and for each batch.

    Raises:
        InputError: The network cannot be loaded, hangs or crashes.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", WORKER, str(description.absolute()), digest, str(torch.get_num_threads())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=_IMPORTED_FROM,  # where -m finds this package
        start_new_session=True,  # without the terminal
    )
    network = ConfinedNetwork(process, file, answer_s)
    network.await_loaded()
    return network


def _how_it_ended(process: "subprocess.Popen[bytes]") -> str:
    """Return the signal or the exit code of a process that closed its pipes; one that lives on is ended."""
    try:
        code = process.wait(timeout=1)
    except subprocess.TimeoutExpired:
        return "closed its pipes"
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        with suppress(OSError):  # what was not sent is lost
            cast(BinaryIO, pipe).close()
