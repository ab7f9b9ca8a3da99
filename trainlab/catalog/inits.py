"""Initialisation: the weights before the first step. `target(model, generator, **fields)` fills a model.

Each rule is torch.nn.init's own, with an explicit generator; biases start at zero and normalisations
as torch makes them.
"""

from collections.abc import Iterator
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from trainlab.choice import Card, Choice, Knob

_DOCS = "https://docs.pytorch.org/docs/stable/nn.init.html"
Mode = Literal["fan_in", "fan_out"]
Nonlinearity = Literal["linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu"]


def weights(model: nn.Module) -> Iterator[Tensor]:
    """Every filter bank and weight matrix; biases become zero on the way."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            if module.bias is not None:
                nn.init.zeros_(module.bias)
            yield module.weight


def zeros(model: nn.Module, generator: torch.Generator) -> None:  # noqa: ARG001 (as all rules)
    """All weights zero."""
    for weight in weights(model):
        nn.init.zeros_(weight)


def small_random(model: nn.Module, generator: torch.Generator, std: float = 0.01) -> None:
    """std * N(0, 1), whatever the size of the layer."""
    for weight in weights(model):
        nn.init.normal_(weight, std=std, generator=generator)


def xavier_uniform(model: nn.Module, generator: torch.Generator, gain: float = 1.0) -> None:
    """U(-a, a) with a = gain * sqrt(6 / (fan_in + fan_out))."""
    for weight in weights(model):
        nn.init.xavier_uniform_(weight, gain=gain, generator=generator)


def xavier_normal(model: nn.Module, generator: torch.Generator, gain: float = 1.0) -> None:
    """N(0, 1) * gain * sqrt(2 / (fan_in + fan_out))."""
    for weight in weights(model):
        nn.init.xavier_normal_(weight, gain=gain, generator=generator)


def kaiming_uniform(
    model: nn.Module,
    generator: torch.Generator,
    a: float = 0.0,
    mode: Mode = "fan_in",
    nonlinearity: Nonlinearity = "relu",
) -> None:
    """U(-b, b) with b = gain(nonlinearity) * sqrt(3 / fan)."""
    for weight in weights(model):
        nn.init.kaiming_uniform_(weight, a, mode, nonlinearity, generator)


def kaiming_normal(
    model: nn.Module,
    generator: torch.Generator,
    a: float = 0.0,
    mode: Mode = "fan_in",
    nonlinearity: Nonlinearity = "relu",
) -> None:
    """N(0, 1) * gain(nonlinearity) / sqrt(fan): sqrt(2 / n) for ReLU."""
    for weight in weights(model):
        nn.init.kaiming_normal_(weight, a, mode, nonlinearity, generator)


def orthogonal(model: nn.Module, generator: torch.Generator, gain: float = 1.0) -> None:
    """Orthonormal rows or columns, times gain."""
    for weight in weights(model):
        nn.init.orthogonal_(weight, gain=gain, generator=generator)


def class_prior(model: nn.Module, labels: Tensor, classes: int) -> None:
    """Set the last bias to the log of the class frequencies: the first loss is the labels' entropy."""
    last = [module for module in model.modules() if isinstance(module, nn.Linear | nn.Conv2d)][-1]
    counts = torch.stack([(labels == label).sum(0) for label in range(classes)]) + 1.0
    if last.bias is not None:
        last.bias.data.copy_((counts / counts.sum(0)).log().flatten())


class InitChoice(Choice):
    """A rule that fills a model's weights: `target(model, generator, [inputs], [labels], **fields)`.

    `needs` says which of these it is given: inputs (M, C, H, W) as the network gets them, and the
    training images' labels.
    """

    class_prior: bool = Knob(False, help="last bias = log of the class frequencies in the training split")
    engine_fields = ("class_prior",)
    needs: ClassVar[tuple[Literal["inputs", "labels"], ...]] = ()


class KaimingNormal(InitChoice):
    """Normal draws scaled so that ReLU layers keep the variance."""

    kind: Literal["kaiming_normal"] = "kaiming_normal"
    a: float = Knob(0.0, ge=0, le=1, help="slope of the leaky ReLU, where that is the activation")
    mode: Mode = Knob("fan_in", help="keep the variance forward (fan_in) or backward (fan_out)")
    nonlinearity: Nonlinearity = Knob(
        "relu", help="the activation that follows; torch's own default is leaky_relu"
    )

    label = "Kaiming (He) normal"
    target = kaiming_normal
    card = Card(
        source="He et al. 2015, Delving deep into rectifiers",
        url=_DOCS,
        formula=r"$w \sim N(0, 1)\cdot\sqrt{2/n}$",
        use="ReLU and its relatives: the default.",
        pitfalls="Too large for tanh and sigmoid; say which activation follows.",
    )


