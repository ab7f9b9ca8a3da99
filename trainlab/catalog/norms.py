"""Normalisations: they keep the scale of activations in hand, or that of the weights.

`layer(channels, spatial)` is the module that follows a layer; `around(layer)` is the layer itself, wrapped.
"""

from functools import partial
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from trainlab.choice import Card, Choice, Knob
from trainlab.errors import Problem
from trainlab.text import _

_DOCS = "https://docs.pytorch.org/docs/stable/generated/torch.nn."


def _eps(help: str = "added to the variance before its root") -> Any:
    return Knob(1e-5, gt=0, le=1e-1, scale="log", help=help)


class RMSNorm2d(nn.Module):
    """Divides images (N, C, H, W) by the root mean square of all features of each; a gain a channel."""

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.channels, self.eps = channels, eps
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, input: Tensor) -> Tensor:
        """The normalised images."""
        scale = (input.square().mean((1, 2, 3), keepdim=True) + self.eps).rsqrt()
        return input * scale * self.weight[:, None, None]


def weight_normed(layer: Any) -> nn.Module:
    """A layer under torch's weight norm, which knows how to take another weight."""
    vars(layer)["assign"] = assign_length_and_direction
    wrapped: nn.Module = parametrizations.weight_norm(layer)
    return wrapped


def assign_length_and_direction(layer: Any, weight: Tensor) -> None:
    """Give a layer under weight norm this weight; a row of zeros keeps its direction, at length zero."""
    silent = weight.flatten(1).norm(dim=1).view(-1, *[1] * (weight.ndim - 1)) == 0
    layer.weight = torch.where(silent, layer.weight.detach(), weight)
    layer.parametrizations.weight.original0.detach()[silent] = 0


def spectral_normed(layer: Any, n_power_iterations: int = 1, eps: float = 1e-12) -> nn.Module:
    """A layer under torch's spectral norm, which knows how to take another weight."""
    vars(layer)["assign"] = assign_and_look
    return parametrizations.spectral_norm(layer, n_power_iterations=n_power_iterations, eps=eps)


def assign_and_look(layer: Any, weight: Tensor) -> None:
    """Give a layer under spectral norm this weight; each look is a step towards its singular value."""
    layer.weight = weight
    for _look in range(15):
        layer.weight.detach()


class NormChoice(Choice):
    """A normalisation put after each layer; `flat` is its module for features without height and width."""

    flat: ClassVar[Any] = None

    def layer(self, channels: int, spatial: bool) -> nn.Module:
        """The module for `channels`, over images (N, C, H, W) or features (N, C)."""
        kind = type(self).target if spatial else type(self).flat or type(self).target
        module: nn.Module = kind(channels, **self.arguments())
        return module

    def around(self, layer: nn.Module) -> nn.Module:
        """The convolution or linear layer as this norm wants it: unchanged, unless its weight is normalised."""
        return layer


class NoNorm(NormChoice):
    """No normalisation."""

    kind: Literal["none"] = "none"

    label = "None"
    target = nn.Identity
    card = Card(
        source="",
        use="To see what normalisation does for you.",
        pitfalls="Deep networks become sensitive to the initialisation and the learning rate.",
    )

    def layer(self, channels: int, spatial: bool) -> nn.Module:
        """A module that does nothing."""
        return nn.Identity()


class BatchNorm(NormChoice):
    """Standardises each channel over the batch."""

    kind: Literal["batch"] = "batch"
    eps: float = _eps()
    momentum: float = Knob(0.1, gt=0, le=1, help="share of the new batch in the running statistics")

    label = "Batch norm"
    target = nn.BatchNorm2d
    flat = nn.BatchNorm1d
    card = Card(
        source="Ioffe & Szegedy 2015, Batch normalization",
        url=_DOCS + "BatchNorm2d.html",
        formula=r"$\gamma\,(x-\mu_B)/\sqrt{\sigma_B^2+\epsilon}+\beta$",
        use="Convolutional networks with batches of 16 and more: higher learning rates, less care.",
        pitfalls="Couples the images of a batch; small batches are noisy; differs in train and eval mode.",
    )


