"""Regularisation beside the network itself: on the gradients, on the weights, or on the run's length."""

from collections.abc import Iterable
from typing import ClassVar, Literal

from torch import nn

from trainlab.choice import Card, Choice, Knob

_DOCS = "https://docs.pytorch.org/docs/stable/generated/torch.nn.utils."


def l2(parameters: Iterable[nn.Parameter], strength: float = 1e-4) -> None:
    """Add the gradient of (strength / 2) * w^2; biases and norms are spared."""
    for p in parameters:
        if p.ndim > 1 and p.grad is not None:
            p.grad.add_(p.detach(), alpha=strength)


def near_zero(parameters: Iterable[nn.Parameter], below: float = 1e-3) -> float:
    """The share of weights of a size under `below`; biases and norms are not counted."""
    weights = [p.detach() for p in parameters if p.ndim > 1]
    count = sum(int((w.abs() < below).sum()) for w in weights)
    return count / max(1, sum(w.numel() for w in weights))


class RegularizerChoice(Choice):
    """Something that holds a network back; `moment` says when, and what `target` is given.

    gradient: `target(parameters, **fields)` between backward and step. weights: the same after the
    step. epoch: `target(scores, **fields)` with the validation accuracies so far; true ends the run.
    """

    moment: ClassVar[Literal["gradient", "weights", "epoch"]] = "gradient"
    shows_sparsity: ClassVar[bool] = False  # each epoch tells the share of weights near zero


class L2(RegularizerChoice):
    """Pulls every weight towards zero in proportion to its size."""

    kind: Literal["l2"] = "l2"
    strength: float = Knob(1e-4, gt=0, le=1, scale="log", help="lambda; 1e-5 to 1e-2")

    label = "L2"
    target = l2
    card = Card(
        source="CS231n notes, Regularization",
        formula=r"$L + \frac{\lambda}{2}\|w\|^2$",
        use="The plain remedy for overfitting; diffuse weights instead of a few large ones.",
        pitfalls="With Adam it is scaled by the adaptive step: use AdamW's decoupled decay there.",
    )


class ClipNorm(RegularizerChoice):
    """Shortens the whole gradient where it is longer than a limit."""

    kind: Literal["clip_norm"] = "clip_norm"
    max_norm: float = Knob(1.0, gt=0, le=1000, scale="log", help="longest gradient let through")

    label = "Clip gradient norm"
    target = nn.utils.clip_grad_norm_
    card = Card(
        source="Pascanu et al. 2013, On the difficulty of training recurrent neural networks",
        url=_DOCS + "clip_grad_norm_.html",
        formula=r"$g \leftarrow g\cdot\min(1, c/\|g\|)$",
        use="Rare huge gradients: recurrent nets, high learning rates. Keeps the direction.",
        pitfalls="A limit below the usual norm silently lowers the learning rate. Clip gradients, never the loss.",
    )


class ClipValue(RegularizerChoice):
    """Cuts each component of the gradient to a limit."""

    kind: Literal["clip_value"] = "clip_value"
    clip_value: float = Knob(0.5, gt=0, le=1000, scale="log", help="largest component let through")

    label = "Clip gradient values"
    target = nn.utils.clip_grad_value_
    card = Card(
        source="torch.nn.utils.clip_grad_value_",
        url=_DOCS + "clip_grad_value_.html",
        formula=r"$g_i \leftarrow \max(-c, \min(c, g_i))$",
        use="Single components that explode.",
        pitfalls="Changes the direction of the step. Clip gradients, never the loss.",
    )
