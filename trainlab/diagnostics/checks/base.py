"""What the checks share: what a check is, what it may look at, and what it says."""

import copy
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor, nn

from trainlab.catalog.datasets import Images
from trainlab.diagnostics.steps import Loss
from trainlab.engine.batches import Batches, gather
from trainlab.engine.build import Parts, Plant, as_built, build_parts, resolve_device, split_rows
from trainlab.engine.randomness import generator
from trainlab.experiment import Experiment

Verdict = Literal["pass", "warn", "fail", "skip"]
Table = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Finding:
    """What a check saw.

    Args:
        verdict: pass; warn: look at it; fail: mend it; skip: there is nothing to check here.
        says: what was seen, in a sentence.
        value: the number that was measured, where it is one.
        expected: what it should be, in words.
        remedy: what to do next, where it is not as it should be.
        details: a small table, its first row the header.
    """

    verdict: Verdict
    says: str
    value: float | None = None
    expected: str = ""
    remedy: str = ""
    details: Table = ()


@dataclass(frozen=True)
class Check:
    """A check that was made: its name, what it saw (see Finding), the rule with its source, its time."""

    id: str
    title: str
    verdict: Verdict
    says: str
    value: float | None
    expected: str
    reference: str
    remedy: str
    seconds: float
    details: Table = ()

    def to_data(self) -> dict[str, Any]:
        """Plain data, as JSON writes it: a value that is no number is None."""
        known = self.value is not None and math.isfinite(self.value)
        return asdict(self) | {"value": self.value if known else None}


@dataclass(frozen=True)
class Rule:
    """A check that can be made: its name, the rule with its source, and the function that looks."""

    id: str
    title: str
    reference: str
    look: Callable[["Subject"], Finding]


class Cancelled(Exception):
    """The checks were called off."""


class Subject:
    """What is looked at: an experiment, its data, and what it would be trained with, before the first step.

    Nothing here is shared with a run, and everything random is drawn from keyed generators.

    Args:
        experiment: what would be trained.
        data: its images.
        cancelled: asked between two steps of anything slow.
        layers: the parts of the network, by name, whose gradients are checked; all if empty.
        plant: puts in the bug that would be planted in its run.
    """

    def __init__(
        self,
        experiment: Experiment,
        data: Images,
        cancelled: Callable[[], bool] = lambda: False,
        layers: tuple[str, ...] = (),
        plant: Plant = as_built,
    ) -> None:
        self.experiment, self.data, self._cancelled = experiment, data, cancelled
        self.layers, self._plant = layers, plant
        self.device = resolve_device(experiment.training.device)
        self.classes = len(data.classes)

    def go_on(self) -> None:
        """Raise Cancelled where nobody wants to know any more."""
        if self._cancelled():
            raise Cancelled

    @cached_property
    def rows(self) -> tuple[Tensor, Tensor]:
        """The rows to train on and to validate on."""
        return split_rows(self.experiment, self.data)

    @cached_property
    def _parts(self) -> Parts:
        x = self.experiment
        smoothed = hasattr(x.loss, "label_smoothing")
        loss = x.loss.but(label_smoothing=0.0) if smoothed else x.loss
        plain = x.but(augmentations=(), loss=loss, training=x.training.but(compile=False))
        return self._plant(build_parts(plain, self.data))

    @property
    def train(self) -> Batches:
        """The training images, without augmentation."""
        return self._parts.train

    @property
    def val(self) -> Batches:
        """The validation images."""
        return self._parts.val

    def model(self) -> nn.Module:
        """A copy of the network as it starts: the caller's own."""
        return copy.deepcopy(self._parts.model)

    @property
    def loss(self) -> Loss:
        """The chosen loss, without label smoothing, which keeps it from reaching zero."""
        return self._parts.loss

    def sample(self, count: int, side: Batches | None = None) -> tuple[Tensor, Tensor]:
        """Inputs and labels of `count` images drawn at random: of the training side, if none is given."""
        side = side or self.train
        order = torch.randperm(len(side), generator=generator("check", "sample"))
        rows = order[:count].to(self.device)
        return side.preprocess(gather(side.images, rows)), side.labels[rows]

    def chance(self, labels: Tensor) -> float:
        """The loss of answering nothing in particular: the same score, 1/K, for every class."""
        shape = (len(labels), self.classes, *labels.shape[1:])
        scores = torch.full(shape, 1 / self.classes, device=labels.device)
        return float(self.loss(scores, labels))
