"""Crop and perspective: moves of the image's frame, by matrices as in `geometric`."""

import math
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from trainlab.catalog.augmentations.base import Geometric
from trainlab.catalog.augmentations.draws import uniform
from trainlab.catalog.augmentations.geometric import matrices
from trainlab.catalog.datasets.base import Cue
from trainlab.choice import Card, Knob

Share = Annotated[float, Field(gt=0, le=1)]
Ratio = Annotated[float, Field(gt=0.1, le=10)]


def resized_crop(
    images: Tensor,
    generator: torch.Generator,
    scale: tuple[float, float] = (0.5, 1.0),
    ratio: tuple[float, float] = (0.75, 1.3333),
) -> Tensor:
    """A piece of each image, `scale` of its area and `ratio` wide by high, enlarged to the full size."""
    h, w = images.shape[2:]
    area = uniform(images, generator, *scale)
    shape = uniform(images, generator, *map(math.log, ratio)).exp() * h / w
    width = (area * shape).sqrt().clamp(max=1)
    height = (area / shape).sqrt().clamp(max=1)
    x = uniform(images, generator, -0.5, 0.5) * (1 - width) * w
    y = uniform(images, generator, -0.5, 0.5) * (1 - height) * h
    return matrices([[width, 0.0, x], [0.0, height, y]], images)


def perspective(
    images: Tensor, generator: torch.Generator, distortion_scale: float = 0.3
) -> Tensor:
    """Pull each corner towards the middle by up to `distortion_scale` of the way."""
    h, w = images.shape[2:]
    sides = torch.tensor([w / 2, h / 2], device=images.device)
    corners = torch.tensor([[-1, -1], [1, -1], [1, 1], [-1, 1]], device=images.device) * sides
    draw = torch.rand(len(images), 4, 2, generator=generator, device=images.device)
    pulled = corners * (1 - distortion_scale * draw)
    matrix = frame(corners) @ frame(pulled).inverse()
    return matrix / matrix[:, 2:, 2:]


def frame(corners: Tensor) -> Tensor:
    """What takes the three axes, and their sum, to four corners (..., 4, 2): (..., 3, 3)."""
    points = F.pad(corners, (0, 1), value=1.0).mT
    axes, last = points[..., :3], points[..., 3:]
    weights: Tensor = torch.linalg.solve(axes, last)
    return axes * weights.mT


class RandomResizedCrop(Geometric):
    """Cuts a piece out of each image and enlarges it to the full size."""

    kind: Literal["resized_crop"] = "resized_crop"
    scale: tuple[Share, Share] = Knob(
        (0.5, 1.0), help="share of the area that is kept; 0.08 to 1 is usual for 224 pixels"
    )
    ratio: tuple[Ratio, Ratio] = Knob((0.75, 1.3333), help="width of the piece by its height")

    label = "Random resized crop"
    target = resized_crop
    card = Card(
        source="Szegedy et al. 2015, Going deeper with convolutions",
        url="https://arxiv.org/abs/1409.4842",
        use="Photographs of 64 pixels and more: the network learns parts, and objects of any size.",
        pitfalls="On small images little is left of a small piece. A piece may show no object at all.",
    )

    def breaks(self) -> set[Cue]:
        """What is outside of the piece is gone."""
        return {"parts"}


class Perspective(Geometric):
    """Shows each image as if seen from aside."""

    kind: Literal["perspective"] = "perspective"
    p: float = Knob(0.5, ge=0, le=1, help="share of the images that is distorted")
    distortion_scale: float = Knob(
        0.3, ge=0, le=0.6, help="how far a corner may move, as a share of the way to the middle"
    )

    target = perspective
    card = Card(
        source="Hartley & Zisserman 2003, Multiple view geometry in computer vision",
        formula=r"$(x', y') = (a x + b y + c,\ d x + e y + f)\,/\,(g x + h y + 1)$",
        use="Flat things photographed from any side: signs, documents, buildings.",
        pitfalls="Shrinks the picture and leaves black corners; rarely of use for tiny images.",
    )
