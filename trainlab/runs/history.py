"""History: the numbers of a run as growing arrays, fed by its events."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import replace
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from trainlab import events as ev

Array = NDArray[np.float64]
STEP_COLUMNS = ("step", "epoch", "loss", "accuracy", "lr")
EPOCH_COLUMNS = ("epoch", "step", "train_loss", "train_accuracy", "val_loss", "val_accuracy")


class Table:
    """Rows of float64 columns that grow in place: appending is cheap, reading makes no copy."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self.columns = columns
        self._rows = np.empty((256, len(columns)))
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def append(self, rows: Array) -> None:
        """Add rows (n, columns)."""
        end = self._length + len(rows)
        if end > len(self._rows):
            bigger = np.empty((max(end, 2 * len(self._rows)), len(self.columns)))
            bigger[: self._length] = self._rows[: self._length]
            self._rows = bigger
        self._rows[self._length : end] = rows
        self._length = end

    def cut(self, last: int) -> None:
        """Forget the rows past `last` in the first column: the run went back to a checkpoint."""
        self._length = int(np.searchsorted(self._rows[: self._length, 0], last, side="right"))

    @property
    def rows(self) -> Array:
        """All rows (n, columns)."""
        return self._rows[: self._length]

    def mapping(self) -> Mapping[str, Array]:
        """A copy of each column by name."""
        return {name: self.rows[:, i].copy() for i, name in enumerate(self.columns)}


class History:
    """What a run measured so far: `steps` and `epochs`, and the events that frame them."""

    def __init__(self) -> None:
        self.steps = Table(STEP_COLUMNS)
        self.epochs = Table(EPOCH_COLUMNS)
        self.started: ev.Started | None = None
        self.finished: ev.Finished | None = None
        self.failed: ev.Failed | None = None
        self.state: ev.State = "idle"
        self.measures: dict[str, float] = {}  # of the last epoch, beside its means
        self.edits: list[ev.Edited] = []
        self.warning = ""  # the newest
        self.probes: list[ev.Probed] = []  # looks into single steps
        self.pictures: list[ev.Pictured] = []
        self.fixed: ev.Fixed | None = None  # what the network is shown meanwhile
        # a step, the epochs done by then, and the steps an epoch since; in order
        self._anchors: list[tuple[int, float, int]] = []

    def add(self, event: ev.Event) -> None:
        """Take in one event."""
        match event:
            case ev.Started():
                self.started, self.finished, self.failed = event, None, None
                self.probes = [probe for probe in self.probes if probe.step <= event.first_step]
                self.pictures = [seen for seen in self.pictures if seen.step <= event.first_step]
                self.steps.cut(event.first_step)
                self.epochs.cut(event.first_epoch)
                self._start_from(event)
            case ev.Steps():
                self.steps.append(self._step_rows(event))
            case ev.EpochEnd():
                row = [getattr(event, name) for name in EPOCH_COLUMNS]
                self.epochs.append(np.array([row], dtype=np.float64))
                self.measures = event.measures
                self._anchor(event.step, float(event.epoch))
            case ev.Probed():
                self.probes.append(event)
            case ev.Pictured():
                self.pictures.append(event)
            case ev.Fixed():
                self.fixed = event
            case ev.Edited():
                self.edits.append(event)
                self._anchor(event.step, event.position, event.steps_per_epoch)
            case ev.Changed():
                self.state = event.state
            case ev.Warned():
                self.warning = event.text
            case ev.Finished():
                self.finished = event
            case ev.Failed():
                self.failed = event

    def _step_rows(self, event: ev.Steps) -> Array:
        """Rows of a slice of steps; `epoch` is a fraction, 1.0 at the end of the first."""
        step = np.arange(event.first, event.first + len(event.loss), dtype=np.float64)
        first = max(0, bisect_left(self._anchors, event.first, key=itemgetter(0)) - 1)
        anchors = np.array(self._anchors[first:] or [(0, 0.0, 1)])
        before = np.maximum(np.searchsorted(anchors[:, 0], step) - 1, 0)  # the last one before it
        begun, position, per_epoch = anchors[before].T
        epoch = position + (step - begun) / per_epoch
        return np.column_stack((step, epoch, event.loss, event.accuracy, event.lr))

    def _start_from(self, event: ev.Started) -> None:
        """A run begins, or goes on from a checkpoint: edits on record after it will be done again."""
        self._anchors = [anchor for anchor in self._anchors if anchor[0] < event.first_step]
        self._anchor(event.first_step, event.position, event.steps_per_epoch)
        for edit in self.edits:
            if edit.step >= event.first_step:
                self._anchor(edit.step, edit.position, edit.steps_per_epoch)

    def _anchor(self, step: int, position: float, per_epoch: int | None = None) -> None:
        place = bisect_right(self._anchors, step, key=itemgetter(0))
        known = self._anchors[place - 1][2] if place else 1
        self._anchors.insert(place, (step, position, per_epoch or known))

    @property
    def position(self) -> float:
        """How many epochs are done, with a fraction."""
        if len(self.steps):
            return float(self.steps.rows[-1, 1])
        return self.started.position if self.started else 0.0

    def position_of(self, step: int) -> float:
        """How many epochs were done after a step that was recorded, with a fraction."""
        row = int(np.searchsorted(self.steps.rows[:, 0], step))
        return float(self.steps.rows[row, 1]) if step and row < len(self.steps) else 0.0

    @property
    def plan(self) -> ev.Started | None:
        """The run's plan as it holds now, after its edits; None before it started."""
        plan = self.started
        if plan is None:
            return None
        now = int(self.steps.rows[-1, 0]) if len(self.steps) else plan.first_step
        for edit in self.edits:
            if plan.first_step <= edit.step <= now:
                plan = replace(plan, epochs=edit.epochs, steps_per_epoch=edit.steps_per_epoch)
        return plan

    def last(self, column: str) -> float:
        """The newest value of an epoch's column, NaN before the first."""
        index = EPOCH_COLUMNS.index(column)
        return float(self.epochs.rows[-1, index]) if len(self.epochs) else math.nan
