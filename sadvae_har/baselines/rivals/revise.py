"""ReViSE: auto-encoders of features and of text whose codes are aligned (Tsai et al., ICCV 2017), inductive.

The features' auto-encoder is contractive, the text's is plain, and the maximum mean discrepancy (MMD) pulls the
distributions of their codes together; as batches are class-balanced, each class's text stands once for its windows.
A softmax over the seen classes, on the cosines of the codes, is our choice of supervised term. The paper's adaptation
to unlabelled windows of unseen classes is left out: no method here may see such windows.
Axis legend: see `method.py`; 1 the model axis of `networks.py`, B batch, L code.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from sadvae_har.baselines.method import SeenData, balanced_batches, take_step
from sadvae_har.method.networks import StackedLinear

NAME = "revise"
KERNEL_WIDTHS = (0.25, 1.0, 4.0)  # Squared, in units of the code's dimensions.
LOGIT_SCALE = 10.0  # A cosine spans [-1, 1]; the softmax needs more.


def maximum_mean_discrepancy(first: Tensor, second: Tensor) -> Tensor:
    """Return the squared MMD of samples [B, L] and [S, L] under a mean of Gaussian kernels, a scalar of at least 0."""
    both = torch.cat([first, second])
    squares = both.square().sum(1)
    distance = (squares[:, None] + squares - 2 * both @ both.T).clamp_min(0) / both.shape[1]
    kernel = torch.stack([(-distance / (2 * width)).exp() for width in KERNEL_WIDTHS]).mean(0)
    n = len(first)
    return kernel[:n, :n].mean() + kernel[n:, n:].mean() - 2 * kernel[:n, n:].mean()


class AutoEncoder(nn.Module):
    """One layer to a code in (-1, 1) and one layer back."""

    def __init__(self, n_in: int, code_dim: int, generator: torch.Generator) -> None:
        """Draw the initial parameters from `generator`."""
        super().__init__()
        self.encoder = StackedLinear(n_in, code_dim, [generator])
        self.decoder = StackedLinear(code_dim, n_in, [generator])

    def encode(self, inputs: Tensor) -> Tensor:
        """Map [B, n_in] to codes [B, L]."""
        return self.encoder(inputs[None])[0].tanh()

    def restoration_error(self, inputs: Tensor, code: Tensor) -> Tensor:
        """Return the squared error of inputs restored from their codes, averaged over everything: a scalar."""
        return (self.decoder(code[None])[0] - inputs).square().mean()

    def contraction(self, code: Tensor) -> Tensor:
        """Return the squared Frobenius norm of the codes' Jacobian, averaged over batch and code: a scalar."""
        slopes = (1 - code.square()).square()  # Of tanh, squared; the rest of the Jacobian is the weights.
        return (slopes * self.encoder.weight[0].square().sum(0)).mean()


@dataclass(frozen=True)
class FittedReViSE:
    """The trained auto-encoders."""

    of_features: AutoEncoder
    of_text: AutoEncoder

    def score(self, features: np.ndarray, text: np.ndarray) -> np.ndarray:
        """Return the cosine of the codes of windows and classes, [n, C]."""
        with torch.no_grad():
            windows = functional.normalize(self.of_features.encode(torch.from_numpy(features)), dim=1)
            return (windows @ functional.normalize(self.of_text.encode(torch.from_numpy(text)), dim=1).T).numpy()


@dataclass(frozen=True)
class ReViSE:
    """Robust visual-semantic embedding.

    Attributes:
        code_dim: L.
        restoration_weight: Weight of both restoration errors.
        contraction_weight: Weight of the contractive penalty.
        discrepancy_weight: Weight of the MMD.
        weight_decay: Decoupled weight decay.
        learning_rate: Of AdamW.
        n_steps: Training steps.
        batch_size: B.
    """

    code_dim: int = 32
    restoration_weight: float = 1.0
    contraction_weight: float = 0.1
    discrepancy_weight: float = 10.0
    weight_decay: float = 1e-2
    learning_rate: float = 2e-3
    n_steps: int = 200
    batch_size: int = 64

    def fit(self, data: SeenData, seed: int) -> FittedReViSE:
        """Train both auto-encoders on class-balanced batches."""
        generator = torch.Generator().manual_seed(seed)
        features, labels, text = data.tensors()
        networks = FittedReViSE(
            AutoEncoder(features.shape[1], self.code_dim, generator),
            AutoEncoder(text.shape[1], self.code_dim, generator),
        )
        parameters = [*networks.of_features.parameters(), *networks.of_text.parameters()]
        optimiser = torch.optim.AdamW(parameters, lr=self.learning_rate, weight_decay=self.weight_decay, fused=True)
        for rows in balanced_batches(data.labels, self.n_steps, self.batch_size, seed):
            take_step(optimiser, self._loss(networks, features[rows], labels[rows], text))
        for parameter in parameters:
            parameter.requires_grad_(False)
        return networks

    def _loss(self, networks: FittedReViSE, features: Tensor, labels: Tensor, text: Tensor) -> Tensor:
        code, text_code = networks.of_features.encode(features), networks.of_text.encode(text)
        restoration = networks.of_features.restoration_error(features, code)
        restoration = restoration + networks.of_text.restoration_error(text, text_code)
        logits = LOGIT_SCALE * functional.normalize(code, dim=1) @ functional.normalize(text_code, dim=1).T
        return (
            functional.cross_entropy(logits, labels)
            + self.restoration_weight * restoration
            + self.contraction_weight * networks.of_features.contraction(code)
            + self.discrepancy_weight * maximum_mean_discrepancy(code, text_code)
        )


def candidates() -> tuple[ReViSE, ...]:
    """Return the settings to choose from."""
    return tuple(ReViSE(contraction_weight=c, discrepancy_weight=d) for c in (0.1, 1.0) for d in (1.0, 10.0, 30.0))
