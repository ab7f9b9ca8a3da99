"""What every preprocessing shares: the contract, and statistics of images, uint8 or float in [0, 1].

`target(images)` learns its numbers from the training images (N, C, H, W), never from the validation
images; the object it gives maps float32 batches. A feature is one place in one channel.
"""

from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from torch import Tensor

from trainlab.choice import Choice


class PreprocessingChoice(Choice):
    """A map from pixels to inputs.

    Where it is `pointwise` each number it gives comes from one number of the image, so a batch of any
    size gives the same bits and inputs may be prepared before the run.
    """

    pointwise: ClassVar[bool] = True

    def check(self, images: Tensor) -> None:
        """Raise Problem where the images (N, C, H, W) do not suit."""

    def build(self, *args: Any, **derived: Any) -> Any:
        """Learn from the training images, the first argument. Raises Problem where they do not suit."""
        self.check(args[0])
        return super().build(*args, **derived)


def channel_statistics(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each channel in [0, 1], as (C, 1, 1): exact, pixels by counting."""
    if images.dtype == torch.uint8:
        counts = torch.stack(
            [torch.bincount(channel.flatten(), minlength=256) for channel in images.unbind(1)]
        )
        counts = counts.cpu().double()  # not every device has doubles
        values = torch.arange(256, dtype=torch.float64) / 255
        total = counts.sum(1)
        mean = (counts * values).sum(1) / total
        variance = (counts * values.square()).sum(1) / total - mean.square()
    else:
        values = images.cpu().double().transpose(0, 1).flatten(1)
        mean, variance = values.mean(1), values.var(1, correction=0)
    std = variance.clamp(min=0).sqrt()
    mean, std = mean.float().to(images.device), std.float().to(images.device)
    return mean[:, None, None], std[:, None, None]


def in_doubles(images: Tensor) -> Iterator[Tensor]:
    """Portions of the images as doubles in [0, 1], on the CPU: not every device has doubles."""
    for part in images.split(1024):
        yield part.cpu().double() / (255 if part.dtype == torch.uint8 else 1)


def feature_mean(images: Tensor) -> Tensor:
    """The mean image (C, H, W), in doubles on the CPU."""
    total = torch.zeros(images.shape[1:], dtype=torch.float64)
    for part in in_doubles(images):
        total += part.sum(0)
    return total / len(images)
