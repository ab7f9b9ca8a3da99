"""Activations: the bend after each layer. `target(**fields)` is torch's own module."""

from typing import Any, Literal

from pydantic import ValidationInfo, field_validator
from torch import nn

from trainlab.choice import Card, Choice, Knob

_DOCS = "https://docs.pytorch.org/docs/stable/generated/torch.nn."


def _lambd() -> Any:
    return Knob(0.5, ge=0, le=10, help="inputs no further from zero than this give zero")


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
    negative_slope: float = Knob(0.01, ge=0, lt=1, help="slope below zero (α)")

    label = "Leaky ReLU"
    target = nn.LeakyReLU
    card = Card(
        source="Maas et al. 2013, Rectifier nonlinearities improve neural network acoustic models",
        url=_DOCS + "LeakyReLU.html",
        formula=r"$\max(\alpha x, x)$",
        use="When ReLU units die.",
        pitfalls="The gain is small where nothing was dying.",
    )


class PReLU(ActivationChoice):
    """A leaky ReLU whose slope below zero is learned."""

    kind: Literal["prelu"] = "prelu"
    init: float = Knob(0.25, ge=0, le=1, help="slope below zero that learning starts from")

    target = nn.PReLU
    card = Card(
        source="He et al. 2015, Delving deep into rectifiers",
        url=_DOCS + "PReLU.html",
        formula=r"$\max(0, x) + a\,\min(0, x)$",
        use="Large networks with much data: one weight a layer, learned with all others.",
        pitfalls=(
            "The slope is not decayed with the weights (it is one number a layer), and may leave "
            "0 to 1."
        ),
    )


class RReLU(ActivationChoice):
    """A leaky ReLU with a random slope in training and a fixed one in evaluation."""

    kind: Literal["rrelu"] = "rrelu"
    lower: float = Knob(1 / 8, ge=0, le=1, help="smallest slope below zero")
    upper: float = Knob(1 / 3, ge=0, le=1, help="largest slope below zero")

    target = nn.RReLU
    card = Card(
        source="Xu et al. 2015, Empirical evaluation of rectified activations",
        url=_DOCS + "RReLU.html",
        formula=r"$\max(0, x) + a\,\min(0, x),\quad a \sim U(l, u)$",
        use="Small data sets that are overfitted: the noise regularises.",
        pitfalls="Noise on every unit at every step; in evaluation the slope is the mean of both bounds.",
    )

    @field_validator("upper")
    @classmethod
    def _upper_is_not_below_lower(cls, value: float, info: ValidationInfo) -> float:
        if value < info.data.get("lower", 0):
            raise ValueError("must not be below lower")
        return value


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


class SELU(ActivationChoice):
    """An ELU scaled so that activations drift to mean 0 and variance 1 by themselves."""

    kind: Literal["selu"] = "selu"

    target = nn.SELU
    card = Card(
        source="Klambauer et al. 2017, Self-normalizing neural networks",
        url=_DOCS + "SELU.html",
        formula=r"$1.0507\,(x\ (x>0);\ \ 1.6733\,(e^x-1)\ (x\leq 0))$",
        use=(
            "Deep fully connected networks without normalisation, from the calibrated "
            "initialisation 1/sqrt(n)."
        ),
        pitfalls=(
            "Only with that initialisation and alpha dropout does it normalise; plain dropout "
            "breaks it."
        ),
    )


class CELU(ActivationChoice):
    """An ELU whose slope at zero is 1 whatever alpha is."""

    kind: Literal["celu"] = "celu"
    alpha: float = Knob(1.0, gt=0, le=10, help="value it approaches far below zero, negated")

    target = nn.CELU
    card = Card(
        source="Barron 2017, Continuously differentiable exponential linear units",
        url=_DOCS + "CELU.html",
        formula=r"$\max(0, x) + \min(0,\ \alpha(e^{x/\alpha}-1))$",
        use="In the place of ELU where alpha is not 1.",
        pitfalls="The exponential costs time.",
    )


class GELU(ActivationChoice):
    """Weighs its input by the chance that a normal draw is smaller."""

    kind: Literal["gelu"] = "gelu"
    approximate: Literal["none", "tanh"] = Knob(
        "none", help="tanh: a cheaper formula that differs in the fourth digit"
    )

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


class Mish(ActivationChoice):
    """Weighs its input by the tanh of its softplus."""

    kind: Literal["mish"] = "mish"

    target = nn.Mish
    card = Card(
        source="Misra 2019, Mish: a self regularized non-monotonic activation function",
        url=_DOCS + "Mish.html",
        formula=r"$x\,\tanh(\ln(1+e^x))$",
        use="Where SiLU is used; smooth everywhere.",
        pitfalls="The dearest of its kind; the gain over SiLU is small.",
    )


class Hardswish(ActivationChoice):
    """SiLU put together from straight pieces."""

    kind: Literal["hardswish"] = "hardswish"

    target = nn.Hardswish
    card = Card(
        source="Howard et al. 2019, Searching for MobileNetV3",
        url=_DOCS + "Hardswish.html",
        formula=r"$x\cdot\min(\max(0, x+3), 6)/6$",
        use="Small networks for phones: no exponential.",
        pitfalls="Exactly zero below -3, so units can die.",
    )