class GroupNorm(NormChoice):
    """Standardises groups of channels within each image."""

    kind: Literal["group"] = "group"
    num_groups: int = Knob(8, ge=1, le=512, scale="log", help="groups; they must divide the width")
    eps: float = _eps()

    label = "Group norm"
    target = nn.GroupNorm
    card = Card(
        source="Wu & He 2018, Group normalization",
        url=_DOCS + "GroupNorm.html",
        formula=r"$\gamma\,(x-\mu_G)/\sqrt{\sigma_G^2+\epsilon}+\beta$",
        use="Small batches: nothing depends on the other images.",
        pitfalls="The number of channels must be divisible by the number of groups.",
    )

    def layer(self, channels: int, spatial: bool) -> nn.Module:
        """torch's GroupNorm takes the groups first. Raises Problem where they do not divide the channels."""
        if channels % self.num_groups:
            raise Problem(
                _(
                    "model.norm.num_groups: {channels} channels cannot be cut into {groups} groups"
                ).format(channels=channels, groups=self.num_groups),
                _("every group holds the same number of channels"),
                _("choose a divisor of {channels}").format(channels=channels),
            )
        return nn.GroupNorm(num_channels=channels, **self.arguments())


class LayerNorm(NormChoice):
    """Standardises all features of each image together."""

    kind: Literal["layer"] = "layer"
    eps: float = _eps()

    label = "Layer norm"
    target = nn.GroupNorm
    flat = nn.LayerNorm
    card = Card(
        source="Ba et al. 2016, Layer normalization",
        url=_DOCS + "LayerNorm.html",
        formula=r"$\gamma\,(x-\mu)/\sqrt{\sigma^2+\epsilon}+\beta$",
        use="Multi-layer perceptrons and transformers.",
        pitfalls="In convolutional networks usually behind batch norm.",
    )

    def layer(self, channels: int, spatial: bool) -> nn.Module:
        """Over (C, H, W) it is group norm with one group: a scale and shift a channel."""
        return (
            nn.GroupNorm(1, channels, eps=self.eps)
            if spatial
            else nn.LayerNorm(channels, eps=self.eps)
        )


class RMSNorm(NormChoice):
    """Layer norm without the mean: divides each image's features by their root mean square."""

    kind: Literal["rms"] = "rms"
    eps: float = _eps(
        "added to the mean square before its root; torch's own default is the smallest step of the numbers"
    )

    label = "RMS norm"
    target = RMSNorm2d
    flat = nn.RMSNorm
    card = Card(
        source="Zhang & Sennrich 2019, Root mean square layer normalization",
        url=_DOCS + "RMSNorm.html",
        formula=r"$\gamma\,x/\sqrt{mean(x^2)+\epsilon}$",
        use="As layer norm, for less work: recent transformers.",
        pitfalls="It shifts nothing: with ReLU in front of it all features stay on one side of zero.",
    )


class InstanceNorm(NormChoice):
    """Standardises each channel of each image over its positions."""

    kind: Literal["instance"] = "instance"
    eps: float = _eps()
    affine: bool = Knob(False, help="learn a scale and a shift for each channel")

    label = "Instance norm"
    target = nn.InstanceNorm2d
    card = Card(
        source="Ulyanov et al. 2016, Instance normalization",
        url=_DOCS + "InstanceNorm2d.html",
        formula=r"$\gamma\,(x-\mu_{HW})/\sqrt{\sigma_{HW}^2+\epsilon}+\beta$",
        use="Style transfer; where contrast and brightness of an image should not matter.",
        pitfalls=(
            "How strong a feature is, is lost, which classifiers need. Flat features have one position "
            "each: they are left as they are, and feature maps of one pixel are refused by torch."
        ),
    )

    def layer(self, channels: int, spatial: bool) -> nn.Module:
        """Nothing over flat features: each would be its own mean."""
        return super().layer(channels, spatial) if spatial else nn.Identity()


