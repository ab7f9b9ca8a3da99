"""Branches: a checkpoint gone back to, with changes or without, as a run of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest

from tests.conformance.playing import Result, replay  # noqa: F401 (a fixture)
from trainlab import commands as cmd
from trainlab import events as ev
from trainlab.catalog.models import MLP
from trainlab.catalog.training import Training
from trainlab.changes import Changes
from trainlab.engine import checkpoint
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.export import script
from trainlab.runs import load_run, store
from trainlab.runs.branch import branch
from trainlab.runs.run import Run

EXPERIMENT = Experiment(
    model=MLP(width=8), training=Training(epochs=4, batch_size=256, save_every=0.1)
)
EDIT = {"optimizer.lr": 0.004}


def done(events: Iterator[ev.Event], inbox: cmd.Commands, at: dict[int, cmd.Command]) -> Run:
    """Train to the end, sending commands once these steps are reported."""
    waiting, folder = dict(at), ""
    for event in events:
        if isinstance(event, ev.Opened):
            folder = event.run
        if isinstance(event, ev.Steps):
            last = event.first + len(event.loss) - 1
            for step in [step for step in waiting if step <= last]:
                inbox.put(waiting.pop(step))
    return load_run(folder)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def parent(root: Path) -> Run:
    """A run of four epochs of six steps, edited after the first, with a pinned checkpoint after each of two."""
    inbox: cmd.Commands = SimpleQueue()
    at: dict[int, cmd.Command] = {6: cmd.Edit(EDIT)}
    at |= {7: cmd.Save(), 12: cmd.Save(), 19: cmd.Edit({"optimizer.lr": 0.003})}
    # one step a report: what is sent then comes before the next
    return done(stepwise(store.start(EXPERIMENT, root, inbox), inbox), inbox, at)


def stepwise(events: Iterator[ev.Event], inbox: cmd.Commands) -> Iterator[ev.Event]:
    """The same run, a step at a time, so that each command has its exact place."""
    inbox.put(cmd.Pause())
    for event in events:
        yield event
        if isinstance(event, ev.Steps) or event == ev.Changed("paused"):
            inbox.put(cmd.StepOnce())


def branched(parent: Run, root: Path, step: int, changes: Changes) -> Run:
    inbox: cmd.Commands = SimpleQueue()
    return done(branch(parent.path, f"step-{step:08d}", root, changes, inbox), inbox, {})


def pinned(parent: Run) -> list[int]:
    return [kept.step for kept in parent.checkpoints if kept.pinned]


def test_saved_on_demand_stays(parent: Run) -> None:
    steps = [kept.step for kept in parent.checkpoints]
    assert len(pinned(parent)) == 2
    assert steps == sorted(steps)
    assert len(steps) <= 5, "the newest two, the best and the pinned ones"
    found = checkpoint.load(parent.checkpoints[0].path)
    assert found.step == parent.checkpoints[0].step
    assert [edit.changes for edit in parent.edits] == [EDIT, {"optimizer.lr": 0.003}]


@pytest.mark.parametrize("which", [0, 1])
def test_a_rewind_goes_the_same_way_until_the_parents_later_edits(
    parent: Run, root: Path, which: int
) -> None:
    step = pinned(parent)[which]
    run = branched(parent, root, step, {})
    assert run.parent is not None
    assert (run.parent.run, run.parent.step) == (parent.path.name, step)
    assert parent.parent is None
    assert [edit.changes for edit in run.edits] == [EDIT]
    until = parent.edits[1].step
    assert [*run.steps["loss"][:until]] == [*parent.steps["loss"][:until]]
    assert [*run.steps["step"]] == [*range(1, 25)]
    assert run.summary["weights_sha256"] != parent.summary["weights_sha256"]


def test_a_branch_has_the_looks_inside_that_came_before_it(parent: Run, root: Path) -> None:
    (step, *_later) = pinned(parent)
    before = [look for look in parent._history.probes if look.step <= step]
    assert before
    history = branched(parent, root, step, {})._history
    assert history.probes[: len(before)] == before
    assert all(look.step > step for look in history.probes[len(before) :])
    assert history.fixed == parent._history.fixed


def test_with_the_later_edit_made_again_it_is_the_same_run(parent: Run, root: Path) -> None:
    later = parent.edits[1]
    inbox: cmd.Commands = SimpleQueue()
    name = f"step-{pinned(parent)[1]:08d}"
    events = stepwise(branch(parent.path, name, root, {}, inbox), inbox)
    run = done(events, inbox, {later.step: cmd.Edit(later.changes)})
    assert [edit.step for edit in run.edits] == [edit.step for edit in parent.edits]
    assert run.summary["weights_sha256"] == parent.summary["weights_sha256"]


def test_a_branch_with_changes_begins_with_them(parent: Run, root: Path) -> None:
    step = pinned(parent)[0]
    run = branched(parent, root, step, {"optimizer.lr": 0.02, "training.epochs": 5})
    assert [(edit.step, edit.changes) for edit in run.edits][1:] == [
        (step, {"optimizer.lr": 0.02, "training.epochs": 5})
    ]
    assert [*run.epochs["epoch"]] == [1, 2, 3, 4, 5]
    assert run.experiment == parent.experiment
    again = branched(run, root, run.checkpoints[-1].step, {"training.epochs": 6})
    assert again.parent is not None
    assert again.parent.run == run.path.name
    assert [*again.epochs["epoch"]] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"training.seed": 1}, "training.seed"),
        ({"optimizer.lr": -1.0}, "optimizer.lr"),
        ({"no.such": 1}, "no.such"),
    ],
)
def test_what_a_run_cannot_take_in_is_refused_and_leaves_nothing(
    parent: Run, root: Path, changes: Changes, says: str
) -> None:
    before = sorted(root.iterdir())
    with pytest.raises(Problem, match=says):
        branched(parent, root, pinned(parent)[0], changes)
    assert sorted(root.iterdir()) == before


def test_a_branch_that_fails_at_once_leaves_nothing(parent: Run, root: Path) -> None:
    before = sorted(root.iterdir())
    inbox: cmd.Commands = SimpleQueue()
    name = f"step-{pinned(parent)[0]:08d}"
    events = [*branch(parent.path, name, root, {"model.width": 16}, inbox)]
    failed = [event for event in events if isinstance(event, ev.Failed)]
    assert [event.what for event in failed] == ["model: these settings need other weights"]
    assert sorted(root.iterdir()) == before


def test_a_branch_from_before_the_last_validation_goes_on_for_longer(root: Path) -> None:
    inbox: cmd.Commands = SimpleQueue()
    stopped = done(store.start(EXPERIMENT, root, inbox), inbox, {24: cmd.Stop()})
    assert [*stopped.epochs["epoch"]] == [1, 2, 3]
    run = branched(stopped, root, 24, {"training.epochs": 6})
    assert [*run.epochs["epoch"]] == [1, 2, 3, 4, 5, 6]


def test_an_edit_before_the_first_step_is_in_the_script(
    root: Path,
    replay: Callable[[str], Result | str],  # noqa: F811
) -> None:
    inbox: cmd.Commands = SimpleQueue()
    inbox.put(cmd.Pause())
    inbox.put(cmd.Save())
    inbox.put(cmd.Stop())
    stopped = done(store.start(EXPERIMENT, root, inbox), inbox, {})
    run = branched(stopped, root, 0, {"optimizer.lr": 0.02})
    printed = replay(script(run.experiment, run.threads, edits=run.edits))
    assert isinstance(printed, dict)
    assert printed["weights_sha256"] == run.summary["weights_sha256"]


def test_new_edits_wait_until_those_on_record_are_done_again(root: Path) -> None:
    inbox: cmd.Commands = SimpleQueue()
    at: dict[int, cmd.Command] = {5: cmd.Save(), 14: cmd.Edit({"optimizer.betas": [0.8, 0.99]})}
    run = done(stepwise(store.start(EXPERIMENT, root, inbox), inbox), inbox, at)
    for kept in run.checkpoints[1:]:  # damaged, as a kill may leave a disk
        (kept.path / "manifest.json").write_bytes(b"")
    inbox = SimpleQueue()
    answers = []
    for event in stepwise(store.resume(run.path, inbox), inbox):
        if isinstance(event, ev.Steps) and event.first == 8:
            inbox.put(cmd.Edit({"optimizer": "sgd"}))
        if isinstance(event, ev.Answered) and event.reason:
            answers.append(event.reason)
    assert any("are done again before new ones" in reason for reason in answers)
    again = load_run(run.path)
    assert again.state == "done"
    assert again.summary["weights_sha256"] == run.summary["weights_sha256"]
