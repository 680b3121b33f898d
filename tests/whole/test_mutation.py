"""The changes that `benchmarks/mutation.py` makes, by hand, and which tests it takes for near."""

import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from checkout import ROOT

SOURCE = '''"""Says 1 + 1."""
import numpy as np


def clip(values: "np.ndarray | None", low: int = 0, *, high=1e-9) -> int:
    """Return 2 < 3."""
    if low < 1 and not values:
        raise ValueError(f"{low + 1}")
    values[0] = values.mean(axis=1) - -low
    logger.info(3)
    return combine(
        low,  # < is no operator here
        max(values, low),
    )
'''


@pytest.fixture(scope="module")
def modules() -> dict[str, ModuleType]:
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        import mutants
        import mutation
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))
    return {"mutants": mutants, "mutation": mutation}


def test_changes_by_hand(modules: dict[str, ModuleType]) -> None:
    found = [mutant.change for mutant in modules["mutants"].mutants(SOURCE)]
    call = "combine( low, # < is no operator here max(values, low), )"
    assert sorted(found) == sorted(
        [
            *("constant: 0 -> 1", "constant: 1e-9 -> 1e-06"),
            *("comparison: < -> <=", "comparison: < -> >=", "constant: 1 -> 2", "boolean: and -> or"),
            *("condition: not -> ", "condition: low < 1 and not values -> not (low < 1 and not values)"),
            'deleted: raise ValueError(f"{low + 1}")',
            *("deleted: values[0] = values.mean(axis=1) - -low", "constant: 0 -> 1", "constant: 1 -> 2"),
            *("name: mean -> sum", "axis: 1 -> 0", "arithmetic: - -> +", "arithmetic: - -> + (no. 2)"),
            *("name: max -> min", f"return: {call} -> None"),
            "arguments: low, # < is no operator here max(values, low) -> max(values, low), # < is no operator here low",
        ]
    )


def test_a_change_is_one_change_and_keeps_the_rest(modules: dict[str, ModuleType]) -> None:
    for mutant in modules["mutants"].mutants(SOURCE):
        changed = mutant.of(SOURCE)
        assert changed != SOURCE and changed.startswith(SOURCE[: mutant.start])
        assert changed.endswith(SOURCE[mutant.end :]) and SOURCE.splitlines()[mutant.line - 1].strip() == mutant.code
    negated = [m.of(SOURCE) for m in modules["mutants"].mutants(SOURCE) if m.change == "comparison: < -> >="]
    assert negated == [SOURCE.replace("low < 1", "low >= 1")]


def test_the_seed_decides_and_a_larger_number_goes_on(modules: dict[str, ModuleType]) -> None:
    draw = modules["mutants"].draw
    assert draw(SOURCE, 5, "0") == draw(SOURCE, 9, "0")[:5] != draw(SOURCE, 5, "1")
    everything = draw(SOURCE, 99, "0")
    assert len(everything) == len(set(everything)) == len(modules["mutants"].mutants(SOURCE))


def test_tests_near_a_module_are_those_of_its_room_and_those_that_import_it(modules: dict[str, ModuleType]) -> None:
    near = modules["mutation"].tests_near(Path("sadvae_har/method/gate.py"))
    assert {"tests/sadvae_har/method/test_gate.py", "tests/sadvae_har/method/test_losses.py"} <= set(near)
    assert "tests/sadvae_har/recognition/test_calibration.py" in near
    assert "tests/feature_extraction/windows/test_cutting.py" not in near
    readers = modules["mutation"].tests_near(Path("feature_extraction/datasets/readers/hapt.py"))
    assert "tests/feature_extraction/datasets/test_datasets_hapt.py" in readers


def test_shares_are_per_module_and_over_all(modules: dict[str, ModuleType]) -> None:
    results = [
        {"file": file, "line": 3, "code": "a < b", "change": "comparison: < -> <=", "noticed": noticed}
        for file, noticed in (("one.py", "test_one"), ("one.py", ""), ("two.py", "time limit"), ("two.py", "test_two"))
    ]
    assert modules["mutation"].report(results).splitlines() == [
        *("survived  one.py:3  a < b", "          comparison: < -> <="),
        *("  50%     1 of    2  one.py", " 100%     2 of    2  two.py", "  75%     3 of    4  all"),
    ]


def test_what_is_listed_as_equivalent_is_there_and_has_a_reason(modules: dict[str, ModuleType]) -> None:
    listed = yaml.safe_load(modules["mutation"].EQUIVALENT.read_text(encoding="utf-8"))
    assert all(entry["reason"] for entries in listed.values() for entry in entries)
    for file, code, change in modules["mutation"].equivalent():
        drawn = modules["mutants"].mutants((ROOT / file).read_text(encoding="utf-8"))
        assert (code, change) in {(mutant.code, mutant.change) for mutant in drawn}, (file, code, change)