class KaimingUniform(InitChoice):
    """Uniform draws scaled so that ReLU layers keep the variance."""

    kind: Literal["kaiming_uniform"] = "kaiming_uniform"
    a: float = Knob(0.0, ge=0, le=1, help="slope of the leaky ReLU, where that is the activation")
    mode: Mode = Knob("fan_in", help="keep the variance forward (fan_in) or backward (fan_out)")
    nonlinearity: Nonlinearity = Knob(
        "relu", help="the activation that follows; torch's own default is leaky_relu"
    )

    label = "Kaiming (He) uniform"
    target = kaiming_uniform
    card = Card(
        source="He et al. 2015, Delving deep into rectifiers",
        url=_DOCS,
        formula=r"$w \sim U(-b, b),\ b = gain\cdot\sqrt{3/n}$",
        use="As Kaiming normal, without its rare large draws.",
        pitfalls="Too large for tanh and sigmoid; say which activation follows.",
    )


class XavierUniform(InitChoice):
    """Uniform draws scaled by the mean of fan-in and fan-out."""

    kind: Literal["xavier_uniform"] = "xavier_uniform"
    gain: float = Knob(1.0, gt=0, le=10, help="extra factor: 1 linear and sigmoid, 5/3 tanh")

    label = "Xavier (Glorot) uniform"
    target = xavier_uniform
    card = Card(
        source="Glorot & Bengio 2010, Understanding the difficulty of training deep networks",
        url=_DOCS,
        formula=r"$w \sim U(-a, a),\ a = gain\cdot\sqrt{6/(n_{in}+n_{out})}$",
        use="tanh, sigmoid and linear layers.",
        pitfalls="With ReLU the signal halves its variance at every layer.",
    )


class XavierNormal(InitChoice):
    """Normal draws scaled by the mean of fan-in and fan-out."""

    kind: Literal["xavier_normal"] = "xavier_normal"
    gain: float = Knob(1.0, gt=0, le=10, help="extra factor: 1 linear and sigmoid, 5/3 tanh")

    label = "Xavier (Glorot) normal"
    target = xavier_normal
    card = Card(
        source="Glorot & Bengio 2010, Understanding the difficulty of training deep networks",
        url=_DOCS,
        formula=r"$w \sim N(0,1)\cdot gain\cdot\sqrt{2/(n_{in}+n_{out})}$",
        use="tanh, sigmoid and linear layers.",
        pitfalls="With ReLU the signal halves its variance at every layer.",
    )


class Orthogonal(InitChoice):
    """Weights that rotate without stretching."""

    kind: Literal["orthogonal"] = "orthogonal"
    gain: float = Knob(1.0, gt=0, le=10, help="extra factor: sqrt(2) for ReLU")

    target = orthogonal
    card = Card(
        source="Saxe et al. 2013, Exact solutions to the nonlinear dynamics of learning",
        url=_DOCS,
        formula=r"$W^T W = gain^2\cdot I$",
        use="Very deep plain networks and recurrent ones.",
        pitfalls="Needs a decomposition of each layer: slow for very wide ones.",
    )


class SmallRandom(InitChoice):
    """The same small normal draws for every layer, whatever its size."""

    kind: Literal["small_random"] = "small_random"
    std: float = Knob(0.01, gt=0, le=1, scale="log", help="standard deviation of every weight")

    label = "Small random"
    target = small_random
    card = Card(
        source="CS231n notes, Weight initialization",
        url=_DOCS,
        formula=r"$w \sim 0.01\cdot N(0, 1)$",
        use="Shallow networks; to see the signal fade in deep ones.",
        pitfalls="Ignores the number of inputs: activations shrink layer by layer, and gradients with them.",
    )


class Zeros(InitChoice):
    """Every weight zero: shown to fail."""

    kind: Literal["zeros"] = "zeros"

    label = "All zeros"
    target = zeros
    card = Card(
        source="CS231n notes, Pitfall: all zero initialization",
        url=_DOCS,
        formula=r"$w = 0$",
        use="To see why not: all units of a layer compute the same and stay the same.",
        pitfalls="No symmetry is ever broken: the network learns at most the class frequencies.",
    )
