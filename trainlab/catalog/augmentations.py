"""Augmentations: changes of an image that keep its class, drawn anew for every image and step.

`target(images, generator, **fields)` maps a float32 batch (N, C, H, W) in [0, 1] on its own device,
with one draw an image. Off for validation.
"""

from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from trainlab.choice import Card, Choice, Knob

Zoom = Annotated[float, Field(gt=0, le=4)]


def horizontal_flip(images: Tensor, generator: torch.Generator, p: float = 0.5) -> Tensor:
    """Mirror each image left to right with probability p."""
    draw = torch.rand(len(images), 1, 1, 1, generator=generator, device=images.device)
    return torch.where(draw < p, images.flip(3), images)


def shift(images: Tensor, generator: torch.Generator, padding: int = 2) -> Tensor:
    """Crop each zero-padded image at random: a move by up to `padding` pixels."""
    n, c, h, w = images.shape
    padded = F.pad(images, (padding,) * 4).flatten(2)
    move = torch.randint(2 * padding + 1, (2, n, 1), generator=generator, device=images.device)
    rows = move[0] + torch.arange(h, device=images.device)  # (N, H)
    columns = move[1] + torch.arange(w, device=images.device)  # (N, W)
    index = rows[:, :, None] * (w + 2 * padding) + columns[:, None, :]
    index = index.reshape(n, 1, h * w).expand(n, c, h * w)
    return padded.gather(2, index).view(n, c, h, w)


def rotate_scale(
    images: Tensor,
    generator: torch.Generator,
    degrees: float = 10.0,
    scale: tuple[float, float] = (0.9, 1.1),
) -> Tensor:
    """Turn by up to `degrees` either way and zoom by `scale`, in one resampling."""
    n, _, h, w = images.shape
    draw = torch.rand(2, n, generator=generator, device=images.device)
    angle = torch.deg2rad((draw[0] * 2 - 1) * degrees)
    factor = scale[0] + draw[1] * (scale[1] - scale[0])
    cos, sin, zero = angle.cos() / factor, angle.sin() / factor, torch.zeros_like(angle)
    # grid coordinates run over [-1, 1] on both axes, so a turn mixes them in the ratio of the sides
    theta = torch.stack([cos, -sin * h / w, zero, sin * w / h, cos, zero], 1).view(n, 2, 3)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)


class AugmentationChoice(Choice):
    """A random change of a batch."""


class Shift(AugmentationChoice):
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


class HorizontalFlip(AugmentationChoice):
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


class RotateScale(AugmentationChoice):
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
