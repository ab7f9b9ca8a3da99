"""Residual networks, 2015 to 2018, in small: blocks that add to what they were given."""

from abc import abstractmethod
from typing import Literal

from torch import nn

from trainlab.catalog.models.base import Shape, SmallModel, sequential, share, strides
from trainlab.catalog.models.blocks import Concat, Residual, SqueezeExcite
from trainlab.choice import Card, Knob


class ResidualModel(SmallModel):
    """Stages of residual blocks; each stage doubles the channels and, while there is room, halves the image."""

    stages: int = Knob(3, ge=1, le=5, help="stages; the image is halved while 4 pixels remain")
    blocks: int = Knob(2, ge=1, le=18, unit="blocks", help="residual blocks in each stage")
    stochastic_depth: float = Knob(
        0.0, ge=0, lt=1, help="how often the last block is left out in training; less for the first"
    )

    @abstractmethod
    def branch(self, ins: int, outs: int, stride: int) -> list[nn.Module]:
        """What a block adds to its shortcut."""

    def block(self, ins: int, outs: int, stride: int, drop: float) -> list[nn.Module]:
        """Branch plus shortcut, then the activation."""
        plain = ins == outs and stride == 1
        branch = [*self.branch(ins, outs, stride), *stochastic_depth(drop)]
        shortcut = None if plain else sequential(self.conv(ins, outs, 1, stride))
        return [Residual(sequential(branch), shortcut), self.activation.build()]

    def first(self, channels: int) -> list[nn.Module]:
        """What comes before the stages."""
        return self.unit(channels, self.width)

    def finish(self, channels: int) -> list[nn.Module]:
        """What comes after the stages."""
        return []

    def outs(self, stage: int) -> int:
        """The channels of a stage."""
        return self.width << stage

    def stack(self, shape: Shape, classes: int) -> list[nn.Module]:
        """A convolution, the stages, the mean over the image, and a linear layer."""
        layers, channels = self.first(shape[0]), self.width
        for stage, stride in enumerate(strides(shape, self.stages)):
            for block in range(self.blocks):
                number, count = stage * self.blocks + block, self.stages * self.blocks
                drop = share(self.stochastic_depth, number, count)
                step = 1 if block else stride
                layers += self.block(channels, self.outs(stage), step, drop)
                channels = self.outs(stage)
        return [*layers, *self.finish(channels), *self.head(channels, classes)]


def stochastic_depth(p: float) -> list[nn.Module]:
    """The layer that leaves a branch out, image by image, with probability p; none where p is 0."""
    if p == 0:
        return []
    from torchvision.ops import StochasticDepth  # importing torchvision takes a second

    return [StochasticDepth(p, "row")]


class ResNet(ResidualModel):
    """Blocks of two 3x3 convolutions, each added to its own input."""

    kind: Literal["resnet"] = "resnet"

    label = "ResNet"
    target = nn.Sequential
    card = Card(
        source="He, Zhang, Ren & Sun 2015, Deep residual learning for image recognition",
        formula=r"$y = f(x + F(x))$",
        use="The default for images: deep networks that train. 3 blocks a stage make ResNet-20.",
        pitfalls="The sum grows with depth: use a norm, or start each branch at zero.",
    )

    def branch(self, ins: int, outs: int, stride: int) -> list[nn.Module]:
        """3x3 (with the stride), 3x3."""
        return [*self.unit(ins, outs, 3, stride), *self.conv(outs, outs)]


class WideResNet(ResidualModel):
    """Fewer, wider blocks, normalised before each convolution, with dropout between the two."""

    kind: Literal["wide_resnet"] = "wide_resnet"
    blocks: int = Knob(1, ge=1, le=18, unit="blocks", help="residual blocks in each stage")
    widen: int = Knob(
        2, ge=1, le=16, help="how many times wider than a ResNet; 8 to 12 in the paper"
    )
    dropout: float = Knob(
        0.0, ge=0, le=0.95, help="share of features silenced inside of each block; 0.3 in the paper"
    )

    label = "Wide ResNet"
    target = nn.Sequential
    card = Card(
        source="Zagoruyko & Komodakis 2016, Wide residual networks; He et al. 2016, Identity mappings",
        formula=r"$y = x + F(x)$",
        use="Width instead of depth: as good as a far deeper ResNet, and faster on a GPU.",
        pitfalls="Parameters grow with the square of the width.",
    )

    def outs(self, stage: int) -> int:
        """The channels of a stage."""
        return (self.width * self.widen) << stage

    def branch(self, ins: int, outs: int, stride: int) -> list[nn.Module]:
        """(norm, activation, 3x3) twice, with dropout before the second convolution."""
        layers = [*self.before(ins), *self.unit(ins, outs, 3, stride), nn.Dropout(self.dropout)]
        return [*layers, self.bare(outs, outs)]

    def block(self, ins: int, outs: int, stride: int, drop: float) -> list[nn.Module]:
        """Branch plus shortcut; nothing bends what is handed on."""
        plain = ins == outs and stride == 1
        branch = sequential([*self.branch(ins, outs, stride), *stochastic_depth(drop)])
        shortcut = None if plain else self.bare(ins, outs, 1, stride)
        return [Residual(branch, shortcut)]

    def first(self, channels: int) -> list[nn.Module]:
        """A convolution alone: the first block brings its own norm."""
        return [self.bare(channels, self.width)]

    def finish(self, channels: int) -> list[nn.Module]:
        """The norm and the bend that are still owed."""
        return self.before(channels)


