"""How long one window takes, and what the exported file costs and saves.

    python benchmarks/inference_latency.py --resources FOLDER --run RUN RAW [--run RUN RAW ...] [--out FILE.json]

For each finished run and the raw folder of its data set, with one thread and with two: the encoder alone; the whole
path from one stride of raw samples to a label; the same graph in PyTorch, ONNX Runtime and there with int8. Latencies
are of single windows, in milliseconds, and are those of the round with the smallest median, because other work on the
machine only ever adds to them. Accuracies are on the test windows of the run, per class.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from feature_extraction.datasets.prepare import prepare
from feature_extraction.protocol.split import Split
from feature_extraction.storage.files import write_text
from feature_extraction.windows.stream import WindowStream
from sadvae_har.recognition.onnx.export import export_onnx, open_session
from sadvae_har.recognition.onnx.graph import RecognizerGraph
from sadvae_har.recognition.recognizer import Recognizer

ROUNDS, CALLS, BATCH = 5, 500, 256


def latency(step: Callable[[int], object]) -> dict[str, float]:
    """Return p50 and p99 in milliseconds of `step(k)`, k = 0, 1, ..., in the fastest of several rounds."""
    rounds = []
    for _ in range(ROUNDS):
        times_s = np.empty(CALLS)
        for k in range(CALLS):
            started = time.perf_counter()
            step(k)
            times_s[k] = time.perf_counter() - started
        rounds.append(1000 * np.quantile(times_s, [0.5, 0.99]))
    p50, p99 = min(rounds, key=lambda found: found[0])
    return {"p50_ms": round(float(p50), 3), "p99_ms": round(float(p99), 3)}


def throughput(step: Callable[[], object]) -> float:
    """Return windows per second at a batch of `BATCH`, in the fastest of several rounds."""
    step()
    times_s = []
    for _ in range(3 * ROUNDS):
        started = time.perf_counter()
        step()
        times_s.append(time.perf_counter() - started)
    return round(BATCH / min(times_s))


def whole_path(recognizer: Recognizer, windows: np.ndarray) -> dict[str, float]:
    """Measure from one stride of raw samples, pushed into a stream, to the label of the window they complete."""
    stride = recognizer.source.settings.step_samples
    rows = windows[:, -stride:].reshape(-1, windows.shape[2]).astype(np.float64)
    stream = WindowStream(recognizer.channels, recognizer.rate_hz, recognizer.channels, recognizer.source.settings)
    n_chunks = len(rows) // stride
    while not len(stream.push(rows[:stride])):
        pass

    def step(k: int) -> None:
        start = k % n_chunks * stride
        found = recognizer.predict_windows(stream.push(rows[start : start + stride]))
        assert len(found) == 1

    return latency(step)


def measure_threads(
    recognizer: Recognizer, files: dict[str, Path], windows: np.ndarray, n_threads: int
) -> dict[str, Any]:
    """Measure everything that takes time, with a number of threads."""
    torch.set_num_threads(n_threads)
    singles, batch = (
        [windows[k % len(windows)][None] for k in range(CALLS)],
        np.resize(windows, (BATCH, *windows.shape[1:])),
    )
    graph, encoder = RecognizerGraph(recognizer).eval(), recognizer.model.encoder
    with threadpool_limits(n_threads), torch.inference_mode():
        result: dict[str, Any] = {
            "encoder": latency(lambda k: encoder.features(singles[k]))
            | {"windows_per_s": throughput(lambda: encoder.features(batch))},
            "raw samples to label": whole_path(recognizer, windows)
            | {"windows_per_s": throughput(lambda: recognizer.predict(batch))},
            "graph, PyTorch": latency(lambda k: graph(torch.from_numpy(singles[k])))
            | {"windows_per_s": throughput(lambda: graph(torch.from_numpy(batch)))},
        }
        for name, path in files.items():
            session = open_session(path, n_threads)
            result[f"graph, {name}"] = latency(lambda k, s=session: s.run(None, {"windows": singles[k]})) | {
                "windows_per_s": throughput(lambda s=session: s.run(None, {"windows": batch}))
            }
    ratio = result["raw samples to label"]["p50_ms"] / result["encoder"]["p50_ms"]
    return result | {"whole path / encoder": round(ratio, 2)}


def per_class(found: np.ndarray, labels: np.ndarray) -> float:
    """Return the accuracy averaged over the classes, in percent."""
    return round(100 * float(np.mean([(found[labels == name] == name).mean() for name in np.unique(labels)])), 2)


def measure_run(run: Path, raw: Path, resources: Path) -> dict[str, Any]:
    """Export a run and measure it."""
    recognizer, split = Recognizer.load(run), Split.load(run / "split.json")
    recorded = prepare(split.dataset, raw, out=resources / "windows")
    rows = np.isin(recorded.subjects, split.test_subjects) & np.isin(recorded.labels, recognizer.names)
    windows, labels = np.ascontiguousarray(recorded.samples[rows]), recorded.labels[rows]
    names = np.array(recognizer.names)
    result: dict[str, Any] = {
        "split": f"{split.dataset}/{split.name}",
        "features": list(recognizer.model.encoder.blocks),
        "test windows": len(windows),
        "accuracy_percent": {"recogniser": per_class(names[recognizer.score(recognizer.features(windows))[1]], labels)},
        "size_mb": {"model file": round((run / "recognizer.safetensors").stat().st_size / 1e6, 2)},
    }
    with tempfile.TemporaryDirectory() as folder:
        files = {
            name: export_onnx(recognizer, Path(folder) / f"{name}.onnx", int8=name == "int8")
            for name in ("float32", "int8")
        }
        for name, path in files.items():
            session = open_session(path)
            parts = [windows[start : start + BATCH] for start in range(0, len(windows), BATCH)]
            found = np.concatenate([session.run(["activity"], {"windows": part})[0] for part in parts])
            result["accuracy_percent"][f"ONNX {name}"] = per_class(names[found], labels)
            result["size_mb"][f"ONNX {name}"] = round(path.stat().st_size / 1e6, 2)
        named = {f"ONNX Runtime {name}": path for name, path in files.items()}
        for n_threads in (1, 2):
            result[f"{n_threads} thread{'s'[: n_threads - 1]}"] = measure_threads(recognizer, named, windows, n_threads)
    return result


def main() -> None:
    """Measure and print; write JSON when asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, nargs=2, action="append", required=True, metavar=("RUN", "RAW"))
    parser.add_argument("--resources", type=Path, required=True, help="folder with prepared windows")
    parser.add_argument("--out", type=Path, help="also write the figures to this JSON file")
    options = parser.parse_args()
    results = {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}; other work ran beside: fastest of {ROUNDS} rounds",
        "runs": [measure_run(run, raw, options.resources) for run, raw in options.run],
    }
    text = json.dumps(results, indent=2)
    print(text)
    if options.out:
        write_text(options.out, text + "\n")


if __name__ == "__main__":
    main()
