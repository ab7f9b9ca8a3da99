"""Resuming: the numbers are those of the run that was never interrupted."""

from pathlib import Path
from queue import SimpleQueue

import pytest

from trainlab import commands as cmd
from trainlab import events as ev
from trainlab.catalog.models import MLP
from trainlab.catalog.training import Training
from trainlab.engine import trainer
from trainlab.experiment import Experiment
from trainlab.runs import load_run, store, train

EXPERIMENT = Experiment(model=MLP(width=8), training=Training(epochs=2, batch_size=256))


def stopped_in_the_last_validation(runs: Path) -> Path:
    """A run whose last epoch was trained but not validated."""
    inbox: cmd.Commands = SimpleQueue()
    events = store.start(EXPERIMENT, runs, inbox)
    folder = Path()
    for event in events:
        if isinstance(event, ev.Opened):
            folder = Path(event.run)
        if isinstance(event, ev.Steps) and event.first + len(event.loss) - 1 == 12:
            inbox.put(cmd.Stop())
    return folder


def test_an_epoch_is_recorded_once_however_often_it_is_resumed(runs: Path) -> None:
    folder = stopped_in_the_last_validation(runs)
    assert [*load_run(folder).epochs["epoch"]] == [1]
    for _time in range(2):
        assert [*train(resume=folder).epochs["epoch"]] == [1, 2]


def test_the_threads_of_the_first_part_are_kept(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "default_threads", lambda: 1)
    folder = stopped_in_the_last_validation(runs)
    monkeypatch.setattr(trainer, "default_threads", lambda: 2)
    assert train(resume=folder).threads == 1
