"""What tests ask of the folder of a tiny run."""

from synthetic_problem import TINY

from sadvae_har.config.settings import Config
from sadvae_har.experiment.fitted import training_key
from sadvae_har.experiment.problem import Problem
from sadvae_har.experiment.run_folder import RunFolder
from sadvae_har.pipeline import Run

ARTEFACTS = {
    *("checksums.json", "config.yaml", "split.json", "environment.json", "progress.jsonl", "model.safetensors"),
    *("gate_examples.npz", "gate.json", "predictions.npz", "metrics.json", "report.html"),
}


def key_of(problem: Problem, config: Config = TINY) -> str:
    return training_key(problem, config)


def contents(folder: RunFolder) -> dict[str, bytes]:
    """Return the bytes of the results that must not depend on when or how often a run was interrupted."""
    return {name: (folder.path / name).read_bytes() for name in ("metrics.json", "model.safetensors", "gate.json")}


def of_run(problem: Problem, folder: RunFolder, config: Config = TINY) -> Run:
    """Return a run as the pipeline hands it on, without what a model file would need."""
    return Run(config, folder, problem, None, folder.path / "text_feats")
