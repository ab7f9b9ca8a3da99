"""The plain networks: fully connected, and stages of convolutions."""

from functools import partial
from typing import Annotated, ClassVar, Literal

from torch import nn

from trainlab.catalog.convolutions import ConvolutionChoice, Plain
from trainlab.catalog.models.base import Shape, SmallModel
from trainlab.catalog.norms import NoNorm, NormChoice
from trainlab.choice import Card, Knob, OneOf
from trainlab.errors import Problem
from trainlab.text import _


class MLP(SmallModel):
    """Fully connected layers over the flattened pixels."""

    kind: Literal["mlp"] = "mlp"
    width: int = Knob(
        128, ge=1, le=4096, scale="log", unit="units", help="units in each hidden layer"
    )
    depth: int = Knob(2, ge=0, le=20, unit="layers", help="hidden layers; 0 is a linear classifier")
    norm: Annotated[NormChoice, OneOf()] = Knob(
        NoNorm(), help="normalisation before the activation"
    )
    dropout: float = Knob(
        0.0, ge=0, le=0.95, help="share of units silenced at each step; 0.5 is usual"
    )

    smallest: ClassVar[int] = 1

    target = nn.Sequential
    card = Card(
        source="Rumelhart, Hinton & Williams 1986, Learning representations by back-propagating errors",
        formula=r"$h_{i+1} = f(W_i h_i + b_i)$",
        use="Tiny images, and to see what convolutions are worth.",
        pitfalls="Knows nothing of neighbourhood: many weights, overfits early.",
    )

    def stack(self, shape: Shape, classes: int) -> list[nn.Module]:
        """Flatten; then depth times linear, norm, activation, dropout; then linear."""
        layers: list[nn.Module] = [nn.Flatten()]
        features = shape[0] * shape[1] * shape[2]
        for _layer in range(self.depth):
            linear = partial(nn.Linear, features, self.width)
            layers += self.normed(linear, self.width, spatial=False)
            layers += [self.activation.build(), nn.Dropout(self.dropout)]
            features = self.width
        return [*layers, nn.Linear(features, classes)]


class ConvNet(SmallModel):
    """Stages of 3x3 convolutions, each stage halving the image and doubling the channels."""

    kind: Literal["convnet"] = "convnet"
    width: int = Knob(
        32,
        ge=1,
        le=512,
        scale="log",
        unit="channels",
        help="channels of the first stage; each next doubles",
    )
    stages: int = Knob(2, ge=1, le=6, help="stages; each ends in 2x2 max pooling")
    convs: int = Knob(1, ge=1, le=4, help="convolutions in each stage")
    convolution: Annotated[ConvolutionChoice, OneOf()] = Knob(
        Plain(), help="the kind of convolution"
    )
    dropout_kind: Literal["unit", "channel"] = Knob(
        "unit",
        help="what dropout silences: single features before the classifier, or channels after each stage",
    )

    smallest: ClassVar[int] = 1

    label = "ConvNet"
    target = nn.Sequential
    card = Card(
        source="LeCun et al. 1998; Simonyan & Zisserman 2014 (3x3 throughout)",
        formula=r"$h_{i+1} = f(W_i * h_i + b_i)$",
        use="Images. Two stages for 8 to 28 pixels, three for 32, more for larger.",
        pitfalls="Every stage halves the side: the image must be at least 2 to the power of stages.",
    )

    def stack(self, shape: Shape, classes: int) -> list[nn.Module]:
        """Stages of (convolution, norm, activation) and pooling; then flatten, linear."""
        channels, height, width = shape
        if min(height, width) >> self.stages == 0:
            most = min(height, width).bit_length() - 1
            fewer = _("choose at most {most}").format(most=most)
            raise Problem(
                _("model.stages: {stages} is too many for images of {height}x{width}").format(
                    stages=self.stages, height=height, width=width
                ),
                _("each stage halves the image"),
                fewer if most else _("choose the model MLP, which takes points"),
            )
        layers: list[nn.Module] = []
        for stage in range(self.stages):
            out = self.width << stage
            for _conv in range(self.convs):
                layers += self.special(self.convolution, channels, out)
                channels = out
            layers.append(nn.MaxPool2d(2))
            if self.dropout_kind == "channel":
                layers.append(nn.Dropout2d(self.dropout))
        features = channels * (height >> self.stages) * (width >> self.stages)
        units = self.dropout if self.dropout_kind == "unit" else 0.0
        return [*layers, nn.Flatten(), nn.Dropout(units), nn.Linear(features, classes)]
