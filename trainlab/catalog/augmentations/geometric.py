"""Geometric augmentations: flip, shift, rotation, scale ... `target` gives matrices (N, 3, 3).

A matrix takes an output pixel (x, y, 1), counted from the middle of the image, to the input pixel.
"""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from trainlab.catalog.augmentations.base import Geometric, happens
from trainlab.choice import Card, Knob

Zoom = Annotated[float, Field(gt=0, le=4)]


def matrices(rows: list[list[Tensor | float]], like: Tensor) -> Tensor:
    """Matrices (N, 3, 3) from the two upper rows of entries, each a number or (N,)."""
    zero = torch.zeros(len(like), device=like.device)
    entries = [zero + entry for row in [*rows, [0.0, 0.0, 1.0]] for entry in row]
    return torch.stack(entries, 1).view(-1, 3, 3)


def horizontal_flip(images: Tensor, generator: torch.Generator, p: float = 0.5) -> Tensor:
    """Mirror each image left to right with probability p."""
    sign = 1 - 2 * happens(images, generator, p).float()
    return matrices([[sign, 0.0, 0.0], [0.0, 1.0, 0.0]], images)


def shift(
    images: Tensor, generator: torch.Generator, p: float = 1.0, padding: int = 2
) -> Tensor:
    """Move each image by up to `padding` whole pixels either way."""
    chosen = happens(images, generator, p)
    draw = torch.randint(
        -padding, padding + 1, (2, len(images)), generator=generator, device=images.device
    )
    x, y = (draw * chosen).float()
    return matrices([[1.0, 0.0, x], [0.0, 1.0, y]], images)


def rotate_scale(
    images: Tensor,
    generator: torch.Generator,
    p: float = 1.0,
    degrees: float = 10.0,
    scale: tuple[float, float] = (0.9, 1.1),
) -> Tensor:
    """Turn by up to `degrees` either way and zoom by `scale`."""
    chosen = happens(images, generator, p)
    draw = torch.rand(2, len(images), generator=generator, device=images.device)
    angle = torch.deg2rad((draw[0] * 2 - 1) * degrees) * chosen
    factor = torch.where(chosen, scale[0] + draw[1] * (scale[1] - scale[0]), 1.0)
    cos, sin = angle.cos() / factor, angle.sin() / factor
    return matrices([[cos, -sin, 0.0], [sin, cos, 0.0]], images)


class Shift(Geometric):
    """Moves each image by a few pixels."""

    kind: Literal["shift"] = "shift"
    padding: int = Knob(
        1, ge=1, le=32, unit="pixels", help="largest move; about an eighth of the side"
    )

    label = "Shift (padded crop)"
    target = shift
    card = Card(
        source="Krizhevsky et al. 2012; He et al. 2016: 4 pixels on 32x32",
        use="Almost always: an object a little aside is the same object.",
        pitfalls="Too large a move cuts the object away.",
    )


class HorizontalFlip(Geometric):
    """Mirrors images left to right."""

    kind: Literal["horizontal_flip"] = "horizontal_flip"
    p: float = Knob(0.5, ge=0, le=1, help="share of the images that is mirrored")

    label = "Horizontal flip"
    target = horizontal_flip
    card = Card(
        source="Krizhevsky et al. 2012, ImageNet classification with deep networks",
        use="Natural photographs.",
        pitfalls="Changes the class of digits, text and left/right labels.",
    )


class RotateScale(Geometric):
    """Turns and zooms each image a little, in one resampling."""

    kind: Literal["rotate_scale"] = "rotate_scale"
    degrees: float = Knob(10.0, ge=0, le=180, unit="degrees", help="largest turn either way")
    scale: tuple[Zoom, Zoom] = Knob((0.9, 1.1), help="smallest and largest zoom")

    label = "Rotation and scale"
    target = rotate_scale
    card = Card(
        source="Simard et al. 2003, Best practices for convolutional neural networks",
        formula=r"$x' = R(\alpha)\,x / s$",
        use="Handwriting, aerial and microscope pictures.",
        pitfalls="A 6 turned far enough is a 9; every resampling blurs a little.",
    )
