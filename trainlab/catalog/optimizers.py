"""Optimizers: how a gradient becomes a step. Each is torch's own class, with torch's defaults."""

import inspect
from collections.abc import Callable, Iterable
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field, ValidationInfo, field_validator
from torch import nn

from trainlab.choice import Card, Choice, Knob
from trainlab.errors import Problem
from trainlab.text import _

Beta = Annotated[float, Field(ge=0, lt=1)]
_DOCS = "https://docs.pytorch.org/docs/stable/generated/torch.optim."


def decay_groups(parameters: Iterable[nn.Parameter]) -> list[dict[str, Any]]:
    """Two groups: weights; then biases and norms, which are never decayed."""
    parameters = list(parameters)
    return [
        {"params": [p for p in parameters if p.ndim > 1]},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


def _lr(default: float, help: str) -> Any:
    return Knob(default, gt=0, le=10, scale="log", help=help)


def _weight_decay(default: float, help: str) -> Any:
    return Knob(default, ge=0, le=1, scale="log", help=help)


def _eps() -> Any:
    return Knob(1e-8, gt=0, le=1e-2, scale="log", help="keeps the division finite; 1e-8 to 1e-4")


class OptimizerChoice(Choice):
    """A class of torch.optim: `target(groups(parameters), **fields)`.

    `full_batch`: each step sees all training images, and asks for the loss as often as it likes.
    """

    lr: float
    groups: ClassVar[Callable[[Iterable[nn.Parameter]], Any]] = decay_groups
    full_batch: ClassVar[bool] = False

    def first_momentum(self) -> float:
        """Momentum, or the first beta. Raises Problem for an optimizer without either."""
        names = type(self).model_fields
        if "betas" in names:
            return float(getattr(self, "betas")[0])  # noqa: B009 (not every optimizer has them)
        if "momentum" in names:
            return float(getattr(self, "momentum"))  # noqa: B009
        raise Problem(
            _("schedule.momentum_end: {title} has no momentum").format(title=self.title()),
            _("there is nothing to move"),
            _("leave it at auto, or choose SGD or Adam"),
        )

    def arguments(self) -> dict[str, Any]:
        """The fields, and the fused kernel where torch has one: far fewer calls a step."""
        fused = "fused" in inspect.signature(type(self).target).parameters
        return super().arguments() | ({"fused": True} if fused else {})


class SGD(OptimizerChoice):
    """Steps along the negative gradient, with momentum to carry it through ravines."""

    kind: Literal["sgd"] = "sgd"
    lr: float = _lr(1e-3, "step size; with momentum 0.9 try 0.01 to 0.1")
    momentum: float = Knob(0.0, ge=0, lt=1, help="share of the last step kept; 0.9 is usual")
    dampening: float = Knob(
        0.0, ge=0, le=1, help="how much of the new gradient momentum leaves out"
    )
    weight_decay: float = _weight_decay(0.0, "pull towards zero, added to the gradient")
    nesterov: bool = Knob(False, help="gradient where momentum leads; needs momentum, no dampening")

    target = torch.optim.SGD
    card = Card(
        source="Sutskever et al. 2013, On the importance of initialization and momentum",
        url=_DOCS + "SGD.html",
        formula=r"$v \leftarrow \mu v + g \qquad w \leftarrow w - \eta\,v$",
        use="The classic for convolutional networks: slower to tune and, once tuned, often the best.",
        pitfalls="Sensitive to the learning rate; without momentum it crawls along narrow valleys.",
    )

    @field_validator("nesterov")
    @classmethod
    def _nesterov_needs_momentum(cls, value: bool, info: ValidationInfo) -> bool:
        if value and not (info.data.get("momentum", 0) > 0 and info.data.get("dampening", 0) == 0):
            raise ValueError("needs momentum above 0 and dampening 0")
        return value


class Adam(OptimizerChoice):
    """Gives every weight its own step size from running means of gradient and squared gradient."""

    kind: Literal["adam"] = "adam"
    lr: float = _lr(1e-3, "step size; 3e-4 is a safe first choice")
    betas: tuple[Beta, Beta] = Knob(
        (0.9, 0.999), help="memory of the gradient's and the squared gradient's mean"
    )
    eps: float = _eps()
    weight_decay: float = _weight_decay(
        0.0, "pull towards zero, mixed into the gradient (not decoupled)"
    )
    amsgrad: bool = Knob(False, help="never let the second-moment estimate shrink")

    target = torch.optim.Adam
    card = Card(
        source="Kingma & Ba 2014, Adam: a method for stochastic optimization",
        url=_DOCS + "Adam.html",
        formula=r"$w \leftarrow w - \eta\,\hat m\,/\,(\sqrt{\hat v} + \epsilon)$",
        use="A forgiving first choice on almost any network.",
        pitfalls="Its weight decay is scaled by the adaptive step; use AdamW when you want decay.",
    )


class AdamW(OptimizerChoice):
    """Adam with weight decay applied to the weights themselves, not to the gradient."""

    kind: Literal["adamw"] = "adamw"
    lr: float = _lr(1e-3, "step size; 3e-4 is a safe first choice")
    betas: tuple[Beta, Beta] = Knob(
        (0.9, 0.999), help="memory of the gradient's and the squared gradient's mean"
    )
    eps: float = _eps()
    weight_decay: float = _weight_decay(1e-2, "decoupled pull of the weights towards zero")
    amsgrad: bool = Knob(False, help="never let the second-moment estimate shrink")

    target = torch.optim.AdamW
    card = Card(
        source="Loshchilov & Hutter 2019, Decoupled weight decay regularization",
        url=_DOCS + "AdamW.html",
        formula=r"$w \leftarrow (1 - \eta\lambda)\,w - \eta\,\hat m\,/\,(\sqrt{\hat v} + \epsilon)$",
        use="The default of most recent work; decay and step size can be tuned apart.",
        pitfalls="Decay shrinks with the schedule, since it is multiplied by the learning rate.",
    )


class RMSprop(OptimizerChoice):
    """Divides the gradient by a running mean of its recent size."""

    kind: Literal["rmsprop"] = "rmsprop"
    lr: float = _lr(1e-2, "step size; 1e-3 is a calmer start")
    alpha: float = Knob(0.99, ge=0, lt=1, help="memory of the squared gradient: 0.9, 0.99 or 0.999")
    eps: float = _eps()
    weight_decay: float = _weight_decay(0.0, "pull towards zero, added to the gradient")
    momentum: float = Knob(0.0, ge=0, lt=1, help="share of the last step kept")
    centered: bool = Knob(False, help="divide by the estimated standard deviation instead")

    target = torch.optim.RMSprop
    card = Card(
        source="Tieleman & Hinton 2012, Lecture 6.5 of Neural Networks for Machine Learning",
        url=_DOCS + "RMSprop.html",
        formula=r"$w \leftarrow w - \eta\,g\,/\,(\sqrt{v} + \epsilon)$",
        use="Noisy or non-stationary gradients, recurrent networks.",
        pitfalls="torch's default lr of 0.01 is bold; the first steps are large, as v starts at zero.",
    )
