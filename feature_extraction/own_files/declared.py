"""What a user says about recordings, by flags or in a `dataset.yaml`; what is left out is detected."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import QUANTITIES, Channel
from feature_extraction.recordings.signal import TIME_UNITS_S, si_channel

SLOWEST_HZ, FASTEST_HZ = 4.0, 2000.0
FLAGS = {key: f"--{key.replace('_', '-')}" for key in ("rate_hz", "units", "columns", "time_column", "time_unit")}
YAML_KEYS = {key: key for key in FLAGS} | {"time_column": "time: column", "time_unit": "time: unit"}

Column = str | int  # by name, or by number from 0


@dataclass(frozen=True)
class Declared:
    """What the user said about a recording; what is left out is detected.

    Attributes:
        rate_hz: Sampling rate; time stamps must agree with it, and are brought to this clock.
        units: Unit of each quantity, such as `{"acc": "g"}`.
        columns: Column name or number of a channel such as `wrist.acc_x`, or `acc_x` if there is one device.
        time_column: Column of time stamps, by name or number.
        time_unit: s, ms, us or ns.
        clock_hz: Clock that the time stamps are brought to, whatever their own rate.
        seeks_time: Whether a column of time stamps is looked for, if none is named.
        format: csv, npy or parquet; by default the ending of the file's name tells.
        delimiter: Between the values of a CSV file.
        header: Whether a line of a CSV file names the columns.
        keys: What the user calls the first five of these, for messages.
    """

    rate_hz: float | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, Column] = field(default_factory=dict)
    time_column: Column | None = None
    time_unit: str | None = None
    clock_hz: float | None = None
    seeks_time: bool = True
    format: str = ""
    delimiter: str | None = None
    header: bool | None = None
    keys: Mapping[str, str] = field(default_factory=lambda: FLAGS)

    def __post_init__(self) -> None:
        """Refuse impossible numbers and unknown words.

        Raises:
            InputError: Naming the flag or key, the value and what is allowed.
        """
        for rate_hz in (self.rate_hz, self.clock_hz):
            if rate_hz is not None and not SLOWEST_HZ <= rate_hz <= FASTEST_HZ:
                raise InputError(
                    f"{self.keys['rate_hz']}: {rate_hz:g} cannot be used; give a sampling rate from {SLOWEST_HZ:g} "
                    f"to {FASTEST_HZ:g} Hz"
                )
        if self.time_unit is not None and self.time_unit not in TIME_UNITS_S:
            known = ", ".join(TIME_UNITS_S)
            raise InputError(f"{self.keys['time_unit']}: {self.time_unit!r} is unknown; use one of {known}")
        if self.delimiter is not None and (len(self.delimiter) != 1 or self.delimiter in '\r\n"'):
            raise InputError(f"delimiter: {self.delimiter!r} cannot be used; give one character")
        for quantity, unit in self.units.items():
            if quantity not in QUANTITIES:
                choices = ", ".join(QUANTITIES)
                raise InputError(f"{self.keys['units']}: {quantity!r} is unknown; choose from {choices}")
            try:
                si_channel(Channel("any", quantity, "x", unit))
            except InputError as error:
                reason = str(error).split(": ", 1)[1]
                raise InputError(f"{self.keys['units']}: {quantity}: {reason}") from error

    @property
    def names(self) -> set[str]:
        """Columns that were named, and so must be in the header."""
        said = [*self.columns.values(), self.time_column]
        return {column for column in said if isinstance(column, str) and not column.isdigit()}