class ResNeXt(ResidualModel):
    """Bottleneck blocks whose 3x3 convolution is cut into groups: many narrow paths in one."""

    kind: Literal["resnext"] = "resnext"
    width: int = Knob(
        32, ge=1, le=512, scale="log", unit="channels", help="channels of the first stage"
    )
    blocks: int = Knob(1, ge=1, le=18, unit="blocks", help="residual blocks in each stage")
    groups: int = Knob(8, ge=1, le=64, help="paths in each block; where they do not divide, fewer")

    label = "ResNeXt"
    target = nn.Sequential
    card = Card(
        source="Xie et al. 2017, Aggregated residual transformations for deep neural networks",
        formula=r"$y = f(x + \sum_i F_i(x))$",
        use="More paths instead of more width or depth, at the same cost.",
        pitfalls="Grouped convolutions have few FLOPs and yet are slow on many machines.",
    )

    def branch(self, ins: int, outs: int, stride: int) -> list[nn.Module]:
        """1x1 to half of the channels, grouped 3x3, 1x1 back."""
        inner = max(1, outs // 2)
        groups = max(g for g in range(1, self.groups + 1) if inner % g == 0)
        narrow = self.unit(ins, inner, 1)
        grouped = self.unit(inner, inner, 3, stride, groups)
        return [*narrow, *grouped, *self.conv(inner, outs, 1)]


class SEResNet(ResidualModel):
    """A ResNet whose blocks weigh their channels by what the whole image shows."""

    kind: Literal["se_resnet"] = "se_resnet"
    reduction: int = Knob(4, ge=1, le=64, help="how much narrower the weighing is; 16 in the paper")

    label = "SE-ResNet"
    target = nn.Sequential
    card = Card(
        source="Hu, Shen & Sun 2018, Squeeze-and-excitation networks",
        formula=r"$y = f(x + s(F(x))\cdot F(x))$",
        use="A little accuracy for a few parameters, in any network.",
        pitfalls="Global pooling in each block: small cost in FLOPs, more in time.",
    )

    def branch(self, ins: int, outs: int, stride: int) -> list[nn.Module]:
        """3x3 (with the stride), 3x3, weighed."""
        seen = [*self.unit(ins, outs, 3, stride), *self.conv(outs, outs)]
        squeezed = squeeze_excite(outs, max(1, outs // self.reduction), self.activation.build())
        return [*seen, squeezed]


def squeeze_excite(
    channels: int, inner: int, bend: nn.Module, gate: nn.Module | None = None
) -> nn.Module:
    """Mean over the image, two 1x1 convolutions, and a gate in (0, 1) that weighs each channel."""
    layers = [nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, inner, 1), bend]
    return SqueezeExcite(*layers, nn.Conv2d(inner, channels, 1), gate or nn.Sigmoid())


class DenseNet(SmallModel):
    """Each layer sees the outputs of all layers before it, side by side."""

    kind: Literal["densenet"] = "densenet"
    width: int = Knob(
        8,
        ge=1,
        le=64,
        unit="channels",
        help="channels that each layer adds (growth rate); 12 to 40 in the paper",
    )
    stages: int = Knob(3, ge=1, le=4, help="dense blocks, with pooling between them")
    blocks: int = Knob(4, ge=1, le=32, unit="layers", help="layers in each dense block")

    label = "DenseNet"
    target = nn.Sequential
    card = Card(
        source="Huang, Liu, van der Maaten & Weinberger 2017, Densely connected convolutional networks",
        formula=r"$x_{i+1} = [x_i,\ F(x_i)]$",
        use="Few parameters for its accuracy: features are used again instead of learned again.",
        pitfalls="Memory: every layer's output is kept, and copied where it is joined.",
    )

    def stack(self, shape: Shape, classes: int) -> list[nn.Module]:
        """A convolution; dense blocks, with a 1x1 convolution to half and pooling between them."""
        channels = 2 * self.width
        layers = [self.bare(shape[0], channels)]
        for stage, stride in enumerate(strides(shape, self.stages)):
            if stage:
                half = max(1, channels // 2 // self.width) * self.width
                layers += [*self.before(channels), self.bare(channels, half, 1)]
                layers += [nn.AvgPool2d(2)] if stride == 2 else []
                channels = half
            for _layer in range(self.blocks):
                layers.append(Concat(nn.Identity(), sequential(self._grown(channels))))
                channels += self.width
        return [*layers, *self.before(channels), *self.head(channels, classes)]

    def _grown(self, channels: int) -> list[nn.Module]:
        inner = self.unit(channels, 4 * self.width, 1)
        return [*self.before(channels), *inner, self.bare(4 * self.width, self.width)]
