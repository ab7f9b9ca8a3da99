"""How much an augmentation changes an image, and how long it takes: tried out before a run."""

import time
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from trainlab.catalog.augmentations import AugmentationChoice, changes
from trainlab.engine.randomness import generator

DRAWS, SLOW_DRAWS = 32, 8
MOST_NUMBERS = 2_000_000  # pixels times channels of all draws: a person is waiting
BATCH = 128


@dataclass(frozen=True)
class Trial:
    """The least, a typical and the greatest change of an image, (3, C, H, W) in [0, 1].

    `draws` is how many they were chosen from, `milliseconds` what a batch of 128 takes on the CPU.
    """

    changed: Tensor
    draws: int
    milliseconds: float


def tried(choice: AugmentationChoice, image: Tensor) -> Trial:
    """An augmentation, no mixing, applied for certain to an image (C, H, W) in [0, 1]; known ones are kept."""
    return _tried(choice.but(p=1.0), tuple(image.shape), image.contiguous().numpy().tobytes())


@lru_cache(maxsize=64)
def _tried(choice: AugmentationChoice, shape: tuple[int, ...], pixels: bytes) -> Trial:
    image = torch.frombuffer(bytearray(pixels), dtype=torch.float32).view(shape)
    most = SLOW_DRAWS if choice.slow else DRAWS
    draws = max(4, min(most, MOST_NUMBERS // image.numel()))
    batch = image.expand(draws, *shape).contiguous(memory_format=torch.channels_last)
    (change,) = changes((choice,))
    change(batch[:2], generator("strength"))  # what is imported or allocated once is not timed
    seconds = []
    for _again in range(1 if choice.slow else 3):
        start = time.perf_counter()
        drawn = change(batch, generator("strength"))
        seconds.append(time.perf_counter() - start)
    order = (drawn - batch).abs().flatten(1).mean(1).argsort()
    picks = order[[0, draws // 2, -1]]
    return Trial(drawn[picks].contiguous(), draws, 1000 * min(seconds) * BATCH / draws)
