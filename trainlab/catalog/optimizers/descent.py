"""One step size for all weights, or the gradient's sign alone: SGD, ASGD, Rprop."""

from typing import Annotated, Literal

import torch
from pydantic import Field, ValidationInfo, field_validator

from trainlab.catalog.optimizers.base import (
    DOCS,
    OptimizerChoice,
    decay_knob,
    lr_knob,
    momentum_knob,
)
from trainlab.choice import Card, Knob


class SGD(OptimizerChoice):
    """Steps along the negative gradient, with momentum to carry it through ravines."""

    kind: Literal["sgd"] = "sgd"
    lr: float = lr_knob(1e-3, "step size; with momentum 0.9 try 0.01 to 0.1")
    momentum: float = momentum_knob()
    dampening: float = Knob(
        0.0, ge=0, le=1, help="how much of the new gradient momentum leaves out"
    )
    weight_decay: float = decay_knob(0.0, "pull towards zero, added to the gradient")
    nesterov: bool = Knob(False, help="gradient where momentum leads; needs momentum, no dampening")

    target = torch.optim.SGD
    card = Card(
        source="Sutskever et al. 2013, On the importance of initialization and momentum",
        url=DOCS + "SGD.html",
        formula=r"$v \leftarrow \mu v + g \qquad w \leftarrow w - \eta\,v$",
        use="The classic for convolutional networks: slower to tune and, once tuned, often slightly the "
        "best. Momentum 0.9; the schedule can move it from 0.5 to 0.99.",
        pitfalls="Sensitive to the learning rate; without momentum it crawls along narrow valleys.",
    )

    @field_validator("nesterov")
    @classmethod
    def _nesterov_needs_momentum(cls, value: bool, info: ValidationInfo) -> bool:
        if value and not (info.data.get("momentum", 0) > 0 and info.data.get("dampening", 0) == 0):
            raise ValueError("needs momentum above 0 and dampening 0")
        return value


class ASGD(OptimizerChoice):
    """Plain steps that shrink by a rule, beside a running average of the weights."""

    kind: Literal["asgd"] = "asgd"
    lr: float = lr_knob(1e-2, "step size at the start")
    lambd: float = Knob(1e-4, ge=0, le=1, scale="log", help="how fast the steps shrink")
    alpha: float = Knob(0.75, gt=0, le=1, help="power with which the steps shrink")
    t0: float = Knob(1e6, ge=0, le=1e9, scale="log", unit="steps", help="when averaging begins")
    weight_decay: float = decay_knob(0.0, "pull towards zero, added to the gradient")

    label = "Averaged SGD"
    target = torch.optim.ASGD
    card = Card(
        source="Polyak & Juditsky 1992, Acceleration of stochastic approximation by averaging",
        url=DOCS + "ASGD.html",
        formula=r"$w \leftarrow (1-\lambda\eta_t)\,w - \eta_t g \qquad \eta_t = \eta\,/\,(1+\lambda\eta t)^\alpha$",
        use="To study a schedule that is built into the optimizer.",
        pitfalls="torch keeps the average beside the weights, but the network is judged with the weights: "
        "without momentum it is slower than SGD here.",
    )


class Rprop(OptimizerChoice):
    """Goes by the gradient's sign alone: each weight's step grows while the sign stays, shrinks when it turns."""

    kind: Literal["rprop"] = "rprop"
    lr: float = lr_knob(1e-2, "first step of every weight; it finds its own soon")
    etas: tuple[
        Annotated[float, Field(gt=0, lt=1)],
        Annotated[float, Field(gt=1, le=10)],
    ] = Knob((0.5, 1.2), help="factors of a step: when the sign has turned, when it stayed")
    step_sizes: tuple[
        Annotated[float, Field(gt=0, le=1)],
        Annotated[float, Field(gt=0, le=1000)],
    ] = Knob((1e-6, 50.0), help="shortest and longest step")

    target = torch.optim.Rprop
    card = Card(
        source="Riedmiller & Braun 1993, A direct adaptive method for faster backpropagation learning",
        url=DOCS + "Rprop.html",
        formula=r"$w \leftarrow w - \Delta\cdot sign(g)$",
        use="Whole-set batches: choose a batch size as large as the training set.",
        pitfalls="The sign of a mini-batch's gradient is mostly noise: RMSprop was made from it for that reason. "
        "A schedule has no hold on it, since only the first step uses the learning rate.",
    )

    def follows(self, lr: float, step: int) -> bool:
        """The first step alone: from there on each weight has its own."""
        return step == 1
