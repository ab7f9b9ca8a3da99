"""What a checkpoint's network gets right: by the run's edits until then, and without a trace in any run."""

import threading
from pathlib import Path
from queue import SimpleQueue

import pytest

from tests.runs.test_branch import EXPERIMENT, done, stepwise
from trainlab import commands as cmd
from trainlab.errors import Problem
from trainlab.runs import store, train
from trainlab.runs.graded import graded


def test_each_checkpoint_is_judged_as_the_run_was_then(runs: Path) -> None:
    inbox: cmd.Commands = SimpleQueue()
    at: dict[int, cmd.Command] = {6: cmd.Save(), 8: cmd.Edit({"loss": "hinge"})}
    run = done(stepwise(store.start(EXPERIMENT, runs, inbox), inbox), inbox, at)
    before = next(kept for kept in run.checkpoints if kept.pinned)
    assert before.step == 6 < run.edits[0].step
    for kept, epoch in ((before, 1), (run.checkpoints[-1], 4)):
        found = run.results(kept.name)
        assert found.loss == run.epochs["val_loss"][epoch - 1]
        assert found.accuracy == run.epochs["val_accuracy"][epoch - 1]


def test_a_run_under_way_is_not_disturbed(runs: Path) -> None:
    alone = train(EXPERIMENT, runs)
    both = threading.Thread(target=train, args=(EXPERIMENT, runs))
    both.start()
    asked = 0
    while both.is_alive() or not asked:
        asked += len(alone.results().hardest()) > 0
    (other,) = (path for path in runs.iterdir() if path.is_dir() and path != alone.path)
    beside = store.read_events(other)
    finished = [event for event in beside if type(event).__name__ == "Finished"]
    assert [event.weights_sha256 for event in finished] == [alone.summary["weights_sha256"]]  # type: ignore[attr-defined]


def test_called_off(runs: Path) -> None:
    run = train(EXPERIMENT, runs)

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        graded(run.path, None, stop)
    for kept in run.checkpoints:
        (kept.path / "manifest.json").unlink()
    with pytest.raises(Problem, match="no checkpoint yet"):
        run.results()
