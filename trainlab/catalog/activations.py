"""Activations: the bend after each layer. `target(**fields)` is torch's own module."""

from typing import Literal

from torch import nn

from trainlab.choice import Card, Choice, Knob

_DOCS = "https://docs.pytorch.org/docs/stable/generated/torch.nn."


class ActivationChoice(Choice):
    """An elementwise module of torch.nn."""


class ReLU(ActivationChoice):
    """Cuts everything below zero."""

    kind: Literal["relu"] = "relu"

    target = nn.ReLU
    card = Card(
        source="Nair & Hinton 2010; Krizhevsky et al. 2012",
        url=_DOCS + "ReLU.html",
        formula=r"$\max(0, x)$",
        use="The default: cheap, and its gradient does not vanish for positive inputs.",
        pitfalls="A unit whose input is always negative is dead: no gradient ever revives it.",
    )


class LeakyReLU(ActivationChoice):
    """Lets a little of the negative side through."""

    kind: Literal["leaky_relu"] = "leaky_relu"
    negative_slope: float = Knob(0.01, ge=0, lt=1, help="slope below zero")

    label = "Leaky ReLU"
    target = nn.LeakyReLU
    card = Card(
        source="Maas et al. 2013, Rectifier nonlinearities improve neural network acoustic models",
        url=_DOCS + "LeakyReLU.html",
        formula=r"$\max(\alpha x, x)$",
        use="When ReLU units die.",
        pitfalls="The gain is small where nothing was dying.",
    )


class Tanh(ActivationChoice):
    """Squeezes into (-1, 1), centred at zero."""

    kind: Literal["tanh"] = "tanh"

    target = nn.Tanh
    card = Card(
        source="LeCun et al. 1998, Efficient backprop",
        url=_DOCS + "Tanh.html",
        formula=r"$\tanh x$",
        use="Small networks, recurrent ones; with Xavier initialisation.",
        pitfalls="Saturates: far from zero the gradient vanishes.",
    )


class Sigmoid(ActivationChoice):
    """Squeezes into (0, 1)."""

    kind: Literal["sigmoid"] = "sigmoid"

    target = nn.Sigmoid
    card = Card(
        source="CS231n notes, Commonly used activation functions",
        url=_DOCS + "Sigmoid.html",
        formula=r"$1/(1+e^{-x})$",
        use="To see why it was given up inside deep networks.",
        pitfalls="Saturates, is not centred at zero, and its slope is at most 1/4.",
    )


class GELU(ActivationChoice):
    """Weighs its input by the chance that a normal draw is smaller."""

    kind: Literal["gelu"] = "gelu"

    target = nn.GELU
    card = Card(
        source="Hendrycks & Gimpel 2016, Gaussian error linear units",
        url=_DOCS + "GELU.html",
        formula=r"$x\,\Phi(x)$",
        use="Transformers and recent convolutional networks.",
        pitfalls="Dearer than ReLU on the CPU.",
    )


class SiLU(ActivationChoice):
    """Weighs its input by its own sigmoid."""

    kind: Literal["silu"] = "silu"

    target = nn.SiLU
    card = Card(
        source="Elfwing et al. 2017; Ramachandran et al. 2017 (Swish)",
        url=_DOCS + "SiLU.html",
        formula=r"$x\,\sigma(x)$",
        use="Efficient mobile networks.",
        pitfalls="Dearer than ReLU on the CPU.",
    )


class ELU(ActivationChoice):
    """Bends smoothly to -alpha below zero."""

    kind: Literal["elu"] = "elu"
    alpha: float = Knob(1.0, gt=0, le=10, help="value it approaches far below zero, negated")

    target = nn.ELU
    card = Card(
        source="Clevert et al. 2015, Fast and accurate deep network learning by ELUs",
        url=_DOCS + "ELU.html",
        formula=r"$x\ (x>0);\quad \alpha(e^x-1)\ (x\leq 0)$",
        use="Networks without normalisation: means stay nearer to zero.",
        pitfalls="The exponential costs time.",
    )
