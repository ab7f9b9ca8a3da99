"""What should be known of data before any network sees them: counts, statistics, twins, outliers, drift.

Images are (N, C, H, W), uint8 or float in [0, 1]. A split is given as two masks or lists of rows.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

MOST_VALUES = 9_000_000  # numbers that are looked at: 3,000 colour images of 32 x 32
FEW = 5.0  # fewer expected images than this say nothing in a chi-squared test


@dataclass(frozen=True)
class Survey:
    """A data set, whatever its split: `rows` (n,) were looked at, all of them or a sample.

    `means` and `squares` (n, C) are the means of each image's pixels and of their squares; `distances`
    (n,) are root mean square distances to the mean image; `twins` are groups of rows with the same
    pixels, of all rows.
    """

    rows: Tensor
    means: Tensor
    squares: Tensor
    distances: Tensor
    twins: tuple[tuple[int, ...], ...]

    def channels(self, mask: Tensor) -> tuple[list[float], list[float]]:
        """Mean and deviation of each channel of the surveyed rows that are in a mask (N,)."""
        inside = mask[self.rows]
        means, squares = self.means[inside].mean(0), self.squares[inside].mean(0)
        return means.tolist(), (squares - means.square()).clamp(min=0).sqrt().tolist()

    def farthest(self, count: int) -> list[tuple[int, float]]:
        """The rows farthest from the mean image, with their distance in [0, 1]."""
        found = self.distances.topk(min(count, len(self.rows)))
        return list(zip(self.rows[found.indices].tolist(), found.values.tolist(), strict=True))


def survey(images: Tensor, draws: torch.Generator, most_values: int = MOST_VALUES) -> Survey:
    """Look at the images; where they hold more than `most_values` numbers, at some drawn at random."""
    n = len(images)
    rows = torch.arange(n)
    if images.numel() > most_values:
        count = max(1, most_values // images[0].numel())
        rows = torch.randperm(n, generator=draws)[:count].sort().values
    seen = images if len(rows) == n else images[rows]
    values = seen.float().div_(255) if seen.dtype == torch.uint8 else seen
    pixels = values.flatten(2)
    distances = torch.linalg.vector_norm(values - values.mean(0), dim=(1, 2, 3))
    return Survey(
        rows=rows,
        means=pixels.mean(2).double(),
        squares=torch.linalg.vector_norm(pixels, dim=2).double().square() / pixels.shape[2],
        distances=distances / math.sqrt(values[0].numel()),
        twins=twins(images),
    )


def twins(images: Tensor) -> tuple[tuple[int, ...], ...]:
    """Groups of rows whose pixels are exactly the same; found by a sum of products, then compared."""
    flat = images.contiguous().numpy().reshape(len(images), -1).view(np.uint8)
    spare = -flat.shape[1] % 8
    padded = np.pad(flat, ((0, 0), (0, spare))) if spare else flat
    words = padded.view(np.uint64)
    factors = np.random.default_rng(0).integers(2**63, size=words.shape[1], dtype=np.uint64)
    sums = words @ (2 * factors + 1)  # modulo 2**64
    _values, place, counts = np.unique(sums, return_inverse=True, return_counts=True)
    groups: dict[bytes, list[int]] = {}
    for row in np.flatnonzero(counts[place] > 1).tolist():
        groups.setdefault(flat[row].tobytes(), []).append(row)
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)


def mask_of(rows: Tensor, count: int) -> Tensor:
    """Which of `count` rows are named in `rows`, as bools."""
    mask = torch.zeros(count, dtype=torch.bool)
    mask[rows] = True
    return mask


def straddling(
    groups: tuple[tuple[int, ...], ...], train: Tensor, val: Tensor
) -> tuple[tuple[int, ...], ...]:
    """The groups with rows in both masks: what was learnt by heart is asked again."""
    return tuple(group for group in groups if train[list(group)].any() and val[list(group)].any())


def class_counts(labels: Tensor, mask: Tensor, classes: int) -> list[int]:
    """How many labels there are of each class; of images with several positions each counts."""
    counts: list[int] = torch.bincount(labels[mask].flatten(), minlength=classes).tolist()
    return counts


def same_mix(one: list[int], other: list[int]) -> float:
    """The chi-squared test: how likely counts differ by so much when both come from one distribution.

    Classes with fewer than five expected images in either part are counted together.
    """
    table = torch.tensor([one, other], dtype=torch.float64)
    expected = table.sum(1, keepdim=True) * table.sum(0) / table.sum()
    rare = expected.min(0).values < FEW
    table, expected = (
        torch.cat([part[:, ~rare], part[:, rare].sum(1, keepdim=True)], 1)
        for part in (table, expected)
    )
    used = expected.min(0).values > 0
    freedom = int(used.sum()) - 1
    if freedom < 1:
        return 1.0
    chi = ((table - expected).square() / expected)[:, used].sum()
    half = torch.tensor(freedom / 2, dtype=torch.float64)
    return float(torch.special.gammaincc(half, chi / 2))


def same_means(one: Tensor, other: Tensor) -> float:
    """Welch's test for large samples (n, C), (m, C): how likely means differ so much by chance.

    The smallest of the channels' probabilities, times their number (Bonferroni).
    """
    if min(len(one), len(other)) < 2:
        return 1.0
    spread = one.var(0) / len(one) + other.var(0) / len(other)
    z = (one.mean(0) - other.mean(0)).abs() / spread.clamp(min=1e-30).sqrt()
    chance = torch.special.erfc(z / math.sqrt(2)).min() * one.shape[1]
    return min(1.0, float(chance))
