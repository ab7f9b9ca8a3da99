"""Regularisation beside the network itself: on the gradients, on the weights, or on the run's length."""

from collections.abc import Iterable, Sequence
from typing import ClassVar, Literal

from torch import nn

from trainlab.choice import Card, Choice, Knob

_DOCS = "https://docs.pytorch.org/docs/stable/generated/torch.nn.utils."


def l2(parameters: Iterable[nn.Parameter], strength: float = 1e-4) -> None:
    """Add the gradient of (strength / 2) * w^2; biases and norms are spared."""
    for p in parameters:
        if p.ndim > 1 and p.grad is not None:
            p.grad.add_(p.detach(), alpha=strength)


def l1(parameters: Iterable[nn.Parameter], strength: float = 1e-4) -> None:
    """Add the gradient of strength * |w|, which is 0 at 0; biases and norms are spared."""
    for p in parameters:
        if p.ndim > 1 and p.grad is not None:
            p.grad.add_(p.detach().sign(), alpha=strength)


def max_norm(parameters: Iterable[nn.Parameter], limit: float = 3.0) -> None:
    """Shorten the weight vector of each unit, a row of its layer's weights, to `limit` at most."""
    for p in parameters:
        if p.ndim > 1 and p.requires_grad:
            p.detach().renorm_(2, 0, limit)


def stalled(scores: Sequence[float], patience: int = 10) -> bool:
    """Whether the last `patience` scores hold no new best."""
    return len(scores) > patience and max(scores[-patience:]) <= max(scores[:-patience])


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
        use="The plain remedy for overfitting; diffuse weights instead of a few large ones. "
        "First overfit without it, then regularise, one thing at a time.",
        pitfalls="With Adam it is scaled by the adaptive step: use AdamW's decoupled decay there.",
    )


class L1(RegularizerChoice):
    """Pulls every weight towards zero with the same force, so that many end near it."""

    kind: Literal["l1"] = "l1"
    strength: float = Knob(1e-4, gt=0, le=1, scale="log", help="lambda; 1e-6 to 1e-3")

    label = "L1"
    target = l1
    shows_sparsity = True
    card = Card(
        source="Tibshirani 1996, Regression shrinkage and selection via the lasso; CS231n notes",
        formula=r"$L + \lambda\,|w|$",
        use="To find the few inputs that matter: the rest fade. Beside L2 it is the elastic net.",
        pitfalls="Weights tremble around zero without reaching it: the share of near-zero ones is what "
        "to watch. For accuracy alone L2 is usually better.",
    )


class MaxNorm(RegularizerChoice):
    """After each step, shortens the weights of every unit that have grown longer than a limit."""

    kind: Literal["max_norm"] = "max_norm"
    limit: float = Knob(
        3.0, gt=0, le=100, scale="log", help="longest weight vector; 3 or 4 is usual"
    )

    label = "Max-norm"
    target = max_norm
    moment = "weights"
    card = Card(
        source="Srebro et al. 2004; Srivastava et al. 2014, Dropout; CS231n notes",
        url="https://docs.pytorch.org/docs/stable/generated/torch.renorm.html",
        formula=r"$\|w_{unit}\| \leq c$",
        use="High learning rates, with dropout: the weights cannot explode.",
        pitfalls="Does nothing at all where the weights stay short, as they do behind a normalisation.",
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


class EarlyStopping(RegularizerChoice):
    """Ends the run when the validation accuracy has had no new best for some epochs."""

    kind: Literal["early_stopping"] = "early_stopping"
    patience: int = Knob(10, ge=1, le=1000, unit="epochs", help="epochs without a new best to wait")

    label = "Early stopping"
    target = stalled
    moment = "epoch"
    card = Card(
        source="Prechelt 1998, Early stopping - but when?",
        formula=r"$\max(a_{t-n+1} \ldots a_t)\ \leq\ \max(a_1 \ldots a_{t-n})$",
        use="Training that overfits in the end: the best weights are kept anyway, this saves the time.",
        pitfalls="A schedule fixed to the length of the run, as one-cycle and cosine are, is cut off before "
        "its best part. Overfit first, then regularise: it hides what the network can do.",
    )
