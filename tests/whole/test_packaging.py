"""What pip is told: every requirement is bounded and locked, and the lock keeps to the bounds."""

import re
import tomllib

import pytest
from checkout import ROOT
from packaging.requirements import Requirement

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
LOCK = {
    found.name.lower(): next(iter(found.specifier)).version
    for found in map(Requirement, re.findall(r"^\w.*", (ROOT / "requirements.txt").read_text(), re.M))
}
ASKED = [
    Requirement(text) for text in (*PROJECT["dependencies"], *(text for found in EXTRAS.values() for text in found))
]
OTHERS = [found for found in ASKED if found.name != PROJECT["name"]]


def test_the_lock_has_what_is_asked_for_and_nothing_else() -> None:
    assert set(LOCK) == {found.name.lower() for found in OTHERS}


@pytest.mark.parametrize("found", OTHERS, ids=lambda found: found.name)
def test_the_locked_version_lies_within_bounds(found: Requirement) -> None:
    assert LOCK[found.name.lower()] in found.specifier
    operators = {entry.operator for entry in found.specifier}
    assert operators == {">=", "<"} or found.name.startswith("types-")


def test_dev_has_every_extra() -> None:
    (own,) = (Requirement(text) for text in EXTRAS["dev"] if text.startswith(PROJECT["name"]))
    assert own.extras == EXTRAS.keys() - {"dev"}


def test_scripts_ask_for_extras_that_exist() -> None:
    asked = {
        name
        for script in (ROOT / "scripts").glob("*.sh")
        for names in re.findall(r'environment\.sh" (\S+)', script.read_text())
        for name in names.split(",")
    }
    assert asked and asked <= EXTRAS.keys()
