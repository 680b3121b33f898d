"""Damage tens of thousands of inputs and count what the readers do with them; ends with 1 if one ever breaks.

    python tests/whole/fuzz_many.py [--inputs 50000] [--seed 0] [--processes 2] [--kinds csv,split] [--out FOLDER]

Every input is a sound one of `readers.py`, damaged by `mutations.py`, or an everyday model with a right checksum and
something else in its header. Of an input, a reader makes a result (accepted) or one error of input (refused); an
unexpected error (traceback), more than ten seconds of computing (hang) or a process that dies breaks it, and is named
with its seed on standard error. Inputs are tried in blocks, each in a process of its own, whose counts are kept in the
folder, so that the same command goes on where it was interrupted. The last line is a summary as JSON.
"""

import argparse
import json
import logging
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "helpers"))

from malformed import places, put, read_model, write_model
from mutations import mutated
from readers import READERS

from feature_extraction.errors import InputError
from feature_extraction.storage.files import write_text
from sadvae_har.recognition.model.header import EVERYDAY_KIND

HEADERS = "headers of models"
KINDS = (*READERS, HEADERS)
IN_BLOCK = 250
HANG_S, DEAD_S = 10, 900  # of computing for one input, of waiting for a block
ODD_VALUES = (
    None,
    True,
    -1,
    0,
    10**9,
    10**30,
    10**400,
    1e308,
    float("nan"),
    "",
    "x" * 3000,
    "\x1b",
    [],
    {},
    [[1]],
    {"a": 1},
)


class Hang(BaseException):
    """An input took too long."""


def written(kind: str, seed: int, folder: Path) -> Path:
    """Write one damaged input and return its path."""
    rng = np.random.default_rng([KINDS.index(kind), seed])
    path = READERS["model" if kind == HEADERS else kind].write(folder)
    if kind != HEADERS:
        path.write_bytes(mutated(path.read_bytes(), rng))
        return path
    header, tensors = read_model(path)
    spots = list(places(header))
    at = spots[int(rng.integers(len(spots)))]
    value = ODD_VALUES[int(rng.integers(len(ODD_VALUES)))]
    put(header, at, None if rng.random() < 0.2 else lambda _: value)
    return write_model(path, header, tensors, EVERYDAY_KIND)


def outcome(kind: str, seed: int) -> tuple[str, str]:
    """Hand one damaged input to its reader; return what happened, and the error."""
    with tempfile.TemporaryDirectory() as name:
        path = written(kind, seed, Path(name))
        signal.setitimer(signal.ITIMER_PROF, HANG_S)
        try:
            READERS["model" if kind == HEADERS else kind].read(path)
            return "accepted", ""
        except InputError as error:
            return "refused", str(error)
        except Hang:
            return "hang", "".join(traceback.format_stack(limit=3)[-1:])
        except Exception as error:  # noqa: BLE001  (which is what is looked for)
            where = traceback.extract_tb(error.__traceback__)
            own = [frame for frame in where if "site-packages" not in frame.filename][-1]
            return "traceback", f"{type(error).__name__}: {error} ({Path(own.filename).name}:{own.lineno})"
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)


def try_block(numbers: Sequence[int], kinds: Sequence[str]) -> dict[str, Any]:
    """Try inputs by their numbers; the kinds take turns."""
    counts: Counter[str] = Counter()
    broken, slowest = [], (0.0, "", 0)
    for number in numbers:
        kind, seed = kinds[number % len(kinds)], number // len(kinds)
        start = time.process_time()
        found, error = outcome(kind, seed)
        slowest = max(slowest, (round(time.process_time() - start, 2), kind, seed))
        counts[f"{kind}: {found}"] += 1
        if found in ("hang", "traceback"):
            broken.append([kind, seed, found, " ".join(error.split())[:300]])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {"counts": counts, "broken": broken, "slowest": slowest, "peak_mib": peak}


def run_block(first: int, n_inputs: int, kinds: str, path: Path) -> dict[str, Any]:
    """Try a block in a process of its own, or read what it found before."""
    if not path.exists():
        words = ["--first", str(first), "--inputs", str(n_inputs), "--kinds", kinds, "--out", str(path)]
        try:
            done = subprocess.run([sys.executable, __file__, *words], capture_output=True, timeout=DEAD_S, text=True)
            died = "" if done.returncode == 0 else f"ended with {done.returncode}: {done.stderr[-200:]}"
        except subprocess.TimeoutExpired:
            died = f"no answer within {DEAD_S} s"
        if died:
            broken = [["block", first, "died", died]]
            return {"counts": {}, "broken": broken, "slowest": [0.0, "", 0], "peak_mib": 0}
    return json.loads(path.read_text())


def summary(blocks: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return counts of all blocks together."""
    found: Counter[str] = Counter()
    inputs: Counter[str] = Counter()
    for block in blocks:
        for name, n in block["counts"].items():
            kind, _, what = name.rpartition(": ")
            found[what] += n
            inputs[kind] += n
    return {
        "inputs": inputs.total(),
        **{name: found[name] for name in ("accepted", "refused")},
        "tracebacks": found["traceback"],
        "hangs": found["hang"] + sum(entry[2] == "died" for block in blocks for entry in block["broken"]),
        "slowest_s": max(block["slowest"] for block in blocks),
        "peak_mib": max(block["peak_mib"] for block in blocks),
        "by_kind": dict(sorted(inputs.items())),
    }


def hang(number: int, frame: FrameType | None) -> None:
    """Stop what takes too long."""
    raise Hang


def main() -> int:
    """Try all inputs, or, started by this script itself, one block of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=0, help="moves on to other inputs")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--kinds", default=",".join(KINDS), help="between commas")
    parser.add_argument("--out", type=Path, default=None, help="folder of counts (default: a temporary one)")
    parser.add_argument("--first", type=int, default=None, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    kinds = arguments.kinds.split(",")
    if arguments.first is not None:
        logging.disable()
        warnings.simplefilter("ignore")
        signal.signal(signal.SIGPROF, hang)
        found = try_block(range(arguments.first, arguments.first + arguments.inputs), kinds)
        write_text(arguments.out, json.dumps(found))
        return 0
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(arguments.processes) as pool:
        folder = arguments.out or Path(scratch)
        start = arguments.seed * 10_000_000
        firsts = range(start, start + arguments.inputs, IN_BLOCK)
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        waiting = [
            pool.submit(
                run_block,
                first,
                min(IN_BLOCK, start + arguments.inputs - first),
                arguments.kinds,
                folder / f"{first}-{'all' if len(kinds) == len(KINDS) else '-'.join(kinds)[:100]}.json",
            )
            for first in firsts
        ]
        blocks = [future.result() for future in tqdm(waiting, disable=None)]
    for entry in (entry for block in blocks for entry in block["broken"]):
        print(*entry, file=sys.stderr)
    found = summary(blocks)
    print(json.dumps(found))
    return int(bool(found["tracebacks"] or found["hangs"]))


if __name__ == "__main__":
    sys.exit(main())
