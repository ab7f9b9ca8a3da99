"""What augmentations share: the kinds of change there are, and how a list of them is carried out."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from trainlab.catalog.augmentations.resampling import resample
from trainlab.choice import Choice, Knob

Change = Callable[..., Any]


def happens(images: Tensor, generator: torch.Generator, p: float) -> Tensor:
    """Which images are changed: (N,) bool, each true with probability p."""
    return torch.rand(len(images), generator=generator, device=images.device) < p


class AugmentationChoice(Choice):
    """A random change of a batch: `target(images, generator, **fields)` gives the changed images.

    Images are (N, C, H, W) float32 in [0, 1], on any device, with a draw for each image.
    """

    p: float = Knob(1.0, ge=0, le=1, help="share of the images that it is applied to")


class Geometric(AugmentationChoice):
    """Moves pixels about: `target(images, generator, **fields)` gives matrices (N, 3, 3).

    A matrix takes output pixels to input pixels, counted from the middle of the image. Neighbours in
    the list are multiplied together, so that the image is resampled once.
    """


class Mixing(AugmentationChoice):
    """Mixes images and their labels: `target(images, labels, generator, **fields)` gives both.

    Labels are probabilities (N, K, ...). Mixing comes after all other changes.
    """


def changes(choices: tuple[AugmentationChoice, ...]) -> list[Change]:
    """What to call one after the other, each with (images, generator): neighbouring moves as one."""
    calls: list[Change] = []
    moves: list[Change] = []
    for choice in choices:
        if isinstance(choice, Mixing):
            continue
        call = partial(type(choice).target, **choice.arguments())
        if isinstance(choice, Geometric):
            moves.append(call)
            continue
        calls += _joined(moves)
        moves = []
        calls.append(call)
    return calls + _joined(moves)


def mixes(choices: tuple[AugmentationChoice, ...]) -> list[Change]:
    """What to call one after the other, each with (images, probabilities, generator)."""
    mixing = (choice for choice in choices if isinstance(choice, Mixing))
    return [partial(type(choice).target, **choice.arguments()) for choice in mixing]


def _joined(moves: list[Change]) -> list[Change]:
    return [partial(resample, moves=tuple(moves))] if moves else []
