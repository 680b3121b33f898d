"""Chronos, a T5 that reads time series as tokens (Ansari et al., 2024, TMLR, https://arxiv.org/abs/2403.07815).

It divides each channel of each window by its mean absolute value before it makes tokens, so how strong a
movement is, is lost; the statistical features have it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from feature_extraction.encoders.external.foreign import embed_channels, reported, require_file, require_package
from feature_extraction.encoders.external.spec import Combine, ExternalSpec
from feature_extraction.encoders.external.trust import Code, find_in_folder
from feature_extraction.errors import InputError

CONTEXT_SAMPLES = 512


@dataclass(frozen=True)
class ChronosNetwork:
    """A Chronos pipeline, of which only the encoder is used.

    Attributes:
        pipeline: `chronos.ChronosPipeline`.
        combine: What becomes of the vectors of the channels.
    """

    pipeline: Any
    combine: Combine

    def embed(self, pieces: np.ndarray) -> np.ndarray:
        """Map [B, T, C] to embeddings, averaged over tokens (one per sample, and one that marks the end)."""
        return embed_channels(lambda series: self.pipeline.embed(series)[0].mean(dim=1), pieces, self.combine)


def find_code(spec: ExternalSpec) -> Code | None:
    """Return the folder where it holds more than plain weights."""
    return find_in_folder(spec.file)


def load(spec: ExternalSpec) -> ChronosNetwork:
    """Load a folder such as `chronos-t5-small` with `config.json` and weights.

    Raises:
        InputError: The package or the folder is missing, or the windows do not fit the context.
    """
    if spec.n_samples > CONTEXT_SAMPLES:
        raise InputError(f"{spec.path}: n_samples {spec.n_samples}; Chronos takes up to {CONTEXT_SAMPLES}")
    package = require_package("chronos", "chronos-forecasting", "chronos")
    require_file(spec.file, "download it: hf download amazon/chronos-t5-small --local-dir FOLDER", folder=True)
    with reported(f"{spec.file}: loading Chronos", "use a chronos-t5 model, or download the folder again"):
        pipeline = package.ChronosPipeline.from_pretrained(str(spec.file))
    return ChronosNetwork(pipeline, spec.combine)
