"""Moving pixels: any number of moves becomes one matrix an image, and one resampling."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor


def resample(
    images: Tensor, generator: torch.Generator, moves: tuple[Callable[..., Tensor], ...]
) -> Tensor:
    """Move every image by the product of its matrices, in one bilinear resampling; outside is black."""
    n, _, h, w = images.shape
    matrix = torch.eye(3, device=images.device).expand(n, 3, 3)
    for move in moves:
        matrix = matrix @ move(images, generator)
    # grid coordinates run over [-1, 1] on both axes, whatever the sides
    side = torch.tensor([w / 2, h / 2, 1.0], device=images.device)
    theta = (matrix * side / side[:, None])[:, :2]
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)
