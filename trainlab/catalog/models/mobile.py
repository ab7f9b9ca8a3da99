"""Networks for telephones, 2016 to 2019, in small: few operations, most of them 1x1 or depthwise."""

from typing import Annotated, ClassVar, Literal, NamedTuple

from torch import nn

from trainlab.catalog.activations import ActivationChoice, Hardswish, ReLU6, SiLU
from trainlab.catalog.models.base import Shape, SmallModel, sequential, share, strides
from trainlab.catalog.models.blocks import Concat, Residual, Split
from trainlab.catalog.models.residual import squeeze_excite, stochastic_depth
from trainlab.choice import Card, Knob, OneOf


class SqueezeNet(SmallModel):
    """Fire modules: 1x1 squeezes the channels, then 1x1 and 3x3 side by side widen them again."""

    kind: Literal["squeezenet"] = "squeezenet"
    blocks: int = Knob(2, ge=1, le=8, unit="blocks", help="fire modules in each of three stages")

    label = "SqueezeNet"
    target = nn.Sequential
    card = Card(
        source="Iandola et al. 2016, SqueezeNet: AlexNet-level accuracy with 50x fewer parameters",
        use="Where the file must be small.",
        pitfalls="Few parameters, not few operations: later mobile networks are faster.",
    )

    def stack(self, shape: Shape, classes: int) -> list[nn.Module]:
        """A 3x3 convolution; three stages of fire modules with pooling between; 1x1 to the classes; mean."""
        layers, channels = self.unit(shape[0], 2 * self.width), 2 * self.width
        for stage, stride in enumerate(strides(shape, 3)):
            layers += [nn.MaxPool2d(3, 2, padding=1)] if stride == 2 else []
            squeezed, wide = max(1, self.width * (stage + 1) // 2), self.width * (stage + 1)
            for _block in range(self.blocks):
                layers += self.unit(channels, squeezed, 1)
                sides = (self.unit(squeezed, wide, 1), self.unit(squeezed, wide, 3))
                layers.append(Concat(*(sequential(side) for side in sides)))
                channels = 2 * wide
        layers += [nn.Dropout(self.dropout), nn.Conv2d(channels, classes, 1)]
        return [*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()]


class MobileNetV1(SmallModel):
    """Depthwise separable convolutions in a row."""

    kind: Literal["mobilenet_v1"] = "mobilenet_v1"

    label = "MobileNet v1"
    target = nn.Sequential
    card = Card(
        source="Howard et al. 2017, MobileNets: efficient convolutional neural networks for mobile vision",
        use="A VGG at an eighth of the operations; the width is its knob.",
        pitfalls="Depthwise layers are limited by memory, not arithmetic: a GPU gains little.",
    )

    def stack(self, shape: Shape, classes: int) -> list[nn.Module]:
        """A convolution; three stages of two (depthwise 3x3, 1x1); mean, linear."""
        layers, channels = self.unit(shape[0], self.width), self.width
        for stage, stride in enumerate(strides(shape, 3)):
            outs = (2 * self.width) << stage
            for step in (stride, 1):
                layers += self.unit(channels, channels, 3, step, groups=channels)
                layers += self.unit(channels, outs, 1)
                channels = outs
        return [*layers, *self.head(channels, classes)]


class Row(NamedTuple):
    """A stage of inverted residuals: how many blocks, how wide (in eighths of the width), and each block's build."""

    blocks: int
    width: int
    expand: int
    size: int = 3
    squeeze: bool = False


class InvertedModel(SmallModel):
    """Stages of inverted residuals: 1x1 widens, depthwise filters, 1x1 narrows; the narrow ends are added."""

    rows: ClassVar[tuple[Row, ...]]
    gate: ClassVar[type[nn.Module]] = nn.Sigmoid

    def stack(self, shape: Shape, classes: int) -> list[nn.Module]:
        """A convolution, a stage a row, a last 1x1 convolution; mean, linear."""
        layers, channels = self.unit(shape[0], self.width), self.width
        count, number = sum(row.blocks for row in self.rows), 0
        for row, stride in zip(self.rows, strides(shape, len(self.rows)), strict=True):
            outs = max(1, self.width * row.width // 8)
            for block in range(row.blocks):
                step = 1 if block else stride
                drop = share(self.left_out(), number, count)
                layers += self._inverted(row, (channels, outs), step, drop)
                channels, number = outs, number + 1
        layers += self.unit(channels, 4 * channels, 1)
        return [*layers, *self.head(4 * channels, classes)]

    def left_out(self) -> float:
        """How often the last block is left out in training."""
        return 0.0

    def _inverted(
        self, row: Row, channels: tuple[int, int], stride: int, drop: float
    ) -> list[nn.Module]:
        ins, outs = channels
        wide = ins * row.expand
        layers = self.unit(ins, wide, 1) if row.expand > 1 else []
        layers += self.unit(wide, wide, row.size, stride, groups=wide)
        if row.squeeze:
            gate = type(self).gate()
            layers.append(squeeze_excite(wide, max(1, ins // 4), self.activation.build(), gate))
        layers += self.conv(wide, outs, 1)
        if stride == 1 and ins == outs:
            return [Residual(sequential([*layers, *stochastic_depth(drop)]))]
        return layers


class MobileNetV2(InvertedModel):
    """Inverted residuals: narrow between the blocks, six times wider inside, nothing bent at the end."""

    kind: Literal["mobilenet_v2"] = "mobilenet_v2"
    activation: Annotated[ActivationChoice, OneOf()] = Knob(
        ReLU6(), help="the bend after each layer"
    )

    label = "MobileNet v2"
    target = nn.Sequential
    rows = (Row(1, 8, 1), Row(2, 12, 6), Row(2, 16, 6), Row(2, 24, 6))
    card = Card(
        source="Sandler et al. 2018, MobileNetV2: inverted residuals and linear bottlenecks",
        use="Few operations and little memory; the block that later mobile networks share.",
        pitfalls="Hardly faster on a GPU than a plain network of its accuracy.",
    )


class MobileNetV3(InvertedModel):
    """MobileNet v2 with channels weighed, larger filters late, and a cheap smooth activation."""

    kind: Literal["mobilenet_v3"] = "mobilenet_v3"
    activation: Annotated[ActivationChoice, OneOf()] = Knob(
        Hardswish(), help="the bend after each layer"
    )

    label = "MobileNet v3"
    target = nn.Sequential
    gate = nn.Hardsigmoid
    rows = (
        Row(1, 8, 1, squeeze=True),
        Row(2, 12, 4),
        Row(2, 16, 4, 5, squeeze=True),
        Row(2, 24, 6, 5, squeeze=True),
    )
    card = Card(
        source="Howard et al. 2019, Searching for MobileNetV3",
        use="The best of its family at a given time on a telephone.",
        pitfalls="Found by a search for one telephone: elsewhere the gain is smaller.",
    )


class MNASNet(InvertedModel):
    """Inverted residuals whose sizes were searched for, with the time on a telephone in the goal."""

    kind: Literal["mnasnet"] = "mnasnet"

    label = "MNASNet"
    target = nn.Sequential
    rows = (Row(1, 8, 1), Row(2, 12, 3), Row(2, 16, 3, 5), Row(2, 24, 6, 5))
    card = Card(
        source="Tan et al. 2019, MnasNet: platform-aware neural architecture search for mobile",
        use="To see what a search chooses: 5x5 filters, and other widths in each stage.",
        pitfalls="The small variant keeps the pattern, not the searched numbers.",
    )


class EfficientNet(InvertedModel):
    """Inverted residuals with weighed channels; depth, width and image size grow together."""

    kind: Literal["efficientnet"] = "efficientnet"
    activation: Annotated[ActivationChoice, OneOf()] = Knob(
        SiLU(), help="the bend after each layer"
    )
    stochastic_depth: float = Knob(
        0.0, ge=0, lt=1, help="how often the last block is left out in training; 0.2 in the paper"
    )

    label = "EfficientNet"
    target = nn.Sequential
    rows = (
        Row(1, 8, 1, squeeze=True),
        Row(2, 12, 6, squeeze=True),
        Row(2, 16, 6, 5, squeeze=True),
        Row(2, 24, 6, 3, squeeze=True),
    )
    card = Card(
        source="Tan & Le 2019, EfficientNet: rethinking model scaling for convolutional neural networks",
        formula=r"$depth: \alpha^\phi,\ width: \beta^\phi,\ size: \gamma^\phi,\ \alpha\beta^2\gamma^2 \approx 2$",
        use="Accuracy for few parameters and operations.",
        pitfalls="Depthwise layers and gates make it slower than its FLOPs; sensitive to the schedule.",
    )

    def left_out(self) -> float:
        """The stochastic depth of the last block."""
        return self.stochastic_depth


class ShuffleNet(SmallModel):
    """Half of the channels pass by untouched; then the channels are shuffled, so that all are worked on."""

    kind: Literal["shufflenet"] = "shufflenet"
    width: int = Knob(
        32, ge=2, le=512, multiple_of=2, unit="channels", help="channels of the first stage; even"
    )
    blocks: int = Knob(2, ge=1, le=8, unit="blocks", help="blocks in each of three stages")

    label = "ShuffleNet v2"
    target = nn.Sequential
    card = Card(
        source="Ma, Zhang, Zheng & Sun 2018, ShuffleNet V2: practical guidelines for efficient CNN design",
        use="Made for the clock, not for the FLOP count: equal widths, no groups, few branches.",
        pitfalls="Chunks and shuffles copy memory; on large GPUs a plain network may win.",
    )

    def stack(self, shape: Shape, classes: int) -> list[nn.Module]:
        """A convolution; three stages that begin with a widening block; 1x1; mean, linear."""
        layers, channels = self.unit(shape[0], self.width), self.width
        for stage, stride in enumerate(strides(shape, 3)):
            outs = self.width << stage
            for block in range(self.blocks):
                if block or channels == outs:
                    side = sequential(self._side(outs // 2, outs // 2, 1))
                    layers.append(Split(side))
                else:
                    layers.append(self._widening(channels, outs // 2, stride))
                layers.append(nn.ChannelShuffle(2))
                channels = outs
        layers += self.unit(channels, 2 * channels, 1)
        return [*layers, *self.head(2 * channels, classes)]

    def _side(self, ins: int, outs: int, stride: int) -> list[nn.Module]:
        mixed = self.unit(ins, outs, 1)
        depthwise = self.conv(outs, outs, 3, stride, groups=outs)
        return [*mixed, *depthwise, *self.unit(outs, outs, 1)]

    def _widening(self, ins: int, half: int, stride: int) -> nn.Module:
        other = [*self.conv(ins, ins, 3, stride, groups=ins), *self.unit(ins, half, 1)]
        return Concat(sequential(other), sequential(self._side(ins, half, stride)))
