"""Flips, shift, turn, zoom and shear: `target` gives matrices (N, 3, 3), and the image is moved once.

A matrix takes an output pixel (x, y, 1), counted from the middle of the image, to the input pixel.
"""

from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from trainlab.catalog.augmentations.base import Geometric
from trainlab.catalog.augmentations.draws import uniform
from trainlab.catalog.datasets.base import Cue
from trainlab.choice import Card, Knob

Zoom = Annotated[float, Field(gt=0, le=4)]
READABLE = 30.0  # degrees: a digit or a letter turned further may be read as another


def matrices(rows: list[list[Tensor | float]], like: Tensor) -> Tensor:
    """Matrices (N, 3, 3) from the two upper rows of entries, each a number or (N,)."""
    zero = torch.zeros(len(like), device=like.device)
    entries = [zero + entry for row in rows for entry in row]
    return torch.stack([*entries, zero, zero, zero + 1], 1).view(-1, 3, 3)


def horizontal_flip(images: Tensor, _generator: torch.Generator) -> Tensor:
    """Mirror left to right."""
    return matrices([[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], images)


def vertical_flip(images: Tensor, _generator: torch.Generator) -> Tensor:
    """Mirror top to bottom."""
    return matrices([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0]], images)


def shift(images: Tensor, generator: torch.Generator, padding: int = 1) -> Tensor:
    """Move each image by up to `padding` whole pixels either way."""
    size, device = (2, len(images)), images.device
    x, y = torch.randint(-padding, padding + 1, size, generator=generator, device=device)
    return matrices([[1.0, 0.0, x], [0.0, 1.0, y]], images)


def rotation(images: Tensor, generator: torch.Generator, degrees: float = 10.0) -> Tensor:
    """Turn each image by up to `degrees` either way."""
    angle = torch.deg2rad(uniform(images, generator, -degrees, degrees))
    cos, sin = angle.cos(), angle.sin()
    return matrices([[cos, -sin, 0.0], [sin, cos, 0.0]], images)


def zoom(
    images: Tensor,
    generator: torch.Generator,
    scale: tuple[float, float] = (0.9, 1.1),
) -> Tensor:
    """Make each image larger by a factor from `scale`."""
    size = 1 / uniform(images, generator, *scale)
    return matrices([[size, 0.0, 0.0], [0.0, size, 0.0]], images)


def shear(images: Tensor, generator: torch.Generator, degrees: float = 10.0) -> Tensor:
    """Slant each image by up to `degrees` along both axes."""
    x = torch.deg2rad(uniform(images, generator, -degrees, degrees)).tan()
    y = torch.deg2rad(uniform(images, generator, -degrees, degrees)).tan()
    return matrices([[1 + x * y, x, 0.0], [y, 1.0, 0.0]], images)


class Shift(Geometric):
    """Moves each image by a few pixels."""

    kind: Literal["shift"] = "shift"
    padding: int = Knob(
        1, ge=1, le=32, unit="pixels", help="largest move; about an eighth of the side"
    )

    whole: ClassVar[bool] = True
    label = "Shift (padded crop)"
    target = shift
    card = Card(
        source="Krizhevsky et al. 2012; He et al. 2016: 4 pixels on 32x32",
        formula=r"$x' = x + d, \quad d \in \{-k, \ldots, k\}$",
        use="Almost always: an object a little aside is the same object. The first one to add, once "
        "the baseline works without any.",
        pitfalls="Too large a move cuts the object away, and what comes in from outside is black.",
    )


class HorizontalFlip(Geometric):
    """Mirrors images left to right."""

    kind: Literal["horizontal_flip"] = "horizontal_flip"
    p: float = Knob(0.5, ge=0, le=1, help="share of the images that is mirrored")

    whole: ClassVar[bool] = True
    label = "Horizontal flip"
    target = horizontal_flip
    card = Card(
        source="Krizhevsky et al. 2012, ImageNet classification with deep networks",
        formula=r"$x' = -x$",
        use="Natural photographs: it doubles the data for nothing.",
        pitfalls="Changes the class of digits, text and left/right labels. Off while making the baseline: "
        "a change is one more place for a bug (Karpathy 2019).",
    )

    def breaks(self) -> set[Cue]:
        """Left and right are exchanged."""
        return {"handedness"}


class VerticalFlip(Geometric):
    """Mirrors images top to bottom."""

    kind: Literal["vertical_flip"] = "vertical_flip"
    p: float = Knob(0.5, ge=0, le=1, help="share of the images that is mirrored")

    whole: ClassVar[bool] = True
    label = "Vertical flip"
    target = vertical_flip
    card = Card(
        source="Cohen & Welling 2016, Group equivariant convolutional networks",
        url="https://arxiv.org/abs/1602.07576",
        formula=r"$y' = -y$",
        use="Pictures without an up and a down: from above, or through a microscope.",
        pitfalls="The sky is above in nearly every photograph, and a network may use that: it often costs "
        "accuracy. Changes the class of digits and text.",
    )

    def breaks(self) -> set[Cue]:
        """Up and down are exchanged, and so is the sense of turning."""
        return {"handedness", "orientation"}


class Rotation(Geometric):
    """Turns each image by a small angle."""

    kind: Literal["rotation"] = "rotation"
    degrees: float = Knob(10.0, ge=0, le=180, unit="degrees", help="largest turn either way")

    target = rotation
    card = Card(
        source="Simard et al. 2003, Best practices for convolutional neural networks",
        formula=r"$x' = R(\alpha)\,x, \quad |\alpha| \leq \alpha_{max}$",
        use="Handwriting, aerial and microscope pictures.",
        pitfalls="A 6 turned far enough is a 9; every resampling blurs a little.",
    )

    def breaks(self) -> set[Cue]:
        """Far enough turned, another sign."""
        return {"orientation"} if self.degrees > READABLE else set()


class Scale(Geometric):
    """Zooms each image a little, in or out."""

    kind: Literal["scale"] = "scale"
    scale: tuple[Zoom, Zoom] = Knob(
        (0.9, 1.1), help="smallest and largest zoom; 1 leaves it as it is"
    )

    target = zoom
    card = Card(
        source="Simonyan & Zisserman 2015, Very deep convolutional networks: scale jittering",
        url="https://arxiv.org/abs/1409.1556",
        formula=r"$x' = x / s$",
        use="Objects that come near and far.",
        pitfalls="Zoomed in, the edge of the object is cut off; zoomed out, details vanish between pixels.",
    )

    def breaks(self) -> set[Cue]:
        """Zoomed in far, what is at the edge is gone."""
        return {"parts"} if max(self.scale) > 1.2 else set()


class Shear(Geometric):
    """Slants each image, as italics do."""

    kind: Literal["shear"] = "shear"
    degrees: float = Knob(
        10.0, ge=0, le=60, unit="degrees", help="largest slant either way, both axes"
    )

    target = shear
    card = Card(
        source="LeCun et al. 1998, Gradient-based learning applied to document recognition",
        formula=r"$x' = x + y\,\tan\alpha$",
        use="Handwriting: people slant their letters differently.",
        pitfalls="Slanted both ways by much it is a turn and a squeeze; every resampling blurs a little.",
    )

    def breaks(self) -> set[Cue]:
        """Far enough slanted, another sign."""
        return {"orientation"} if self.degrees > READABLE else set()
