"""Recognise activities in a CSV file with an exported model, NumPy and onnxruntime; nothing else is needed.

    sadvae-har export resources/runs/quickstart --out model.onnx
    python docs/examples/onnx_numpy.py model.onnx recording.csv

The CSV has a header, rows at the model's rate, and a column for each channel in the model's unit, named `imu.acc_x`, or
`acc_x` where the model reads one device. A value that is missing may be left blank; windows that hold one are unknown.
Prints one line per window: start in seconds, activity, probability.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime


def channel_names(channels: list[dict[str, str]]) -> list[str]:
    """Return the column of each channel as `imu.acc_x`."""
    return [f"{c['device']}.{c['quantity']}_{c['axis']}" for c in channels]


def read_csv(path: str, channels: list[dict[str, str]]) -> np.ndarray:
    """Return samples float32 [rows, C] in the order of the model."""
    with open(path, encoding="utf-8-sig") as file:  # some programs begin a file with a byte order mark
        header = [name.strip() for name in file.readline().split(",")]
        lines = [line.rstrip("\n").split(",") for line in file if line.strip()]
    one_device = len({channel["device"] for channel in channels}) == 1
    found = []
    for name in channel_names(channels):
        short = name.split(".")[1]
        if name not in header and not (one_device and short in header):
            wanted = ", ".join(f"{c['quantity']}_{c['axis']} in {c['unit']}" for c in channels)
            raise SystemExit(f"{path}: no column {name} in {', '.join(header)}; name and convert columns to {wanted}")
        found.append(header.index(name if name in header else short))
    samples = np.empty((len(lines), len(found)), dtype=np.float32)
    for number, cells in enumerate(lines):
        try:
            samples[number] = [float(cells[column].strip() or "nan") for column in found]
        except (IndexError, ValueError) as error:
            raise SystemExit(
                f"{path}: row {number + 1} has no {len(header)} numbers: {','.join(cells)[:80]}"
            ) from error
    return samples


def cut(samples: np.ndarray, length: int, stride: int) -> np.ndarray:
    """Return windows [n, length, C]; a tail shorter than a window is left out."""
    starts = range(0, len(samples) - length + 1, stride)
    return np.stack([samples[start : start + length] for start in starts]) if starts else np.empty((0, length, 0))


def main() -> None:
    """Read the model's metadata, cut the recording, print a line per window."""
    if len(sys.argv) != 3:
        raise SystemExit("usage: onnx_numpy.py MODEL.onnx RECORDING.csv")
    for path in sys.argv[1:]:
        if not Path(path).is_file():
            raise SystemExit(f"{path}: no such file")
    session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
    model = json.loads(session.get_modelmeta().custom_metadata_map["sadvae_har"])
    samples = read_csv(sys.argv[2], model["channels"])
    windows = cut(samples, model["window_samples"], model["stride_samples"])
    if not len(windows):
        raise SystemExit(f"{sys.argv[2]}: {len(samples)} rows, a window needs {model['window_samples']}")
    # The file also returns `strangeness`, which is best averaged over neighbouring windows before it is compared
    # with model["strangeness_limits"]; `unknown` compares that of each window by itself.
    names = ["probabilities", "activity", "unknown"]
    for start, probabilities, activity, unknown in zip(
        range(0, len(samples), model["stride_samples"]), *session.run(names, {"windows": windows}), strict=False
    ):
        label = "unknown" if unknown else model["activities"][activity]["name"]
        print(f"{start / model['rate_hz']:8.2f}  {label:40}  {probabilities[activity]:.3f}")


if __name__ == "__main__":
    main()
