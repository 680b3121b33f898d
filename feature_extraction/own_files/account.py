"""What became of every row of a recording: used, or left out and why."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

MUCH = 0.1  # part of a recording whose loss is said before its labels


@dataclass
class Account:
    """Rows that were read, and those that were left out, by reason; filled while a recording is read.

    A row with entries of several sensors counts once for each that has a clock of its own.

    Attributes:
        rows: All rows.
        left_out: How many were left out, by reason.
    """

    rows: int = 0
    left_out: Counter[str] = field(default_factory=Counter)

    def leave_out(self, reason: str, n_rows: int) -> None:
        """Count rows that are not used."""
        if n_rows:
            self.left_out[reason] += n_rows

    def begin(self, left_out: Mapping[str, int]) -> None:
        """Count rows that are in no stream that is read, by reason."""
        self.rows += sum(left_out.values())
        self.left_out.update(left_out)

    @property
    def n_left_out(self) -> int:
        """Rows that were not used."""
        return sum(self.left_out.values())

    @property
    def used(self) -> int:
        """Rows that were used."""
        return self.rows - self.n_left_out

    @property
    def lost_much(self) -> bool:
        """Whether more than a tenth of the rows was left out."""
        return self.n_left_out > MUCH * self.rows

    def __str__(self) -> str:
        """Return one readable line."""
        if not self.left_out:
            return f"rows: {self.rows:,}, all used"
        if len(self.left_out) == 1:
            reasons = f"{self.n_left_out:,} ({next(iter(self.left_out))})"
        else:
            each = ", ".join(f"{n:,} {reason}" for reason, n in self.left_out.most_common())
            reasons = f"{self.n_left_out:,} ({each})"
        return f"rows: {self.rows:,}, used {self.used:,}, left out: {reasons}"
