"""Everything a trained run leaves behind that recognising needs, gathered in one object.

`FeatureModel` starts from features, whoever made them; `RecognizerModel` makes them of windows.

Axis legend: s seeds, R training windows, D features, S trained activities, n samples, L semantic latent,
P coordinates of semantic vectors, A activities (trained, then described).
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from feature_extraction.descriptions.class_list import ClassDescription, ClassList
from feature_extraction.errors import InputError
from feature_extraction.features.window_encoder import WindowEncoder
from feature_extraction.protocol.standardizer import Standardizer
from sadvae_har.config.settings import Config, FeatureConfig
from sadvae_har.experiment.fitted import FittedModels, draw_donors, models_of_fold, seed_of
from sadvae_har.experiment.problem import Problem
from sadvae_har.experiment.semantic_space import SemanticSpace
from sadvae_har.method.gate import DomainClassifier
from sadvae_har.method.model import SADVAE
from sadvae_har.method.synthesis import draw_noise
from sadvae_har.recognition.activities import TextSettings
from sadvae_har.recognition.calibration import Calibration
from sadvae_har.recognition.familiarity import Familiarity
from sadvae_har.recognition.segments import UNKNOWN


@dataclass(frozen=True)
class FeatureModel:
    """A trained model of features.

    Attributes:
        standardizer: Of the features.
        space: What the trained activities span of the text space.
        config: Settings that it was trained with.
        networks: The s trained SA-DVAE models.
        seen_weight: Linear classifier of the trained activities [D, S].
        seen_bias: Its intercepts [S].
        train_features: Standardised training windows [R, D].
        train_classes: Their activity, 0 to S - 1, [R].
        donors: Training windows that synthesised ones are made from [s, n].
        noise: Normal draws that all synthesised activities share [s, n, P + L].
        gate: Trained or described.
        vectors: Semantic vectors of all activities [A, E].
    """

    standardizer: Standardizer
    space: SemanticSpace
    config: Config
    networks: SADVAE
    seen_weight: Tensor
    seen_bias: Tensor
    train_features: Tensor
    train_classes: Tensor
    donors: Tensor
    noise: Tensor
    gate: DomainClassifier
    vectors: np.ndarray

    @property
    def n_trained(self) -> int:
        """Number of trained activities."""
        return self.seen_weight.shape[1]


@dataclass(frozen=True)
class RecognizerModel(FeatureModel):
    """A trained model of windows with all that it needs at hand.

    Attributes:
        name: Where it comes from: data set, split and seed.
        encoder: From windows to features.
        text: From descriptions to semantic vectors.
        familiarity: How strange windows are.
        calibration: Temperature and limits.
        trained: Descriptions of the trained activities, S.
        described: Descriptions of activities known by text only.
    """

    name: str
    encoder: WindowEncoder
    text: TextSettings
    familiarity: Familiarity
    calibration: Calibration
    trained: tuple[ClassDescription, ...]
    described: tuple[ClassDescription, ...]


def gather_feature_model(
    problem: Problem, config: Config, fitted: FittedModels, stream: int, gate: DomainClassifier, vectors: np.ndarray
) -> FeatureModel:
    """Gather the part of a model that needs features only.

    Args:
        problem: The run's problem.
        config: The run's config.
        fitted: Its trained models.
        stream: Seed of the synthesis noise.
        gate: Its gate.
        vectors: Semantic vectors, in the order of `problem.classes`.

    Raises:
        InputError: The classifier cannot take in activities one by one.
    """
    if config.classifier.kind == "softmax":
        raise InputError("classifier.kind: 'softmax' tells all classes apart at once; use gaussian or cosine")
    fold = problem.folds[0]
    networks = models_of_fold(fitted.weights, 0, config.train.n_seeds, config.model)
    generators = [torch.Generator().manual_seed(seed_of(stream, k)) for k in range(config.train.n_seeds)]
    picks = draw_donors(problem, fold, config, generators)
    noise = draw_noise(networks, fold.text.shape[1], config.classifier.samples_per_class, generators)
    return FeatureModel(
        standardizer=problem.standardizer,
        space=problem.space,
        config=config,
        networks=networks,
        seen_weight=fitted.seen_classifier.weight[0].detach(),
        seen_bias=fitted.seen_classifier.bias[0, 0].detach(),
        train_features=fold.features[fold.rows],
        train_classes=torch.from_numpy(problem.class_index[fold.rows]),
        donors=torch.searchsorted(torch.from_numpy(fold.rows), picks),
        noise=noise,
        gate=gate,
        vectors=vectors,
    )


def gather_model(
    problem: Problem,
    config: Config,
    fitted: FittedModels,
    stream: int,
    gate: DomainClassifier,
    calibration: Calibration,
    encoder: WindowEncoder,
    class_list: ClassList,
    vectors: np.ndarray,
) -> RecognizerModel:
    """Gather the model of a run, which scores windows exactly as stage 4 of the run did.

    Args:
        problem: The run's problem.
        config: The run's config.
        fitted: Its trained models.
        stream: Seed of the synthesis noise of stage 4.
        gate: Its gate.
        calibration: Fitted on its inner folds.
        encoder: Makes the features that it read.
        class_list: Descriptions of its classes.
        vectors: Their semantic vectors, in the order of `problem.classes`.

    Raises:
        InputError: The classifier cannot take in activities one by one.
    """
    if UNKNOWN in {name.casefold() for name in problem.classes}:
        raise InputError(f"a class is called {UNKNOWN!r}, as windows like nothing on the list are; rename it")
    # A model travels: where data set, split and encoders lay stays behind. A local text model is still needed there.
    named = FeatureConfig(encoder.blocks)
    config = replace(config, dataset=problem.split.dataset, split=problem.split.name, features=named, reference=None)
    core = gather_feature_model(problem, config, fitted, stream, gate, vectors)
    subjects = problem.subjects[problem.folds[0].rows]
    described = tuple(class_list.descriptions[name] for name in problem.classes)
    n_seen = len(problem.split.seen)
    views = config.text.views
    paraphrases = min(len(description.paraphrases) for description in described)
    return RecognizerModel(
        **vars(core),
        name=f"{problem.split.dataset}/{problem.split.name}, seed {config.seed}",
        encoder=encoder,
        text=TextSettings(config.text.model, views, config.text.kinematics_weight, class_list.placements, paraphrases),
        familiarity=Familiarity.fit(core.train_features.numpy(), core.train_classes.numpy(), subjects),
        calibration=calibration,
        trained=described[:n_seen],
        described=described[n_seen:],
    )
