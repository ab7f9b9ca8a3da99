"""Keeper: the checkpoints of a run: its newest moment, and its best by validation."""

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from trainlab import events as ev
from trainlab.engine import checkpoint
from trainlab.engine.checkpoint import Snapshot

LEAST_GAP = 50  # times what a checkpoint takes: writing safely may not slow a run by more than 2 %


class Keeper:
    """Keeps snapshots below `folder`, or only the best one in memory where that is None.

    `save_every`: seconds between two, at most; an epoch's end is kept sooner.
    """

    def __init__(self, folder: Path | None, save_every: float) -> None:
        self.folder, self._save_every = folder, save_every
        self.best: Snapshot | None = None  # without weights once it is on disk
        self._saved_at = time.perf_counter()
        self._cost = 0.0  # seconds that the last one took

    @property
    def best_accuracy(self) -> float:
        """The best validation accuracy so far, NaN before the first."""
        return self.best.facts["val_accuracy"] if self.best else math.nan

    def due(self, epoch_end: bool = False) -> bool:
        """Whether it is time to write again."""
        least = 0.0 if epoch_end else self._save_every
        return time.perf_counter() - self._saved_at > max(least, LEAST_GAP * self._cost)

    def offer(self, facts: dict[str, float], take: Callable[[], Snapshot]) -> None:
        """Keep this moment if no other was better."""
        if self.best is None or _score(facts) > _score(self.best.facts):
            self.best = take()

    def save(self, newest: Snapshot | None, pinned: bool = False) -> Iterator[ev.Event]:
        """Write the newest moment, if any is given, and the best one where it is not on disk yet."""
        if self.folder is None:
            return
        began, best = time.perf_counter(), self.best
        if best and best.weights and not (newest and best.step == newest.step):
            yield ev.Saved(checkpoint.save(self.folder, best).name, best.step)
            self.best = Snapshot(best.step, {}, {}, best.facts)
        if newest:
            name = checkpoint.save(self.folder, newest, pinned).name
            yield ev.Saved(name, newest.step, pinned)
        checkpoint.prune(self.folder, best.step if best else None)
        self._saved_at = time.perf_counter()
        self._cost = self._saved_at - began

    def state(self) -> dict[str, Any] | None:
        """What a checkpoint remembers of the best one."""
        return {"step": self.best.step, "facts": self.best.facts} if self.best else None

    def restore(self, resume: Snapshot) -> None:
        """Go on from a checkpoint, which may have been the best."""
        best = resume.state["best"]
        self.best = Snapshot(best["step"], {}, {}, best["facts"]) if best else None
        if resume.state["epoch"]:
            self.offer(resume.facts, lambda: Snapshot(resume.step, {}, {}, resume.facts))


def _score(facts: dict[str, float]) -> tuple[float, float]:
    """What makes one epoch better than another: validation accuracy, then validation loss."""
    return facts["val_accuracy"], -facts["val_loss"]
