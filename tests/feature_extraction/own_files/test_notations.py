"""One recording in every notation: read to the same samples, refused or asked about, never read to something else."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from notations import CHOICES, GRAVITY_MPS2, RATE_HZ, Notation, motion, write

from feature_extraction.errors import InputError
from feature_extraction.own_files.read import Account, Declared, plan_reading, read_recording
from feature_extraction.recordings.recording import three_axes

ACC, GYRO = three_axes("wrist", "acc", "m/s2"), three_axes("wrist", "gyro", "rad/s")
FACTORS = {"g": GRAVITY_MPS2, "m/s2": 1.0, "mg": GRAVITY_MPS2 / 1000, "rad/s": 1.0, "deg/s": np.pi / 180}
ROUNDING = 0.06  # in m/s² and rad/s, for numbers that were written with two decimals
CAUSES = (  # what a refusal says, and of which notations it may say so
    ("leaves its unit open; declare the unit", lambda n: n.gyro == "rad/s" and not states_units(n)),
    ("columns without names, and the model reads", lambda n: n.header in ("none", "numbers")),
    ("have no names and all look like clocks", lambda n: n.header in ("none", "numbers") and n.clock == "two clocks"),
    ("in a unit that is not clear", lambda n: n.header in ("none", "numbers") and n.clock == "0.1 ms"),
)
OUTCOMES: Counter[str] = Counter()

notations = st.builds(Notation, **{name: st.sampled_from(choices) for name, choices in CHOICES.items()}).filter(
    Notation.is_possible
)


def states_units(notation: Notation) -> bool:
    return notation.unit_stated and notation.header not in ("none", "numbers")


def is_fully_stated(notation: Notation) -> bool:
    plain = notation.header in ("names", "preamble", "units below")
    return plain and notation.unit_stated and notation.clock_stated and notation.clock != "ms of second"


def expected(notation: Notation) -> np.ndarray:
    """Return the samples in SI units; with a gyroscope that starts 4 s late, those that were taken together."""
    if notation.gyro is None:
        return motion()[:, :3]
    if notation.clock == "two clocks":
        return np.hstack([motion()[200:, :3], motion()[:-200, 3:]])
    return motion()


def read(notation: Notation, path: Path) -> tuple[str, str]:
    """Return what became of the recording, and the message or the findings."""
    wanted = ACC if notation.gyro is None else ACC + GYRO
    account = Account()
    try:
        plan = plan_reading(path, wanted, Declared(rate_hz=RATE_HZ if notation.clock == "none" else None))
        rows = np.concatenate([*read_recording(path, plan, account)])
    except InputError as error:
        return "refused", str(error)
    found, right = rows * [FACTORS[channel.unit] for channel in plan.channels], expected(notation)
    same = found.shape == right.shape and plan.rate_hz == RATE_HZ and np.abs(found - right).max() < ROUNDING
    assert account.used == len(rows) * len(plan.streams)  # nothing is lost without a word
    return ("read" if plan.certain else "asked") + ("" if same else ", to something else"), "; ".join(plan.findings)


@settings(
    max_examples=2_050,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(notation=notations)
def count_outcome(folder: Path, notation: Notation) -> None:
    outcome, message = read(notation, write(notation, folder / "recording.csv"))
    OUTCOMES[outcome] += 1
    assert "something else" not in outcome, message
    if is_fully_stated(notation):
        assert outcome == "read", message
    if outcome == "refused":
        assert any(words in message and may_say(notation) for words, may_say in CAUSES), message


def test_every_notation_is_read_right_or_questioned(tmp_path: Path) -> None:
    """Two thirds are read, all those without a question that leave nothing open."""
    OUTCOMES.clear()
    count_outcome(tmp_path)
    assert sum(OUTCOMES.values()) >= 2_000
    assert OUTCOMES["read"] + OUTCOMES["asked"] > 2 / 3 * sum(OUTCOMES.values()), OUTCOMES


@pytest.mark.parametrize("clock", [clock for clock in CHOICES["clock"] if clock != "none"])
def test_every_clock_is_read(tmp_path: Path, clock: str) -> None:
    notation = Notation(clock=clock, gyro="deg/s")
    assert read(notation, write(notation, tmp_path / "a.csv"))[0] == ("asked" if clock == "ms of second" else "read")
