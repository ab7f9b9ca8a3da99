"""Normalisations: keep the scale of activations in hand. `layer(channels, spatial)` is torch's own module."""

from typing import Any, ClassVar, Literal

from torch import nn

from trainlab.choice import Card, Choice, Knob
from trainlab.errors import Problem
from trainlab.text import _

_DOCS = "https://docs.pytorch.org/docs/stable/generated/torch.nn."


def _eps() -> Any:
    return Knob(1e-5, gt=0, le=1e-1, scale="log", help="added to the variance before its root")


class NormChoice(Choice):
    """A normalisation put after each layer; `flat` is its module for features without height and width."""

    flat: ClassVar[Any] = None

    def layer(self, channels: int, spatial: bool) -> nn.Module:
        """The module for `channels`, over images (N, C, H, W) or features (N, C)."""
        kind = type(self).target if spatial else type(self).flat or type(self).target
        module: nn.Module = kind(channels, **self.arguments())
        return module


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