class Softplus(ActivationChoice):
    """A ReLU with its corner rounded off."""

    kind: Literal["softplus"] = "softplus"
    beta: float = Knob(1.0, gt=0, le=100, help="how sharp the bend is: large is ReLU")
    threshold: float = Knob(20.0, gt=0, le=100, help="above it (times beta) it is x itself")

    target = nn.Softplus
    card = Card(
        source="Dugas et al. 2000; Glorot et al. 2011",
        url=_DOCS + "Softplus.html",
        formula=r"$\ln(1+e^{\beta x})/\beta$",
        use="Outputs that must be positive; where a second derivative is needed.",
        pitfalls="Never zero, so its mean pushes the next layer; ReLU trains better.",
    )


class ReLU6(ActivationChoice):
    """A ReLU that stops at 6."""

    kind: Literal["relu6"] = "relu6"

    target = nn.ReLU6
    card = Card(
        source="Krizhevsky 2010; Howard et al. 2017 (MobileNets)",
        url=_DOCS + "ReLU6.html",
        formula=r"$\min(\max(0, x), 6)$",
        use="Networks that will run in 8 bits: the range is known.",
        pitfalls="Dead below 0 and saturated above 6.",
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


class Hardsigmoid(ActivationChoice):
    """A sigmoid of three straight pieces."""

    kind: Literal["hardsigmoid"] = "hardsigmoid"

    target = nn.Hardsigmoid
    card = Card(
        source="Courbariaux et al. 2015, BinaryConnect",
        url=_DOCS + "Hardsigmoid.html",
        formula=r"$\min(\max(0, x+3), 6)/6$",
        use="Gates in networks for phones.",
        pitfalls="No gradient at all outside of -3 to 3.",
    )


class Hardtanh(ActivationChoice):
    """Cuts off at both ends."""

    kind: Literal["hardtanh"] = "hardtanh"
    min_val: float = Knob(-1.0, ge=-10, le=0, help="smallest output")
    max_val: float = Knob(1.0, gt=0, le=10, help="largest output")

    target = nn.Hardtanh
    card = Card(
        source="Collobert 2004, Large scale machine learning",
        url=_DOCS + "Hardtanh.html",
        formula=r"$\min(\max(l, x), u)$",
        use="To see saturation at its simplest.",
        pitfalls="No gradient at all outside of its bounds.",
    )


class Softsign(ActivationChoice):
    """Squeezes into (-1, 1), slowly."""

    kind: Literal["softsign"] = "softsign"

    target = nn.Softsign
    card = Card(
        source="Bergstra et al. 2009; Glorot & Bengio 2010",
        url=_DOCS + "Softsign.html",
        formula=r"$x/(1+|x|)$",
        use="As tanh, with tails that saturate later.",
        pitfalls="Its slope falls off fast around zero.",
    )


class LogSigmoid(ActivationChoice):
    """The logarithm of the sigmoid: never positive."""

    kind: Literal["log_sigmoid"] = "log_sigmoid"

    label = "Log sigmoid"
    target = nn.LogSigmoid
    card = Card(
        source="torch.nn.LogSigmoid",
        url=_DOCS + "LogSigmoid.html",
        formula=r"$\ln\,(1/(1+e^{-x}))$",
        use="Losses of yes-or-no questions; inside a network only to see it.",
        pitfalls="All outputs are negative: the next layer sees no zero mean.",
    )


class Tanhshrink(ActivationChoice):
    """What tanh leaves: small inputs vanish."""

    kind: Literal["tanhshrink"] = "tanhshrink"

    target = nn.Tanhshrink
    card = Card(
        source="torch.nn.Tanhshrink",
        url=_DOCS + "Tanhshrink.html",
        formula=r"$x - \tanh x$",
        use="Sparse coding; inside a network to see a flat middle.",
        pitfalls="The slope at zero is zero: small signals do not learn.",
    )


class Hardshrink(ActivationChoice):
    """Zero near zero, the input itself elsewhere."""

    kind: Literal["hardshrink"] = "hardshrink"
    lambd: float = _lambd()

    target = nn.Hardshrink
    card = Card(
        source="Donoho & Johnstone 1994, Ideal spatial adaptation by wavelet shrinkage",
        url=_DOCS + "Hardshrink.html",
        formula=r"$x\ (|x|>\lambda);\quad 0\ (|x|\leq\lambda)$",
        use="Sparse coding, denoising.",
        pitfalls="No gradient near zero, and a jump at both edges.",
    )


class Softshrink(ActivationChoice):
    """Everything moved towards zero, and small inputs to zero."""

    kind: Literal["softshrink"] = "softshrink"
    lambd: float = _lambd()

    target = nn.Softshrink
    card = Card(
        source="Donoho 1995, De-noising by soft-thresholding",
        url=_DOCS + "Softshrink.html",
        formula=r"$sign(x)\cdot\max(|x|-\lambda,\ 0)$",
        use="Sparse coding: it is the step that an L1 penalty asks for.",
        pitfalls="No gradient near zero: with small weights nothing gets through.",
    )


class Threshold(ActivationChoice):
    """The input where it exceeds a threshold, a constant elsewhere."""

    kind: Literal["threshold"] = "threshold"
    threshold: float = Knob(0.0, ge=-10, le=10, help="inputs above pass unchanged")
    value: float = Knob(0.0, ge=-10, le=10, help="what all others become")

    target = nn.Threshold
    card = Card(
        source="torch.nn.Threshold",
        url=_DOCS + "Threshold.html",
        formula=r"$x\ (x>\theta);\quad v\ (x\leq\theta)$",
        use="ReLU with a corner elsewhere: threshold and value 0 are ReLU.",
        pitfalls="No gradient below the threshold, and a jump unless value is the threshold.",
    )
