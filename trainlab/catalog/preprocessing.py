"""Preprocessing: the fixed map from pixels in [0, 1] to the network's input.

`target(images)` learns its numbers from the training images (N, C, H, W) uint8, never from the
validation images; the object it gives maps float32 batches.
"""

from typing import Literal

import torch
from torch import Tensor

from trainlab.choice import Card, Choice


def channel_statistics(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each channel in [0, 1], as (C, 1, 1): exact, by counting."""
    counts = torch.stack(
        [torch.bincount(channel.flatten(), minlength=256) for channel in images.unbind(1)]
    )
    counts = counts.cpu().double()  # not every device has doubles
    values = torch.arange(256, dtype=torch.float64) / 255
    total = counts.sum(1)
    mean = (counts * values).sum(1) / total
    std = ((counts * values.square()).sum(1) / total - mean.square()).clamp(min=0).sqrt()
    mean, std = mean.float().to(images.device), std.float().to(images.device)
    return mean[:, None, None], std[:, None, None]


class Raw:
    """Pixels in [0, 1], as they are."""

    def __init__(self, images: Tensor) -> None:
        pass

    def __call__(self, batch: Tensor) -> Tensor:
        """The batch itself."""
        return batch


class Center:
    """Subtract the mean of each channel."""

    def __init__(self, images: Tensor) -> None:
        self.mean, _ = channel_statistics(images)

    def __call__(self, batch: Tensor) -> Tensor:
        """The batch without the mean."""
        return batch - self.mean


class Standardize:
    """Subtract the mean of each channel and divide by its standard deviation."""

    def __init__(self, images: Tensor) -> None:
        self.mean, std = channel_statistics(images)
        self.std = std.clamp(min=1 / 255)  # a channel without contrast stays finite

    def __call__(self, batch: Tensor) -> Tensor:
        """The standardised batch."""
        return (batch - self.mean) / self.std


class Symmetric:
    """Scale pixels to [-1, 1]."""

    def __init__(self, images: Tensor) -> None:
        pass

    def __call__(self, batch: Tensor) -> Tensor:
        """The batch in [-1, 1]."""
        return batch * 2 - 1


class PreprocessingChoice(Choice):
    """A map from pixels to inputs."""


class StandardizeChoice(PreprocessingChoice):
    """Zero mean and unit variance for each channel."""

    kind: Literal["standardize"] = "standardize"

    label = "Standardise"
    target = Standardize
    card = Card(
        source="LeCun et al. 1998, Efficient backprop",
        formula=r"$(x - \mu_c)/\sigma_c$",
        use="The default: inputs on the scale that the initialisation expects.",
        pitfalls="The mean and deviation belong to the training split; use the same ones ever after.",
    )


class CenterChoice(PreprocessingChoice):
    """Zero mean for each channel."""

    kind: Literal["center"] = "center"

    label = "Zero-mean"
    target = Center
    card = Card(
        source="CS231n notes, Data preprocessing",
        formula=r"$x - \mu_c$",
        use="Natural images, whose channels have like scales already.",
        pitfalls="Dark images with little contrast stay small.",
    )


class SymmetricChoice(PreprocessingChoice):
    """Scales pixels to [-1, 1]."""

    kind: Literal["symmetric"] = "symmetric"

    label = "Scale to [-1, 1]"
    target = Symmetric
    card = Card(
        source="CS231n notes, Data preprocessing: normalization",
        formula=r"$2x - 1$",
        use="When no statistics of the data should be used.",
        pitfalls="Mostly black or white images are far from zero mean.",
    )


class RawChoice(PreprocessingChoice):
    """Leaves pixels in [0, 1]."""

    kind: Literal["none"] = "none"

    label = "None"
    target = Raw
    card = Card(
        source="",
        formula=r"$x$",
        use="To see what centring is worth.",
        pitfalls="All inputs are positive: the gradients of a unit's weights all share one sign.",
    )
