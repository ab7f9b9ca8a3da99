"""Mixing: two images become one, and so do their labels. Comes after all other changes."""

from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.distributions import Beta

from trainlab.catalog.augmentations.base import Mixing
from trainlab.catalog.augmentations.draws import per_image, uniform
from trainlab.catalog.augmentations.texture import rectangles
from trainlab.catalog.datasets.base import Cue
from trainlab.choice import Card, Knob
from trainlab.draws import DrawsFrom


def shares(images: Tensor, generator: torch.Generator, alpha: float) -> Tensor:
    """How much of each image is kept: (N,) from Beta(alpha, alpha)."""
    concentration = torch.full((len(images),), alpha, device=images.device)
    with DrawsFrom(generator):
        return Beta(concentration, concentration, validate_args=False).sample()


def mixed_labels(labels: Tensor, kept: Tensor) -> Tensor:
    """The kept share (N,) of each label (N, K, ...), and the rest of its neighbour's."""
    kept = kept.view(-1, *[1] * (labels.ndim - 1))
    return kept * labels + (1 - kept) * labels.roll(1, 0)


def mixup(
    images: Tensor,
    labels: Tensor,
    generator: torch.Generator,
    alpha: float = 0.2,
) -> tuple[Tensor, Tensor]:
    """Blend each image with its neighbour in the batch, and their labels alike."""
    kept = shares(images, generator, alpha)
    blend = torch.lerp(images.roll(1, 0), images, per_image(kept))
    return blend, mixed_labels(labels, kept)


def cutmix(
    images: Tensor,
    labels: Tensor,
    generator: torch.Generator,
    alpha: float = 1.0,
) -> tuple[Tensor, Tensor]:
    """Lay a piece of its neighbour in the batch over each image; labels count by area."""
    h, w = images.shape[2:]
    half = (1 - shares(images, generator, alpha)).sqrt() / 2
    x = (uniform(images, generator, 0, 1) * w).floor()
    y = (uniform(images, generator, 0, 1) * h).floor()
    high, wide = (half * h).floor(), (half * w).floor()
    piece = rectangles(images, y - high, x - wide, y + high, x + wide)
    kept = 1 - piece.float().mean((1, 2, 3))
    return torch.where(piece, images.roll(1, 0), images), mixed_labels(labels, kept)


class MixUp(Mixing):
    """Blends two images, and their labels in the same shares."""

    kind: Literal["mixup"] = "mixup"
    alpha: float = Knob(
        0.2,
        gt=0,
        le=10,
        scale="log",
        help="small: nearly one of the two; 1: any share; 0.1 to 1 is usual",
    )

    pixels: ClassVar[bool] = False
    label = "MixUp"
    target = mixup
    card = Card(
        source="Zhang et al. 2018, mixup: beyond empirical risk minimization",
        url="https://arxiv.org/abs/1710.09412",
        formula=r"$x' = \lambda x_i + (1 - \lambda) x_j, \quad y' = \lambda y_i + (1 - \lambda) y_j$",
        use="Long runs of networks that would learn the data by heart.",
        pitfalls="Training accuracy loses its meaning, and the training loss never reaches 0. Off while "
        "making the baseline, and off for a check on a tiny subset. torchvision draws one share a batch "
        "with alpha 1; here each image has its own.",
    )


class CutMix(Mixing):
    """Lays a piece of another image over each one; the label counts both by area."""

    kind: Literal["cutmix"] = "cutmix"
    alpha: float = Knob(
        1.0,
        gt=0,
        le=10,
        scale="log",
        help="1: pieces of any area; small: nearly all or nearly nothing",
    )

    label = "CutMix"
    target = cutmix
    card = Card(
        source="Yun et al. 2019, CutMix: regularization strategy with localizable features",
        url="https://arxiv.org/abs/1905.04899",
        formula=r"$x' = M \odot x_i + (1 - M) \odot x_j, \quad \lambda = \mathrm{mean}(M)$",
        use="As MixUp, and the pieces stay natural: often the better of the two for photographs.",
        pitfalls="The piece may hold none of the object while its label counts. Training accuracy loses "
        "its meaning. Off while making the baseline. torchvision draws one piece a batch; here each "
        "image has its own.",
    )

    def breaks(self) -> set[Cue]:
        """What is covered is gone, though its label counts by area."""
        return {"parts"}
