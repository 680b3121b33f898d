"""Units, sampling rates and gaps of evenly timed samples, from as recorded to SI units; `clock` has time stamps.

Axis legend: T samples over time, C channels. Nothing here is fitted to data.
"""

import re
import unicodedata
from dataclasses import replace
from fractions import Fraction

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import Channel, Recording

GRAVITY_MPS2 = 9.80665
SI_UNITS = {"acc": "m/s2", "gyro": "rad/s", "mag": "uT"}
FACTORS = {
    "acc": {"m/s2": 1.0, "m/s^2": 1.0, "g": GRAVITY_MPS2, "mg": GRAVITY_MPS2 / 1000},
    "gyro": {
        "rad/s": 1.0,
        "deg/s": np.pi / 180,
        "dps": np.pi / 180,
        "mdps": np.pi / 180_000,
        "mrad/s": 1e-3,
    },
    "mag": {"uT": 1.0, "nT": 1e-3, "T": 1e6, "gauss": 100.0, "mgauss": 0.1},
}
DIMENSIONLESS = "normalised"
TIME_UNITS_S = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "0.1ms": 1e-4, "100ns": 1e-7}
LARGEST_RATIO = 2000
MAX_GAP_S = 0.2  # pauses up to this are bridged unless somebody says otherwise
NUMBER = r"\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"
STEPS_PER_UNIT = re.compile(
    rf"(?P<number>{NUMBER})\s*(?:counts?|lsbs?|digits?)\s*(?:/|per)\s*(?P<unit>\D.*)", re.IGNORECASE
)
UNIT_PER_NUMBER = re.compile(rf"(?P<unit>\D.*?)\s*/\s*(?P<number>{NUMBER})")
NUMBER_OF_UNITS = re.compile(rf"(?P<number>{NUMBER})(?:\s*/\s*(?P<divisor>{NUMBER}))?\s*\*?\s*(?P<unit>[^\d\s*/].*)")


def si_channel(channel: Channel) -> tuple[Channel, float]:
    """Return the channel in SI units (magnetometers: microtesla) and the factor that converts to it.

    A unit may have a scale, as devices state what one step of their converter is: `0.061 mg`, `1/64 g`, `g/64`, or
    how many steps there are, `16.4 LSB/(deg/s)`, `256 counts/g`.

    Raises:
        InputError: The unit is unknown.
    """
    if channel.quantity == "mag" and channel.unit == DIMENSIONLESS:
        return channel, 1.0
    factors = FACTORS[channel.quantity]
    unit, scale = channel.unit, 1.0
    if unit not in factors:
        unit, scale = _without_scale(unit)
    if unit not in factors or not 0 < scale < np.inf:
        known = ", ".join(factors) + (f", {DIMENSIONLESS}" if channel.quantity == "mag" else "")
        raise InputError(
            f"channel {channel.name}: unit {channel.unit!r} is unknown; use one of {known}, also with a scale, "
            "such as 1/64 g or 256 counts/g"
        )
    return replace(channel, unit=SI_UNITS[channel.quantity]), scale * factors[unit]


def _without_scale(text: str) -> tuple[str, float]:
    """Return a unit in plain letters without its scale, and the scale: 1 if it has none, 0 if it is none."""
    plain = unicodedata.normalize("NFKC", text).strip().replace("°", "deg")
    if match := STEPS_PER_UNIT.fullmatch(plain):
        return match["unit"].strip("()"), _ratio("1", match["number"])
    if match := UNIT_PER_NUMBER.fullmatch(plain):
        return match["unit"].strip("()"), _ratio("1", match["number"])
    if match := NUMBER_OF_UNITS.fullmatch(plain):
        return match["unit"].strip("()"), _ratio(match["number"], match["divisor"] or "1")
    return plain, 1.0


def _ratio(number: str, divisor: str) -> float:
    return float(number) / float(divisor) if float(divisor) else 0.0


def to_si(recording: Recording) -> Recording:
    """Convert to m/s², rad/s and µT; a normalised magnetometer stays as it is.

    Raises:
        InputError: A unit is unknown; the message lists the known ones.
    """
    pairs = [si_channel(channel) for channel in recording.channels]
    factors = np.array([factor for _, factor in pairs])
    return replace(
        recording,
        samples=(recording.samples * factors).astype(np.float32),
        channels=tuple(channel for channel, _ in pairs),
    )


def rate_ratio(rate_hz: float, new_rate_hz: float) -> Fraction:
    """Return new rate / rate as a fraction of small whole numbers.

    Raises:
        InputError: No such fraction lies within a millionth of the ratio.
    """
    exact = new_rate_hz / rate_hz
    ratio = Fraction(exact).limit_denominator(LARGEST_RATIO)
    if ratio == 0 or ratio.numerator > LARGEST_RATIO or abs(float(ratio) / exact - 1) > 1e-6:
        raise InputError(
            f"rates {rate_hz} Hz and {new_rate_hz} Hz are not in a ratio of whole numbers up to "
            f"{LARGEST_RATIO}; round the rate, or use a column of time stamps"
        )
    return ratio


def resample(recording: Recording, rate_hz: float) -> Recording:
    """Bring a recording to another sampling rate; what lies above the new Nyquist frequency is removed.

    Raises:
        InputError: The two rates are not in a ratio of whole numbers.
    """
    ratio = rate_ratio(recording.rate_hz, rate_hz)
    return replace(recording, samples=resample_by(recording.samples, ratio), rate_hz=rate_hz)


def resample_by(samples: np.ndarray, ratio: Fraction) -> np.ndarray:
    """Polyphase resampling with a Kaiser-windowed low-pass; the ends are continued along the trend line.

    Args:
        samples: [T, C].
        ratio: New number of samples per old sample.

    Returns:
        float32 [ceil(T * ratio), C].
    """
    if ratio == 1 or len(samples) == 1:
        return np.asarray(samples, dtype=np.float32)
    from scipy.signal import resample_poly  # slow to import, and needed only where rates differ

    values = resample_poly(
        np.asarray(samples, dtype=np.float64), ratio.numerator, ratio.denominator, axis=0, padtype="line"
    )
    return values.astype(np.float32)


def fill_short_gaps(samples: np.ndarray, rate_hz: float, max_gap_s: float) -> list[tuple[int, np.ndarray]]:
    """Interpolate short runs of missing samples and split at long ones.

    A row is missing if any of its values is not finite. A run of at most `max_gap_s` between two good
    rows is filled by straight lines, channel by channel; at longer runs, and at missing ends, the
    samples are cut.

    Args:
        samples: [T, C], NaN where missing.
        rate_hz: Sampling rate.
        max_gap_s: Longest run that is filled.

    Returns:
        Contiguous pieces: index of the first row, and its samples [T', C] without NaN.
    """
    good = np.isfinite(samples).all(axis=1)
    rows = np.flatnonzero(good)
    if len(rows) == 0:
        return []
    longest = int(np.floor(max_gap_s * rate_hz + 1e-9))
    cuts = np.flatnonzero(np.diff(rows) - 1 > longest) + 1
    pieces = []
    for part in np.split(rows, cuts):
        index = np.arange(part[0], part[-1] + 1)
        piece = np.array(samples[index], dtype=np.float64)
        if len(part) < len(index):
            for column in range(piece.shape[1]):
                piece[:, column] = np.interp(index, part, samples[part, column])
        pieces.append((int(part[0]), piece))
    return pieces
