"""Samples that arrive in chunks of any size, and the windows a model reads.

Files, chunks and live streams all go through `WindowStream`, so that windows are a pure function of the
recording: the same samples give the same bits, however they were cut on the way. A window is resampled
from its own rows and the reach of the filter around them; where the recording does not go that far, its
first or last sample is repeated.

Axis legend: n rows that arrive or windows that leave, T samples per window, C channels. Rows count at the
rate of the recording, samples at the rate of the model.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.recordings.channels import match_channels
from feature_extraction.recordings.recording import Channel, Recording
from feature_extraction.recordings.signal import MAX_GAP_S, rate_ratio, resample_by
from feature_extraction.windows.cutting import WindowSettings, cut_windows
from feature_extraction.windows.resampler import WindowResampler

LONGEST_WHOLE = 30  # windows that a piece may be long where it gives one window as a whole
BLOCK = 4  # windows' worth of rows that are taken in at a time
LARGEST = {"acc": 1e4, "gyro": 1e3, "mag": 1e5}  # m/s², rad/s, µT; far beyond what sensors measure


@dataclass(frozen=True)
class TimedWindows:
    """Windows in order of time.

    Attributes:
        samples: float32 [n, T, C] in SI units; order of channels and rate are the model's.
        start_s: [n], start in the recording; negative where padding comes first.
        piece: [n], number of the contiguous piece of the recording; a long gap starts a new piece.
    """

    samples: np.ndarray
    start_s: np.ndarray
    piece: np.ndarray

    def __len__(self) -> int:
        """Return n."""
        return len(self.samples)


@dataclass
class _Piece:
    """The contiguous piece that is being recorded.

    Attributes:
        number: Counts the pieces of the recording.
        first_row: Where it begins in the recording.
        rows: float32 [n, C] in SI units, without those that no later window needs.
        forgotten: Rows before `rows` that were dropped.
        next_start: Sample of the piece where the next window starts.
        last: The last row, float64 [C] in the units it came in.
        missing: Missing rows since.
    """

    number: int
    first_row: int
    rows: np.ndarray
    last: np.ndarray
    forgotten: int = 0
    next_start: int = 0
    missing: int = 0

    @property
    def n_rows(self) -> int:
        """Rows it has so far."""
        return self.forgotten + len(self.rows)


class WindowStream:
    """Cuts one recording into windows while it arrives; memory does not grow with its length."""

    def __init__(
        self, channels: Sequence[Channel], rate_hz: float, wanted: Sequence[Channel], settings: WindowSettings
    ) -> None:
        """Match what arrives with what the model reads.

        Args:
            channels: What arrives, one per column.
            rate_hz: Rate at which rows arrive.
            wanted: What the model reads, in SI units.
            settings: Rate, length and overlap of windows, and the rules for short recordings.

        Raises:
            InputError: A wanted channel is missing, a unit is unknown, or the rates do not fit.
        """
        if not 0.01 <= rate_hz < 1e5:
            raise InputError(f"rate_hz: {rate_hz} cannot be used; give a positive sampling rate")
        self._n_columns = len(channels)
        self._columns, self._factors = match_channels(channels, wanted)
        self._wanted = tuple(wanted)
        self._limits = np.array([LARGEST[channel.quantity] for channel in wanted])
        self._rate_hz = rate_hz
        self._settings = settings
        self._resampler = WindowResampler(rate_ratio(rate_hz, settings.rate_hz), settings)
        self._longest_gap = int(np.floor(MAX_GAP_S * rate_hz + 1e-9))  # rows; a shorter gap gets straight lines
        self._n_rows = 0  # rows that have arrived
        self._n_pieces = 0
        self._piece: _Piece | None = None
        self._finished = False

    @property
    def open_piece(self) -> int | None:
        """Number of the piece that goes on, if there is one."""
        return None if self._piece is None else self._piece.number

    def push(self, samples: np.ndarray) -> TimedWindows:
        """Take in the next rows and return the windows they complete.

        Args:
            samples: [n, C] in the units of `channels`, NaN where missing; n may be 0.

        Raises:
            InputError: Another number of columns, a value no sensor can measure, or a piece that is too
                long to give one window as a whole.
        """
        samples = np.asarray(samples)
        if self._finished:
            raise InputError("samples after the end of the recording; start a new WindowStream for another one")
        if samples.ndim != 2 or samples.shape[1] != self._n_columns or samples.dtype.kind not in "fiu":
            raise InputError(
                f"samples: {samples.dtype} of shape {samples.shape}; expected numbers in rows of {self._n_columns}"
            )
        n_rows = BLOCK * self._resampler.rows_per_window
        found: list[TimedWindows] = []
        for first in range(0, len(samples), n_rows):
            found += self._take_in(samples[first : first + n_rows, self._columns].astype(np.float64))
        return self._joined(found)

    def cut(self, chunks: Iterable[np.ndarray]) -> TimedWindows:
        """Take in a whole recording, chunk by chunk [n, C]; return all its windows."""
        return self._joined([*map(self.push, chunks), self.finish()])

    def finish(self) -> TimedWindows:
        """Return the windows that only the end of the recording decides."""
        self._finished = True
        return self._joined(self._end_piece())

    def _take_in(self, block: np.ndarray) -> list[TimedWindows]:
        """Split a block [n, C] into runs of good and of missing rows."""
        self._require_possible(block)
        good = ~np.isnan(block).any(axis=1)
        edges = [0, *(np.flatnonzero(good[1:] != good[:-1]) + 1).tolist(), len(block)]
        found = []
        for first, last in zip(edges[:-1], edges[1:], strict=True):
            found += self._extend(block[first:last]) if good[first] else self._miss(last - first)
            self._n_rows += last - first
        return found

    def _require_possible(self, block: np.ndarray) -> None:
        impossible = np.abs(block) > self._limits / self._factors
        if impossible.any():
            row, column = (int(index) for index in np.argwhere(impossible)[0])
            channel, value = self._wanted[column], block[row, column] * self._factors[column]
            raise InputError(
                f"row {self._n_rows + row + 1}, {channel.name}: {value:g} {channel.unit} is more than a sensor can "
                f"measure ({self._limits[column]:g}); check column and unit, or leave the value empty"
            )

    def _miss(self, n_missing: int) -> list[TimedWindows]:
        if self._piece is None:
            return []
        self._piece.missing += n_missing
        return self._end_piece() if self._piece.missing > self._longest_gap else []

    def _extend(self, good: np.ndarray) -> list[TimedWindows]:
        """Add good rows to the piece, after a straight line across the short gap before them."""
        piece = self._piece
        if piece is None:
            nothing = np.empty((0, len(self._wanted)), dtype=np.float32)
            piece = self._piece = _Piece(self._n_pieces, self._n_rows, nothing, good[-1])
            self._n_pieces += 1
        if piece.missing:
            inside, ends = np.arange(1, piece.missing + 1), (0, piece.missing + 1)
            pairs = zip(piece.last, good[0], strict=True)
            good = np.concatenate([np.stack([np.interp(inside, ends, pair) for pair in pairs], axis=1), good])
        in_si = (good.astype(np.float32) * self._factors).astype(np.float32)
        piece.rows = np.concatenate([piece.rows, in_si])
        piece.last, piece.missing = good[-1], 0
        if not self._settings.one_per_recording:
            return self._cut(piece, self._resampler.count_complete(piece.n_rows))
        if self._resampler.n_samples(piece.n_rows) > LONGEST_WHOLE * self._settings.window_samples:
            raise InputError(
                f"more than {LONGEST_WHOLE * self._settings.window_s:g} s without a gap, of which the model would "
                "make a single window; cut the recording into single activities"
            )
        return []

    def _end_piece(self) -> list[TimedWindows]:
        """Return the last windows of the piece, if there is one."""
        piece, self._piece = self._piece, None
        if piece is None:
            return []
        n_samples = self._resampler.n_samples(piece.n_rows)
        if not self._settings.one_per_recording and n_samples >= self._settings.window_samples:
            return self._cut(piece, self._resampler.count_at_end(piece.n_rows))
        cut = cut_windows(resample_by(piece.rows, self._resampler.ratio), self._settings)
        return [self._timed(piece, np.ascontiguousarray(cut.windows), cut.start_s)]

    def _cut(self, piece: _Piece, n_windows: int) -> list[TimedWindows]:
        """Cut the first `n_windows` of the piece, less those cut before; forget the rows no later one needs."""
        step = self._settings.step_samples
        starts = np.arange(piece.next_start, n_windows * step, step)
        if len(starts) == 0:
            return []
        windows = self._resampler.cut(piece.rows, piece.forgotten, starts)
        piece.next_start = n_windows * step
        needless = min(int(self._resampler.first_row(np.array(piece.next_start))), piece.n_rows) - piece.forgotten
        if needless > 0:
            piece.rows = piece.rows[needless:].copy()
            piece.forgotten += needless
        return [self._timed(piece, windows, starts / self._settings.rate_hz)]

    def _timed(self, piece: _Piece, windows: np.ndarray, start_s: np.ndarray) -> TimedWindows:
        number = np.full(len(windows), piece.number, dtype=np.int64)
        return TimedWindows(windows, piece.first_row / self._rate_hz + start_s, number)

    def _joined(self, parts: Sequence[TimedWindows]) -> TimedWindows:
        if len(parts) == 1:
            return parts[0]
        none = np.empty((0, self._settings.window_samples, len(self._wanted)), dtype=np.float32)
        return TimedWindows(
            np.concatenate([none, *(part.samples for part in parts)]),
            np.concatenate([np.empty(0), *(part.start_s for part in parts)]),
            np.concatenate([np.empty(0, dtype=np.int64), *(part.piece for part in parts)]),
        )


def windows_of(recording: Recording, wanted: Sequence[Channel], settings: WindowSettings) -> TimedWindows:
    """Cut a whole recording into the windows a model reads.

    Args:
        recording: In any known units, at any rate.
        wanted: What the model reads, in SI units.
        settings: Rate, length and overlap of windows, and the rules for short recordings.

    Raises:
        InputError: See `WindowStream`.
    """
    return WindowStream(recording.channels, recording.rate_hz, wanted, settings).cut([recording.samples])
