"""Damage thousands of inputs and count what the program does with them; ends with 1 if it ever breaks.

    sadvae-har run --dataset watch --split random-1 --out resources/runs/watch
    python tests/whole/fuzz_many.py --model resources/runs/watch [--inputs 10000] [--seed 0]

The tests do the same with some hundred inputs. `refused` is one line of error, `read` is a prediction; `broken` is
anything else: an unexpected error, a payload that was executed, a minute of waiting.
"""

import argparse
import contextlib
import io
import sys
import tempfile
import time
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "helpers"))

from malformed import DECLARED, csv_bytes, npy_bytes, parquet_bytes, yaml_bytes

from sadvae_har import Recognizer
from sadvae_har import __main__ as cli

LONGEST_S = 60.0
CHANNELS = [f"imu.{quantity}_{axis}" for quantity in ("acc", "gyro") for axis in "xyz"]
NUMBERED = ["--columns", ",".join(f"{channel}={k}" for k, channel in enumerate(CHANNELS))]
KINDS = ("csv", "npy", "parquet", "activities", "dataset")


def outcome(kind: str, seed: int, model: Path, folder: Path) -> tuple[str, str]:
    """Damage one input of a kind and hand it to the command that reads it; return what happened, and the last line."""
    rng, canary = np.random.default_rng(seed), folder / "canary"
    content = {
        "csv": lambda: csv_bytes(rng, seed),
        "npy": lambda: npy_bytes(rng, seed, canary),
        "parquet": lambda: parquet_bytes(rng, seed),
    }.get(kind, lambda: yaml_bytes(rng, seed, canary))()
    path = folder / {"activities": "a.yaml", "dataset": "dataset.yaml"}.get(kind, f"a.{kind}")
    path.write_bytes(content)
    predict = ["predict", str(path), "--model", str(model), "--out", str(folder / "out.csv"), *DECLARED]
    predict += NUMBERED if kind == "npy" else []
    words = {
        "activities": ["predict", str(folder / "none.csv"), "--model", str(model), "--activities", str(path)],
        "dataset": ["data", "check", str(path)],
    }.get(kind, predict)
    errors, start = io.StringIO(), time.process_time()
    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
        code = cli.main(words)
    line = (errors.getvalue().splitlines() or [""])[-1]
    sound = code in (0, 2) and "this is a bug" not in line and not canary.exists()
    if not sound or time.process_time() - start > LONGEST_S:
        return "broken", line
    return ("refused" if code else "read"), line


def main() -> int:
    """Run the inputs and print counts by kind, and every broken one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="run folder or model file")
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0, help="of the first input")
    arguments = parser.parse_args()
    cli.cl.build_parser = cache(cli.cl.build_parser)  # this and the model take most of the time of a call
    Recognizer.load = cache(Recognizer.load)
    counts: Counter[tuple[str, str]] = Counter()
    for k in tqdm(range(arguments.inputs)):
        kind, seed = KINDS[k % len(KINDS)], arguments.seed + k // len(KINDS)
        with tempfile.TemporaryDirectory() as folder:
            found, line = outcome(kind, seed, arguments.model, Path(folder))
        counts[kind, found] += 1
        if found == "broken":
            tqdm.write(f"{kind}, seed {seed}: {line}")
    for (kind, found), n in sorted(counts.items()):
        print(f"{kind:12}{found:9}{n:7,}")
    return int(any(found == "broken" for _, found in counts))


if __name__ == "__main__":
    sys.exit(main())
