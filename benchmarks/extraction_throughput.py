"""Windows per second of a patch encoder, in batches and one window at a time, and whether memory stays flat.

    python benchmarks/extraction_throughput.py (--raw FOLDER | --windows FOLDER) [--dataset usc-had] [--out FILE]

The encoder has the sizes `TINY` and random weights, which cost as much as trained ones; the windows are real. In the
same run, in turn:

* a loop over windows in plain PyTorch, the way a user would write it: patches, then the network in evaluation mode
  without gradients, the channel sentences embedded once before;
* `PatchCheckpoint.embed` on the same windows and more, in float32 and in bfloat16.

How far batches can go on a processor is a matter of arithmetic: `bound_times_the_loop` is what would be reached if a
window cost nothing but the matrix products and attentions of the network, each as fast as a large product of square
matrices in the same run. All ratios are of processor time, which other jobs on the machine disturb less than wall time;
`load_average` tells of them.

Memory is the peak of a process of its own that embeds N and 8 N windows from their memory map. Pages of the map count
while they are resident, though the system may drop them: `window_kib` of them and the features of each window are
what the peak may grow by.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from feature_extraction.datasets.prepare import prepare
from feature_extraction.descriptions.embeddings import DEFAULT_TEXT_MODEL, embed
from feature_extraction.encoders.devices import find_devices
from feature_extraction.encoders.patch_transformer.channel_sentences import describe_channels
from feature_extraction.encoders.patch_transformer.network import TINY, PatchTransformer
from feature_extraction.encoders.patch_transformer.patches import make_patches
from feature_extraction.pretraining.checkpoint import PatchCheckpoint
from feature_extraction.pretraining.config import Precision
from feature_extraction.storage.files import write_text
from feature_extraction.storage.places import TEXT_CACHE, WINDOWS_FOLDER
from feature_extraction.windows.window_set import WindowSet

MEMORY_WINDOWS = 1250
SQUARE = 1024
PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")


@dataclass(frozen=True)
class Pace:
    """How fast windows were embedded.

    Attributes:
        per_s: Windows per second of wall time.
        per_cpu_s: Windows per second of processor time, all threads together; other jobs disturb it less.
    """

    per_s: float
    per_cpu_s: float


def random_checkpoint() -> PatchCheckpoint:
    """Return an encoder of the sizes `TINY` that has learned nothing."""
    torch.manual_seed(0)
    return PatchCheckpoint(PatchTransformer(TINY).eval(), (), (), DEFAULT_TEXT_MODEL, "random", {})


def plain_loop(encoder: PatchTransformer, windows: WindowSet, cache: Path) -> Callable[[int], np.ndarray]:
    """Return a function that embeds the first n windows one at a time, [n, devices x D]."""
    readers = []
    for device in find_devices(windows.channels):
        columns = [*device.acc, *device.gyro]
        channels = [windows.channels[column] for column in columns]
        readers.append((columns, channels, torch.from_numpy(embed(describe_channels(channels, ""), cache=cache))))
    rate_hz, config = windows.settings.rate_hz, encoder.config.patches

    def loop(n_windows: int) -> np.ndarray:
        features = []
        with torch.no_grad():
            for samples in windows.samples[:n_windows]:
                window = torch.tensor(samples)[None]
                parts = []
                for columns, channels, text in readers:
                    patches = make_patches(window[:, :, columns], channels, rate_hz, config)
                    parts.append(encoder(patches.values, patches.valid, text[None])[0])
                features.append(torch.cat(parts).numpy())
        return np.stack(features)

    return loop


def product_gflops(dtype: torch.dtype) -> float:
    """Return the speed of a product of square matrices, 10⁹ operations per second of processor time."""
    left, right = torch.randn(2, SQUARE, SQUARE).to(dtype)
    times = []
    for _ in range(10):
        worked = time.process_time()
        left @ right
        times.append(time.process_time() - worked)
    return 2 * SQUARE**3 / statistics.median(times) / 1e9


def measure(runs: dict[str, tuple[int, Callable[[], object]]], repeats: int) -> dict[str, Pace]:
    """Run everything in turn and return the median pace of each; the first round warms up.

    Args:
        runs: Name -> windows that a call embeds, and the call.
        repeats: Rounds that count.
    """
    wall: dict[str, list[float]] = {name: [] for name in runs}
    cpu: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats + 1):
        for name, (_, call) in runs.items():
            started, worked = time.perf_counter(), time.process_time()
            call()
            wall[name].append(time.perf_counter() - started)
            cpu[name].append(time.process_time() - worked)
    return {
        name: Pace(n / statistics.median(wall[name][1:]), n / statistics.median(cpu[name][1:]))
        for name, (n, _) in runs.items()
    }


def peak_mib(folder: Path, n_windows: int, cache: Path) -> float:
    """Return the peak memory of a process that embeds the first windows."""
    command = [sys.executable, __file__, "--windows", str(folder), "--text-cache", str(cache)]
    pid = os.posix_spawn(sys.executable, [*command, "--only-embed", str(n_windows)], os.environ)
    _, status, usage = os.wait4(pid, 0)
    if status:
        raise SystemExit(f"embedding {n_windows} windows failed with status {status}")
    return usage.ru_maxrss / 1024


def throughput(windows: WindowSet, n_loop: int, n_batched: int, repeats: int, cache: Path) -> dict[str, object]:
    """Return paces and ratios for a report; afterwards the channel sentences lie in the cache."""
    checkpoint, rate_hz = random_checkpoint(), windows.settings.rate_hz
    loop = plain_loop(checkpoint.encoder, windows, cache)

    def batched(n_windows: int, precision: Precision) -> np.ndarray:
        return checkpoint.embed(windows.samples[:n_windows], windows.channels, rate_hz, "", cache, precision)

    paces = measure(
        {
            "loop": (n_loop, lambda: loop(n_loop)),
            "float32": (n_batched, lambda: batched(n_batched, "float32")),
            "bfloat16": (n_batched, lambda: batched(n_batched, "bfloat16")),
        },
        repeats,
    )
    with FlopCounterMode(display=False) as counter:
        loop(1)
    gflop = counter.get_total_flops() / 1e9
    one_by_one, exact, rough = loop(n_loop), batched(n_loop, "float32"), batched(n_loop, "bfloat16")
    size, base = float(np.linalg.norm(exact)), paces["loop"].per_cpu_s
    speeds = {name: product_gflops(getattr(torch, name)) for name in PRECISIONS}
    return {
        "times_the_loop": {name: round(paces[name].per_cpu_s / base, 2) for name in PRECISIONS},
        "bound_times_the_loop": {name: round(speed / gflop / base, 1) for name, speed in speeds.items()},
        "windows_per_cpu_s": {name: round(pace.per_cpu_s) for name, pace in paces.items()},
        "windows_per_s": {name: round(pace.per_s) for name, pace in paces.items()},
        "mflop_per_window": round(1000 * gflop, 1),
        "product_gflops": {name: round(speed) for name, speed in speeds.items()},
        "change_by_batching": float(f"{np.linalg.norm(one_by_one - exact) / size:.1e}"),
        "change_by_bfloat16": float(f"{np.linalg.norm(rough - exact) / size:.1e}"),
    }


def main() -> None:
    """Measure and print; write JSON when asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--raw", type=Path, help="folder of the raw recordings")
    source.add_argument("--windows", type=Path, help="folder of windows that were prepared before")
    parser.add_argument("--dataset", default="usc-had")
    parser.add_argument("--prepared", type=Path, default=WINDOWS_FOLDER, help="where windows of --raw are kept")
    parser.add_argument("--text-cache", type=Path, default=TEXT_CACHE)
    parser.add_argument("--loop-windows", type=int, default=100)
    parser.add_argument("--batched-windows", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only-embed", type=int, help="embed so many windows and measure nothing")
    parser.add_argument("--out", type=Path, help="also write the figures to this JSON file")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.windows is None:
        key = prepare(options.dataset, options.raw, out=options.prepared).key
        options.windows = options.prepared / options.dataset / key
    windows, load = WindowSet.load(options.windows), os.getloadavg()[0]
    if options.only_embed:
        first = windows.samples[: options.only_embed]
        random_checkpoint().embed(first, windows.channels, windows.settings.rate_hz, "", options.text_cache)
        return
    paces = throughput(windows, options.loop_windows, options.batched_windows, options.repeats, options.text_cache)
    n_few = min(MEMORY_WINDOWS, len(windows) // 8)
    peaks = {str(n): round(peak_mib(options.windows, n, options.text_cache), 1) for n in (n_few, 8 * n_few)}
    window_kib = windows.samples[0].nbytes / 1024
    results = {
        "dataset": windows.dataset,
        "processors": os.cpu_count(),
        "threads": options.threads,
        "load_average": round(load, 1),
        **paces,
        "peak_mib_by_windows": peaks,
        "window_kib": round(window_kib, 1),
        "growth_kib_per_window": round(1024 * (peaks[str(8 * n_few)] - peaks[str(n_few)]) / (7 * n_few), 1),
    }
    print(json.dumps(results, indent=2))
    if options.out:
        write_text(options.out, json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
