"""What augmentations share: the kinds of change there are, and how a list of them is carried out."""

from collections.abc import Callable
from functools import partial
from itertools import groupby
from typing import Any, ClassVar

from trainlab.catalog.augmentations.draws import mixed_sometimes, some, sometimes
from trainlab.catalog.augmentations.resampling import resample
from trainlab.catalog.datasets.base import Cue
from trainlab.choice import Choice, Knob

Change = Callable[..., Any]


class AugmentationChoice(Choice):
    """A random change of a batch: `target(images, generator, **fields)` gives the changed images.

    Images are (N, C, H, W) float32 in [0, 1], on any device, with a draw for each image. Which images
    are changed is drawn around it.
    """

    p: float = Knob(1.0, ge=0, le=1, help="share of the images that it is applied to")

    engine_fields = ("p",)
    slow: ClassVar[bool] = False  # one image at a time
    pixels: ClassVar[bool] = True  # means something for pictures only, not for points

    def breaks(self) -> set[Cue]:
        """What may no longer tell the class afterwards, with these settings."""
        return set()


class Geometric(AugmentationChoice):
    """Moves pixels about: `target(images, generator, **fields)` gives matrices (N, 3, 3).

    A matrix takes output pixels to input pixels, counted from the middle of the image. Neighbours in
    the list are multiplied together, so that the image is resampled once.
    """

    whole: ClassVar[bool] = False  # pixels land on pixels: nothing is blurred


class Mixing(AugmentationChoice):
    """Mixes images and their labels: `target(images, probabilities, generator, **fields)` gives both.

    Labels are probabilities (N, K, ...). Mixing comes after all other changes.
    """


def changes(choices: tuple[AugmentationChoice, ...]) -> list[Change]:
    """What to call one after the other, each with (images, generator): neighbouring moves as one."""
    calls: list[Change] = []
    unmixed = [choice for choice in choices if not isinstance(choice, Mixing)]
    for geometric, group in groupby(unmixed, lambda choice: isinstance(choice, Geometric)):
        neighbours = list(group)
        if geometric:
            moves = tuple((_call(choice), choice.p) for choice in neighbours)
            whole = all(getattr(choice, "whole", False) for choice in neighbours)
            calls.append(partial(resample, moves=moves, mode="nearest" if whole else "bilinear"))
        else:
            calls += [_perhaps(choice, some if choice.slow else sometimes) for choice in neighbours]
    return calls


def mixes(choices: tuple[AugmentationChoice, ...]) -> list[Change]:
    """What to call one after the other, each with (images, probabilities, generator)."""
    mixing = [choice for choice in choices if isinstance(choice, Mixing)]
    return [_perhaps(choice, mixed_sometimes, "mix") for choice in mixing]


def _call(choice: AugmentationChoice) -> Change:
    return partial(type(choice).target, **choice.arguments())


def _perhaps(choice: AugmentationChoice, wrapper: Change, name: str = "change") -> Change:
    """The choice's call, with its probability where that is not certainty."""
    call = _call(choice)
    return call if choice.p == 1 else partial(wrapper, **{name: call, "p": choice.p})
