"""All windows of a data set on disk: written piece by piece, memory-mapped when loaded, summed up in a few rows.

Axis legend: N windows, T samples per window, C channels.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import Channel
from feature_extraction.storage.checksums import read_checksums
from feature_extraction.storage.escaping import visible
from feature_extraction.storage.files import read_json, read_npz, require_file, write_json, write_npz
from feature_extraction.storage.npy import map_npy
from feature_extraction.storage.plain import from_plain
from feature_extraction.windows.cutting import WindowSettings

FORMAT = 2
INFO = ("dataset", "key", "settings", "channels", "summary")
INDEX_ARRAYS = ("labels", "subjects", "recordings", "placements", "start_s")
CHUNK_WINDOWS = 256  # overlapping windows are views; only this many are copied at a time
NAMES_SHOWN = 3


class WindowWriter:
    """Append windows to a `.npy` file without holding them in memory; use it in a `with` block."""

    def __init__(self, path: Path) -> None:
        """Open the file; it is complete only after `close`."""
        self._file = path.open("wb")
        self._shape: tuple[int, ...] = ()  # of a window, known with the first ones
        self._n_windows = 0

    def append(self, windows: np.ndarray) -> None:
        """Add windows [n, T, C].

        Raises:
            InputError: They have another shape than those before.
        """
        if not self._shape:
            self._shape = windows.shape[1:]
            self._write_header()  # leaves room for the number of windows
        if windows.shape[1:] != self._shape:
            raise InputError(f"windows of shape {windows.shape} do not fit {self._shape}")
        for start in range(0, len(windows), CHUNK_WINDOWS):
            self._file.write(np.ascontiguousarray(windows[start : start + CHUNK_WINDOWS], dtype="<f4").data)
        self._n_windows += len(windows)

    def _write_header(self) -> None:
        self._file.seek(0)
        header = {"descr": "<f4", "fortran_order": False, "shape": (self._n_windows, *self._shape)}
        np.lib.format.write_array_header_1_0(self._file, header)

    def __enter__(self) -> "WindowWriter":
        """Return the writer."""
        return self

    def __exit__(self, *_: object) -> None:
        """Write the final header and close the file."""
        self._write_header()
        self._file.close()


@dataclass(frozen=True)
class WindowSet:
    """All windows of a data set with one choice of settings.

    Attributes:
        samples: float32 [N, T, C] in m/s² and rad/s, memory-mapped and read-only when loaded.
        labels: [N] class names.
        subjects: [N] subjects.
        recordings: [N] name of the recording each window comes from.
        placements: [N] placement of a one-device set, empty strings where there are several devices.
        start_s: [N] start of the window in its recording.
        channels: One per column.
        settings: How the windows were cut.
        dataset: Data-set name.
        key: Digest of raw content, settings and class list.
        summary: Counts, hours, and what was dropped and why (`summary_table` prints it).
    """

    samples: np.ndarray
    labels: np.ndarray
    subjects: np.ndarray
    recordings: np.ndarray
    placements: np.ndarray
    start_s: np.ndarray
    channels: tuple[Channel, ...]
    settings: WindowSettings
    dataset: str
    key: str
    summary: dict[str, Any]

    def __post_init__(self) -> None:
        """Refuse arrays that do not fit each other.

        Raises:
            InputError: Naming the array and both lengths.
        """
        expected = (len(self.labels), self.settings.window_samples, len(self.channels))
        if self.samples.shape != expected:
            raise InputError(f"windows of {self.dataset}: shape {self.samples.shape}, expected {expected}")
        for name in INDEX_ARRAYS:
            if len(getattr(self, name)) != len(self.labels):
                lengths = f"{len(getattr(self, name))} entries for {len(self.labels)} windows"
                raise InputError(f"windows of {self.dataset}: {name} has {lengths}")

    def __len__(self) -> int:
        """Return N."""
        return len(self.labels)

    def save_index(self, folder: Path) -> None:
        """Write everything but the samples, which lie in `folder/windows.npy` already; the folder keeps checksums."""
        write_npz(folder / "index.npz", {name: getattr(self, name) for name in INDEX_ARRAYS})
        info = {
            "format": FORMAT,
            "dataset": self.dataset,
            "key": self.key,
            "settings": asdict(self.settings),
            "channels": [asdict(channel) for channel in self.channels],
            "summary": self.summary,
        }
        write_json(folder / "info.json", info)

    @classmethod
    def load(cls, folder: Path) -> "WindowSet":
        """Load a set; samples stay on disk until they are used.

        Raises:
            InputError: A file is missing, damaged, or does not belong to the others.
        """
        info, index = read_json(folder / "info.json"), read_npz(folder / "index.npz")
        sound = isinstance(info, dict) and info.get("format") == FORMAT and info.keys() >= set(INFO)
        sound = sound and read_checksums(folder) is not None
        if not sound or not isinstance(info["channels"], list) or not index.keys() >= set(INDEX_ARRAYS):
            raise InputError(f"{folder}: damaged or of another version; delete the folder and prepare again")
        samples_path = folder / "windows.npy"
        require_file(samples_path)
        return cls(
            samples=map_npy(samples_path),
            **{name: index[name] for name in INDEX_ARRAYS},
            channels=tuple(from_plain(Channel, channel, str(folder)) for channel in info["channels"]),
            settings=from_plain(WindowSettings, info["settings"], str(folder)),
            dataset=info["dataset"],
            key=info["key"],
            summary=info["summary"],
        )


def summary_table(windows: WindowSet) -> str:
    """Return text in two columns: size, settings, what was dropped and why, windows per class."""
    summary, settings = windows.summary, windows.settings
    per_class = summary["windows_per_class"]
    read_h, unused_h = summary["hours_read"], summary["hours_in_no_window"]
    size = f"{settings.window_s:g} s, {settings.overlap:.0%} overlap, {settings.rate_hz:g} Hz"
    dropped = []
    for reason, entry in summary["dropped"].items():
        examples = ", ".join(entry["examples"][:NAMES_SHOWN]) + (", ..." if entry["recordings"] > NAMES_SHOWN else "")
        dropped.append(visible(f"{entry['recordings']} ({entry['seconds'] / 60:.1f} min) {reason}: {examples}"))
    rows = [
        ("data set", visible(windows.dataset)),
        ("subjects", len(summary["subjects"])),
        ("classes", f"{sum(count > 0 for count in per_class.values())} of {len(per_class)}"),
        ("recordings", summary["recordings"]),
        ("windows", f"{len(windows)} of {size}"),
        ("channels", f"{len(windows.channels)} ({', '.join(settings.quantities)})"),
        ("hours", f"{read_h:.2f} recorded, {read_h - unused_h:.2f} in windows"),
        *(("dropped", line) for line in dropped or ["nothing"]),
        ("in no window", f"{unused_h * 60:.1f} min: ends of recordings, and recordings too short"),
        *((f"  {visible(name)}", count) for name, count in per_class.items()),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:{width}}  {value}" for name, value in rows)
