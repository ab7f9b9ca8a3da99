"""The twenties, in small: attention in place of convolutions, and convolutions that answer it."""

from typing import Annotated, Literal

from torch import nn

from trainlab.catalog.activations import GELU, ActivationChoice
from trainlab.catalog.models.base import Shape, SmallModel, sequential, share, strides
from trainlab.catalog.models.blocks import (
    Attention,
    ClassToken,
    LayerScale,
    PerToken,
    Residual,
    Tokens,
)
from trainlab.catalog.models.residual import stochastic_depth
from trainlab.catalog.norms import LayerNorm, NormChoice
from trainlab.choice import Card, Knob, OneOf
from trainlab.errors import Problem
from trainlab.text import _


class ConvNeXt(SmallModel):
    """A residual network with a transformer's habits: large depthwise filters, one norm and bend a block."""

    kind: Literal["convnext"] = "convnext"
    activation: Annotated[ActivationChoice, OneOf()] = Knob(
        GELU(), help="the bend inside of each block"
    )
    norm: Annotated[NormChoice, OneOf()] = Knob(LayerNorm(), help="normalisation in each block")
    stages: int = Knob(3, ge=1, le=4, help="stages; the image is halved while 4 pixels remain")
    blocks: int = Knob(2, ge=1, le=18, unit="blocks", help="residual blocks in each stage")
    layer_scale: float = Knob(
        0.1, gt=0, le=1, scale="log", help="factor that each branch starts with; 1e-6 in the paper"
    )
    stochastic_depth: float = Knob(
        0.0,
        ge=0,
        lt=1,
        help="how often the last block is left out in training; 0.1 to 0.5 when large",
    )

    label = "ConvNeXt"
    target = nn.Sequential
    card = Card(
        source="Liu et al. 2022, A ConvNet for the 2020s",
        formula=r"$y = x + \gamma\,W_2\,f(W_1\,N(K * x))$",
        use="A convolutional network as good as a transformer of its size.",
        pitfalls="7x7 filters reach over the edge of small maps. Layer norm is over the whole image here.",
    )

    def stack(self, shape: Shape, classes: int) -> list[nn.Module]:
        """A 3x3 convolution; stages of blocks with a strided convolution between; mean, linear."""
        stem = 2 if min(shape[1:]) >= 28 else 1
        layers = self.conv(shape[0], self.width, 3, stem)
        channels, count = self.width, self.stages * self.blocks
        room = (channels, shape[1] // stem, shape[2] // stem)
        for stage, stride in enumerate(strides(room, self.stages)):
            outs = self.width << stage
            if stage:
                layers.append(self.norm.layer(channels, spatial=True))
                layers.append(nn.Conv2d(channels, outs, stride, stride))
            for block in range(self.blocks):
                drop = share(self.stochastic_depth, stage * self.blocks + block, count)
                layers.append(Residual(sequential(self._branch(outs, drop))))
            channels = outs
        return [*layers, *self.head(channels, classes)]

    def _branch(self, n: int, drop: float) -> list[nn.Module]:
        seen = self.conv(n, n, 7, groups=n)
        mixed = [nn.Conv2d(n, 4 * n, 1), self.activation.build(), nn.Conv2d(4 * n, n, 1)]
        scaled = [LayerScale(n, self.layer_scale), *stochastic_depth(drop)]
        return [*seen, *mixed, *scaled]


class ViT(SmallModel):
    """Patches of the image as tokens; in each block every token looks at every other."""

    kind: Literal["vit"] = "vit"
    width: int = Knob(
        64,
        ge=8,
        le=1024,
        scale="log",
        unit="features",
        help="features of a token; the heads share them",
    )
    activation: Annotated[ActivationChoice, OneOf()] = Knob(
        GELU(), help="the bend inside of each block"
    )
    norm: Annotated[NormChoice, OneOf()] = Knob(
        LayerNorm(), help="normalisation in front of each branch"
    )
    dropout: float = Knob(
        0.0, ge=0, le=0.95, help="share of features silenced after each branch; 0.1 is usual"
    )
    patch: int | None = Knob(
        None,
        ge=1,
        le=64,
        unit="pixels",
        help="side of a patch; about an eighth of the image if empty",
    )
    depth: int = Knob(3, ge=1, le=24, unit="blocks", help="blocks of attention and a small MLP")
    heads: int = Knob(
        4, ge=1, le=16, help="looks that are taken side by side; they divide the width"
    )
    stochastic_depth: float = Knob(
        0.0,
        ge=0,
        lt=1,
        help="how often the last branch is left out in training; less for the first",
    )

    label = "ViT (vision transformer)"
    target = nn.Sequential
    card = Card(
        source="Dosovitskiy et al. 2021, An image is worth 16x16 words",
        formula=r"$softmax(Q K^T / \sqrt{d})\,V$",
        use="Much data or trained weights; to see attention at work.",
        pitfalls="Knows nothing of neighbourhood: on small data sets a convolutional network is ahead.",
    )

    def stack(self, shape: Shape, classes: int) -> list[nn.Module]:
        """Patches, class token and positions; blocks of attention and MLP; norm, class token, linear."""
        channels, height, width = shape
        patch = self._patch(min(height, width))
        if self.width % self.heads:
            raise Problem(
                _("model.heads: {heads} heads cannot share {width} features").format(
                    heads=self.heads, width=self.width
                ),
                _("each head gets the same number of features"),
                _("choose a divisor of {width}").format(width=self.width),
            )
        layers: list[nn.Module] = [nn.Conv2d(channels, self.width, patch, patch)]
        layers.append(Tokens(self.width, (height // patch) * (width // patch)))
        for block in range(self.depth):
            drop = share(self.stochastic_depth, block, self.depth)
            for inner in (self._attention(), self._mlp()):
                after = [nn.Dropout(self.dropout), *stochastic_depth(drop)]
                layers.append(Residual(sequential([self._normed(), *inner, *after])))
        return [*layers, self._normed(), ClassToken(), nn.Linear(self.width, classes)]

    def _patch(self, side: int) -> int:
        """The side of a patch: the largest power of two that leaves seven patches a row, at least 2."""
        patch = self.patch or max([2, *(p for p in (2, 4, 8, 16, 32) if side // p >= 7)])
        if patch > side:
            raise Problem(
                _("model.patch: {patch} pixels are more than the image has").format(patch=patch),
                _("its shorter side has {side}").format(side=side),
                _("choose at most {side}, or leave it empty").format(side=side),
            )
        return patch

    def _normed(self) -> nn.Module:
        norm = self.norm.layer(self.width, spatial=False)
        whole = isinstance(
            norm, nn.LayerNorm | nn.RMSNorm | nn.Identity
        )  # these take tokens as they are
        return norm if whole else PerToken(norm)

    def _attention(self) -> list[nn.Module]:
        return [self._linear(1, 3), Attention(self.heads), self._linear(1, 1)]

    def _mlp(self) -> list[nn.Module]:
        return [self._linear(1, 4), self.activation.build(), self._linear(4, 1)]

    def _linear(self, ins: int, outs: int) -> nn.Module:
        """From so many widths to so many."""
        return self.norm.around(nn.Linear(ins * self.width, outs * self.width))
