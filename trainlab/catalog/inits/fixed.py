"""Rules that ignore the size of a layer: constants, small draws, and what torch itself would do."""

from typing import Literal

import torch
from torch import nn

from trainlab.catalog.inits.base import DOCS, InitChoice, RuleChoice, weights
from trainlab.choice import Card, Knob


def as_built(model: nn.Module, generator: torch.Generator) -> None:
    """Leave what the layers' constructors drew."""


def small_random(
    model: nn.Module, generator: torch.Generator, std: float = 0.01, bias: float = 0.0
) -> None:
    """std * N(0, 1), whatever the size of the layer."""
    for weight in weights(model, bias):
        nn.init.normal_(weight, std=std, generator=generator)


def small_uniform(
    model: nn.Module, generator: torch.Generator, bound: float = 0.017, bias: float = 0.0
) -> None:
    """U(-bound, bound), whatever the size of the layer."""
    for weight in weights(model, bias):
        nn.init.uniform_(weight, -bound, bound, generator=generator)


def truncated_normal(
    model: nn.Module,
    generator: torch.Generator,
    std: float = 0.02,
    cut: float = 2.0,
    bias: float = 0.0,
) -> None:
    """std * N(0, 1), drawn again where it lies further out than `cut` standard deviations."""
    for weight in weights(model, bias):
        nn.init.trunc_normal_(weight, 0.0, std, -cut * std, cut * std, generator)


def constant_weights(
    model: nn.Module,
    generator: torch.Generator,  # noqa: ARG001 (as all rules)
    value: float = 0.01,
    bias: float = 0.0,
) -> None:
    """Every weight the same number."""
    for weight in weights(model, bias):
        nn.init.constant_(weight, value)


def zeros(model: nn.Module, generator: torch.Generator, bias: float = 0.0) -> None:  # noqa: ARG001 (as all rules)
    """All weights zero."""
    for weight in weights(model, bias):
        nn.init.zeros_(weight)


class TorchDefault(InitChoice):
    """What torch's own layers draw when they are made."""

    kind: Literal["default"] = "default"

    label = "torch's default"
    target = as_built
    card = Card(
        source="torch.nn, Linear and Conv2d (after LeCun et al. 1998, Efficient backprop)",
        url="https://docs.pytorch.org/docs/stable/generated/torch.nn.Linear.html",
        formula=r"$w, b \sim U(-1/\sqrt{n},\ 1/\sqrt{n})$",
        use="To repeat what a script without any initialisation does; large networks keep their own rules.",
        pitfalls=(
            "It is kaiming_uniform with a = sqrt(5), so Var(w) = 1/(3n): the signal of a deep ReLU "
            "network fades. Biases are drawn too."
        ),
    )


class TruncatedNormal(RuleChoice):
    """The same small normal draws for every layer, without those far out."""

    kind: Literal["trunc_normal"] = "trunc_normal"
    std: float = Knob(
        0.02, gt=0, le=1, scale="log", help="of the normal before it is cut; 0.02 in transformers"
    )
    cut: float = Knob(
        2.0,
        ge=0.5,
        le=10,
        unit="std",
        help="draws further out are drawn again (torch cuts at ±2 itself)",
    )

    label = "Truncated normal"
    target = truncated_normal
    card = Card(
        source="torch.nn.init.trunc_normal_; Dosovitskiy et al. 2020 (transformers for images)",
        url=DOCS,
        formula=r"$w \sim 0.02\cdot N(0, 1),\quad |w| \leq 2\cdot 0.02$",
        use="Transformers, where layer norms keep the scale in hand.",
        pitfalls="Cut at 2 the standard deviation is 0.88 of what was asked for; it ignores the fan.",
    )


class SmallRandom(RuleChoice):
    """The same small normal draws for every layer, whatever its size."""

    kind: Literal["small_random"] = "small_random"
    std: float = Knob(0.01, gt=0, le=1, scale="log", help="standard deviation of every weight")

    label = "Small random, normal"
    target = small_random
    card = Card(
        source="CS231n notes, Weight initialization",
        url=DOCS,
        formula=r"$w \sim 0.01\cdot N(0, 1)$",
        use="Shallow networks; to see the signal fade in deep ones.",
        pitfalls="Ignores the number of inputs: activations shrink layer by layer, and gradients with them.",
    )


class SmallUniform(RuleChoice):
    """The same small uniform draws for every layer, whatever its size."""

    kind: Literal["small_uniform"] = "small_uniform"
    bound: float = Knob(
        0.017, gt=0, le=2, scale="log", help="largest weight; its 1/√3 is the standard deviation"
    )

    label = "Small random, uniform"
    target = small_uniform
    card = Card(
        source="CS231n notes, Weight initialization",
        url=DOCS,
        formula=r"$w \sim U(-b, b),\quad \sigma = b/\sqrt{3}$",
        use="To see that it does about the same as small normal draws.",
        pitfalls="Ignores the number of inputs: activations shrink layer by layer, and gradients with them.",
    )


class Constant(RuleChoice):
    """Every weight the same number: shown to fail."""

    kind: Literal["constant"] = "constant"
    value: float = Knob(0.01, ge=-1, le=1, help="what every weight starts at")

    target = constant_weights
    card = Card(
        source="torch.nn.init.constant_; CS231n notes, Pitfall: all zero initialization",
        url=DOCS,
        formula=r"$w = c$",
        use="To see why not: it is not the zero that hurts, it is that all units are the same.",
        pitfalls="All units of a layer get the same gradient, so that each layer learns one feature.",
    )


class Zeros(RuleChoice):
    """Every weight zero: shown to fail."""

    kind: Literal["zeros"] = "zeros"

    label = "All zeros"
    target = zeros
    card = Card(
        source="CS231n notes, Pitfall: all zero initialization",
        url=DOCS,
        formula=r"$w = 0$",
        use="To see why not: all units of a layer compute the same and stay the same.",
        pitfalls=(
            "No symmetry is ever broken: the network learns at most the class frequencies. "
            "Spectral norm divides by the size of the weights: there it gives no numbers at all."
        ),
    )
