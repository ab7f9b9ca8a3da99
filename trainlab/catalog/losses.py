"""Losses: what the network is asked to make small. `target(logits, labels, **fields) -> scalar`, a mean.

Logits are (N, K), or (N, K, P) for images with P positions. Labels are classes (N[, P]) int64, or
probabilities (N, K[, P]) where they were mixed.
"""

from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from trainlab.choice import Card, Choice, Knob

_DOCS = "https://docs.pytorch.org/docs/stable/generated/torch.nn."


def soft_labels(logits: Tensor, labels: Tensor) -> Tensor:
    """The labels as probabilities, in the shape and type of the logits."""
    if labels.is_floating_point():
        return labels
    return F.one_hot(labels, logits.shape[1]).movedim(-1, 1).to(logits.dtype)


def squared_error(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean squared distance between the logits and the one-hot labels."""
    return F.mse_loss(logits, soft_labels(logits, labels))


def hinge(logits: Tensor, labels: Tensor, margin: float = 1.0, squared: bool = False) -> Tensor:
    """The sum, over the wrong classes, of what each lacks to lie `margin` below the right one."""
    power = 2 if squared else 1
    if labels.is_floating_point():  # mixed: each class is the right one for its share
        lacks = F.relu(margin + (logits.unsqueeze(1) - logits.unsqueeze(2))).pow(power)
        return (labels * (lacks.sum(2) - margin**power)).sum(1).mean()
    right = logits.gather(1, labels.unsqueeze(1))
    lacks = F.relu(margin + (logits - right)).pow(power)
    return (lacks.sum(1) - margin**power).mean()  # the right class itself lacks the whole margin


def focal(logits: Tensor, labels: Tensor, gamma: float = 2.0) -> Tensor:
    """Cross-entropy times (1 - p)^gamma, p being the probability given to the right class."""
    log_p = F.log_softmax(logits, 1)
    tiny = torch.finfo(log_p.dtype).tiny  # at p = 1 a gamma below 1 has no gradient
    losses = -((-torch.expm1(log_p)).clamp_min(tiny) ** gamma) * log_p
    return (soft_labels(logits, labels) * losses).sum(1).mean()


class LossChoice(Choice):
    """A function of logits and labels; `probable` where the softmax of the logits is meant as probabilities."""

    probable: ClassVar[bool] = True


class CrossEntropy(LossChoice):
    """Minus the log of the probability given to the right class."""

    kind: Literal["cross_entropy"] = "cross_entropy"
    label_smoothing: float = Knob(
        0.0,
        ge=0,
        lt=1,
        help="share of the target spread over all classes; 0.1 is usual, and regularises",
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

    probable = False
    label = "Squared error on one-hot"
    target = squared_error
    card = Card(
        source="Hui & Belkin 2021, Evaluation of neural architectures trained with square loss",
        url=_DOCS + "MSELoss.html",
        formula=r"$\frac{1}{K}\sum_k (z_k - 1[k=y])^2$",
        use="To see that classification works without a softmax.",
        pitfalls="Small gradients with many classes; wants a higher learning rate. Chance level, always "
        "answering 1/K, is (1 - 1/K) / K: 0.09 for ten classes.",
    )


class Hinge(LossChoice):
    """Asks the right class to beat every other by a margin, and for nothing more (Weston-Watkins)."""

    kind: Literal["hinge"] = "hinge"
    margin: float = Knob(1.0, gt=0, le=100, scale="log", help="how far ahead is far enough")
    squared: bool = Knob(False, help="square each shortfall: smoother, and harder on large ones")

    probable = False
    label = "Multi-class hinge"
    target = hinge
    card = Card(
        source="Weston & Watkins 1999, Support vector machines for multi-class pattern recognition",
        url=_DOCS + "MultiMarginLoss.html",
        formula=r"$\sum_{j\neq y}\max(0,\ \Delta + z_j - z_y)$",
        use="To compare with cross-entropy: an image that is right by the margin is left alone.",
        pitfalls="Its scores are no probabilities. Chance level is K - 1 at margin 1: 9 for ten classes; "
        "torch's own MultiMarginLoss divides the sum by K.",
    )


class Focal(LossChoice):
    """Cross-entropy that turns away from what is right already, towards the hard images."""

    kind: Literal["focal"] = "focal"
    gamma: float = Knob(2.0, ge=0, le=10, help="how fast easy images fade; 0 is cross-entropy")

    label = "Focal loss"
    target = focal
    card = Card(
        source="Lin et al. 2017, Focal loss for dense object detection",
        url="https://arxiv.org/abs/1708.02002",
        formula=r"$-(1 - p_y)^\gamma\,\log p_y$",
        use="Classes of very different sizes, where many easy images drown the few hard ones.",
        pitfalls="Wrong labels are hard images too, and get all the attention. Its values are below "
        "cross-entropy's: chance level is 1.87 for ten classes and gamma 2.",
    )
