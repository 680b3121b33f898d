"""Imports go leftwards only: the order of the rooms is the order of the data path."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Leftmost first. A module may import from rooms to its left, and from its own room.
ROOMS = (
    *("feature_extraction.errors", "feature_extraction.storage.files", "feature_extraction.storage.yaml"),
    *("feature_extraction.recordings.recording", "feature_extraction.recordings.signal"),
    *(
        "feature_extraction.descriptions.class_list",
        "feature_extraction.descriptions.synonyms",
        "feature_extraction.protocol.split",
    ),
    *(
        "feature_extraction.windows.window_files",
        "feature_extraction.windows.window_set",
        "feature_extraction.windows.input_format",
    ),
    *("feature_extraction.recordings.channels", "feature_extraction.windows.resampler"),
    "feature_extraction.windows.stream",
    *("feature_extraction.datasets", "feature_extraction.protocol.draw_splits"),
    *(
        "feature_extraction.own_files.column_names",
        "feature_extraction.own_files.columns",
        "feature_extraction.own_files.csv_layout",
    ),
    *(
        "feature_extraction.own_files.even_clock",
        "feature_extraction.own_files.plan",
        "feature_extraction.own_files.read",
    ),
    *(
        "feature_extraction.windows.window_summary",
        "feature_extraction.datasets.check",
        "feature_extraction.datasets.prepare",
    ),
    *("feature_extraction.descriptions.embeddings", "feature_extraction.protocol.standardizer"),
    *(
        "feature_extraction.pretraining.augment.rotations",
        "feature_extraction.pretraining.augment.smooth_curves",
        "feature_extraction.pretraining.augment.channel_changes",
    ),
    "feature_extraction.pretraining.augment.augment",
    *("feature_extraction.encoders", "feature_extraction.pretraining"),
    *("feature_extraction.features.table", "feature_extraction.features.cache"),
    *(
        "feature_extraction.features.encoder_blocks",
        "feature_extraction.features.window_encoder",
        "feature_extraction.features.extract",
    ),
    "feature_extraction.features.window_graph",
    "feature_extraction.descriptions.kinematic_lexicon",
    *(
        "sadvae_har.config.settings",
        "sadvae_har.config.files",
        "sadvae_har.method.networks",
        "sadvae_har.method.losses",
        "sadvae_har.method.schedules",
        "sadvae_har.method.model",
    ),
    *("sadvae_har.method.training", "sadvae_har.method.training_state", "sadvae_har.method.synthesis"),
    *("sadvae_har.evaluation.metrics", "sadvae_har.benchmark.stacking", "sadvae_har.evaluation.intervals"),
    *("sadvae_har.method.classifier", "sadvae_har.method.gzsl", "sadvae_har.method.gate"),
    *(
        "sadvae_har.experiment.semantic_space",
        "sadvae_har.experiment.problem",
        "sadvae_har.experiment.fitted",
        "sadvae_har.experiment.latent_map",
    ),
    *("sadvae_har.evaluation.numbers", "sadvae_har.experiment.run_folder", "sadvae_har.experiment.stages"),
    *(
        "sadvae_har.report.tables",
        "sadvae_har.report.look.colours",
        "sadvae_har.report.look.plotly_figures",
        "sadvae_har.report.look.page",
    ),
    *("sadvae_har.report.run_files", "sadvae_har.report.summary", "sadvae_har.report.figures"),
    *("sadvae_har.report.checks", "sadvae_har.report.checklist", "sadvae_har.report.calibration"),
    "sadvae_har.report.run_page",
    *("sadvae_har.report.comparison", "sadvae_har.report.comparison_page"),
    *(
        "sadvae_har.recognition.familiarity",
        "sadvae_har.recognition.segments",
        "sadvae_har.recognition.calibration",
        "sadvae_har.recognition.activities",
    ),
    *("sadvae_har.recognition.model.parts", "sadvae_har.recognition.model.file", "sadvae_har.recognition.stage"),
    *("sadvae_har.recognition.model.card", "sadvae_har.recognition.model.hub"),
    *(
        "sadvae_har.recognition.scorer",
        "sadvae_har.recognition.prediction",
        "sadvae_har.recognition.explanation",
        "sadvae_har.recognition.recognizer",
    ),
    *("sadvae_har.recognition.live", "sadvae_har.commands.prediction_files", "sadvae_har.recognition.activity_files"),
    *("sadvae_har.recognition.estimator.open_problem", "sadvae_har.recognition.estimator.estimator"),
    *("sadvae_har.recognition.onnx.graph", "sadvae_har.recognition.onnx.export"),
    *("sadvae_har.baselines", "sadvae_har.baselines.reference.layout", "sadvae_har.baselines.reference.layout_import"),
    "sadvae_har.benchmark.rivals",
    *("sadvae_har.pipeline", "sadvae_har.benchmark.cross_dataset", "sadvae_har.benchmark.methods"),
    *("sadvae_har.benchmark.rows", "sadvae_har.benchmark.statistics", "sadvae_har.benchmark.jobs"),
    *("sadvae_har.benchmark.figures", "sadvae_har.benchmark.tables", "sadvae_har.benchmark.page"),
    "sadvae_har.demo",
    *("sadvae_har.commands.parser", "sadvae_har.commands.data", "sadvae_har.commands.encoder"),
    *("sadvae_har.commands.predict", "sadvae_har.commands.export", "sadvae_har.commands.demo", "sadvae_har.__main__"),
)
COMMAND_LINE = (
    *("sadvae_har.commands.data", "sadvae_har.commands.encoder", "sadvae_har.commands.predict"),
    *("sadvae_har.commands.export", "sadvae_har.commands.demo", "sadvae_har.__main__"),
)
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
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join([*path[path.index(name) :], name])
        if name not in done:
            for module in sorted(imported(name) - {name}):
                visit(module, (*path, name))
            done.add(name)

    for name in MODULES:
        visit(name, ())


def calls(name: str) -> set[str]:
    """Return what a module calls by plain or dotted name."""
    return {ast.unparse(node.func) for node in ast.walk(MODULES[name]) if isinstance(node, ast.Call)}


@pytest.mark.parametrize("name", [name for name in MODULES if name not in COMMAND_LINE])
def test_only_the_command_line_prints(name: str) -> None:
    assert not calls(name) & {"print", "sys.stdout.write", "sys.stderr.write", "sys.exit", "exit"}


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
