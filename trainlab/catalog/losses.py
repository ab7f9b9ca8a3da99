"""Losses: what the network is asked to make small. `target(logits (N, K), labels (N,)) -> scalar`."""

from typing import Literal

import torch.nn.functional as F
from torch import Tensor

from trainlab.choice import Card, Choice, Knob

_DOCS = "https://docs.pytorch.org/docs/stable/generated/torch.nn."


def squared_error(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean squared distance between the logits and the one-hot labels."""
    return F.mse_loss(logits, F.one_hot(labels, logits.shape[1]).to(logits.dtype))


class LossChoice(Choice):
    """A function of logits and labels."""


class CrossEntropy(LossChoice):
    """Minus the log of the probability given to the right class."""

    kind: Literal["cross_entropy"] = "cross_entropy"
    label_smoothing: float = Knob(
        0.0, ge=0, lt=1, help="share of the target spread over all classes; 0.1 is usual"
    )

    label = "Cross-entropy"
    target = F.cross_entropy
    card = Card(
        source="torch.nn.CrossEntropyLoss; label smoothing: Szegedy et al. 2016, Rethinking Inception",
        url=_DOCS + "CrossEntropyLoss.html",
        formula=r"$-\log\,softmax(z)_y$",
        use="The standard for one right class an image.",
        pitfalls="Takes logits: a softmax before it is a bug. Chance level is ln K: 2.30 for ten classes.",
    )


class SquaredError(LossChoice):
    """Mean squared distance between the outputs and the one-hot label."""

    kind: Literal["mse"] = "mse"

    label = "Squared error on one-hot"
    target = squared_error
    card = Card(
        source="Hui & Belkin 2021, Evaluation of neural architectures trained with square loss",
        url=_DOCS + "MSELoss.html",
        formula=r"$\frac{1}{K}\sum_k (z_k - 1[k=y])^2$",
        use="To see that classification works without a softmax.",
        pitfalls="Small gradients with many classes; wants a higher learning rate.",
    )
