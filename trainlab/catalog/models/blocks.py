"""Blocks: the few layers that torch.nn lacks. Scripts take them over as they are."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Residual(nn.Module):
    """branch(x) + shortcut(x); without a shortcut, x itself."""

    def __init__(self, branch: nn.Sequential, shortcut: nn.Module | None = None) -> None:
        super().__init__()
        self.branch = branch
        self.shortcut = shortcut

    @property
    def last(self) -> nn.Module:
        """The branch's last layer with a weight: where that is zero, the block starts as its shortcut."""
        weighted = [layer for layer in self.branch if getattr(layer, "weight", None) is not None]
        return weighted[-1]

    def forward(self, x: Tensor) -> Tensor:
        """Any shape that the branch keeps, or that the shortcut changes alike."""
        changed: Tensor = self.branch(x) + (x if self.shortcut is None else self.shortcut(x))
        return changed


class Concat(nn.Sequential):
    """Branches side by side: what each makes of the same input, one after the other in the channels."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, sum of the branches' channels, H', W')."""
        return torch.cat([branch(x) for branch in self], dim=1)


class Split(nn.Module):
    """The first half of the channels is handed on, the second goes through a branch."""

    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape, if the branch keeps it."""
        kept, changed = x.chunk(2, dim=1)
        return torch.cat([kept, self.branch(changed)], dim=1)


class SqueezeExcite(nn.Sequential):
    """Weighs each channel by a number in (0, 1) that these layers compute from the whole image."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        gates: Tensor = super().forward(x)  # type: ignore[no-untyped-call]
        return x * gates


class LayerScale(nn.Module):
    """Multiplies each channel by a learned number that starts small."""

    def __init__(self, channels: int, start: float) -> None:
        super().__init__()
        self.channels, self.start = channels, start
        self.weight = nn.Parameter(torch.full((channels,), start))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        return x * self.weight[:, None, None]


class Tokens(nn.Module):
    """The places of a map in a row, behind a class token; each is told where it stands."""

    def __init__(self, width: int, places: int) -> None:
        super().__init__()
        self.width, self.places = width, places
        self.first = nn.Parameter(torch.zeros(width))
        self.position = nn.Parameter(torch.empty(places + 1, width))
        nn.init.trunc_normal_(self.position, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        """(N, D, h, w) to tokens (N, 1 + h * w, D)."""
        tokens = x.flatten(2).transpose(1, 2)
        first = self.first.expand(len(x), 1, self.width)
        return torch.cat([first, tokens], dim=1) + self.position


class Attention(nn.Module):
    """Each token becomes a mean of all values, weighed by how well its query fits their keys."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.heads = heads

    def forward(self, x: Tensor) -> Tensor:
        """Queries, keys and values side by side (N, T, 3 * D) to tokens (N, T, D)."""
        parts = x.unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(parts[0], parts[1], parts[2])
        return mixed.transpose(1, 2).flatten(2)


class PerToken(nn.Module):
    """A normalisation of features (N, D), applied to tokens."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, x: Tensor) -> Tensor:
        """Tokens (N, T, D) to the same shape."""
        normed: Tensor = self.norm(x.flatten(0, 1))
        return normed.view_as(x)


class ClassToken(nn.Module):
    """The first token alone: what the classifier reads."""

    def forward(self, x: Tensor) -> Tensor:
        """Tokens (N, T, D) to features (N, D)."""
        return x[:, 0]


class ToColour(nn.Module):
    """Grey images to three equal channels, as networks for photographs expect."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, H, W) to (N, 3, H, W)."""
        return x.expand(-1, 3, -1, -1)
