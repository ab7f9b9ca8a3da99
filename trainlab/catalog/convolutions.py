"""Convolutions: what slides over the image. `layer(in, out, bias)` keeps the image's height and width."""

import math
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainlab.choice import Card, Choice, Knob

_DOCS = "https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html"
Size = Literal[3, 5, 7]
Wrap = Callable[[nn.Module], nn.Module]


def _size() -> Any:
    return Knob(3, help="side of the filter in pixels; odd, so that the image keeps its size")


class DeformableConv2d(nn.Conv2d):
    """A convolution whose taps move by offsets that a second one computes, at every place anew."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        padding: int = 0,
        bias: bool = True,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, padding=padding, bias=bias)
        taps = math.prod(self.kernel_size)
        # zeros: training starts from a plain convolution, whatever initialisation is chosen
        self.offset_weight = nn.Parameter(torch.zeros(2 * taps, in_channels, *self.kernel_size))
        self.offset_bias = nn.Parameter(torch.zeros(2 * taps))

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) to (N, out_channels, H', W')."""
        from torchvision.ops import deform_conv2d

        offset = F.conv2d(x, self.offset_weight, self.offset_bias, padding=self.padding)
        out: Tensor = deform_conv2d(x, offset, self.weight, self.bias, padding=self.padding)
        return out


class Hourglass(nn.Module):
    """A convolution to half of the size, and a transposed one back to the size it had."""

    def __init__(self, down: nn.Module, up: nn.Module) -> None:
        super().__init__()
        self.down = down
        self.up = up

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C', H, W)."""
        out: Tensor = self.up(self.down(x), list(x.shape[2:]))
        return out


def unchanged(layer: nn.Module) -> nn.Module:
    """The layer as it is."""
    return layer


class ConvolutionChoice(Choice):
    """A kind of convolution that keeps the image's height and width."""

    @abstractmethod
    def layer(self, ins: int, outs: int, bias: bool, around: Wrap = unchanged) -> nn.Module:
        """From (N, ins, H, W) to (N, outs, H, W).

        Args:
            ins: input channels.
            outs: output channels.
            bias: whether to add one number a channel.
            around: what a norm of weights makes of each convolution.
        """


