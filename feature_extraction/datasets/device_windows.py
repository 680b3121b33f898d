"""Windows of single devices out of every recording of a data set: what a model learns from that reads any device.

A recording with five devices gives five windows of the same moment. All are brought to one rate and one length, in SI
units, and to seven places of the body. Axis legend: N windows, T time.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from feature_extraction.datasets import DATASETS, get_dataset
from feature_extraction.datasets.prepare import build_folder, content_of
from feature_extraction.datasets.spec import DatasetSpec
from feature_extraction.errors import InputError
from feature_extraction.own_files.columns.places import placement_of
from feature_extraction.recordings.recording import Recording
from feature_extraction.recordings.signal import rate_ratio, resample_by, to_si
from feature_extraction.storage.files import content_hash, read_npz, write_npz
from feature_extraction.storage.places import WINDOWS_FOLDER
from feature_extraction.windows.cutting import WindowSettings, cut_windows

logger = logging.getLogger(__name__)

SETTINGS = WindowSettings(rate_hz=20.0, window_s=5.0, overlap=0.5, short_recordings="pad")
METHOD = 1  # raise it when reading or cutting change, so that old windows are not reused
FILE = "devices.npz"
# Whose names mean other places than in everyday speech: the units on arms are at the wrists, those on legs above the
# knees (Altun, Barshan & Tunçel, Pattern Recognition 43, 2010).
PLACES = {
    ("dsads", "right arm"): "wrist",
    ("dsads", "left arm"): "wrist",
    ("dsads", "right leg"): "thigh",
    ("dsads", "left leg"): "thigh",
}


@dataclass(frozen=True)
class DeviceWindows:
    """Windows of single devices.

    Attributes:
        samples: float32 [N, T, 6], m/s² and rad/s; zeros where there is no gyroscope.
        has_gyro: Whether the device has a gyroscope [N].
        datasets: Data set of each window [N].
        labels: Class in its data set [N].
        subjects: Person, with the data set in front, [N].
        recordings: Recording, with the data set in front, [N].
        devices: Device in the recording [N].
        placements: Place of the body, or empty where it is not one of the seven, [N].
        start_s: Start in the recording [N].
    """

    samples: np.ndarray
    has_gyro: np.ndarray
    datasets: np.ndarray
    labels: np.ndarray
    subjects: np.ndarray
    recordings: np.ndarray
    devices: np.ndarray
    placements: np.ndarray
    start_s: np.ndarray

    def __len__(self) -> int:
        """Return N."""
        return len(self.samples)

    def take(self, rows: np.ndarray) -> "DeviceWindows":
        """Return some of the windows."""
        return replace(self, **{entry.name: getattr(self, entry.name)[rows] for entry in fields(self)})

    @classmethod
    def joined(cls, parts: Sequence["DeviceWindows"]) -> "DeviceWindows":
        """Return the windows of several data sets, one behind the other."""
        return cls(*(np.concatenate([getattr(part, entry.name) for part in parts]) for entry in fields(cls)))


def device_windows(dataset: str, raw: Path | None = None, out: Path = WINDOWS_FOLDER) -> DeviceWindows:
    """Return all windows of all devices of a data set, from the cache or from the raw files.

    Args:
        dataset: Name of a data set, or path of a `dataset.yaml`.
        raw: Folder of the raw files; by default `resources/raw/<dataset>`.
        out: Folder of all prepared windows.

    Raises:
        InputError: Files are missing or wrong, or no device has an accelerometer.
    """
    spec = get_dataset(dataset)
    files = spec.list_files(spec.raw_folder(raw))
    home = out / spec.name
    codes = sorted(spec.class_list().codes.items())
    content = content_of(files, home / "content.json")
    key = content_hash("devices", str(METHOD), spec.name, spec.signature, content, repr(SETTINGS), repr(codes))
    path = home / key / FILE
    if path.is_file():
        try:
            return _read(path)
        except InputError as error:
            logger.warning("%s; preparing it again", error)
    with build_folder(path.parent) as build:
        items = spec.read_files(files, spec.class_list())
        parts = [part for item in items if isinstance(item, Recording) for part in _of_recording(spec, item)]
        if not parts:
            raise InputError(f"{spec.name}: no recording has an accelerometer and is long enough for a window")
        write_npz(build / FILE, dict(vars(DeviceWindows.joined(parts))))
    return _read(path)


def _read(path: Path) -> DeviceWindows:
    arrays = read_npz(path)
    found = {entry.name: arrays.get(entry.name, np.empty(0)) for entry in fields(DeviceWindows)}
    shape = (len(found["samples"]), SETTINGS.window_samples, 6)
    for name, value in found.items():
        kind = {"samples": "f", "has_gyro": "b", "start_s": "f"}.get(name, "U")
        if name not in arrays or value.dtype.kind != kind or value.shape != (shape if name == "samples" else shape[:1]):
            raise InputError(f"{path}: {name!r} is missing or does not fit; delete it, and it is made again")
    return DeviceWindows(**found)


def _of_recording(spec: DatasetSpec, recording: Recording) -> Iterator[DeviceWindows]:
    """Yield the windows of every device that has an accelerometer."""
    recording = to_si(recording)
    samples = resample_by(recording.samples, rate_ratio(recording.rate_hz, SETTINGS.rate_hz))
    for device in recording.devices:
        acc, gyro = (_columns(recording, device, quantity) for quantity in ("acc", "gyro"))
        if len(acc) < 3:
            continue
        six = np.zeros((len(samples), 6), np.float32)
        six[:, :3] = samples[:, acc]
        if len(gyro) == 3:
            six[:, 3:] = samples[:, gyro]
        cut = cut_windows(six, SETTINGS)
        if len(cut.windows):
            place = recording.placements.get(device, "")
            yield DeviceWindows(
                samples=np.ascontiguousarray(cut.windows),
                has_gyro=np.full(len(cut.windows), len(gyro) == 3),
                **_repeated(
                    len(cut.windows),
                    datasets=spec.name,
                    labels=recording.label,
                    subjects=f"{spec.name}/{recording.subject}",
                    recordings=f"{spec.name}/{recording.name}",
                    devices=device,
                    placements=PLACES.get((spec.name, device)) or placement_of(place, "") or placement_of(device, ""),
                ),
                start_s=cut.start_s,
            )


def _columns(recording: Recording, device: str, quantity: str) -> list[int]:
    return [k for k, c in enumerate(recording.channels) if (c.device, c.quantity) == (device, quantity)]


def _repeated(count: int, **words: str) -> dict[str, np.ndarray]:
    return {name: np.full(count, word) for name, word in words.items()}


def load_devices(datasets: Iterable[str], raw: Path | None, out: Path = WINDOWS_FOLDER) -> DeviceWindows:
    """Return the windows of several data sets; `raw` is a folder with one folder for each but the user's own ones."""
    parts = []
    for name in tqdm([*datasets], desc="reading data sets", unit="data set", disable=None, leave=False):
        parts.append(device_windows(name, raw / name if raw is not None and name in DATASETS else None, out))
    return DeviceWindows.joined(parts)
