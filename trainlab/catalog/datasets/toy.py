"""Toy sets: points in the plane, so that the decision boundary can be watched while it moves.

A point is an image of one pixel with two channels, x and y, in [0, 1].
"""

import math
from collections.abc import Sequence
from typing import Any, Literal

import torch

from trainlab.catalog.datasets.base import DatasetChoice
from trainlab.choice import Card, Knob

ALIKE = "Points of one drawing are alike: the validation accuracy says little about any real task."


def as_images(points: torch.Tensor) -> torch.Tensor:
    """Points (N, 2) around the origin as images (N, 2, 1, 1), scaled into [0, 1]."""
    scaled = points / (2 * points.abs().max().clamp_min(1e-12)) + 0.5
    return scaled.clamp(0, 1).float().reshape(-1, 2, 1, 1)


def is_plane(shape: Sequence[int]) -> bool:
    """Whether images of this shape (C, H, W) are points of the plane."""
    return tuple(shape) == (2, 1, 1)


def shaken(points: torch.Tensor, noise: float, draws: torch.Generator) -> torch.Tensor:
    """The points, each moved by a normal draw of this standard deviation."""
    return points + noise * torch.randn(points.shape, generator=draws, dtype=points.dtype)


def on_circle(angle: torch.Tensor) -> torch.Tensor:
    """The points (N, 2) of the unit circle at these angles in radians."""
    return torch.stack([angle.cos(), angle.sin()], dim=1)


def alternating(points: int, classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Labels 0, 1, ... in turn, and how far each point is along its own curve, 0..1, float64."""
    order = torch.arange(points)
    along = (order // classes).double() / max(1, (points - 1) // classes)
    return order % classes, along


def spiral(points: int, arms: int, noise: float, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Arms that wind outwards by 4 radians; `noise` is that of the angle, in radians."""
    draws = torch.Generator().manual_seed(seed)
    labels, radius = alternating(points, arms)
    angle = 2 * math.pi * labels / arms + 4 * radius
    angle = shaken(angle, noise, draws)
    return as_images(radius[:, None] * on_circle(angle)), labels


def circles(points: int, noise: float, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A circle of radius 1, and one of radius 1/2 in it."""
    draws = torch.Generator().manual_seed(seed)
    labels, along = alternating(points, 2)
    ring = on_circle(2 * math.pi * along) / (1 + labels[:, None])
    return as_images(shaken(ring, noise, draws)), labels


def moons(points: int, noise: float, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Two half circles of radius 1, each reaching into the other."""
    draws = torch.Generator().manual_seed(seed)
    labels, along = alternating(points, 2)
    arc = on_circle(math.pi * along) - torch.tensor([0.5, 0.25])
    arc = torch.where(labels[:, None] == 0, arc, -arc)
    return as_images(shaken(arc, noise, draws)), labels


def xor(points: int, noise: float, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Points all over a square: one class where x and y have the same sign, one where they differ."""
    draws = torch.Generator().manual_seed(seed)
    square = 2 * torch.rand(points, 2, generator=draws, dtype=torch.float64) - 1
    labels = (square.prod(1) < 0).long()
    return as_images(shaken(square, noise, draws)), labels


def _points() -> Any:
    return Knob(
        2000, ge=20, le=100_000, scale="log", help="how many points, of all classes together"
    )


def _noise(default: float, help: str) -> Any:
    return Knob(default, ge=0, le=2, help=help)


def _seed() -> Any:
    return Knob(0, ge=0, le=2**53, help="another number, other points")


class Spiral(DatasetChoice):
    """Points on arms that wind around each other: no straight line parts them."""

    kind: Literal["spiral"] = "spiral"
    points: int = _points()
    arms: int = Knob(3, ge=2, le=5, help="how many arms; each is a class")
    noise: float = _noise(0.2, "standard deviation of the angle, in radians")
    seed: int = _seed()

    label = "Toy: spiral"
    target = spiral
    cues = frozenset({"coordinates"})
    card = Card(
        source="CS231n notes, Putting it together: a minimal neural network case study",
        url="https://cs231n.github.io/neural-networks-case-study/",
        use="To watch a boundary bend. Choose the MLP: with depth 0 it stays straight and fails.",
        pitfalls=f"The arms meet in the centre, so no network is right everywhere. {ALIKE}",
        formula=r"$r \in [0, 1],\quad \theta = 2 \pi k / K + 4 r + \epsilon$",
    )


class Circles(DatasetChoice):
    """Points on two circles, one in the other."""

    kind: Literal["circles"] = "circles"
    points: int = _points()
    noise: float = _noise(0.05, "standard deviation of each coordinate; the outer radius is 1")
    seed: int = _seed()

    label = "Toy: circles"
    target = circles
    cues = frozenset({"coordinates"})
    card = Card(
        source="scikit-learn: make_circles",
        url="https://scikit-learn.org/stable/modules/generated/sklearn.datasets.make_circles.html",
        use="The simplest closed boundary. Choose the MLP: three hidden units can already draw it.",
        pitfalls=f"From a noise of 0.25 on the circles run into each other. {ALIKE}",
        formula=r"$\|x\| = 1 \quad \mathrm{or} \quad \|x\| = 1/2$",
    )


class Moons(DatasetChoice):
    """Points on two half moons that reach into each other."""

    kind: Literal["moons"] = "moons"
    points: int = _points()
    noise: float = _noise(0.1, "standard deviation of each coordinate; the moons' radius is 1")
    seed: int = _seed()

    label = "Toy: moons"
    target = moons
    cues = frozenset({"coordinates"})
    card = Card(
        source="scikit-learn: make_moons",
        url="https://scikit-learn.org/stable/modules/generated/sklearn.datasets.make_moons.html",
        use="Nearly linear, but not quite. Choose the MLP, and compare depth 0 with depth 1.",
        pitfalls=f"A straight line is right for nearly nine points in ten: look at the rest. {ALIKE}",
    )


class Xor(DatasetChoice):
    """Points in a square whose diagonal quarters belong together."""

    kind: Literal["xor"] = "xor"
    points: int = _points()
    noise: float = _noise(
        0.05, "standard deviation of each coordinate, added once the class is known"
    )
    seed: int = _seed()

    label = "Toy: xor"
    target = xor
    cues = frozenset({"coordinates"})
    card = Card(
        source="Minsky & Papert 1969, Perceptrons",
        url="https://mitpress.mit.edu/9780262630221/perceptrons/",
        use="What no linear classifier can learn. Choose the MLP: with depth 0 it stays at chance.",
        pitfalls=f"Noise moves points across the axes, where they can only be guessed. {ALIKE}",
        formula=r"$y = 1 \;\mathrm{if}\; x_1 x_2 < 0 \;\mathrm{else}\; 0$",
    )
