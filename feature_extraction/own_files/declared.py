"""What a user says about recordings, by flags or in a `dataset.yaml`; what is left out is detected."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import QUANTITIES, Channel
from feature_extraction.recordings.signal import TIME_UNITS_S, si_channel

SLOWEST_HZ, FASTEST_HZ = 4.0, 2000.0
FLAGS = {key: f"--{key.replace('_', '-')}" for key in ("rate_hz", "units", "columns", "time_column", "time_unit")}
FLAGS["no_time"] = "--no-time-column"
YAML_KEYS = {key: key for key in FLAGS} | {
    "time_column": "time: column",
    "time_unit": "time: unit",
    "no_time": "no time",
}

Column = str | int  # by name, or by number from 0
Columns = Column | Sequence[Column]  # several are added up


@dataclass(frozen=True)
class Declared:
    """What the user said about a recording; what is left out is detected.

    Attributes:
        rate_hz: Sampling rate; time stamps must agree with it, and are brought to this clock.
        units: Unit of each quantity, such as `{"acc": "g"}`.
        columns: Column name or number of a channel such as `wrist.acc_x`, or `acc_x` if there is one device; several
            are added up.
        time_column: Column of time stamps, by name or number.
        time_unit: s, ms, us, ns, 0.1ms or 100ns.
        clock_hz: Clock that the time stamps are brought to, whatever their own rate.
        seeks_time: Whether a column of time stamps is looked for, if none is named.
        format: csv, npy or parquet; by default the ending of the file's name tells.
        delimiter: Between the values of a text file; a blank stands for runs of blanks.
        header: Whether a line of a text file names the columns.
        decimal: Decimal mark of a text file, `.` or `,`.
        date_format: How dates or times of day are written, as `strptime` has it: `%d.%m.%Y %H:%M:%S.%f`.
        skip_lines: Lines of a text file to pass over at its beginning.
        ignore: Columns that are neither time nor a channel, by name or number.
        keys: What the user calls these, for messages.
    """

    rate_hz: float | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, Columns] = field(default_factory=dict)
    time_column: Column | None = None
    time_unit: str | None = None
    clock_hz: float | None = None
    seeks_time: bool = True
    format: str = ""
    delimiter: str | None = None
    header: bool | None = None
    decimal: str | None = None
    date_format: str | None = None
    skip_lines: int = 0
    ignore: Sequence[Column] = ()
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
        if self.time_unit is not None:
            object.__setattr__(self, "time_unit", self.time_unit.replace(" ", ""))
        if self.time_unit is not None and self.time_unit not in TIME_UNITS_S:
            known = ", ".join(TIME_UNITS_S)
            raise InputError(f"{self.keys['time_unit']}: {self.time_unit!r} is unknown; use one of {known}")
        if self.delimiter is not None and (len(self.delimiter) != 1 or self.delimiter in '\r\n"'):
            raise InputError(f"delimiter: {self.delimiter!r} cannot be used; give one character")
        self._check_notation()
        for quantity, unit in self.units.items():
            if quantity not in QUANTITIES:
                choices = ", ".join(QUANTITIES)
                raise InputError(f"{self.keys['units']}: {quantity!r} is unknown; choose from {choices}")
            try:
                si_channel(Channel("any", quantity, "x", unit))
            except InputError as error:
                reason = str(error).split(": ", 1)[1]
                raise InputError(f"{self.keys['units']}: {quantity}: {reason}") from error

    def _check_notation(self) -> None:
        """Refuse what cannot be how text is written.

        Raises:
            InputError: Naming the key, the value and what is allowed.
        """
        if not self.seeks_time and self.time_column is not None and self.keys is FLAGS:
            raise InputError(f"{self.keys['time_column']} and {self.keys['no_time']} exclude each other; leave out one")
        if self.decimal not in (None, ".", ","):
            raise InputError(f"decimal: {self.decimal!r} cannot be used; give '.' or ','")
        if self.skip_lines < 0:
            raise InputError(f"skip_lines: {self.skip_lines} cannot be used; give how many lines to pass over")
        if self.date_format is not None and (
            "%H" not in self.date_format and "%I" not in self.date_format or self.time_unit is not None
        ):
            unit = self.keys["time_unit"]
            raise InputError(
                f"date_format: {self.date_format!r} cannot be used; write it as %Y-%m-%d %H:%M:%S.%f, and leave "
                f"out {unit}"
            )
        ignored = [column for column in (self.time_column,) if column is not None and column in self.ignore]
        if ignored:
            raise InputError(f"ignore: {ignored[0]!r} is declared as the time column, too; leave out one of them")

    def adds_to(self, channel: str) -> Sequence[Column]:
        """Return the columns that are added to the first of a channel."""
        said = self.columns[channel]
        return () if isinstance(said, str | int) else said[1:]

    @property
    def first_columns(self) -> dict[str, Column]:
        """The column of every channel, of several that are added up the first."""
        return {name: said if isinstance(said, str | int) else said[0] for name, said in self.columns.items()}

    @property
    def names(self) -> set[str]:
        """Columns that were named, and so must be in the header."""
        sums = [column for name in self.columns for column in self.adds_to(name)]
        said = [*self.first_columns.values(), *sums, self.time_column, *self.ignore]
        return {column for column in said if isinstance(column, str) and not column.isdigit()}
