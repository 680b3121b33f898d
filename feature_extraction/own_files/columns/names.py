"""What the name of a column says: `Accelerometer X (g)` and `wrist_accX` are both the x-axis of an accelerometer.

A name is cut into words. They give a quantity, an axis, sometimes a unit, and what is left over.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from feature_extraction.recordings.recording import AXES

WORDS = {
    "acc": ("acc", "accel", "accelerometer", "acceleration", "xl"),
    "gyro": ("gyro", "gyr", "gyroscope", "rotation", "angular", "omega"),
    "mag": ("mag", "magn", "magnetometer", "magnetic"),
}
LETTERS = {"a": "acc", "g": "gyro", "w": "gyro", "m": "mag", "gf": "acc"}  # only right before the axis
IN_G = "gf"  # gFx: acceleration as g-force
EMPTY_WORDS = frozenset(("rate", "velocity", "speed", "field", "sensor", "data", "axis", "channel", "total", "cal"))
PARTS = frozenset(("linear", "lin", "user", "gravity", "grav", "world"))  # without gravity, or gravity alone
NOT_RAW = PARTS | frozenset(
    ("mean", "std", "var", "min", "median", "abs", "absolute", "magnitude", "norm") + ("bias", "offset", "quaternion")
)
UNITS = {
    "g": ("acc", "g"),
    "gforce": ("acc", "g"),
    "mg": ("acc", "mg"),
    **dict.fromkeys(("ms2", "mps2", "mss", "msec2", "meterss2", "meterspersecond2"), ("acc", "m/s2")),
    **dict.fromkeys(("rads", "radps", "radsec", "radianss", "radianspersecond"), ("gyro", "rad/s")),
    **dict.fromkeys(("degs", "degps", "dps", "degsec", "degreess", "degreespersecond"), ("gyro", "deg/s")),
    "mdps": ("gyro", "mdps"),
    "mrads": ("gyro", "mrad/s"),
    **{"ut": ("mag", "uT"), "nt": ("mag", "nT"), "gauss": ("mag", "gauss"), "mgauss": ("mag", "mgauss")},
}
TIME_WORDS = frozenset(
    ("time", "timestamp", "timestamps", "datetime", "t", "ts", "epoch", "elapsed", "unix", "unixtime", "clock")
    + ("seconds", "millis", "milliseconds", "nanoseconds", "microseconds")
)
TIME_UNITS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("ms", "msec", "millis", "millisecond", "milliseconds"), "ms"),
    **dict.fromkeys(("us", "usec", "micros", "microsecond", "microseconds"), "us"),
    **dict.fromkeys(("ns", "nsec", "nanos", "nanosecond", "nanoseconds"), "ns"),
}
TIME_STEPS = {("0", "1", "ms"): "0.1ms", ("100", "us"): "0.1ms", ("100", "ns"): "100ns"}
FINE_TIME = ["sample", "time", "fine"]  # Xsens and Movella count tenths of a millisecond under this name
BRACKETS = re.compile(r"[(\[{]([^)\]}]{0,100})[)\]}]")  # no unit is longer
GLUED = re.compile(rf"({'|'.join([*LETTERS, *(word for words in WORDS.values() for word in words)])})([xyz])")


@dataclass(frozen=True)
class Meaning:
    """What the name of a column says.

    Attributes:
        quantity: acc, gyro or mag.
        axis: x, y or z.
        unit: Unit as `signal` knows it, or empty if the name has none.
        unknown_unit: Text in brackets that is no unit of this quantity, or empty.
        rest: Words that are left over.
    """

    quantity: str
    axis: str
    unit: str
    unknown_unit: str
    rest: frozenset[str]


def words_of(text: str) -> list[str]:
    """Cut a name into lower-case words and numbers: `accelX_m/s²` gives accel, x, m, s, 2."""
    plain = unicodedata.normalize("NFKC", text).replace("°", " deg").replace("μ", "u")
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", plain)]


def read_unit(text: str) -> tuple[str, str] | None:
    """Return quantity and unit that a text such as `m/s^2` names, or nothing."""
    return UNITS.get("".join(words_of(text)))


def read_name(name: str) -> Meaning | None:
    """Return what the name of a column says, or nothing if it names no raw sensor axis."""
    meaning = read_axis(name)
    return None if meaning is None or NOT_RAW & meaning.rest else meaning


def read_axis(name: str) -> Meaning | None:
    """Return what the name of a column says, also of a part of acceleration or of what was computed from it."""
    brackets = BRACKETS.findall(name)
    words = words_of(BRACKETS.sub(" ", name))
    found = _quantity_and_axis(words)
    if found is None:
        return None
    quantity, axis, used = found
    rest = [i for i, word in enumerate(words) if i not in used and word not in EMPTY_WORDS]
    behind = [i for i in rest if i > max(used)]
    unit_text = brackets[-1] if brackets else " ".join(words[i] for i in behind)
    unit = read_unit(unit_text)
    known = unit is not None and unit[0] == quantity
    if known and not brackets:
        rest = [i for i in rest if i not in behind]
    unknown = unit_text if brackets and not known and not set(words_of(unit_text)) <= EMPTY_WORDS else ""
    stated = unit[1] if unit and known else "g" if "".join(words).startswith(IN_G + axis) else ""
    return Meaning(quantity, axis, stated, unknown, frozenset(words[i] for i in rest))


def read_time_unit(name: str) -> str | None:
    """Return the unit of time a name states (empty if none), or nothing if it is no name of a time column."""
    words = words_of(name)
    if read_name(name) is not None or not TIME_WORDS & set(words):
        return None
    if words == FINE_TIME:
        return "0.1ms"
    for said, unit in TIME_STEPS.items():
        if any(tuple(words[i : i + len(said)]) == said for i in range(len(words))):
            return unit
    return next((TIME_UNITS[word] for word in reversed(words) if word in TIME_UNITS), "")


def _quantity_and_axis(words: Sequence[str]) -> tuple[str, str, set[int]] | None:
    """Return quantity and axis, and which words said so."""
    of_word = {word: quantity for quantity, choices in WORDS.items() for word in choices}
    said = {i: of_word[word] for i, word in enumerate(words) if word in of_word}
    axes = [i for i, word in enumerate(words) if word in AXES]
    if len(set(said.values())) == 1 and len(axes) == 1:
        return next(iter(said.values())), words[axes[0]], {*said, *axes}
    if not said and len(axes) == 1 and axes[0] > 0 and words[axes[0] - 1] in LETTERS:
        return LETTERS[words[axes[0] - 1]], words[axes[0]], {axes[0] - 1, axes[0]}
    glued = [(match, {i}) for i, word in enumerate(words) if (match := GLUED.fullmatch(word))]
    whole = GLUED.fullmatch("".join(words))
    if not glued and whole:
        glued = [(whole, set(range(len(words))))]
    if len(glued) != 1 or axes:
        return None
    match, used = glued[0]
    quantity = LETTERS.get(match[1]) or of_word[match[1]]
    return None if set(said.values()) - {quantity} else (quantity, match[2], used | set(said))
