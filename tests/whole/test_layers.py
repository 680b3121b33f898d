"""Imports go leftwards only: the order of the rooms is the order of the data path."""

import ast
from pathlib import Path

import pytest
from checkout import ROOT

# Leftmost first. A module may import from rooms to its left, and from its own room.
ROOMS = (
    *(
        f"feature_extraction.{room}"
        for room in (
            *("errors", "storage", "recordings", "own_files", "windows", "descriptions", "datasets", "protocol"),
            *("encoders", "pretraining", "features"),
        )
    ),
    *(
        f"sadvae_har.{room}"
        for room in (
            *("config", "evaluation", "method", "experiment", "baselines", "report", "recognition", "everyday"),
            *("benchmark", "pipeline", "demo", "commands", "__main__"),
        )
    ),
)
TERMINAL = "sadvae_har.commands.terminal"
ESCAPING = "feature_extraction.storage.escaping"
MOST_ENTRIES = 13  # of a folder: what a reader takes in at a glance
MANY_OF_A_KIND = ("rivals", "readers", "families", "report", "demo")  # one file a method, a data set, ...
PACKAGES = ("feature_extraction", "sadvae_har")


def find_modules() -> dict[str, ast.Module]:
    """Return the syntax tree of every module by its dotted name."""
    trees = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            trees[name] = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return trees


MODULES = find_modules()


def imported(name: str) -> set[str]:
    """Return the project's modules that a module imports, wherever in the file."""
    found = set()
    for node in ast.walk(MODULES[name]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}, line {node.lineno}: relative import"
            module = node.module or ""
            found |= {f"{module}.{a.name}" if f"{module}.{a.name}" in MODULES else module for a in node.names}
    return {module for module in found if module.split(".")[0] in PACKAGES}


def room_of(name: str) -> int:
    """Return the place of a module's room in the order."""
    places = [k for k, room in enumerate(ROOMS) if name == room or name.startswith(f"{room}.")]
    assert len(places) == 1, f"{name}: has no place in ROOMS; add it where its imports lie to the left"
    return places[0]


IN_A_ROOM = [name for name in MODULES if name not in PACKAGES]


def test_every_room_exists() -> None:
    assert len(IN_A_ROOM) > 40
    assert {ROOMS[room_of(name)] for name in IN_A_ROOM} == set(ROOMS)


@pytest.mark.parametrize("name", [name for name in MODULES if name.startswith("feature_extraction")])
def test_feature_extraction_never_imports_the_zero_shot_part(name: str) -> None:
    assert [module for module in imported(name) if module.startswith("sadvae_har")] == []


@pytest.mark.parametrize("name", IN_A_ROOM)
def test_imports_go_leftwards(name: str) -> None:
    here = room_of(name)
    assert [module for module in sorted(imported(name)) if room_of(module) > here] == []


def test_there_are_no_cycles() -> None:
    """Neither between modules nor between rooms."""
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join([*path[path.index(name) :], name])
        if name not in done:
            for module in sorted(imported(name) - {name}):
                visit(module, (*path, name))
            done.add(name)

    for name in MODULES:
        visit(name, ())


FOLDERS = sorted(
    path
    for package in PACKAGES
    for path in [ROOT / package, *(ROOT / package).rglob("*/")]
    if path.name != "__pycache__"
)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_folder_is_taken_in_at_a_glance(folder: Path) -> None:
    entries = [path.name for path in folder.iterdir() if path.name not in ("__pycache__", "__init__.py")]
    assert len(entries) <= (20 if folder.name in MANY_OF_A_KIND else MOST_ENTRIES), sorted(entries)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_introduces_its_rooms_in_order(package: str) -> None:
    """Its docstring names every room, one a line, in the order of the data."""
    rooms = [room.removeprefix(f"{package}.") for room in ROOMS if room.startswith(package)]
    lines = (ast.get_docstring(MODULES[package]) or "").splitlines()
    named = [line.split()[0] for line in lines if line.startswith("    ")]
    assert named == rooms


def calls(name: str) -> set[str]:
    """Return what a module calls by plain or dotted name."""
    return {ast.unparse(node.func) for node in ast.walk(MODULES[name]) if isinstance(node, ast.Call)}


@pytest.mark.parametrize("name", [name for name in MODULES if name != TERMINAL])
def test_only_one_module_prints(name: str) -> None:
    assert not calls(name) & {"print", "sys.stdout.write", "sys.stderr.write", "traceback.print_exc", "exit"}
    assert "sys.exit" not in calls(name) or name == "sadvae_har.__main__"


@pytest.mark.parametrize("name", [name for name in MODULES if name != ESCAPING])
def test_only_one_module_escapes(name: str) -> None:
    """What a progress bar says passes through it, too."""
    brought = [node for node in ast.walk(MODULES[name]) if isinstance(node, ast.ImportFrom)]
    assert "html" not in {node.module for node in brought}
    for node in ast.walk(MODULES[name]):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "tqdm":
            (said,) = [keyword.value for keyword in node.keywords if keyword.arg == "desc"]
            assert isinstance(said, ast.Constant) or ast.unparse(said).startswith("visible("), ast.unparse(node)


@pytest.mark.parametrize("name", MODULES)
def test_no_global_generator_and_no_environment_variables(name: str) -> None:
    found = {node.attr for node in ast.walk(MODULES[name]) if isinstance(node, ast.Attribute)}
    assert not found & {"environ", "getenv"}
    assert not calls(name) & {"np.random.seed", "random.seed", "sys.path.append", "sys.path.insert"}


@pytest.mark.parametrize(
    "name",
    [
        "feature_extraction.protocol.split",
        "feature_extraction.datasets.prepare",
        "feature_extraction.windows.window_set",
        "sadvae_har.evaluation.metrics",
    ],
)
def test_tensors_stay_out_of_rooms_that_need_none(name: str) -> None:
    """`data prepare` starts in a blink because nothing on its path imports torch."""
    reached, waiting = set(), [name]
    while waiting:
        module = waiting.pop()
        reached.add(module)
        waiting += imported(module) - reached
    outside = {
        alias.name.split(".")[0]
        for module in reached
        for node in ast.walk(MODULES[module])
        if isinstance(node, ast.Import)
        for alias in node.names
    } | {
        (node.module or "").split(".")[0]
        for module in reached
        for node in ast.walk(MODULES[module])
        if isinstance(node, ast.ImportFrom)
    }
    assert not outside & {"torch", "sklearn", "sentence_transformers"}
