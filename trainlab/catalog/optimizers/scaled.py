"""A step size for each weight from the size of its gradients: Adagrad, RMSprop, Adadelta, Adafactor."""

import math
from typing import Literal

import torch

from trainlab.catalog.optimizers.base import (
    DOCS,
    OptimizerChoice,
    decay_knob,
    eps_knob,
    lr_knob,
    mixed_decay_knob,
    momentum_knob,
)
from trainlab.choice import Card, Knob


class Adagrad(OptimizerChoice):
    """Divides each weight's step by the size of all its gradients so far."""

    kind: Literal["adagrad"] = "adagrad"
    lr: float = lr_knob(1e-2, "step size; it shrinks by itself, so start bold")
    lr_decay: float = Knob(0.0, ge=0, le=1, help="the step size is divided by 1 + lr_decay * steps")
    weight_decay: float = mixed_decay_knob()
    initial_accumulator_value: float = Knob(
        0.0, ge=0, le=10, help="size of the gradients before the first; above 0 the start is calmer"
    )
    eps: float = eps_knob(1e-10)

    target = torch.optim.Adagrad
    card = Card(
        source="Duchi, Hazan & Singer 2011, Adaptive subgradient methods",
        url=DOCS + "Adagrad.html",
        formula=r"$w \leftarrow w - \eta\,g\,/\,(\sqrt{\sum g^2} + \epsilon)$",
        use="Sparse features: rare ones keep large steps.",
        pitfalls="The sum only grows, so learning stops too early in deep networks; RMSprop forgets instead.",
    )


class RMSprop(OptimizerChoice):
    """Divides the gradient by a running mean of its recent size."""

    kind: Literal["rmsprop"] = "rmsprop"
    lr: float = lr_knob(1e-2, "step size; 1e-3 is a calmer start")
    alpha: float = Knob(0.99, ge=0, lt=1, help="memory of the squared gradient: 0.9, 0.99 or 0.999")
    eps: float = eps_knob()
    weight_decay: float = decay_knob(0.0, "pull towards zero, added to the gradient")
    momentum: float = momentum_knob()
    centered: bool = Knob(False, help="divide by the estimated standard deviation instead")

    target = torch.optim.RMSprop
    card = Card(
        source="Tieleman & Hinton 2012, Lecture 6.5 of Neural Networks for Machine Learning",
        url=DOCS + "RMSprop.html",
        formula=r"$w \leftarrow w - \eta\,g\,/\,(\sqrt{v} + \epsilon)$",
        use="Noisy or non-stationary gradients, recurrent networks.",
        pitfalls="torch's default lr of 0.01 is bold; the first steps are large, as v starts at zero.",
    )


class Adadelta(OptimizerChoice):
    """Takes the size of its steps from the size of its last ones, so that units cancel out."""

    kind: Literal["adadelta"] = "adadelta"
    lr: float = lr_knob(1.0, "factor on the step that it finds by itself")
    rho: float = Knob(0.9, ge=0, lt=1, help="memory of squared gradients and squared steps")
    eps: float = eps_knob(1e-6)
    weight_decay: float = mixed_decay_knob()

    target = torch.optim.Adadelta
    card = Card(
        source="Zeiler 2012, ADADELTA: an adaptive learning rate method",
        url=DOCS + "Adadelta.html",
        formula=r"$w \leftarrow w - \eta\,g\,\sqrt{u + \epsilon}\,/\,\sqrt{v + \epsilon}$",
        use="When no learning rate is to be chosen: leave it at 1.",
        pitfalls="Slow at first, as u starts at zero: eps sets the first steps, and a larger one helps.",
    )


class Adafactor(OptimizerChoice):
    """Keeps row and column means of the squared gradients only: nearly no memory of its own."""

    kind: Literal["adafactor"] = "adafactor"
    lr: float = lr_knob(1e-2, "largest relative step; it is scaled by the size of the weights")
    beta2_decay: float = Knob(
        -0.8, ge=-2, lt=0, help="power of the step number by which the memory grows"
    )
    d: float = Knob(1.0, ge=1, le=100, help="longest step let through, as a root mean square")
    weight_decay: float = decay_knob(0.0, "decoupled pull of the weights towards zero")

    target = torch.optim.Adafactor
    card = Card(
        source="Shazeer & Stern 2018, Adafactor: adaptive learning rates with sublinear memory cost",
        url=DOCS + "Adafactor.html",
        formula=r"$v_{ij} \approx r_i\,c_j\,/\,\sum_k r_k$",
        use="Models so large that Adam's two copies of the weights do not fit.",
        pitfalls="Its learning rate is relative to the weights' size: that of Adam does not carry over.",
    )

    def follows(self, lr: float, step: int) -> bool:
        """Up to 1 / sqrt(step): no relative step is larger, whatever the learning rate."""
        return lr * math.sqrt(step) <= 1
