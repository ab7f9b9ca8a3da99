"""Shown: the run on the chart, as its events tell it. Used by one thread, the session's pump."""

import base64
from contextlib import suppress
from pathlib import Path
from typing import Any

from trainlab import events as ev
from trainlab.engine.checkpoint import Kept, kept
from trainlab.engine.worker import ENDED
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.runs import baselines, load_run, store
from trainlab.runs.baselines import Baseline
from trainlab.runs.history import History
from trainlab.runs.planted import sabotage_of
from trainlab.widgets.feed import VerdictFeed
from trainlab.widgets.plane import plane_points
from trainlab.widgets.planted import Planted
from trainlab.widgets.status import describe
from trainlab.widgets.timeline import marks, reference_words


class Shown:
    """What the page knows of a run. Each run, and each empty chart, has a `number` of its own."""

    def __init__(self) -> None:
        self.number = 0
        self.feed, self.planted = VerdictFeed(), Planted()
        self.clear()

    def clear(self) -> None:
        """An empty chart, for another run."""
        self.number += 1
        self.folder = ""  # of the run, which may never come to train
        self.history = History()
        self.state: ev.State = "idle"
        self.speed, self.note = 0.0, ""
        self.building: ev.Progress | None = None
        self.feed.clear()
        self.planted.open(None)
        self.experiment: Experiment | None = None  # what it began with
        self._kept: tuple[Kept, ...] = ()
        self._baseline = Baseline()
        self._boundary: ev.Boundary | None = None
        self._points: tuple[tuple[str, ...], bytes] | None = None  # of a plane

    def open(self, folder: str) -> None:
        """Begin with what a run reported before: one that is resumed, a branch, one that is over."""
        self.clear()
        self.folder = folder
        with suppress(OSError, ValueError, Problem):
            self.experiment = Experiment.load(Path(folder) / store.EXPERIMENT)
            for event in store.read_events(Path(folder)):
                self.history.add(event)
            self.planted.open(sabotage_of(Path(folder)))
        self.look_for_checkpoints()
        self.look_for_baseline()

    def look_for_checkpoints(self) -> None:
        """Those on disk now: older ones go while a run trains."""
        self._kept = kept(Path(self.folder) / store.CHECKPOINTS)

    def look_for_baseline(self) -> None:
        """What its data set is measured by, now."""
        if self.experiment is None:
            return
        try:
            found = baselines.read(Path(self.folder).parent)
        except Problem:  # the panel Check says so
            found = {}
        self._baseline = found.get(baselines.key_of(self.experiment.dataset), Baseline())

    def part(self, boundary: ev.Boundary) -> None:
        """Take in how the net parts the plane; with the first of a run the points go to all views."""
        if self._points is None:
            with suppress(Problem):  # the run's folder may be gone
                self._points = plane_points(load_run(self.folder).experiment)
            self.number += 1
        self._boundary = boundary

    def status(self, held: str = "", slow: str = "") -> dict[str, Any]:
        """The state of the run in words: why it waits, else what it says itself, else why it is slow."""
        note = held or self.note or slow
        return describe(self.history, self.state, self.speed, note, self.building)

    def marks(self) -> list[dict[str, Any]]:
        """What happened to it, along its curves."""
        return marks(self.history, self._kept)

    def cards(self) -> list[dict[str, Any]]:
        """The verdicts on it, after a word on a bug that was planted in it."""
        self.feed.look(self.history, self.experiment, self.state in ENDED)
        return [*self.planted.cards(), *self.feed.cards(self.history)]

    def references(self) -> list[dict[str, Any]]:
        """The levels of accuracy to draw beside its curves."""
        if self.experiment is None or self.history.started is None:
            return []
        chance = self.history.started.chance
        lines = baselines.lines(self.experiment.dataset, chance, self._baseline)
        return [{"y": line.accuracy, "text": reference_words(line)} for line in lines]

    def plane(self, whole: bool, known: int) -> tuple[int, dict[str, Any], list[bytes]]:
        """How the net parts the plane, where the page knows an older step than it is of: step, words, buffers."""
        if self._boundary is None or self._points is None:
            return -1, {"plane": None} if whole else {}, []
        boundary, (classes, points) = self._boundary, self._points
        if not whole and boundary.step == known:
            return known, {}, []
        words: dict[str, Any] = {"step": boundary.step, "side": boundary.side}
        words |= {"classes": classes} if whole else {}
        buffers = [base64.b64decode(boundary.cells), *([points] if whole else [])]
        return boundary.step, {"plane": words}, buffers
