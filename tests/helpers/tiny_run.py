"""Fixtures of tests of whole runs: the tiny problem, solved as the command line solves it."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from synthetic_problem import TINY, tiny_problem

from sadvae_har import pipeline
from sadvae_har.config.settings import Config
from sadvae_har.experiment.inputs import Locations
from sadvae_har.experiment.problem import Problem
from sadvae_har.experiment.run_folder import RunFolder
from sadvae_har.pipeline import run


@pytest.fixture(scope="module")
def problem() -> Problem:
    return tiny_problem()


@pytest.fixture(scope="module")
def run_tiny(problem: Problem) -> Callable[..., RunFolder]:
    """Return the whole run as the command line makes it, with the tiny problem in the place of a data set."""

    def run_it(out: Path, config: Config = TINY, solved: Problem = problem) -> RunFolder:
        with pytest.MonkeyPatch.context() as patch:
            inputs = SimpleNamespace(problem=lambda: solved, class_list=None, resnet=None)
            patch.setattr(pipeline, "load_split", lambda *_: solved.split)
            patch.setattr(pipeline, "load_inputs", lambda *_: inputs)
            return run(config, Locations(), out)[0]

    return run_it


@pytest.fixture(scope="module")
def finished(run_tiny: Callable[..., RunFolder], tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return run_tiny(tmp_path_factory.mktemp("run") / "toy")
