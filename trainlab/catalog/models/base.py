"""What models share: the contract, and rows of layers for small images."""

from abc import abstractmethod
from collections.abc import Callable, Iterator
from functools import partial
from typing import Annotated, ClassVar

from torch import nn

from trainlab.catalog.activations import ActivationChoice, ReLU
from trainlab.catalog.convolutions import ConvolutionChoice
from trainlab.catalog.norms import BatchNorm, NormChoice
from trainlab.choice import Choice, Knob, OneOf
from trainlab.errors import Problem
from trainlab.events import Progress
from trainlab.text import _

Shape = tuple[int, int, int]  # channels, height, width
CENTRING = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm)


class ModelChoice(Choice):
    """A network, made for the shape (C, H, W) of the images and the number of classes."""

    @abstractmethod
    def make(self, shape: Shape, classes: int) -> nn.Module:
        """From images (N, C, H, W) to logits (N, K). Raises Problem where the images do not fit it."""

    def fetch(self) -> Iterator[Progress]:
        """Bring trained weights onto this machine, telling how far it is; nothing to do for most."""
        yield from ()

    def fresh(self, model: nn.Module) -> str:
        """The part that the initialisation fills, by its dotted name: all of it, unless weights were loaded."""
        return ""


class SmallModel(ModelChoice):
    """A network for images of 8 to 64 pixels: its width, activation, normalisation and dropout."""

    smallest: ClassVar[int] = 4  # pixels

    width: int = Knob(
        16, ge=1, le=512, scale="log", unit="channels", help="channels of the first layers"
    )
    activation: Annotated[ActivationChoice, OneOf()] = Knob(
        ReLU(), help="the bend after each layer"
    )
    norm: Annotated[NormChoice, OneOf()] = Knob(
        BatchNorm(), help="normalisation of each layer's output"
    )
    dropout: float = Knob(
        0.0, ge=0, le=0.95, help="share of features silenced before the classifier; 0.5 is usual"
    )

    @abstractmethod
    def stack(self, shape: Shape, classes: int) -> list[nn.Module]:
        """The layers one after the other; those that do nothing are left out later."""

    def make(self, shape: Shape, classes: int) -> nn.Sequential:
        """The layers in a row. Raises Problem for images that are too small for filters."""
        _channels, height, width = shape
        if min(height, width) < self.smallest:
            raise Problem(
                _("model: {model} cannot work on images of {height}x{width}").format(
                    model=self.title(), height=height, width=width
                ),
                _("its filters need neighbours: at least {side} pixels").format(side=self.smallest),
                _("choose the MLP, or larger images"),
            )
        return sequential(self.stack(shape, classes))

    def normed(
        self, layer: Callable[..., nn.Module], channels: int, spatial: bool = True
    ) -> list[nn.Module]:
        """A layer, made without a bias where the normalisation that follows would undo it."""
        norm = self.norm.layer(channels, spatial=spatial)
        return [self.norm.around(layer(bias=not isinstance(norm, CENTRING))), norm]

    def conv(
        self, ins: int, outs: int, size: int = 3, stride: int = 1, groups: int = 1
    ) -> list[nn.Module]:
        """A convolution that keeps the image's size (over the stride), and its normalisation."""
        layer = partial(nn.Conv2d, ins, outs, size, stride, size // 2, groups=groups)
        return self.normed(layer, outs)

    def unit(
        self, ins: int, outs: int, size: int = 3, stride: int = 1, groups: int = 1
    ) -> list[nn.Module]:
        """Convolution, normalisation, activation."""
        return [*self.conv(ins, outs, size, stride, groups), self.activation.build()]

    def bare(self, ins: int, outs: int, size: int = 3, stride: int = 1) -> nn.Module:
        """The convolution alone, where its normalisation comes later."""
        return self.conv(ins, outs, size, stride)[0]

    def special(self, conv: ConvolutionChoice, ins: int, outs: int) -> list[nn.Module]:
        """A convolution of a chosen kind, normalisation, activation."""
        norm = self.norm.layer(outs, spatial=True)
        layer = conv.layer(ins, outs, not isinstance(norm, CENTRING), self.norm.around)
        return [layer, norm, self.activation.build()]

    def before(self, channels: int) -> list[nn.Module]:
        """Normalisation and activation in front of a layer."""
        return [self.norm.layer(channels, spatial=True), self.activation.build()]

    def head(self, channels: int, classes: int) -> list[nn.Module]:
        """The mean of each channel over the image, and a linear classifier on the means."""
        pool = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        return [*pool, nn.Dropout(self.dropout), nn.Linear(channels, classes)]


def strides(shape: Shape, stages: int, smallest: int = 4) -> list[int]:
    """The stride of each stage: 1, then 2 as long as the image stays `smallest` pixels high and wide."""
    side, found = min(shape[1:]), [1]
    for _stage in range(1, stages):
        found.append(2 if side // 2 >= smallest else 1)
        side //= found[-1]
    return found


def share(stochastic_depth: float, number: int, count: int) -> float:
    """How often block `number` of `count` is left out: rises evenly to `stochastic_depth` at the last."""
    return stochastic_depth * (number + 1) / count


def sequential(layers: list[nn.Module]) -> nn.Sequential:
    """The layers in a row, without those that do nothing."""
    return nn.Sequential(*(layer for layer in layers if not _idle(layer)))


def _idle(layer: nn.Module) -> bool:
    return isinstance(layer, nn.Identity) or getattr(layer, "p", None) == 0
