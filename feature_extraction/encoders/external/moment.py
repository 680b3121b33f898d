"""MOMENT, a transformer for time series (Goswami et al., 2024, ICML, https://arxiv.org/abs/2402.03885).

It reads 512 samples of one channel in patches of 8 and standardises each channel of each window, so how
strong a movement is and which way gravity points are lost; the statistical features have both.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from feature_extraction.encoders.external.foreign import embed_channels, reported, require_file, require_package
from feature_extraction.encoders.external.spec import Combine, ExternalSpec
from feature_extraction.encoders.external.trust import Code, find_in_folder
from feature_extraction.errors import InputError

CONTEXT_SAMPLES = 512
PATCH_SAMPLES = 8


@dataclass(frozen=True)
class MomentNetwork:
    """A MOMENT pipeline for embeddings.

    Attributes:
        pipeline: `momentfm.MOMENTPipeline` in evaluation mode.
        combine: What becomes of the vectors of the channels.
    """

    pipeline: Any
    combine: Combine

    def embed(self, pieces: np.ndarray) -> np.ndarray:
        """Map [B, T, C] to embeddings, averaged over patches."""
        return embed_channels(self._embed_series, pieces, self.combine)

    def _embed_series(self, series: Tensor) -> Tensor:
        """Map [n, T] to [n, E]; up to 512 samples, zeros that the mask hides stand in front, as in pretraining."""
        lacking = CONTEXT_SAMPLES - series.shape[1]
        mask = functional.pad(torch.ones_like(series), (lacking, 0))
        return self.pipeline(x_enc=functional.pad(series, (lacking, 0))[:, None], input_mask=mask).embeddings


def find_code(spec: ExternalSpec) -> Code | None:
    """Return the folder where it holds more than plain weights."""
    return find_in_folder(spec.file)


def load(spec: ExternalSpec) -> MomentNetwork:
    """Load a folder such as `MOMENT-1-small` with `config.json` and weights.

    Raises:
        InputError: The package or the folder is missing, or the windows do not fit the context.
    """
    if spec.n_samples > CONTEXT_SAMPLES or spec.n_samples % PATCH_SAMPLES:
        raise InputError(
            f"{spec.path}: n_samples {spec.n_samples}; MOMENT takes up to {CONTEXT_SAMPLES}, "
            f"in multiples of {PATCH_SAMPLES}"
        )
    package = require_package("momentfm", "momentfm", "moment")
    require_file(spec.file, "download it: hf download AutonLab/MOMENT-1-small --local-dir FOLDER", folder=True)
    with reported(f"{spec.file}: loading MOMENT", "download the folder again"):
        pipeline = package.MOMENTPipeline.from_pretrained(str(spec.file), model_kwargs={"task_name": "embedding"})
        pipeline.init()
    return MomentNetwork(pipeline.eval(), spec.combine)
