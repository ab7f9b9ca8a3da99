"""Signals: the numbers of a run so far, as the rules read them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trainlab import events as ev
from trainlab.diagnostics.verdicts.levels import Levels, levels
from trainlab.experiment import Experiment

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Signals:
    """A run so far: since its last edit, for what came before followed other rules.

    `steps` maps step, epoch, loss, accuracy, lr to a value a step; `epochs` maps epoch, step, train_loss,
    train_accuracy, val_loss, val_accuracy to a value an epoch. `plan` and `experiment` hold now.
    `probes` are looks into single steps; without them, rules that need them are silent. `broken` is the
    step whose loss was not finite, or 0.
    """

    experiment: Experiment
    plan: ev.Started
    steps: Mapping[str, Array]
    epochs: Mapping[str, Array]
    probes: tuple[ev.Probed, ...] = ()
    since: int = 0  # the step after which it was last edited
    broken: int = 0

    def until(self, step: int) -> "Signals":
        """What was known after a step."""
        return replace(
            self,
            steps=_rows(self.steps, self.steps["step"] <= step),
            epochs=_rows(self.epochs, self.epochs["step"] <= step),
            probes=tuple(probe for probe in self.probes if probe.step <= step),
            broken=self.broken if self.broken <= step + 1 else 0,
        )

    @cached_property
    def levels(self) -> Levels:
        """What the loss is for the best answer there is, and for poor ones."""
        return levels(self.experiment.loss, len(self.plan.classes))

    @property
    def chance(self) -> float:
        """The loss of an answer that knows nothing."""
        return self.levels.chance

    @cached_property
    def span(self) -> float:
        """From the best answer to chance; labels that are smoothed to nothing leave none."""
        return max(self.chance - self.levels.floor, 0.05 * self.chance)

    def share(self, loss: Array) -> Array:
        """Losses as shares of the way from the best answer there is, 0, to chance, 1."""
        return (loss - self.levels.floor) / self.span

    def told(self, share: float) -> float:
        """The loss at such a share."""
        return self.levels.floor + share * self.span

    @cached_property
    def loss(self) -> Array:
        """The loss of each step, as such a share."""
        return self.share(self.steps["loss"])

    @property
    def done(self) -> float:
        """The share of the planned steps that are done, in [0, 1]."""
        return min(1.0, self.last_step / max(1, self.plan.epochs * self.plan.steps_per_epoch))

    @property
    def first_step(self) -> int:
        """The number of the first step."""
        return int(self.steps["step"][0]) if len(self.loss) else 0

    @property
    def last_step(self) -> int:
        """The number of the last step."""
        return int(self.steps["step"][-1]) if len(self.loss) else 0

    @property
    def last_epoch(self) -> int:
        """The number of the step that ended the last epoch."""
        return int(self.epochs["step"][-1])

    def epoch_at(self, index: int) -> int:
        """The number of the first step of an epoch, counted from the end: a negative index."""
        ends = self.epochs["step"]
        return int(ends[index - 1]) + 1 if len(ends) > -index else self.first_step

    def step_at(self, share: float) -> int:
        """The number of the step at a share of those that are known."""
        return int(self.steps["step"][int(share * (len(self.loss) - 1))])

    def parts(self, count: int) -> Array:
        """The mean loss, as a share, of `count` equal parts of the steps."""
        return np.array([part.mean() for part in np.array_split(self.loss, count)])

    @cached_property
    def band(self) -> float:
        """The spread of the last third of the losses around their trend, as a share."""
        recent = self.loss[-max(3, len(self.loss) // 3) :]
        return float(np.std(np.diff(recent)) / math.sqrt(2)) if len(recent) > 2 else 0.0

    def looked(self, looks: int = 3) -> tuple[int, int]:
        """The steps of the first and the last of the last `looks` looks inside."""
        return self.probes[-looks].step, self.probes[-1].step

    def layers(self, measure: str, looks: int = 3) -> dict[str, float]:
        """The median of the last `looks` looks at a measure, by layer; empty where there were fewer."""
        recent = self.probes[-looks:]
        if len(recent) < looks:
            return {}
        found: dict[str, list[float]] = {}
        for probe in recent:
            for name, row in probe.layers.items():
                if math.isfinite(value := row.get(measure, math.nan)):
                    found.setdefault(name, []).append(value)
        return {name: float(np.median(values)) for name, values in found.items()}


def fall(values: Array, spread: float = 0.0) -> tuple[float, float]:
    """How much a straight line through the values falls from first to last, and the standard error of that.

    `spread` is a known error of each value, where the values scatter less by chance.
    """
    n = len(values)
    x = np.arange(n) - (n - 1) / 2
    slope = float((x * (values - values.mean())).sum() / (x * x).sum())
    rest = values - values.mean() - slope * x
    error = max(float(np.sqrt((rest**2).sum() / max(1, n - 2))), spread, 1e-12)
    return -slope * (n - 1), error / math.sqrt(float((x * x).sum())) * (n - 1)


def falls(values: Array, spread: float = 0.0) -> float:
    """The same fall in units of its own error."""
    fallen, error = fall(values, spread)
    return fallen / error


def _rows(table: Mapping[str, Array], mask: NDArray[np.bool_]) -> dict[str, Array]:
    return {name: column[mask] for name, column in table.items()}
