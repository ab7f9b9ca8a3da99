"""Summary: what a table of runs shows of one, kept small beside its record so that a thousand open at once."""

import math
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from trainlab import events as ev
from trainlab.changes import Changes, difference, edited
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.runs.history import EPOCH_COLUMNS, History

SUMMARY = "summary.json"
MOST_POINTS = 60  # of the small curve
EVERY = 1.0  # seconds between two while a run trains
_MEASURES = ("val_accuracy", "val_loss", "train_loss")  # the first that was measured is drawn
_KINDS = (ev.Started, ev.EpochEnd, ev.Changed, ev.Edited, ev.Finished, ev.Failed)
_LINES = tuple(f'{{"event": "{kind.__name__}"' for kind in _KINDS)


@dataclass(frozen=True)
class Summary:
    """A run in a few numbers.

    `curve` has a value for each epoch, or for each stretch of them where they are many; None where it
    was not finite. `measure` says what of. `differs` is what its experiment, with its `edited` edits, says
    that the default one does not. `seconds` of training are known once it ended.
    """

    state: ev.State
    stopped: bool
    epochs: int
    planned: int
    best: float | None
    measure: str
    curve: tuple[float | None, ...]
    differs: Changes
    edited: int
    seconds: float | None


_plain = TypeAdapter(Summary)


class Digest:
    """Keeps the summary of a run that is being recorded in `folder`.

    Args:
        folder: the run's.
        experiment: as it began.
        record: the file of its events, which may hold some already.
    """

    def __init__(self, folder: Path, experiment: Experiment, record: Path) -> None:
        self._folder, self._experiment = folder, experiment
        self._history = outline(record)
        self._written = -math.inf  # after an epoch

    def add(self, event: ev.Event) -> None:
        """Take in an event that was just recorded."""
        if not isinstance(event, _KINDS):
            return
        self._history.add(event)
        if isinstance(event, ev.EpochEnd):
            if time.monotonic() - self._written < EVERY:
                return
            self._written = time.monotonic()
        write_summary(self._folder, summarise(self._experiment, self._history))


def outline(record: Path) -> History:
    """A run's history without its steps, which are nearly all of it. Raises OSError or ValueError."""
    history = History()
    with record.open(encoding="utf-8") as file:
        for line in file:
            if line.startswith(_LINES) and line.endswith("\n"):  # a kill tears the last one
                history.add(ev.from_json(line))
    return history


def summarise(experiment: Experiment, history: History) -> Summary:
    """The summary of a run as far as it came. Raises Problem where an edit on record is damaged."""
    experiment = edited(experiment, history.edits)
    rows, finished = history.epochs.rows, history.finished
    scores = rows[:, EPOCH_COLUMNS.index("val_accuracy")]
    measure = next(filter(lambda name: _measured(rows, name), _MEASURES), _MEASURES[0])
    planned = history.edits[-1].epochs if history.edits else None
    return Summary(
        state=history.state,
        stopped=bool(finished and finished.stopped),
        epochs=int(rows[-1, 0]) if len(rows) else 0,
        planned=planned or (history.started.epochs if history.started else 0),
        best=float(np.nanmax(scores)) if np.isfinite(scores).any() else None,
        measure=measure,
        curve=_thinned(rows[:, EPOCH_COLUMNS.index(measure)]),
        differs=from_default(experiment),
        edited=len(history.edits),
        seconds=finished.seconds if finished else None,
    )


def write_summary(folder: Path, summary: Summary) -> None:
    """Keep it beside the run's record. A disk that refuses costs only time: the record can be read again."""
    draft = folder / f".{SUMMARY}"
    with suppress(OSError):
        draft.write_bytes(_plain.dump_json(summary))
        draft.replace(folder / SUMMARY)


def read_summary(folder: Path) -> Summary:
    """What was kept. Raises OSError or ValueError where there is none, or it is of another version."""
    return _plain.validate_json((folder / SUMMARY).read_bytes())


def from_default(experiment: Experiment) -> Changes:
    """What differs from the default experiment, path -> value; of another choice its kind, and from its defaults."""
    default = _default()
    data, usual = experiment.model_dump(mode="json"), default.model_dump(mode="json")
    kinds = {
        name: value["kind"]
        for name, value in data.items()
        if isinstance(value, dict) and value.get("kind") != usual[name].get("kind")
    }
    with suppress(Problem):  # a choice may need settings that have no default
        default = Experiment.from_data(usual | {name: {"kind": kinds[name]} for name in kinds})
    return kinds | difference(default, experiment)


@cache
def _default() -> Experiment:
    return Experiment()


def _measured(rows: Any, name: str) -> bool:
    return bool(np.isfinite(rows[:, EPOCH_COLUMNS.index(name)]).any())


def _thinned(values: Any) -> tuple[float | None, ...]:
    """At most MOST_POINTS of the values, the last of each stretch, short enough to be sent by the thousand."""
    last = np.linspace(0, len(values), min(len(values), MOST_POINTS) + 1).astype(int)[1:] - 1
    return tuple(float(f"{v:.4g}") if math.isfinite(v) else None for v in values[last].tolist())
