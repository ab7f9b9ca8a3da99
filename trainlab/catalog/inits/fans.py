"""Rules that scale their draws by how many inputs and outputs a layer has: Kaiming, Xavier, 1/sqrt(n).

n is torch's fan: inputs of a filter times its area. Of transposed convolutions torch counts the outputs.
"""

from typing import Literal

import torch
from torch import nn

from trainlab.catalog.inits.base import DOCS, RuleChoice, weights
from trainlab.choice import Card, Knob

Mode = Literal["fan_in", "fan_out"]
Nonlinearity = Literal["linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu"]


def kaiming_normal(
    model: nn.Module,
    generator: torch.Generator,
    a: float = 0.0,
    mode: Mode = "fan_in",
    nonlinearity: Nonlinearity = "relu",
    bias: float = 0.0,
) -> None:
    """N(0, 1) * gain(nonlinearity) / sqrt(fan): sqrt(2 / n) for ReLU."""
    for weight in weights(model, bias):
        nn.init.kaiming_normal_(weight, a, mode, nonlinearity, generator)


def kaiming_uniform(
    model: nn.Module,
    generator: torch.Generator,
    a: float = 0.0,
    mode: Mode = "fan_in",
    nonlinearity: Nonlinearity = "relu",
    bias: float = 0.0,
) -> None:
    """U(-b, b) with b = gain(nonlinearity) * sqrt(3 / fan)."""
    for weight in weights(model, bias):
        nn.init.kaiming_uniform_(weight, a, mode, nonlinearity, generator)


def xavier_normal(
    model: nn.Module, generator: torch.Generator, gain: float = 1.0, bias: float = 0.0
) -> None:
    """N(0, 1) * gain * sqrt(2 / (fan_in + fan_out))."""
    for weight in weights(model, bias):
        nn.init.xavier_normal_(weight, gain=gain, generator=generator)


def xavier_uniform(
    model: nn.Module, generator: torch.Generator, gain: float = 1.0, bias: float = 0.0
) -> None:
    """U(-a, a) with a = gain * sqrt(6 / (fan_in + fan_out))."""
    for weight in weights(model, bias):
        nn.init.xavier_uniform_(weight, gain=gain, generator=generator)


def calibrated(model: nn.Module, generator: torch.Generator, bias: float = 0.0) -> None:
    """N(0, 1) / sqrt(fan_in): n * Var(w) = 1."""
    for weight in weights(model, bias):
        nn.init.kaiming_normal_(weight, nonlinearity="linear", generator=generator)


class KaimingNormal(RuleChoice):
    """Normal draws scaled so that ReLU layers keep the variance."""

    kind: Literal["kaiming_normal"] = "kaiming_normal"
    a: float = Knob(
        0.0, ge=0, le=1, help="slope of the leaky ReLU where that is chosen below, such as 0.25"
    )
    mode: Mode = Knob("fan_in", help="keep the variance forward (fan_in) or backward (fan_out)")
    nonlinearity: Nonlinearity = Knob(
        "relu", help="the activation that follows; torch's own default is leaky_relu"
    )

    label = "Kaiming (He) normal"
    target = kaiming_normal
    card = Card(
        source="He et al. 2015, Delving deep into rectifiers",
        url=DOCS,
        formula=r"$w \sim N(0, 1)\cdot\sqrt{2/n}$",
        use="ReLU and its relatives: the default.",
        pitfalls="Too large for tanh and sigmoid; say which activation follows.",
    )


class KaimingUniform(RuleChoice):
    """Uniform draws scaled so that ReLU layers keep the variance."""

    kind: Literal["kaiming_uniform"] = "kaiming_uniform"
    a: float = Knob(
        0.0, ge=0, le=1, help="slope of the leaky ReLU where that is chosen below, such as 0.25"
    )
    mode: Mode = Knob("fan_in", help="keep the variance forward (fan_in) or backward (fan_out)")
    nonlinearity: Nonlinearity = Knob(
        "relu", help="the activation that follows; torch's own default is leaky_relu"
    )

    label = "Kaiming (He) uniform"
    target = kaiming_uniform
    card = Card(
        source="He et al. 2015, Delving deep into rectifiers",
        url=DOCS,
        formula=r"$w \sim U(-b, b),\ b = gain\cdot\sqrt{3/n}$",
        use="As Kaiming normal, without its rare large draws.",
        pitfalls="Too large for tanh and sigmoid; say which activation follows.",
    )


class XavierNormal(RuleChoice):
    """Normal draws scaled by the mean of fan-in and fan-out."""

    kind: Literal["xavier_normal"] = "xavier_normal"
    gain: float = Knob(1.0, gt=0, le=10, help="extra factor: 1 linear and sigmoid, 5/3 tanh")

    label = "Xavier (Glorot) normal"
    target = xavier_normal
    card = Card(
        source="Glorot & Bengio 2010, Understanding the difficulty of training deep networks",
        url=DOCS,
        formula=r"$w \sim N(0,1)\cdot gain\cdot\sqrt{2/(n_{in}+n_{out})}$",
        use="tanh, sigmoid and linear layers.",
        pitfalls="With ReLU the signal halves its variance at every layer.",
    )


class XavierUniform(RuleChoice):
    """Uniform draws scaled by the mean of fan-in and fan-out."""

    kind: Literal["xavier_uniform"] = "xavier_uniform"
    gain: float = Knob(1.0, gt=0, le=10, help="extra factor: 1 linear and sigmoid, 5/3 tanh")

    label = "Xavier (Glorot) uniform"
    target = xavier_uniform
    card = Card(
        source="Glorot & Bengio 2010, Understanding the difficulty of training deep networks",
        url=DOCS,
        formula=r"$w \sim U(-a, a),\ a = gain\cdot\sqrt{6/(n_{in}+n_{out})}$",
        use="tanh, sigmoid and linear layers.",
        pitfalls="With ReLU the signal halves its variance at every layer.",
    )


class Calibrated(RuleChoice):
    """Normal draws over the root of the number of inputs, so that linear layers keep the variance."""

    kind: Literal["calibrated"] = "calibrated"

    label = "Calibrated, 1/√n"
    target = calibrated
    card = Card(
        source="CS231n notes, Calibrating the variances with 1/sqrt(n); LeCun et al. 1998",
        url=DOCS,
        formula=r"$w \sim N(0, 1)/\sqrt{n},\quad n\cdot Var(w) = 1$",
        use="Linear layers, and SELU, which was made for it.",
        pitfalls="ReLU silences half of the signal, which this does not make up for: take Kaiming.",
    )