class LocalResponseNorm(NormChoice):
    """Damps a feature where its neighbours among the channels are strong."""

    kind: Literal["lrn"] = "lrn"
    size: int = Knob(5, ge=1, le=63, unit="channels", help="neighbours that count, itself included")
    alpha: float = Knob(1e-4, gt=0, le=10, scale="log", help="how strongly they damp")
    beta: float = Knob(0.75, gt=0, le=5, help="exponent of the damping")
    k: float = Knob(1.0, gt=0, le=10, help="keeps the division finite; AlexNet took 2")

    label = "Local response norm"
    target = nn.LocalResponseNorm
    card = Card(
        source="Krizhevsky et al. 2012, ImageNet classification (AlexNet)",
        url=_DOCS + "LocalResponseNorm.html",
        formula=r"$x_c\,/\,(k + \frac{\alpha}{n}\sum_{c'} x_{c'}^2)^{\beta}$",
        use="To rebuild AlexNet and GoogLeNet as they were.",
        pitfalls="Hardly helps, as VGG's authors measured; flat features are left as they are.",
    )

    def layer(self, channels: int, spatial: bool) -> nn.Module:
        """torch's own over images; nothing over flat features, which have no neighbours."""
        return nn.LocalResponseNorm(**self.arguments()) if spatial else nn.Identity()


class _WeightsNormed(NormChoice):
    """A norm of weights: nothing follows the layer, whose weight is computed anew at every step."""

    def layer(self, channels: int, spatial: bool) -> nn.Module:
        """A module that does nothing."""
        return nn.Identity()

    def around(self, layer: nn.Module) -> nn.Module:
        """The layer, its weight under torch's parametrisation; it says how in `wrapped_by`."""
        wrap = partial(type(self).target, **self.arguments())
        vars(layer)["wrapped_by"] = wrap  # the exported script prints it
        wrapped: nn.Module = wrap(layer)
        return wrapped


class WeightNorm(_WeightsNormed):
    """Splits each filter into its length and its direction, which are learned apart."""

    kind: Literal["weight"] = "weight"

    label = "Weight norm"
    target = weight_normed
    card = Card(
        source="Salimans & Kingma 2016, Weight normalization",
        url=_DOCS + "utils.parametrizations.weight_norm.html",
        formula=r"$w = g\,v/\|v\|$",
        use="Where batch statistics do harm: small batches, recurrent networks, reinforcement learning.",
        pitfalls="Activations are not normalised: the initialisation counts as without any norm.",
    )


class SpectralNorm(_WeightsNormed):
    """Divides each weight matrix by its largest singular value: no layer stretches more than once."""

    kind: Literal["spectral"] = "spectral"
    n_power_iterations: int = Knob(
        1, ge=1, le=20, help="power iterations a step to follow the largest singular value"
    )
    eps: float = Knob(1e-12, gt=0, le=1e-2, scale="log", help="keeps the division finite")

    label = "Spectral norm"
    target = spectral_normed
    card = Card(
        source="Miyato et al. 2018, Spectral normalization for GANs",
        url=_DOCS + "utils.parametrizations.spectral_norm.html",
        formula=r"$w = W/\sigma_1(W)$",
        use="Discriminators of GANs, and networks that must not overreact to small changes.",
        pitfalls="The scale of the initialisation is lost, and a deep network's signal shrinks layer by layer.",
    )

    def around(self, layer: nn.Module) -> nn.Module:
        """On the meta device, where its power iterations would take seconds, it is only noted."""
        if layer.weight.is_meta:
            vars(layer)["wrapped_by"] = partial(type(self).target, **self.arguments())
            return layer
        return super().around(layer)
