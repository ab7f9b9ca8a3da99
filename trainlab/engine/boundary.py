"""Boundary: how a net parts the plane, for data that are points of two coordinates in [0, 1]."""

import base64
import math
import time
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from trainlab import events as ev
from trainlab.catalog.datasets import is_plane
from trainlab.engine.batches import Batches
from trainlab.engine.build import Parts

SIDE = 64  # cells a side: 4,096 points cost a small net about a millisecond
EVERY = 0.3  # seconds between two looks


class Plane:
    """Looks at a run whose data are points, a few times a second."""

    def __init__(self) -> None:
        self._looked_at, self._seen = -math.inf, -1  # when, and at which step

    def look(self, parts: Parts, step: int, now: bool) -> Iterator[ev.Event]:
        """How the net parts the plane, if the data lie in one, and it is time, or `now`."""
        due = now or time.perf_counter() - self._looked_at > EVERY
        if due and is_plane(parts.val.shape) and step != self._seen:
            yield boundary(parts.model, parts.val, step)
            self._seen, self._looked_at = step, time.perf_counter()


@torch.no_grad()
def boundary(model: nn.Module, batches: Batches, step: int) -> ev.Boundary:
    """The class of each cell and how sure the net is, in evaluation mode; training goes on as before."""
    middles = (torch.arange(SIDE, device=batches.images.device) + 0.5) / SIDE
    y, x = torch.meshgrid(middles, middles, indexing="ij")
    points = torch.stack([x, y], 2).reshape(-1, 2, 1, 1)
    training = model.training  # a pause may come during validation
    model.eval()
    chances: Tensor = model(batches.preprocess(points)).softmax(1)
    model.train(training)
    sure, answer = chances.max(1)
    cells = torch.stack([answer.byte(), (sure * 255).byte()], 1).cpu()
    return ev.Boundary(step, SIDE, base64.b64encode(cells.numpy().tobytes()).decode())
