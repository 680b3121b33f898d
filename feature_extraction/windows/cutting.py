"""Cutting one recording into windows of equal length.

Axis legend: N windows, T samples per window, C channels. A window lies inside one recording, so it
never crosses a label change, a gap or another recording.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, get_args

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import QUANTITIES
from feature_extraction.recordings.signal import resample_by

ShortRecordings = Literal["drop", "pad", "stretch"]
LARGEST_OVERLAP = 0.99  # every sample stands in a hundred windows
SHORTEST_PART = 0.25  # of a window; a recording shorter than that is dropped whatever the rule


@dataclass(frozen=True)
class WindowSettings:
    """How recordings are cut into windows.

    Attributes:
        rate_hz: Sampling rate of the windows.
        window_s: Length of a window.
        overlap: Part of a window that the next one repeats, 0 to 0.99.
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
        if not 0 <= self.overlap <= LARGEST_OVERLAP or self.step_samples < 1:
            raise InputError(f"overlap: {self.overlap} cannot be used; choose 0 to {LARGEST_OVERLAP}")
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
    length, rate_hz, rule = settings.window_samples, settings.rate_hz, settings.short_recordings
    spare = len(samples) - length
    if spare < 0 and (rule == "drop" or len(samples) < max(2, SHORTEST_PART * length)):
        reason = "shorter than a window" if rule == "drop" else "shorter than a quarter of a window"
        nothing = np.empty((0, length, samples.shape[1]), dtype=np.float32)
        return Cut(nothing, np.empty(0), reason, len(samples) / rate_hz)
    if rule == "stretch" and (spare < 0 or (spare > 0 and settings.one_per_recording)):
        stretched = resample_by(samples, Fraction(length, len(samples)))
        return Cut(stretched[None, :length], np.zeros(1))
    if spare < 0:
        before = -spare // 2
        padded = np.pad(samples, ((before, -spare - before), (0, 0)), mode="reflect")
        return Cut(padded[None], np.array([-before / rate_hz]))
    if settings.one_per_recording:
        start = spare // 2
        return Cut(samples[None, start : start + length], np.array([start / rate_hz]), "", spare / rate_hz)
    step = settings.step_samples
    views = np.lib.stride_tricks.sliding_window_view(samples, length, axis=0)[::step].transpose(0, 2, 1)
    starts = np.arange(len(views)) * step
    return Cut(views, starts / rate_hz, "", (spare - starts[-1]) / rate_hz)
