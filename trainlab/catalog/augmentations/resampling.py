"""Moving pixels: any number of moves becomes one matrix an image, and one resampling."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from trainlab.catalog.augmentations.draws import happens, per_image


def resample(
    images: Tensor,
    generator: torch.Generator,
    moves: tuple[tuple[Callable[..., Tensor], float], ...],
    mode: str = "bilinear",
) -> Tensor:
    """Make moves, each with its probability, in one resampling by the product of their matrices.

    What comes in from outside is black. Images that are not moved stay bit for bit as they were.
    """
    still = torch.eye(3, device=images.device)
    matrix = still.expand(len(images), 3, 3)
    for move, p in moves:
        chosen = happens(images, generator, p)[:, None, None]
        matrix = matrix @ torch.where(chosen, move(images, generator), still)
    seen = matrix @ positions(images)  # (N, 3, H * W)
    moved = per_image((matrix != still).flatten(1).any(1))
    return torch.where(moved, look_up(images, seen[:, :2] / seen[:, 2:], mode), images)


def positions(images: Tensor) -> Tensor:
    """Every pixel of an image as (x, y, 1), counted from its middle: (3, H * W)."""
    h, w = images.shape[2:]
    y = torch.arange(h, device=images.device) - (h - 1) / 2
    x = torch.arange(w, device=images.device) - (w - 1) / 2
    return torch.stack([x.repeat(h), y.repeat_interleave(w), torch.ones_like(x).repeat(h)])


def look_up(images: Tensor, places: Tensor, mode: str = "bilinear") -> Tensor:
    """The images as seen at the places (N, 2, H * W), x and y counted from the middle."""
    h, w = images.shape[2:]
    grid = places * torch.tensor([[2 / w], [2 / h]], device=images.device)
    return F.grid_sample(images, grid.mT.unflatten(1, (h, w)), mode, align_corners=False)
