"""Adam and its kin: running means of the gradient and of its square."""

from typing import Literal

import torch

from trainlab.catalog.optimizers.base import (
    DOCS,
    Beta,
    OptimizerChoice,
    betas_knob,
    decay_knob,
    decoupled_knob,
    eps_knob,
    lr_knob,
    mixed_decay_knob,
)
from trainlab.choice import Card, Knob


class Adam(OptimizerChoice):
    """Gives every weight its own step size from running means of gradient and squared gradient."""

    kind: Literal["adam"] = "adam"
    lr: float = lr_knob(1e-3, "step size; 3e-4 is a safe first choice")
    betas: tuple[Beta, Beta] = betas_knob()
    eps: float = eps_knob()
    weight_decay: float = mixed_decay_knob()
    amsgrad: bool = Knob(False, help="never let the second-moment estimate shrink")

    target = torch.optim.Adam
    card = Card(
        source="Kingma & Ba 2014, Adam: a method for stochastic optimization",
        url=DOCS + "Adam.html",
        formula=r"$w \leftarrow w - \eta\,\hat m\,/\,(\sqrt{\hat v} + \epsilon)$",
        use="A forgiving first choice on almost any network.",
        pitfalls="Its weight decay is scaled by the adaptive step; use AdamW when you want decay.",
    )


class AdamW(OptimizerChoice):
    """Adam with weight decay applied to the weights themselves, not to the gradient."""

    kind: Literal["adamw"] = "adamw"
    lr: float = lr_knob(1e-3, "step size; 3e-4 is a safe first choice")
    betas: tuple[Beta, Beta] = betas_knob()
    eps: float = eps_knob()
    weight_decay: float = decay_knob(1e-2, "decoupled pull of the weights towards zero")
    amsgrad: bool = Knob(False, help="never let the second-moment estimate shrink")

    target = torch.optim.AdamW
    card = Card(
        source="Loshchilov & Hutter 2019, Decoupled weight decay regularization",
        url=DOCS + "AdamW.html",
        formula=r"$w \leftarrow (1 - \eta\lambda)\,w - \eta\,\hat m\,/\,(\sqrt{\hat v} + \epsilon)$",
        use="The default of most recent work; decay and step size can be tuned apart.",
        pitfalls="Decay shrinks with the schedule, since it is multiplied by the learning rate.",
    )


class Adamax(OptimizerChoice):
    """Adam that divides by the largest recent gradient instead of their mean size."""

    kind: Literal["adamax"] = "adamax"
    lr: float = lr_knob(2e-3, "step size: no weight moves further in a step")
    betas: tuple[Beta, Beta] = betas_knob()
    eps: float = eps_knob()
    weight_decay: float = mixed_decay_knob()

    target = torch.optim.Adamax
    card = Card(
        source="Kingma & Ba 2014, Adam: a method for stochastic optimization, section 7",
        url=DOCS + "Adamax.html",
        formula=r"$u \leftarrow \max(\beta_2 u,\ |g| + \epsilon) \qquad w \leftarrow w - \eta\,\hat m\,/\,u$",
        use="Gradients that are rarely large: one spike does not shrink the steps for long.",
        pitfalls="A little slower than Adam on most networks.",
    )


class NAdam(OptimizerChoice):
    """Adam with Nesterov's look ahead in its momentum."""

    kind: Literal["nadam"] = "nadam"
    lr: float = lr_knob(2e-3, "step size")
    betas: tuple[Beta, Beta] = betas_knob()
    eps: float = eps_knob()
    weight_decay: float = decay_knob(
        0.0, "pull towards zero, mixed into the gradient if not decoupled"
    )
    momentum_decay: float = Knob(
        4e-3, ge=0, le=1, scale="log", help="how fast the momentum rises to its first beta"
    )
    decoupled_weight_decay: bool = decoupled_knob()

    target = torch.optim.NAdam
    card = Card(
        source="Dozat 2016, Incorporating Nesterov momentum into Adam",
        url=DOCS + "NAdam.html",
        formula=r"$w \leftarrow w - \eta\,(\mu_{t+1}\hat m + (1-\mu_t)\,\hat g)\,/\,(\sqrt{\hat v} + \epsilon)$",
        use="Where Adam works and should get there a little sooner.",
        pitfalls="It has a momentum schedule of its own: one that cycles momentum works against it.",
    )


class RAdam(OptimizerChoice):
    """Adam that waits with adaptive steps until their scale can be trusted: a warm-up built in."""

    kind: Literal["radam"] = "radam"
    lr: float = lr_knob(1e-3, "step size")
    betas: tuple[Beta, Beta] = betas_knob()
    eps: float = eps_knob()
    weight_decay: float = decay_knob(
        0.0, "pull towards zero, mixed into the gradient if not decoupled"
    )
    decoupled_weight_decay: bool = decoupled_knob()

    target = torch.optim.RAdam
    card = Card(
        source="Liu et al. 2020, On the variance of the adaptive learning rate and beyond",
        url=DOCS + "RAdam.html",
        formula=r"$w \leftarrow w - \eta\,r_t\,\hat m\,/\,(\sqrt{\hat v} + \epsilon)$",
        use="Adam without a warm-up to choose.",
        pitfalls="Its first five steps are those of plain momentum, unscaled: clip gradients if they are large.",
    )
