"""Everything a trained run leaves behind that recognising needs, gathered in one object.

Axis legend: S trained activities, A activities (trained, then described), E text features.
"""

from dataclasses import dataclass, replace

import numpy as np

from feature_extraction.descriptions.class_list import ClassDescription, ClassList
from feature_extraction.errors import InputError
from feature_extraction.features.window_encoder import WindowEncoder
from feature_extraction.protocol.standardizer import Standardizer
from sadvae_har.config.settings import Config, FeatureConfig
from sadvae_har.experiment.fitted import FittedModels, class_scorer
from sadvae_har.experiment.problem import Problem
from sadvae_har.experiment.semantic_space import SemanticSpace
from sadvae_har.experiment.stages import synthesis_stream
from sadvae_har.method.gate import DomainClassifier
from sadvae_har.method.scorer import FoldModel, SeenClassifier
from sadvae_har.recognition.calibration import Calibration
from sadvae_har.recognition.model.text_settings import TextSettings
from sadvae_har.recognition.prediction import UNKNOWN
from sadvae_har.recognition.strangeness import Strangeness


@dataclass(frozen=True)
class RecognizerModel:
    """A trained model of windows with all that it needs at hand.

    Attributes:
        name: Where it comes from: data set, split and seed.
        config: Settings that it was trained with.
        encoder: From windows to features.
        standardizer: Of the features.
        text: From descriptions to semantic vectors.
        space: What the trained activities span of the text space.
        fold: The trained models, with the training windows.
        seen: Linear classifier of the trained activities.
        gate: Trained or described.
        strangeness: How unlike the training windows others are.
        calibration: Temperature and limits.
        trained: Descriptions of the trained activities, S.
        described: Descriptions of activities known by text only.
        vectors: Semantic vectors of all activities [A, E].
    """

    name: str
    config: Config
    encoder: WindowEncoder
    standardizer: Standardizer
    text: TextSettings
    space: SemanticSpace
    fold: FoldModel
    seen: SeenClassifier
    gate: DomainClassifier
    strangeness: Strangeness
    calibration: Calibration
    trained: tuple[ClassDescription, ...]
    described: tuple[ClassDescription, ...]
    vectors: np.ndarray


@dataclass(frozen=True)
class FinishedRun:
    """What the four stages of a run left behind.

    Attributes:
        problem: The run's problem.
        config: Its config.
        fitted: Its trained models.
        gate: Its gate.
    """

    problem: Problem
    config: Config
    fitted: FittedModels
    gate: DomainClassifier


def require_described_one_by_one(config: Config) -> None:
    """Refuse a classifier that cannot take in activities one by one.

    Raises:
        InputError: It is a softmax.
    """
    if config.classifier.kind == "softmax":
        raise InputError("classifier.kind: 'softmax' tells all classes apart at once; use gaussian or cosine")


def final_fold_model(problem: Problem, config: Config, fitted: FittedModels) -> FoldModel:
    """Return the final models with the donors and the noise of stage 4."""
    return class_scorer(problem, 0, config, fitted.weights, synthesis_stream(config, 0)).model


def gather_model(
    run: FinishedRun, encoder: WindowEncoder, class_list: ClassList, calibration: Calibration, strangeness: Strangeness
) -> RecognizerModel:
    """Gather the model of a run, which scores windows exactly as stage 4 of the run did.

    Args:
        run: The run.
        encoder: Makes the features that it read.
        class_list: Descriptions of its classes.
        calibration: Fitted on its inner folds.
        strangeness: Fitted to the training windows of the final problem.

    Raises:
        InputError: The classifier cannot take in activities one by one.
    """
    problem, config = run.problem, run.config
    require_described_one_by_one(config)
    if UNKNOWN in {name.casefold() for name in problem.classes}:
        raise InputError(f"a class is called {UNKNOWN!r}, as windows like nothing on the list are; rename it")
    fold = final_fold_model(problem, config, run.fitted)
    described = tuple(class_list.descriptions[name] for name in problem.classes)
    n_seen = len(problem.split.seen)
    paraphrases = min(len(description.paraphrases) for description in described)
    text = config.text
    return RecognizerModel(
        name=f"{problem.split.dataset}/{problem.split.name}, seed {config.seed}",
        # A model travels: where data set, split and encoders lay stays behind. A local text model is still needed.
        config=replace(
            config,
            dataset=problem.split.dataset,
            split=problem.split.name,
            features=FeatureConfig(encoder.blocks),
            reference=None,
        ),
        encoder=encoder,
        standardizer=problem.standardizer,
        text=TextSettings(text.model, text.views, text.kinematics_weight, class_list.placements, paraphrases),
        space=problem.space,
        fold=fold,
        seen=run.fitted.seen_classifier_of(problem, 0),
        gate=run.gate,
        strangeness=strangeness,
        calibration=calibration,
        trained=described[:n_seen],
        described=described[n_seen:],
        vectors=problem.vectors,
    )
