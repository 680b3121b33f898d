"""Windows of equal length cut from recordings, and the set of all windows of a data set on disk.

Axis legend: N windows, T samples per window, C channels. A window lies inside one recording, so it
never crosses a label change, a gap or another recording.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import QUANTITIES, Channel
from feature_extraction.recordings.signal import resample_by
from feature_extraction.storage.files import atomic_path, read_json, read_npz, write_json, write_npz
from feature_extraction.windows.window_files import WindowWriter, spot_checksum

ShortRecordings = Literal["drop", "pad", "stretch"]
FORMAT = 1
SHORTEST_PART = 0.25
INDEX_ARRAYS = ("labels", "subjects", "recordings", "placements", "start_s")


@dataclass(frozen=True)
class WindowSettings:
    """How recordings are cut into windows.

    Attributes:
        rate_hz: Sampling rate of the windows.
        window_s: Length of a window.
        overlap: Part of a window that the next one repeats, in [0, 1).
        quantities: Sensors to keep.
        short_recordings: What becomes of a recording shorter than a window. `drop`: nothing. `pad`: it
            is mirrored at both ends to the length of a window. `stretch`: it is resampled as a whole to
            the length of a window, which keeps everything but the tempo. Less than a quarter of a
            window is dropped always.
        one_per_recording: Make exactly one window of each recording: a longer one gives its middle
            (`drop`, `pad`), or is compressed as a whole (`stretch`).
    """

    rate_hz: float
    window_s: float
    overlap: float = 0.0
    quantities: tuple[str, ...] = ("acc", "gyro")
    short_recordings: ShortRecordings = "drop"
    one_per_recording: bool = False

    def __post_init__(self) -> None:
        """Refuse impossible numbers and unknown words.

        Raises:
            InputError: Naming field, value and remedy.
        """
        if not 0 < self.rate_hz < 1e5:
            raise InputError(f"rate_hz: {self.rate_hz} cannot be used; give a positive sampling rate")
        if not 0 < self.window_s * self.rate_hz < 1e7 or self.window_samples < 2:
            raise InputError(f"window_s: {self.window_s} s at {self.rate_hz} Hz is under 2 samples; use more")
        if not 0 <= self.overlap < 1 or self.step_samples < 1:
            raise InputError(f"overlap: {self.overlap} cannot be used; choose 0 up to (not including) 1")
        unknown = [quantity for quantity in self.quantities if quantity not in QUANTITIES]
        if unknown or not self.quantities:
            raise InputError(f"quantities: {self.quantities} cannot be used; choose from {', '.join(QUANTITIES)}")
        if self.short_recordings not in get_args(ShortRecordings):
            raise InputError(f"short_recordings: {self.short_recordings!r} is unknown; use drop, pad or stretch")

    @property
    def window_samples(self) -> int:
        """T: samples in a window."""
        return round(self.window_s * self.rate_hz)

    @property
    def step_samples(self) -> int:
        """Samples from the start of one window to the start of the next."""
        return round(self.window_samples * (1 - self.overlap))

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> "WindowSettings":
        """Rebuild from `dataclasses.asdict` as read back from JSON."""
        if not isinstance(value["one_per_recording"], bool):
            raise TypeError(f"one_per_recording is {value['one_per_recording']!r}, neither true nor false")
        if set(value) != set(cls.__dataclass_fields__):
            raise ValueError(f"settings of windows are {sorted(value)}, expected {sorted(cls.__dataclass_fields__)}")
        return cls(**{**value, "quantities": tuple(value["quantities"])})


@dataclass(frozen=True)
class Cut:
    """The windows of one recording.

    Attributes:
        windows: float32 [N, T, C]; N is 0 if the recording was too short.
        start_s: [N], start in the recording; negative where padding comes first.
        dropped: Why there is no window, or empty.
        unused_s: Seconds of the recording that lie in no window.
    """

    windows: np.ndarray
    start_s: np.ndarray
    dropped: str = ""
    unused_s: float = 0.0


def cut_windows(samples: np.ndarray, settings: WindowSettings) -> Cut:
    """Cut one recording, sampled at `settings.rate_hz`, into windows.

    Args:
        samples: [T', C], T' of any length.
        settings: Window length, overlap and the rule for short recordings.

    Returns:
        Windows in order of time; a tail shorter than one step is left over.
    """
    length, n_samples = settings.window_samples, len(samples)
    if n_samples < length:
        return _cut_short(samples, settings)
    if settings.one_per_recording and n_samples > length:
        if settings.short_recordings == "stretch":
            return Cut(_stretch(samples, length)[None], np.zeros(1))
        start = (n_samples - length) // 2
        unused_s = (n_samples - length) / settings.rate_hz
        return Cut(samples[None, start : start + length], np.array([start / settings.rate_hz]), "", unused_s)
    step = settings.step_samples
    views = np.lib.stride_tricks.sliding_window_view(samples, length, axis=0)[::step].transpose(0, 2, 1)
    starts = np.arange(len(views)) * step
    unused_s = (n_samples - starts[-1] - length) / settings.rate_hz
    return Cut(views, starts / settings.rate_hz, "", unused_s)


def _cut_short(samples: np.ndarray, settings: WindowSettings) -> Cut:
    length, n_samples, seconds = settings.window_samples, len(samples), len(samples) / settings.rate_hz
    empty = np.empty((0, length, samples.shape[1]), dtype=np.float32)
    if settings.short_recordings == "drop":
        return Cut(empty, np.empty(0), "shorter than a window", seconds)
    if n_samples < max(2, SHORTEST_PART * length):
        return Cut(empty, np.empty(0), "shorter than a quarter of a window", seconds)
    if settings.short_recordings == "stretch":
        return Cut(_stretch(samples, length)[None], np.zeros(1))
    before = (length - n_samples) // 2
    padded = np.pad(samples, ((before, length - n_samples - before), (0, 0)), mode="reflect")
    return Cut(padded[None], np.array([-before / settings.rate_hz]))


def _stretch(samples: np.ndarray, length: int) -> np.ndarray:
    return resample_by(samples, Fraction(length, len(samples)))[:length]


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
        summary: Counts, hours, and what was dropped and why (`prepare.summarize` makes rows of it).
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

    def save(self, folder: Path) -> None:
        """Write `windows.npy`, `index.npz` and `info.json`; the last one makes the set complete."""
        with (
            atomic_path(folder / "windows.npy") as temporary,
            WindowWriter(temporary, (self.samples.shape[1], self.samples.shape[2])) as writer,
        ):
            writer.append(self.samples)
        self.save_index(folder)

    def save_index(self, folder: Path) -> None:
        """Write everything but the samples, which lie in `folder/windows.npy` already."""
        write_npz(folder / "index.npz", {name: getattr(self, name) for name in INDEX_ARRAYS})
        info = {
            "format": FORMAT,
            "dataset": self.dataset,
            "key": self.key,
            "settings": asdict(self.settings),
            "channels": [asdict(channel) for channel in self.channels],
            "checksum": spot_checksum(folder / "windows.npy"),
            "summary": self.summary,
        }
        write_json(folder / "info.json", info)

    @classmethod
    def load(cls, folder: Path) -> "WindowSet":
        """Load a set; samples stay on disk until they are used.

        Raises:
            InputError: A file is missing, damaged, or does not belong to the others.
        """
        info = read_json(folder / "info.json")
        index = read_npz(folder / "index.npz")
        samples_path = folder / "windows.npy"
        try:
            if info["format"] != FORMAT:
                raise InputError(f"{folder}: format {info['format']}, expected {FORMAT}; prepare again")
            if info["checksum"] != spot_checksum(samples_path):
                raise InputError(f"{samples_path}: damaged (checksum differs); delete the folder and prepare again")
            samples = np.load(samples_path, mmap_mode="r", allow_pickle=False)
            return cls(
                samples=samples,
                **{name: index[name] for name in INDEX_ARRAYS},
                channels=tuple(Channel(**channel) for channel in info["channels"]),
                settings=WindowSettings.from_dict(info["settings"]),
                dataset=info["dataset"],
                key=info["key"],
                summary=info["summary"],
            )
        except InputError:
            raise
        except (KeyError, TypeError, AttributeError, ValueError, EOFError, OSError) as error:
            detail = " ".join(str(error).split())
            raise InputError(f"{folder}: damaged windows ({detail}); delete the folder and prepare again") from None
