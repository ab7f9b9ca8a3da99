"""Meter: the losses and hits of steps stay on the device and are read in chunks, about ten times a second."""

import math
import time

import torch
from torch import Tensor

from trainlab.events import Steps

READ_EVERY = 0.1  # seconds; a page cannot show more, and a read a step would make a GPU wait


class NonFiniteLoss(Exception):
    """The loss of a step was NaN or infinite."""

    def __init__(self, step: int, loss: float) -> None:
        super().__init__(f"step {step}: {loss}")
        self.step, self.loss = step, loss


class Meter:
    """Gathers what steps measured, and sums it up over the epoch.

    `sums` are the epoch's images, summed loss and hits so far: what an exact resume needs of it.
    """

    def __init__(self, step: int, sums: tuple[int, float, int] = (0, 0.0, 0)) -> None:
        self.step, self.sums = step, sums
        self.images, self.seconds = 0, 0.0  # of the whole run, training time only
        self.broken: NonFiniteLoss | None = None  # found by the last reading
        self._losses: list[Tensor] = []
        self._hits: list[Tensor] = []
        self._sizes: list[int] = []
        self._lrs: list[float] = []
        self.restart_clock()

    def restart_clock(self) -> None:
        """Leave out what passed since the last reading: a pause or a validation."""
        self._since = time.perf_counter()

    def add(self, loss: Tensor, hits: Tensor, size: int, lr: float) -> None:
        """One step: its mean loss, its number of right answers, its images and learning rate."""
        self._losses.append(loss)
        self._hits.append(hits)
        self._sizes.append(size)
        self._lrs.append(lr)

    def due(self) -> bool:
        """Whether it is time to read."""
        return time.perf_counter() - self._since >= READ_EVERY

    def read(self) -> Steps | None:
        """The steps since the last reading, up to one whose loss is `broken`; None where there are none."""
        if not self._losses:
            return None
        losses: list[float] = torch.stack(self._losses).tolist()
        hits: list[int] = torch.stack(self._hits).tolist()
        sizes, lrs, first = self._sizes, tuple(self._lrs), self.step + 1
        self._losses, self._hits, self._sizes, self._lrs = [], [], [], []
        good = next((i for i, loss in enumerate(losses) if not math.isfinite(loss)), len(losses))
        if good < len(losses):
            self.broken = NonFiniteLoss(first + good, losses[good])
            losses, hits, sizes, lrs = losses[:good], hits[:good], sizes[:good], lrs[:good]
        self.step += len(losses)
        if not losses:
            return None
        for offset, loss in enumerate(losses):
            self.sums = (
                self.sums[0] + sizes[offset],
                self.sums[1] + loss * sizes[offset],
                self.sums[2] + hits[offset],
            )
        seconds = max(time.perf_counter() - self._since, 1e-9)
        self.images, self.seconds = self.images + sum(sizes), self.seconds + seconds
        self.restart_clock()
        accuracy = tuple(hit / size for hit, size in zip(hits, sizes, strict=True))
        return Steps(first, tuple(losses), accuracy, lrs, sum(sizes) / seconds)

    def end_epoch(self) -> tuple[float, float]:
        """Mean training loss and accuracy of the epoch, as it was trained; starts the next one."""
        images, loss, hits = self.sums
        self.sums = (0, 0.0, 0)
        return loss / images, hits / images