class Plain(ConvolutionChoice):
    """Every output channel looks at every input channel, in a small square."""

    kind: Literal["plain"] = "plain"
    kernel_size: Size = _size()

    target = nn.Conv2d
    card = Card(
        source="LeCun et al. 1989; Simonyan & Zisserman 2014 (3x3 throughout)",
        url=_DOCS,
        formula=r"$y_o = b_o + \sum_i W_{oi} * x_i$",
        use="The default. 3x3 with padding 1 keeps the size; two of them see as far as one 5x5.",
        pitfalls="Weights and time grow with input times output channels.",
    )

    def layer(self, ins: int, outs: int, bias: bool, around: Wrap = unchanged) -> nn.Module:
        """torch's own, padded by half of its size."""
        size = self.kernel_size
        return around(nn.Conv2d(ins, outs, size, padding=size // 2, bias=bias))


class Pointwise(ConvolutionChoice):
    """1x1: mixes the channels of each pixel, and never looks at its neighbours."""

    kind: Literal["pointwise"] = "pointwise"

    label = "1x1 (pointwise)"
    target = nn.Conv2d
    card = Card(
        source="Lin, Chen & Yan 2013, Network in network",
        url=_DOCS,
        formula=r"$y_o = b_o + \sum_i w_{oi}\,x_i$",
        use="To change the number of channels cheaply, before or after a larger convolution.",
        pitfalls="Alone it is blind to shape: only the pooling between the layers mixes places.",
    )

    def layer(self, ins: int, outs: int, bias: bool, around: Wrap = unchanged) -> nn.Module:
        """A convolution of size 1."""
        return around(nn.Conv2d(ins, outs, 1, bias=bias))


class Grouped(ConvolutionChoice):
    """The channels are cut into groups, and each output sees one group of the input."""

    kind: Literal["grouped"] = "grouped"
    kernel_size: Size = _size()
    groups: int = Knob(
        4, ge=1, le=64, help="groups, or the most that divides both sides; torch's default is 1"
    )

    target = nn.Conv2d
    card = Card(
        source="Krizhevsky et al. 2012 (to fit two GPUs); Xie et al. 2017 (ResNeXt)",
        url=_DOCS,
        formula=r"$y_g = b_g + W_g * x_g,\ g = 1 \ldots G$",
        use="A G-th of the weights and operations.",
        pitfalls="Groups never talk to each other unless 1x1 convolutions or shuffles mix them.",
    )

    def layer(self, ins: int, outs: int, bias: bool, around: Wrap = unchanged) -> nn.Module:
        """The first layer of a network has too few channels to cut: it is left whole."""
        size, both = self.kernel_size, math.gcd(ins, outs)
        groups = max(g for g in range(1, self.groups + 1) if both % g == 0)
        conv = nn.Conv2d(ins, outs, size, padding=size // 2, groups=groups, bias=bias)
        return around(conv)


class Separable(ConvolutionChoice):
    """Each channel is filtered alone (depthwise), then 1x1 mixes the channels."""

    kind: Literal["separable"] = "separable"
    kernel_size: Size = _size()

    label = "Depthwise separable"
    target = nn.Sequential
    card = Card(
        source="Sifre & Mallat 2014; Chollet 2017 (Xception); Howard et al. 2017 (MobileNets)",
        url=_DOCS,
        formula=r"$y_o = b_o + \sum_i w_{oi}\,(K_i * x_i)$",
        use="Mobile networks: about an eighth of the operations of a plain 3x3.",
        pitfalls="Memory-bound: the time saved is less than the operations saved.",
    )

    def layer(self, ins: int, outs: int, bias: bool, around: Wrap = unchanged) -> nn.Module:
        """A filter for each channel, then 1x1."""
        size = self.kernel_size
        depthwise = nn.Conv2d(ins, ins, size, padding=size // 2, groups=ins, bias=False)
        return nn.Sequential(around(depthwise), around(nn.Conv2d(ins, outs, 1, bias=bias)))


class Dilated(ConvolutionChoice):
    """Taps with gaps between them: sees further with the same number of weights."""

    kind: Literal["dilated"] = "dilated"
    kernel_size: Size = _size()
    dilation: int = Knob(
        2,
        ge=1,
        le=16,
        unit="pixels",
        help="distance between two taps; torch's default of 1 has no gap",
    )

    label = "Dilated (atrous)"
    target = nn.Conv2d
    card = Card(
        source="Yu & Koltun 2016, Multi-scale context aggregation by dilated convolutions",
        url=_DOCS,
        formula=r"$y(p) = \sum_k w_k\,x(p + d\,k)$",
        use="A wide view without pooling: segmentation, sound.",
        pitfalls="Equal dilations in a row leave holes (gridding). On small images most taps fall outside.",
    )

    def layer(self, ins: int, outs: int, bias: bool, around: Wrap = unchanged) -> nn.Module:
        """Padded by as much as the taps reach."""
        size, step = self.kernel_size, self.dilation
        padding = step * (size // 2)
        return around(nn.Conv2d(ins, outs, size, padding=padding, dilation=step, bias=bias))


class Deformable(ConvolutionChoice):
    """The taps move: offsets are learned, and computed from the image at every place."""

    kind: Literal["deformable"] = "deformable"
    kernel_size: Size = _size()

    target = DeformableConv2d
    card = Card(
        source="Dai et al. 2017, Deformable convolutional networks",
        url="https://docs.pytorch.org/vision/stable/generated/torchvision.ops.deform_conv2d.html",
        formula=r"$y(p) = \sum_k w_k\,x(p + k + \Delta_k(p))$",
        use="Objects that change scale and pose.",
        pitfalls="Several times slower than a plain one. Offsets start at zero: at first it is a plain one.",
    )

    def layer(self, ins: int, outs: int, bias: bool, around: Wrap = unchanged) -> nn.Module:
        """Padded by half of its size."""
        size = self.kernel_size
        return around(DeformableConv2d(ins, outs, size, padding=size // 2, bias=bias))


class Transposed(ConvolutionChoice):
    """Down to half of the size and back up: a strided convolution, then a transposed one."""

    kind: Literal["transposed"] = "transposed"

    label = "Transposed (down and up)"
    target = Hourglass
    card = Card(
        source="Zeiler et al. 2010, Deconvolutional networks; Noh et al. 2015",
        url="https://docs.pytorch.org/docs/stable/generated/torch.nn.ConvTranspose2d.html",
        formula=r"$x \to W_1 *_{\downarrow 2} x \to W_2^T *_{\uparrow 2}$",
        use="The up-sampling half of autoencoders and segmentation networks, to be seen at work.",
        pitfalls="Uneven overlap paints a checkerboard; detail lost on the way down does not come back.",
    )

    def layer(self, ins: int, outs: int, bias: bool, around: Wrap = unchanged) -> nn.Module:
        """The pair keeps the size of even and odd images alike."""
        down = around(nn.Conv2d(ins, outs, 3, stride=2, padding=1))
        up = around(nn.ConvTranspose2d(outs, outs, 3, stride=2, padding=1, bias=bias))
        return Hourglass(down, up)
