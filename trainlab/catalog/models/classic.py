"""The networks of 1998 to 2014, in small: layers in a row, then layers side by side."""

from functools import partial
from typing import Annotated, Literal

from torch import nn

from trainlab.catalog.activations import ActivationChoice, Tanh
from trainlab.catalog.convolutions import ConvolutionChoice, Plain
from trainlab.catalog.models.base import Shape, SmallModel, sequential, strides
from trainlab.catalog.models.blocks import Concat
from trainlab.catalog.norms import NoNorm, NormChoice
from trainlab.choice import Card, Knob, OneOf


class LeNet5(SmallModel):
    """Two convolutions with average pooling, then three fully connected layers."""

    kind: Literal["lenet5"] = "lenet5"
    width: int = Knob(
        6,
        ge=1,
        le=96,
        unit="channels",
        help="channels of the first layer; all others in proportion",
    )
    activation: Annotated[ActivationChoice, OneOf()] = Knob(
        Tanh(), help="the bend after each layer"
    )
    norm: Annotated[NormChoice, OneOf()] = Knob(
        NoNorm(), help="normalisation of each convolution's output; there was none in 1998"
    )

    label = "LeNet-5"
    target = nn.Sequential
    card = Card(
        source="LeCun, Bottou, Bengio & Haffner 1998, Gradient-based learning applied to document recognition",
        use="Digits of 28 or 32 pixels: 61,706 parameters and 99 %.",
        pitfalls="Its tanh and average pooling learn slowly; on small images the second 5x5 is padded.",
    )

    def stack(self, shape: Shape, classes: int) -> list[nn.Module]:
        """5x5 convolution and pooling, twice; then 120 and 84 units for a width of 6."""
        channels, height, width = shape
        first, second = self.width, max(1, self.width * 8 // 3)
        layers: list[nn.Module] = []
        for ins, outs, roomy in ((channels, first, 32), (first, second, 10)):
            padding = 0 if min(height, width) >= roomy else 2

            layers += self.normed(partial(nn.Conv2d, ins, outs, 5, padding=padding), outs)
            layers.append(self.activation.build())
            height, width = (side + 2 * padding - 4 for side in (height, width))
            if min(height, width) >= 2:
                layers.append(nn.AvgPool2d(2))
                height, width = height // 2, width // 2
        layers += [nn.Flatten(), nn.Linear(second * height * width, 20 * first)]
        layers += [self.activation.build(), nn.Linear(20 * first, 14 * first)]
        layers += [self.activation.build(), nn.Dropout(self.dropout)]
        return [*layers, nn.Linear(14 * first, classes)]


class AlexNet(SmallModel):
    """Five convolutions with overlapping pooling, then two wide layers with dropout."""

    kind: Literal["alexnet"] = "alexnet"
    norm: Annotated[NormChoice, OneOf()] = Knob(
        NoNorm(), help="normalisation of each convolution's output; the paper has LRN after two"
    )
    dropout: float = Knob(
        0.5, ge=0, le=0.95, help="share of units silenced in the two wide layers; 0.5 in the paper"
    )

    label = "AlexNet"
    target = nn.Sequential
    card = Card(
        source="Krizhevsky, Sutskever & Hinton 2012, ImageNet classification with deep convolutional networks",
        use="To see where it began: ReLU, dropout, augmentation and a GPU.",
        pitfalls="Most of its weights sit in the wide layers. Without a norm it needs a small learning rate.",
    )

    def stack(self, shape: Shape, classes: int) -> list[nn.Module]:
        """The paper's widths in proportion; 3x3 pooling of stride 2 while the image is large enough."""
        w, (channels, height, width) = self.width, shape
        pools = strides(shape, 4, smallest=2)[1:]
        plan = ((w, 5, 0), (3 * w, 5, 1), (6 * w, 3, None), (4 * w, 3, None), (4 * w, 3, 2))
        layers: list[nn.Module] = []
        for outs, size, pool in plan:
            layers += self.unit(channels, outs, size)
            channels = outs
            if pool is not None and pools[pool] == 2:
                layers.append(nn.MaxPool2d(3, 2, padding=1))
                height, width = (height + 1) // 2, (width + 1) // 2
        features = channels * height * width
        layers.append(nn.Flatten())
        for _layer in range(2):
            layers += [nn.Dropout(self.dropout), nn.Linear(features, 16 * w)]
            layers.append(self.activation.build())
            features = 16 * w
        return [*layers, nn.Linear(features, classes)]


class NiN(SmallModel):
    """Each convolution is followed by two of 1x1: a small network at every place; no linear layer."""

    kind: Literal["nin"] = "nin"
    width: int = Knob(32, ge=1, le=512, scale="log", unit="channels", help="channels of each layer")
    dropout: float = Knob(
        0.0, ge=0, le=0.95, help="share of features silenced between blocks; 0.5 in the paper"
    )

    label = "NiN (Network in Network)"
    target = nn.Sequential
    card = Card(
        source="Lin, Chen & Yan 2013, Network in network",
        use="The first with 1x1 convolutions and global average pooling: few weights, no linear layers.",
        pitfalls="The scores are means over the image, so each place is asked for the class.",
    )

    def stack(self, shape: Shape, classes: int) -> list[nn.Module]:
        """Three blocks of a convolution and two of 1x1; the last one's channels are the classes."""
        layers: list[nn.Module] = []
        channels = shape[0]
        for stride, size in zip(strides(shape, 3), (5, 5, 3), strict=True):
            if layers:
                layers += [nn.MaxPool2d(2)] if stride == 2 else []
                layers.append(nn.Dropout(self.dropout))
            layers += [
                *self.unit(channels, self.width, size),
                *self.unit(self.width, self.width, 1),
            ]
            channels = self.width
            if size == 5:
                layers += self.unit(channels, channels, 1)
        layers += [nn.Conv2d(channels, classes, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        return layers


VGG_CONVS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}


class VGG(SmallModel):
    """Nothing but 3x3 convolutions and 2x2 pooling, deep; then two wide layers."""

    kind: Literal["vgg"] = "vgg"
    layers: Literal[11, 13, 16, 19] = Knob(
        11, help="layers with weights: 8 to 16 convolutions and 3 linear"
    )
    convolution: Annotated[ConvolutionChoice, OneOf()] = Knob(
        Plain(), help="the kind of convolution"
    )

    label = "VGG"
    target = nn.Sequential
    card = Card(
        source="Simonyan & Zisserman 2014, Very deep convolutional networks for large-scale image recognition",
        use="A plain deep network: what depth gives, and what it costs.",
        pitfalls="Without normalisation the deeper ones hardly start to learn; that is what residuals are for.",
    )

    def stack(self, shape: Shape, classes: int) -> list[nn.Module]:
        """Five stages of the paper's lengths; each pools while two pixels remain."""
        channels, height, width = shape
        layers: list[nn.Module] = []
        for stage, count in enumerate(VGG_CONVS[self.layers]):
            outs = self.width << min(stage, 3)
            for _conv in range(count):
                layers += self.special(self.convolution, channels, outs)
                channels = outs
            if min(height, width) >= 4:
                layers.append(nn.MaxPool2d(2))
                height, width = height // 2, width // 2
        features = channels * height * width
        layers.append(nn.Flatten())
        for _layer in range(2):
            layers += [nn.Linear(features, 16 * self.width), self.activation.build()]
            layers.append(nn.Dropout(self.dropout))
            features = 16 * self.width
        return [*layers, nn.Linear(features, classes)]


class GoogLeNet(SmallModel):
    """Inception blocks: 1x1, 3x3, 5x5 and pooling side by side, made affordable by 1x1 convolutions."""

    kind: Literal["googlenet"] = "googlenet"
    blocks: int = Knob(
        2, ge=1, le=8, unit="blocks", help="Inception blocks in each of three stages"
    )

    label = "GoogLeNet (Inception)"
    target = nn.Sequential
    card = Card(
        source="Szegedy et al. 2014, Going deeper with convolutions",
        use="Patterns of several sizes at once, at a fraction of VGG's weights.",
        pitfalls="Many small layers: slower than its FLOPs suggest. Normalisation came a year later.",
    )

    def stack(self, shape: Shape, classes: int) -> list[nn.Module]:
        """A 3x3 convolution; three stages of Inception blocks with pooling between; mean, linear."""
        layers = self.unit(shape[0], 2 * self.width)
        channels = 2 * self.width
        for stage, stride in enumerate(strides(shape, 3)):
            if stride == 2:
                layers.append(nn.MaxPool2d(3, 2, padding=1))
            w = self.width << min(stage, 1)
            for _block in range(self.blocks):
                layers.append(self._inception(channels, w))
                channels = 3 * w + 2 * max(1, w // 2)
        return [*layers, *self.head(channels, classes)]

    def _inception(self, ins: int, w: int) -> nn.Module:
        half, wider = max(1, w // 2), w + max(1, w // 2)
        return Concat(
            sequential(self.unit(ins, w, 1)),
            sequential([*self.unit(ins, wider, 1), *self.unit(wider, 2 * w)]),
            sequential([*self.unit(ins, half, 1), *self.unit(half, half, 5)]),
            sequential([nn.MaxPool2d(3, 1, padding=1), *self.unit(ins, half, 1)]),
        )
