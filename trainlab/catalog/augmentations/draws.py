"""What every change is made of: numbers drawn for each image, and which images are changed at all."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def uniform(images: Tensor, generator: torch.Generator, low: float, high: float) -> Tensor:
    """A number between `low` and `high` for each image: (N,)."""
    draw = torch.rand(len(images), generator=generator, device=images.device)
    return low + draw * (high - low)


def happens(images: Tensor, generator: torch.Generator, p: float) -> Tensor:
    """Which images are changed: (N,) bool, each true with probability p."""
    return uniform(images, generator, 0, 1) < p


def per_image(draw: Tensor) -> Tensor:
    """One number an image (N,), to be used with its pixels: (N, 1, 1, 1)."""
    return draw[:, None, None, None]


def sometimes(
    images: Tensor, generator: torch.Generator, change: Callable[..., Tensor], p: float
) -> Tensor:
    """The change of each image with probability p; the others bit for bit as they were."""
    chosen = happens(images, generator, p)
    return torch.where(per_image(chosen), change(images, generator), images)


def some(
    images: Tensor, generator: torch.Generator, change: Callable[..., Tensor], p: float
) -> Tensor:
    """The same for a slow change: it sees only the images that are drawn."""
    rows = happens(images, generator, p).nonzero().flatten()
    return images.index_copy(0, rows, change(images.index_select(0, rows), generator))


def mixed_sometimes(
    images: Tensor, labels: Tensor, generator: torch.Generator, mix: Callable[..., Any], p: float
) -> tuple[Tensor, Tensor]:
    """Each image mixed with probability p, and its label with it."""
    chosen = happens(images, generator, p)
    mixed, shares = mix(images, labels, generator)
    picked = chosen.view(-1, *[1] * (labels.ndim - 1))
    return torch.where(per_image(chosen), mixed, images), torch.where(picked, shares, labels)
