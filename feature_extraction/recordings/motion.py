"""How a worn sensor moved and what state it is in, measured while a recording is read; memory grows by the second only.

What is measured holds whatever the unit of a sensor is: sizes, directions, and how they compare.

Axis legend: n rows, H half-seconds, S seconds, B blocks of five seconds, C = 3 or 6 channels of one device.
"""

import copy
from dataclasses import dataclass, field

import numpy as np

HALVES = 10  # half-seconds of a block
AXES = 3  # columns of acceleration, in front of those of a gyroscope
PERIODIC = 0.6  # autocorrelation from which a movement counts as repeating itself


@dataclass(frozen=True)
class Seconds:
    """What is known of every second without gaps [S].

    Attributes:
        mean: Mean acceleration [S, 3].
        size: Mean size of the acceleration [S].
        shake: Spread of the acceleration around its mean, relative to its root mean square [S].
        turning: Mean size of the angular rate [S], if there is a gyroscope.
    """

    mean: np.ndarray
    size: np.ndarray
    shake: np.ndarray
    turning: np.ndarray

    def __len__(self) -> int:
        """Return S."""
        return len(self.size)


@dataclass
class DeviceMotion:
    """Accelerometer and, if there is one, gyroscope of one device, fed with rows as they come.

    Attributes:
        rate_hz: Rate of the rows.
    """

    rate_hz: float
    _rest: np.ndarray | None = None
    _halves: list[np.ndarray] = field(default_factory=list)  # mean x, y, z; mean size; mean square; mean |angular rate|
    _ranges: list[np.ndarray] = field(default_factory=list)  # largest less smallest value of each channel, by block
    _rhythm: list[np.ndarray] = field(default_factory=list)  # frequency of what repeats itself, and spread, by block
    _equal: np.ndarray | None = None  # rows in which two axes are the same, or opposite
    _extremes: np.ndarray | None = None  # smallest and largest values, and in how many rows
    n_rows: int = 0

    def add(self, samples: np.ndarray) -> None:
        """Take in the next rows [n, C], NaN where missing."""
        rows = samples if self._rest is None else np.concatenate([self._rest, samples])
        size = HALVES * self._rows_per_half
        whole = len(rows) // size * size
        if whole:
            self._measure(rows[:whole].reshape(-1, size, rows.shape[1]))
        self._rest = rows[whole:].copy()

    def so_far(self) -> "DeviceMotion":
        """Return a copy in which the last rows, fewer than a block, are measured, too; more may come to this one."""
        other = copy.deepcopy(self)
        rest = other._rest
        if rest is not None and len(rest) >= (other._rows_per_half if other._halves else 2):
            other._measure(rest[None])
        return other

    @property
    def _rows_per_half(self) -> int:
        return max(1, round(self.rate_hz / 2))

    def _measure(self, blocks: np.ndarray) -> None:
        """Measure blocks [B, n, C]."""
        n_blocks, n_rows, n_channels = blocks.shape
        flat = blocks.reshape(-1, n_channels)
        self._count(flat[np.isfinite(flat).all(axis=1)])
        height = min(self._rows_per_half, n_rows)
        parts = blocks[:, : n_rows // height * height].reshape(-1, height, n_channels)
        acc, gyro = parts[..., :AXES], parts[..., AXES:]
        squares = np.square(acc).sum(axis=2)
        columns = [acc.mean(axis=1), np.sqrt(squares).mean(axis=1)[:, None], squares.mean(axis=1)[:, None]]
        self._halves.append(np.hstack([*columns, np.sqrt(np.square(gyro).sum(axis=2)).mean(axis=1)[:, None]]))
        good = blocks[np.isfinite(blocks).all(axis=(1, 2))]
        self._ranges.append(np.ptp(good, axis=1))
        self._rhythm.append(_repetition(np.sqrt(np.square(good[..., :AXES]).sum(axis=2)), self.rate_hz))

    def _count(self, rows: np.ndarray) -> None:
        """Count equal axes and extreme values in rows without gaps."""
        if not len(rows):
            return
        self.n_rows += len(rows)
        equal = np.array([_same(rows, i, j) for i, j in pairs(rows.shape[1])])
        self._equal = equal if self._equal is None else self._equal + equal
        low, high = rows.min(axis=0), rows.max(axis=0)
        new = np.stack([low, (rows == low).sum(axis=0), high, (rows == high).sum(axis=0)])
        if self._extremes is None:
            self._extremes = new
            return
        for value, better in ((0, np.less), (2, np.greater)):
            old, found = self._extremes[value : value + 2], new[value : value + 2]
            both = np.where(found[0] == old[0], old[1] + found[1], np.where(better(found[0], old[0]), found[1], old[1]))
            old[:] = np.where(better(found[0], old[0]), found[0], old[0]), both

    @property
    def halves(self) -> np.ndarray:
        """Mean x, y, z, mean size, mean square of the acceleration, mean size of the angular rate [H, 6]."""
        return np.concatenate(self._halves) if self._halves else np.empty((0, 6))

    @property
    def seconds(self) -> Seconds:
        """Return what is known of every second; a recording shorter than that is taken as one."""
        halves = self.halves
        pairs_of_halves = halves[: len(halves) // 2 * 2].reshape(-1, 2, 6).mean(axis=1) if len(halves) > 1 else halves
        found = pairs_of_halves[np.isfinite(pairs_of_halves[:, :5]).all(axis=1)]
        mean, size, square = found[:, :3], found[:, 3], found[:, 4]
        spread = np.sqrt(np.maximum(square - np.square(mean).sum(axis=1), 0))
        shake = np.divide(spread, np.sqrt(square), out=np.zeros_like(spread), where=square > 0)
        return Seconds(mean, size, shake, found[:, 5])

    @property
    def coherence(self) -> float:
        """Length of the mean acceleration relative to its mean size: of the median five seconds, or of all if less."""
        halves = self.halves[np.isfinite(self.halves[:, :5]).all(axis=1)]
        blocks = [halves[i : i + HALVES] for i in range(0, max(len(halves) - HALVES + 1, 1), HALVES)]
        of_blocks, of_all = ([_coherence(part) for part in parts] for parts in (blocks, [halves]))
        return min(float(np.median(of_blocks)), of_all[0])

    @property
    def turns(self) -> tuple[np.ndarray, np.ndarray]:
        """How far the mean acceleration of a second turns in each half-second, and how far the gyroscope says [H - 2].

        In radians. The direction of gravity turns no further than the sensor does. Seconds reach beyond the half-second
        between their centres, so half of what the neighbours of that turn counts.
        """
        halves = self.halves
        if len(halves) < 3:
            return np.empty(0), np.empty(0)
        mean = (halves[1:, :3] + halves[:-1, :3]) / 2
        length = np.linalg.norm(mean, axis=1)
        cosine = (mean[1:] * mean[:-1]).sum(axis=1) / np.maximum(length[1:] * length[:-1], np.finfo(float).tiny)
        said = (halves[1:-1, 5] + (halves[2:, 5] + halves[:-2, 5]) / 2) * self._rows_per_half / self.rate_hz
        angle = np.arccos(np.clip(cosine, -1, 1))
        counts = np.isfinite(angle) & np.isfinite(said)
        return angle[counts], said[counts]

    @property
    def ranges(self) -> np.ndarray:
        """Largest less smallest value of each channel in every block without gaps [B, C]."""
        return np.concatenate(self._ranges) if self._ranges else np.empty((0, AXES))

    @property
    def rhythm(self) -> np.ndarray:
        """Frequency in Hz at which the size repeats itself in every block without gaps, and its spread [B, 2].

        The frequency is 0 where nothing repeats itself.
        """
        return np.concatenate(self._rhythm) if self._rhythm else np.empty((0, 2))

    @property
    def same(self) -> list[tuple[int, int]]:
        """Pairs of axes of one sensor that are equal, or opposite, in every row."""
        if self._equal is None:
            return []
        both = zip(pairs(self.ranges.shape[1]), self._equal, strict=True)
        return [axes for axes, counts in both if counts.max() == self.n_rows]

    @property
    def at_extreme(self) -> np.ndarray:
        """Size of the more frequent one of each channel's extreme values, and the part of rows that have it [2, C]."""
        if self._extremes is None:
            return np.zeros((2, AXES))
        low, n_low, high, n_high = self._extremes
        value, count = np.where(n_low > n_high, (np.abs(low), n_low), (np.abs(high), n_high))
        return np.stack([value, count / self.n_rows])


def _coherence(halves: np.ndarray) -> float:
    """Return the length of the mean relative to the mean size; 1 where there is neither."""
    size = halves[:, 3].mean() if len(halves) else 0.0
    return float(np.linalg.norm(halves[:, :3].mean(axis=0)) / size) if size else 1.0


def pairs(n_channels: int) -> list[tuple[int, int]]:
    """Return the columns of every pair of axes of one sensor."""
    return [(first + i, first + j) for first in range(0, n_channels, AXES) for i, j in ((0, 1), (0, 2), (1, 2))]


def _same(rows: np.ndarray, i: int, j: int) -> tuple[int, int]:
    """Count rows in which two axes are equal, and opposite."""
    return int((rows[:, i] == rows[:, j]).sum()), int((rows[:, i] == -rows[:, j]).sum())


def _repetition(size: np.ndarray, rate_hz: float) -> np.ndarray:
    """Return the frequency at which sizes [B, n] repeat themselves, 0 if they do not, and their spread [B, 2].

    It is that of the first high peak of the autocorrelation behind its first zero.
    """
    n = size.shape[1]
    centred = size - size.mean(axis=1, keepdims=True)
    found = np.stack([np.zeros(len(size)), centred.std(axis=1)], axis=1)
    if n < 8 or not len(size):
        return found
    power = np.square(np.abs(np.fft.rfft(centred, 2 * n, axis=1)))
    sums = np.fft.irfft(power, axis=1)[:, : n // 2 + 1]
    correlation = np.divide(sums, sums[:, :1], out=np.zeros_like(sums), where=sums[:, :1] > 0)
    correlation *= n / np.arange(n, n - correlation.shape[1], -1)
    behind = np.cumsum(correlation < 0, axis=1)[:, 1:-1] > 0
    middle = correlation[:, 1:-1]
    peak = behind & (middle > correlation[:, :-2]) & (middle >= correlation[:, 2:]) & (middle > PERIODIC)
    rows = np.flatnonzero(peak.any(axis=1))
    found[rows, 0] = rate_hz / (peak[rows].argmax(axis=1) + 1)
    return found
