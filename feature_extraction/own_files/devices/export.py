"""What is found in the export of a device: its streams of samples, under names of channels with units."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from feature_extraction.own_files.csv_layout import Layout
from feature_extraction.recordings.recording import AXES

IOS_SIGNS = "signs as on iOS, where gravity is negative along an axis that points up (Android: positive)"


@dataclass(frozen=True)
class DeviceStream:
    """Rows of one file with one clock.

    Attributes:
        path: A file on disk; what had to be unpacked or computed first lies in the caller's temporary folder.
        layout: How it is written. Its `names` are already names of channels with units, such as
            `acc_x [1/64 g]` and `time [ms]`, and empty for columns of no use.
        rate_hz: Sampling rate, where the device states one and gives no time stamps.
        rows: Only rows whose column of this position holds this text, where a file holds other rows, too.
        where: What messages call the file, such as `walk.zip/Gyroscope.csv`.
    """

    path: Path
    layout: Layout
    rate_hz: float | None = None
    rows: tuple[int, str] | None = None
    where: str = ""


@dataclass(frozen=True)
class DeviceExport:
    """One recording of one device.

    Attributes:
        name: The device or program, such as `Empatica E4`.
        streams: Each with a clock of its own; none where nothing can be used, and then `finding` says why.
        finding: One readable line: what is used, when and where it was recorded if the device says so, and
            what is missing.
        certain: Whether nothing had to be guessed.
        left_out: Rows of the input that are in no stream, by reason.
        place: Where the device was worn, if that is known.
    """

    name: str
    streams: tuple[DeviceStream, ...]
    finding: str
    certain: bool = True
    left_out: Mapping[str, int] = field(default_factory=dict)
    place: str = ""


def describe(name: str, used: Iterable[str], *notes: str) -> str:
    """Return the finding: what is used of a device, then notes, empty ones left out."""
    return "; ".join([f"{name}: {', '.join(used) or 'no sensor that can be used'}", *filter(None, notes)])


def axes(quantity: str, unit: str) -> tuple[str, str, str]:
    """Return the names of three columns, such as `acc_x [g]`."""
    x, y, z = (f"{quantity}_{axis} [{unit}]" for axis in AXES)
    return x, y, z
