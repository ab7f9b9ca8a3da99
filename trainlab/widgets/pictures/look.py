"""What the pictures of the panels are drawn from, and what the page takes as one."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import nn

from trainlab.catalog.datasets import Images
from trainlab.engine.build import network, split_rows
from trainlab.engine.randomness import generator
from trainlab.errors import Problem
from trainlab.experiment import Experiment

Spec = dict[str, Any]


@dataclass(frozen=True)
class Look:
    """What pictures are drawn from: the experiment, its data if at hand, and which random draws to show.

    `compare` is the kind of choice that is drawn beside the chosen one, where a panel offers that.
    """

    experiment: Experiment
    data: Images
    draw: int = 0
    compare: str = ""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of an image."""
        _n, c, h, w = self.data.images.shape
        return c, h, w

    def train_images(self) -> int:
        """How many images the split leaves for training."""
        train_rows, _val_rows = split_rows(self.experiment, self.data)
        return len(train_rows)

    def sample(self, count: int) -> torch.Tensor:
        """Images to show, spread over the data set: (count, C, H, W) uint8."""
        n = len(self.data.images)
        picks = torch.randperm(n, generator=generator("look", n))[:count]
        return self.data.images[picks]


def thumbnails(images: torch.Tensor, most: int = 96) -> NDArray[np.uint8]:
    """Images (N, C, H, W), uint8 or float in [0, 1], as they are shown: uint8, no side longer than `most`."""
    pixels = images if images.dtype == torch.uint8 else images.clamp(0, 1).mul(255).round().byte()
    longest = max(pixels.shape[2:])
    if longest > most:
        sides = [max(1, side * most // longest) for side in pixels.shape[2:]]
        pixels = F.interpolate(pixels.float(), size=sides, mode="area").round().byte()
    shown: NDArray[np.uint8] = pixels.numpy()
    return shown


def outline(look: Look) -> nn.Module:
    """The network without its weights: it takes no memory and no time."""
    with torch.device("meta"):
        return network(look.experiment.model, look.data)


def picture(
    id: str, title: str, alt: str, caption: str, *, svg: str | None = None, png: str | None = None
) -> Spec:
    """One picture as the page takes it."""
    spec = {"id": id, "title": title, "alt": alt, "caption": caption, "svg": svg, "png": png}
    return spec | {"pixelated": True, "html_rows": None}


def unavailable(problem: Problem) -> list[Spec]:
    """In the place of pictures that cannot be drawn: why, and what to do."""
    parts = [part.rstrip(".") + "." for part in (problem.why, problem.remedy) if part]
    return [picture("unavailable", problem.what, "", " ".join(parts))]
