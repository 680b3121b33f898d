"""The objectives a patch transformer can be pretrained with, by name; what each needs of the run it gets here."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from feature_extraction.datasets import get_dataset
from feature_extraction.descriptions.embeddings import embed_views
from feature_extraction.encoders.patch_transformer.network import PatchTransformerConfig
from feature_extraction.errors import InputError
from feature_extraction.pretraining.corpus import Corpus
from feature_extraction.pretraining.objectives.contrastive import Contrastive
from feature_extraction.pretraining.objectives.masked_autoencoding import MaskedAutoencoding
from feature_extraction.pretraining.objectives.objective import PatchObjective
from feature_extraction.pretraining.objectives.semantic_alignment import SemanticAlignment
from feature_extraction.pretraining.objectives.sensor_alignment import SensorAlignment
from feature_extraction.pretraining.objectives.supervised import SupervisedPatches
from feature_extraction.pretraining.objectives.weighted_sum import CombinedObjective
from feature_extraction.pretraining.objectives.window_statistics import WindowStatistics

BANK_VIEWS = ("sentence", "motion", "paraphrases")

PATCH_OBJECTIVES: Mapping[str, Callable[[PatchTransformerConfig, Corpus], PatchObjective]] = {
    "masked_autoencoding": lambda net, corpus: MaskedAutoencoding(net.width, net.patches.patch_samples),
    "contrastive": lambda net, corpus: Contrastive(net.width, net.n_features),
    "window_statistics": lambda net, corpus: WindowStatistics(net.n_features, len(corpus.statistics)),
    "semantic_alignment": lambda net, corpus: SemanticAlignment(net.n_features, *label_bank(corpus)),
    "sensor_alignment": lambda net, corpus: SensorAlignment(net.width, net.text_dim),
    "supervised": lambda net, corpus: SupervisedPatches(net.n_features, len(corpus.bank)),
}


def make_objective(weights: Mapping[str, float], encoder: PatchTransformerConfig, corpus: Corpus) -> CombinedObjective:
    """Make the weighted sum of objectives that a config names.

    Raises:
        InputError: A name is unknown.
    """
    unknown = [name for name in weights if name not in PATCH_OBJECTIVES]
    if unknown:
        raise InputError(f"objective {unknown[0]!r} is unknown; there are: {', '.join(PATCH_OBJECTIVES)}")
    return CombinedObjective({name: (w, PATCH_OBJECTIVES[name](encoder, corpus)) for name, w in weights.items()})


def label_bank(corpus: Corpus) -> tuple[Tensor, Tensor]:
    """Embed the descriptions of all classes whose labels the corpus may use.

    Returns:
        Views [N, V, E], 0 where a class has fewer than others, and which of them exist, bool [N, V].
    """
    found: list[np.ndarray] = []
    for part in corpus.parts:
        descriptions = get_dataset(part.windows.dataset).class_list().described(part.labels)
        embedded = embed_views(descriptions, BANK_VIEWS, corpus.text_model, corpus.text_cache)
        found += list(np.concatenate([embedded[name] for name in BANK_VIEWS], axis=1))
    most = max(len(views) for views in found)
    padded = torch.zeros(len(found), most, found[0].shape[1])
    for row, views in zip(padded, found, strict=True):
        row[: len(views)] = torch.from_numpy(views)
    return padded, torch.arange(most) < torch.tensor([len(views) for views in found])[:, None]
