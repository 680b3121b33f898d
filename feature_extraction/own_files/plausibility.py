"""Whether samples can be what they are said to be: units, rates, gravity, the place on the body, the state of a sensor.

A doubt is a `note` (labels can be worse for it), a `question` (go on only if the user says yes), or an `error` (labels
would be worthless). Thresholds follow from physics or from what bodies do, said beside each; on nine real data sets, in
the units of their authors, none of them asks a question (`benchmarks/plausibility.py`).

Axis legend: n rows, C channels, S seconds, R training windows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.own_files.columns.names import read_name, words_of
from feature_extraction.own_files.columns.places import IN_FILE_NAMES, places_of
from feature_extraction.own_files.declared import FLAGS, YAML_KEYS
from feature_extraction.recordings.motion import AXES, DeviceMotion, Seconds
from feature_extraction.recordings.recording import Channel
from feature_extraction.recordings.signal import GRAVITY_MPS2, si_channel

Severity = Literal["note", "question", "error"]
SEVERITIES: tuple[Severity, ...] = ("note", "question", "error")

LARGEST = 1e60  # far beyond any sensor, and its fourth power is still a number
ONE_G = {  # what a sensor at rest reads in each unit; counts are those of ranges of 2 g and more in 8 to 16 bits
    **{"g": 1.0, "m/s2": GRAVITY_MPS2, "mg": 1000.0},
    **{f"1/{counts} g": float(counts) for counts in (64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768)},
}
NEAR_UNIT = 1.25  # by this factor: sensors are off by up to a fifth
# Nothing stays away from the ground for long, so mean acceleration is 1 g, and its size no less; nor do the fastest
# limbs keep up 3 g. m/s² and g lie a factor of 9.8 apart, so beyond the half of that another unit is nearer.
FAR_FROM_G = GRAVITY_MPS2**0.5
STILL = 0.02  # shaking relative to gravity: what the noise of sensors leaves
CALM = 0.05  # shaking of a sensor worn by somebody who sits
OTHER_RANGE = 2**0.5  # ranges of sensors are powers of two; beyond the half of one, another is nearer
LEAST_SECONDS = 3
# Velocity changes by less than 7 m/s in a second of moving about, so a quarter of 1 g at least is left of its mean
# size; over a whole recording more than half is.
LEAST_SIZE_G = {"second": 0.25, "recording": 0.6}
INCOHERENT = 0.25  # mean of five seconds relative to their mean size: turning leaves more of gravity, movement less
SHAKEN = 0.5  # shaking that leaves nothing lasting
LONG_S = 60.0
# The direction of gravity turns no further than the sensor does; a fifth is for errors of sensors.
FASTER_THAN_SENSOR = 1.2
CLEARLY_FASTER = 4.0  # about half of 57.3, the degrees of a radian, on a scale of ratios
VISIBLE_TURN_RAD = 0.1  # in half a second; less is noise
LEAST_TURN_RAD = 0.5
FASTEST_MEAN = 10.0  # rad/s: one and a half turns a second, for as long as the recording lasts
FASTEST_HALF = 35.0  # rad/s for half a second: 2000 deg/s, the full range of usual gyroscopes
STILL_TURN = 3.0  # rad/s: half a turn a second, by which the acceleration of a still sensor would change
FASTEST_REPEAT_HZ = 8.0  # fingers tap seven times a second, feet step five times
MOVING_MPS2 = 1.0  # spread of the size of acceleration from which somebody walks rather than stands
MOVES = {"acc": 2.0, "gyro": 0.5}  # m/s², rad/s: range within five seconds in which no axis of the sensor stays put
ROUNDING = 1e-6  # of that range: what bringing rows to an even clock leaves of a constant
STUCK = 0.05  # part of the blocks
SATURATED = {"acc": 1.4 * GRAVITY_MPS2, "gyro": 3.0}  # m/s², rad/s: extremes beyond what posture and drift explain
AT_LIMIT, LEAST_ROWS = 0.05, 10  # rows that have the extreme value; one shock has a few
FAR_RAD = np.pi / 4
MOSTLY = 0.5
MOST_DIRECTIONS = 400


@dataclass(frozen=True)
class Doubt:
    """Something about a recording that can make labels wrong.

    Attributes:
        severity: note, question or error.
        kind: Which rule it comes from; the same for the same cause in other recordings.
        text: One line that names the value, the columns and the remedy.
    """

    severity: Severity
    kind: str
    text: str

    def __str__(self) -> str:
        """Return the line."""
        return f"{self.severity}: {self.text}"


@dataclass(frozen=True)
class Reference:
    """What is known of the recordings that a model was trained on.

    Attributes:
        gravity: Directions of gravity in training windows by device [R, 3]; empty where features do not tell.
        gravity_mps2: Its usual size by device; near 0 if the model was trained without gravity.
        places: Where the sensors were worn.
        activities: Names that file names may hold, so that no word of theirs is taken for a place.
    """

    gravity: Mapping[str, np.ndarray] = field(default_factory=dict)
    gravity_mps2: Mapping[str, float] = field(default_factory=dict)
    places: tuple[str, ...] = ()
    activities: tuple[str, ...] = ()


class Examination:
    """One recording, looked at while it is read; memory grows by a few numbers a second."""

    def __init__(
        self,
        channels: Sequence[Channel],
        rate_hz: float,
        names: Sequence[str] = (),
        reference: Reference | None = None,
        keys: Mapping[str, str] = FLAGS,
        file_name: str = "",
    ) -> None:
        """Say what will come.

        Args:
            channels: What the columns hold, in the units they are said to have.
            rate_hz: Rate of the rows.
            names: Of the columns, as far as they have any; for messages.
            reference: What the model knows, if there is one.
            keys: What the user calls units and rate, for messages.
            file_name: Without its ending; a place on the body in it is compared with the model's.
        """
        self._channels, self._rate_hz, self._keys = tuple(channels), rate_hz, keys
        self._reference = reference or Reference()
        self._doubts_of_place = doubts_of_place(names, file_name, self._reference)
        self._names = [name or c.name for name, c in zip(names or [""] * len(channels), channels, strict=True)]
        self._factors = np.array([si_channel(channel)[1] for channel in channels])
        self._devices: dict[str, tuple[list[int], DeviceMotion]] = {}
        for device in dict.fromkeys(channel.device for channel in channels):
            sensors = [self._axes(device, quantity) for quantity in ("acc", "gyro")]
            if len(sensors[0]) == AXES:
                columns = sensors[0] + (sensors[1] if len(sensors[1]) == AXES else [])
                self._devices[device] = columns, DeviceMotion(rate_hz)

    def _axes(self, device: str, quantity: str) -> list[int]:
        return [i for i, c in enumerate(self._channels) if (c.device, c.quantity) == (device, quantity)]

    def add(self, samples: np.ndarray) -> None:
        """Take in the next rows [n, C] in the units of the channels, NaN where missing."""
        for columns, motion in self._devices.values():
            values = np.asarray(samples, dtype=np.float64)[:, columns]
            motion.add(np.clip(values, -LARGEST, LARGEST) * self._factors[columns])

    def doubts(self) -> list[Doubt]:
        """Return what is doubtful so far; graver doubts come first."""
        found = list(self._doubts_of_place)
        for device, (columns, moved) in self._devices.items():
            motion = moved.so_far()
            if not len(motion.seconds):
                continue
            sensor = _Sensor(
                device,
                motion,
                [self._channels[i] for i in columns],
                [self._names[i] for i in columns],
                self._reference,
                self._keys,
            )
            found += sensor.doubts()
        return sorted(found, key=lambda doubt: -SEVERITIES.index(doubt.severity))


@dataclass(frozen=True)
class _Sensor:
    """What one device measured, and what is said about it."""

    device: str
    motion: DeviceMotion
    channels: Sequence[Channel]
    names: Sequence[str]
    reference: Reference
    keys: Mapping[str, str]

    def doubts(self) -> list[Doubt]:
        """Return what is doubtful about the sensors of this device."""
        dead = self._dead_axes()
        broken = {doubt.kind.split()[1] for doubt in dead if doubt.severity == "question"}
        large = float(np.median(self.motion.seconds.size)) >= FAR_FROM_G * GRAVITY_MPS2  # missing axes make it small
        size = self._acceleration() if large or "acc" not in broken else []
        found = dead + size
        if len(self.channels) > AXES and not broken:
            found += self._turning(size)
        rate = self._rhythm()
        sound = not any(doubt.severity == "error" for doubt in found)
        return found + rate + (self._limits() + self._direction() if sound else [])

    def _shown(self, quantity: str) -> str:
        """Return the columns of a sensor, for a message."""
        names = [name for name, channel in zip(self.names, self.channels, strict=True) if channel.quantity == quantity]
        return f"{quantity} ({', '.join(names)})"

    def _unit(self, quantity: str) -> tuple[str, float]:
        channel = next(channel for channel in self.channels if channel.quantity == quantity)
        return channel.unit, si_channel(channel)[1]

    def _remedy(self, quantity: str, unit: str) -> str:
        """Return what to do about a wrong unit: the names of columns count before what is declared."""
        meanings = [read_name(name) for name in self.names]
        if any(meaning and meaning.quantity == quantity and meaning.unit for meaning in meanings):
            return "correct the unit in the names of the columns"
        if self.keys["units"] == YAML_KEYS["units"]:
            return f"convert these files, or correct units: {{{quantity}: {unit or 'UNIT'}}}"
        return f"declare {self.keys['units']} {quantity}={unit or 'UNIT'}"

    def _acceleration(self) -> list[Doubt]:
        """Compare the size of acceleration with gravity."""
        seconds = self.motion.seconds
        usual = self.reference.gravity_mps2.get(self.device, GRAVITY_MPS2)
        size, smallest = float(seconds.size.mean()) / GRAVITY_MPS2, float(seconds.size.min()) / GRAVITY_MPS2
        coherence = self.motion.coherence
        unit, factor = self._unit("acc")
        what = self._shown("acc")
        small = smallest < LEAST_SIZE_G["second"] or size < LEAST_SIZE_G["recording"]
        without = coherence < INCOHERENT and (small or len(seconds) >= LONG_S)
        calm = _calm_size(seconds) / factor
        looks = _unit_of(calm)
        without |= size < 1 / FAR_FROM_G and not looks and float(seconds.shake.min()) > SHAKEN
        if usual < LEAST_SIZE_G["recording"] * GRAVITY_MPS2:
            text = f"{what} holds gravity, which the recordings the model was trained on do not; take it out first"
            return [] if without else [Doubt("question", "gravity", text)]
        if without:
            return [
                Doubt(
                    "question",
                    "no gravity",
                    f"{what} has a lasting part of {coherence * size * GRAVITY_MPS2:.2g} m/s2, where gravity is 9.81: "
                    "gravity was taken out, and labels will be wrong; record total acceleration, or add gravity and "
                    "user acceleration up",
                )
            ]
        middle = float(np.median(seconds.size)) / GRAVITY_MPS2  # single wild values are no unit
        if size <= 1 / FAR_FROM_G or min(size, middle) >= FAR_FROM_G:
            like = f"the values look like {looks}" if looks else "no unit we know fits"
            text = (
                f"{what} is said to be in {unit}, but measures {calm:.3g} {unit} at its calmest, where gravity is "
                f"{GRAVITY_MPS2 / factor:.3g}: {like}; {self._remedy('acc', looks)}"
            )
            return [Doubt("error", "unit of acc", text)]
        still = seconds.mean[seconds.shake < CALM]
        rest = float(np.median(np.linalg.norm(still, axis=1))) if len(still) >= LEAST_SECONDS else GRAVITY_MPS2
        if not 1 / OTHER_RANGE < rest / GRAVITY_MPS2 < OTHER_RANGE:
            text = f"{what} measures {rest:.3g} m/s2 at rest, gravity is 9.81; check the range set for the sensor"
            return [Doubt("note", "range of acc", text)]
        return []

    def _turning(self, size: list[Doubt]) -> list[Doubt]:
        """Compare the angular rate with what bodies do, and with how gravity turns in the accelerometer."""
        seconds, halves = self.motion.seconds, self.motion.halves[:, 5]
        unit, factor = self._unit("gyro")
        what = self._shown("gyro")
        mean = float(np.nanmean(seconds.turning))
        n_fast = int((halves > FASTEST_HALF).sum())
        still = seconds.turning[seconds.shake < STILL]
        spinning = len(still) >= LEAST_SECONDS and float(np.median(still)) > STILL_TURN
        if mean > FASTEST_MEAN or n_fast >= LEAST_SECONDS or spinning:
            grave: Severity = "error" if n_fast >= LEAST_SECONDS else "question"
            looks = "deg/s" if factor > np.pi / 180 * 1.01 else ""
            like = f": the values look like {looks}" if looks else ""
            text = (
                f"{what} in {unit} turns by {mean / factor:.3g} {unit} on average, {mean * 180 / np.pi:.0f} degrees a "
                f"second, more than a body does{like}; {self._remedy('gyro', looks)}"
            )
            return [Doubt(grave, "unit of gyro", text)]
        angle, said = self.motion.turns
        visible = float(angle[angle > VISIBLE_TURN_RAD].sum())
        if visible < LEAST_TURN_RAD or any(doubt.kind == "no gravity" for doubt in size):
            return []
        ratio = float(angle.sum()) / max(float(said.sum()), np.finfo(float).tiny)
        if ratio < FASTER_THAN_SENSOR:
            return []
        looks = "rad/s" if factor < np.pi / 180 * 1.01 else ""
        like = f": the values look like {looks}" if looks else ""
        text = (
            f"{what} in {unit} turns by {np.degrees(said.sum()) / 2:.3g} degrees while gravity turns by "
            f"{np.degrees(angle.sum()):.3g} in the accelerometer{like}; {self._remedy('gyro', looks)}, or the rate "
            f"of {self.motion.rate_hz:g} Hz"
        )
        return [Doubt("error" if ratio > CLEARLY_FASTER else "question", "unit of gyro", text)]

    def _rhythm(self) -> list[Doubt]:
        """Compare what repeats itself with how fast bodies can repeat a movement."""
        rhythm = self.motion.rhythm
        moving = rhythm[rhythm[:, 1] > MOVING_MPS2, 0]
        usual = float(np.median(moving)) if len(moving) else 0.0
        if usual <= FASTEST_REPEAT_HZ:
            return []
        text = (
            f"{self._shown('acc')} repeats itself {usual:.3g} times a second, faster than bodies move; "
            f"correct {self.keys['rate_hz']} or the unit of time, the rows are read as {self.motion.rate_hz:g} Hz"
        )
        return [Doubt("question", "rate", text)]

    def _dead_axes(self) -> list[Doubt]:
        """Look for axes that do not change while others do, and for copies."""
        found, ranges = [], self.motion.ranges
        for first in range(0, len(self.channels), AXES):
            quantity, of_sensor = self.channels[first].quantity, ranges[:, first : first + AXES]
            if not len(of_sensor):
                continue
            if not of_sensor.any():
                text = f"{self._shown(quantity)} never changes, as no working sensor does; record again"
                found.append(Doubt("question", f"dead {quantity}", text))
                continue
            moves = of_sensor.max(axis=1) > MOVES[quantity]
            still = of_sensor <= ROUNDING * of_sensor.max(axis=1, keepdims=True)
            stuck = (still & moves[:, None]).mean(axis=0)
            for axis in np.flatnonzero(stuck > 0).tolist():
                severity: Severity = "question" if stuck[axis] > STUCK else "note"
                text = (
                    f"{self.names[first + axis]} does not change in {stuck[axis]:.0%} of the recording while the other "
                    "axes do; that axis is not recorded, leave that part out or record again"
                )
                found.append(Doubt(severity, f"dead {quantity} axis", text))
        for i, j in self.motion.same:
            if ranges[:, i].any():
                text = f"{self.names[i]} and {self.names[j]} hold the same values; name the right columns"
                found.append(Doubt("question", f"dead {self.channels[i].quantity} copy", text))
        return found

    def _limits(self) -> list[Doubt]:
        """Look for values that stay at the end of the range of a sensor."""
        values, parts = self.motion.at_extreme
        found = []
        for name, channel, value, part in zip(self.names, self.channels, values, parts, strict=True):
            if value > SATURATED[channel.quantity] and part > AT_LIMIT and part * self.motion.n_rows > LEAST_ROWS:
                limit = f"{value / si_channel(channel)[1]:.3g} {channel.unit}"
                text = f"{name} is at its limit of {limit} in {part:.0%} of the rows; use a wider range of the sensor"
                found.append(Doubt("note", f"limit of {channel.quantity}", text))
        return found

    def _direction(self) -> list[Doubt]:
        """Compare where gravity points with where it ever pointed in the training windows of the model."""
        known = self.reference.gravity.get(self.device, np.empty((0, 3)))
        mean = self.motion.seconds.mean
        mean = mean[:: max(1, len(mean) // MOST_DIRECTIONS)]
        length = np.linalg.norm(mean, axis=1, keepdims=True)
        if not len(known) or not (length > 0).all():
            return []
        nearest = (mean / length @ known.T).max(axis=1)
        far = float((nearest < np.cos(FAR_RAD)).mean())
        if far < MOSTLY:
            return []
        text = (
            f"{self._shown('acc')}: gravity points where it never did in the training recordings in {far:.0%} of the "
            "time; the device is worn differently or its axes are turned, so labels can be wrong"
        )
        return [Doubt("note", "direction of gravity", text)]


def _calm_size(seconds: Seconds) -> float:
    """Return the size of the mean acceleration in the calmest fifth of the seconds."""
    order = np.argsort(seconds.shake)[: max(1, len(seconds) // 5)]
    return float(np.median(np.linalg.norm(seconds.mean[order], axis=1)))


def _unit_of(size: float) -> str:
    """Return the unit in which 1 g has about this size, or nothing."""
    near = {unit: abs(np.log(size / one)) for unit, one in ONE_G.items() if size > 0}
    best = min(near, key=near.__getitem__, default="")
    return best if best and near[best] < np.log(NEAR_UNIT) else ""


def doubts_of_place(names: Sequence[str], file_name: str, reference: Reference) -> list[Doubt]:
    """Return a question where columns or a file name a place on the body that is not the model's.

    Args:
        names: Of the columns that are read.
        file_name: Without its ending.
        reference: Where the model's sensors were worn.
    """
    known = places_of(" ".join(reference.places))
    if not known:
        return []
    activities = {word for activity in reference.activities for word in words_of(activity)}
    in_file = [word for word in words_of(file_name) if word in IN_FILE_NAMES and word not in activities]
    for what, words in [
        *((f"column {name!r}", words_of(name)) for name in names),
        (f"file name {file_name!r}", in_file),
    ]:
        said = places_of(" ".join(words))
        if said and not said & known:
            worn = " and ".join(dict.fromkeys(reference.places))
            text = f"{what} says {', '.join(sorted(said))}, the model was trained at the {worn}"
            return [Doubt("question", "place", f"{text}; use a model of that place, or go on if the name is wrong")]
    return []


def require_possible(doubts: Sequence[Doubt], where: str) -> None:
    """Refuse a recording whose labels would be worthless.

    Raises:
        InputError: The first error among the doubts.
    """
    error = next((doubt for doubt in doubts if doubt.severity == "error"), None)
    if error is not None:
        raise InputError(f"{where}: {error.text}")
