"""The process in which code of others runs: `python -m feature_extraction.encoders.confined.worker`.

Its arguments are a description, the digest of the code in it that is trusted, and a number of threads. It limits
itself, loads the network, and answers arrays with arrays until its input ends. What the network prints goes nowhere.
"""

import os
import sys
from pathlib import Path
from typing import BinaryIO

from feature_extraction.encoders.confined.limits import confine


def main() -> None:
    """Answer until the input ends, or until the network cannot be loaded."""
    requests, answers = _take_pipes()
    not_denied = confine()

    # Imported behind the limits: threads that these start before would stay without them.
    import torch

    from feature_extraction.encoders.confined import frames
    from feature_extraction.encoders.external import ADAPTERS, read_spec
    from feature_extraction.encoders.external.encoder import embed_rows
    from feature_extraction.encoders.external.trust import require_trust
    from feature_extraction.errors import InputError

    frames.send(answers, frames.LIMITS, ", ".join(not_denied).encode())
    description, digest, n_threads = sys.argv[1:]
    torch.set_num_threads(int(n_threads))
    sys.pycache_prefix = os.devnull  # byte code beside sources of others is in no digest, and not read
    try:
        spec = read_spec(Path(description))
        adapter = ADAPTERS[spec.kind]
        code = adapter.find_code(spec)
        if code is not None:
            require_trust(code, (digest,))
        network = adapter.load(spec)
        frames.send(answers, frames.LOADED)
    except (InputError, MemoryError) as error:
        frames.send(answers, frames.ERROR, _line(error))
        return
    while True:
        try:
            pieces = frames.array_of(frames.receive(requests)[1])
        except EOFError:
            return
        try:
            answer = frames.ARRAY, frames.array_bytes(embed_rows(network, pieces, spec, None))
        except (InputError, MemoryError) as error:
            answer = frames.ERROR, _line(error)
        frames.send(answers, *answer)


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Return standard input and output for our own use, and leave empty ones to everybody else."""
    pipes = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    return pipes


def _line(error: Exception) -> bytes:
    return (str(error) or "memory ended").encode("utf-8", "replace")


if __name__ == "__main__":
    main()
