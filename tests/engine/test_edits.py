"""A run that is edited while it trains: what is answered, what changes, and that a resumed run repeats it."""

import copy
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
import pytest
from torch import nn

from trainlab import commands as cmd
from trainlab import events as ev
from trainlab.catalog.optimizers import SGD
from trainlab.changes import changed, difference
from trainlab.engine import checkpoint
from trainlab.engine.edits import adopt
from trainlab.engine.trainer import Trainer
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.runs.history import History

BASE = Experiment.from_data(
    {
        "model": {"kind": "mlp", "width": 16, "depth": 1, "dropout": 0.2},
        "optimizer": {"kind": "adamw", "lr": 0.01},
        "training": {"epochs": 3, "batch_size": 100, "threads": 1},
    }
)  # 15 steps an epoch
Edits = dict[int, dict[str, Any]]
MANY: Edits = {
    4: {"optimizer.lr": 0.03, "augmentations": ["shift"]},
    9: {"training.batch_size": 300, "model.dropout": 0.5},
    12: {"optimizer": {"kind": "sgd", "lr": 0.1, "momentum": 0.9}, "schedule": "cosine"},
    13: {"optimizer.lr": 0.05, "regularizers": ["l2", "max_norm"]},
    15: {"training.epochs": 5, "loss.label_smoothing": 0.1},
    17: {"schedule": {"kind": "plateau", "patience": 0, "threshold": 0.9}},
    19: {"augmentations": [], "optimizer.weight_decay": 0.01},
}


class Planned(SimpleQueue[cmd.Command]):
    """Commands that arrive when the run has done a number of steps."""

    def __init__(self, trainer: Trainer, commands: list[tuple[int, cmd.Command]]) -> None:
        super().__init__()
        self.trainer, self.commands = trainer, commands

    def empty(self) -> bool:
        return not self.commands or self.commands[0][0] > self.trainer.at.step

    def get(self, block: bool = True, timeout: float | None = None) -> cmd.Command:
        return self.commands.pop(0)[1]


def trained(trainer: Trainer, edits: Edits, stop: int | None = None) -> list[ev.Event]:
    """All events of a run that is edited after these steps, and stopped after another."""
    commands: list[tuple[int, cmd.Command]] = [(s, cmd.Edit(c)) for s, c in edits.items()]
    if stop is not None:
        commands = [entry for entry in commands if entry[0] <= stop] + [(stop, cmd.Stop())]
    return list(trainer.run(Planned(trainer, commands)))


def only(events: list[ev.Event], kind: type[ev.Event]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def column(events: list[ev.Event], name: str) -> list[float]:
    return [value for event in only(events, ev.Steps) for value in getattr(event, name)]


@pytest.fixture(scope="module")
def whole() -> list[ev.Event]:
    return trained(Trainer(BASE), MANY)


def test_edits_are_answered_and_told_with_their_step(whole: list[ev.Event]) -> None:
    assert all(answer.applied for answer in only(whole, ev.Answered))
    told = only(whole, ev.Edited)
    assert [edit.step for edit in told] == [*MANY]
    assert told[0].changes["optimizer.lr"] == 0.03
    assert [(edit.epochs, edit.steps_per_epoch) for edit in told[:2]] == [(3, 15), (3, 5)]
    assert told[4].epochs == 5
    positions = [edit.position for edit in told]
    assert positions == sorted(positions)
    ends = only(whole, ev.EpochEnd)
    assert [end.epoch for end in ends] == [1, 2, 3, 4, 5]


def test_the_steps_before_an_edit_are_told_before_it(whole: list[ev.Event]) -> None:
    seen = 0
    for event in whole:
        if isinstance(event, ev.Steps):
            assert event.first == seen + 1
            seen += len(event.loss)
        if isinstance(event, ev.Edited):
            assert event.step == seen


def test_the_learning_rate_is_a_factor_on_the_schedule() -> None:
    plain = column(trained(Trainer(BASE), {}), "lr")
    edited = column(trained(Trainer(BASE), {7: {"optimizer.lr": 0.002}}), "lr")
    assert edited[:7] == plain[:7]
    assert edited[7:] == [lr * (0.002 / 0.01) for lr in plain[7:]]


def test_an_edit_that_changes_nothing_is_no_edit() -> None:
    events = trained(Trainer(BASE), {3: {"optimizer.lr": 0.01}})
    assert only(events, ev.Edited) == []
    assert [answer.applied for answer in only(events, ev.Answered)] == [True]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"dataset": "mnist"}, "dataset cannot change"),
        ({"training.seed": 3}, "training.seed cannot change"),
        ({"init": "zeros"}, "init cannot change"),
        ({"optimizer.lr": -1}, "optimizer.lr: must be greater than 0"),
        ({"optimizer.no_such": 1}, "there is no such setting"),
        ({"model.width": 8}, "need other weights"),
        ({"training.epochs": 1}, "training.epochs: 1 is in the past"),
        ({"schedule": {"kind": "onecycle", "momentum_end": 2.0}}, "schedule.momentum_end"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    changes: dict[str, Any], reason: str
) -> None:
    events = trained(Trainer(BASE), {20: changes})
    (answer,) = only(events, ev.Answered)
    assert not answer.applied
    assert reason in answer.reason
    assert only(events, ev.Edited) == []
    plain = trained(Trainer(BASE), {})
    assert only(events, ev.Finished)[0].weights_sha256 == only(plain, ev.Finished)[0].weights_sha256


@pytest.mark.parametrize("stop", [4, 10, 12, 13, 14, 15, 16, 18, 22])
def test_a_resumed_run_repeats_its_edits(whole: list[ev.Event], tmp_path: Path, stop: int) -> None:
    before = trained(Trainer(BASE, tmp_path), MANY, stop)
    edits = tuple(only(before, ev.Edited))
    snapshot, _problems = checkpoint.newest(tmp_path)
    assert snapshot is not None
    assert snapshot.step == stop
    left = {step: changes for step, changes in MANY.items() if step > edits[-1].step}
    after = trained(Trainer(BASE, None, snapshot, edits=edits), left)
    assert column(after, "loss") == column(whole, "loss")[stop:]
    assert column(after, "lr") == column(whole, "lr")[stop:]
    assert only(after, ev.Finished)[0].weights_sha256 == only(whole, ev.Finished)[0].weights_sha256


def test_an_older_checkpoint_meets_the_edits_again(whole: list[ev.Event], tmp_path: Path) -> None:
    trained(Trainer(BASE, tmp_path), MANY, 10)
    snapshot, _problems = checkpoint.newest(tmp_path)
    again = Trainer(BASE, None, snapshot, edits=tuple(only(whole, ev.Edited)))
    after = trained(again, {})
    assert only(after, ev.Edited) == [], "they are on record already"
    assert only(after, ev.Finished)[0].weights_sha256 == only(whole, ev.Finished)[0].weights_sha256


def test_differences_are_paths_and_changes_take_them_back() -> None:
    other = BASE.but(optimizer=SGD(lr=0.2), training=BASE.training.but(epochs=7))
    changes = difference(BASE, other)
    assert [*changes] == ["optimizer", "training.epochs"]
    assert changed(BASE, changes) == other
    assert difference(BASE, BASE) == {}
    with pytest.raises(Problem, match="there is no such setting"):
        changed(BASE, {"training.": 1})


def test_a_run_without_edits_is_what_it_was() -> None:
    """The factor on the learning rate is exactly one."""
    lrs = column(trained(Trainer(BASE.but(schedule="constant")), {}), "lr")
    assert set(lrs) == {0.01}


def test_an_edit_after_the_last_step_lengthens_the_run_or_is_answered() -> None:
    longer = trained(Trainer(BASE), {45: {"training.epochs": 4}})
    assert [edit.between for edit in only(longer, ev.Edited)] == [True]
    assert only(longer, ev.EpochEnd)[-1].epoch == 4
    stopped = trained(Trainer(BASE), {15: {"optimizer.lr": 0.5}}, stop=15)
    assert [answer.applied for answer in only(stopped, ev.Answered)] == [True, False]


def test_a_schedule_that_is_left_takes_its_momentum_along() -> None:
    trainer = Trainer(BASE)
    trained(trainer, {20: {"schedule": "constant"}})
    assert trainer.parts.optimizer.param_groups[0]["betas"] == (0.9, 0.999)


def test_momentum_moves_on_over_another_length() -> None:
    sgd = {"kind": "sgd", "lr": 0.01, "momentum": 0.5}
    moving = BASE.but(optimizer=sgd, schedule={"kind": "constant", "momentum_end": 0.9})
    trainer = Trainer(moving)
    trained(trainer, {30: {"training.batch_size": 700}})
    assert trainer.parts.optimizer.param_groups[0]["momentum"] == pytest.approx(0.9)


def test_a_freeze_that_is_edited_holds() -> None:
    learns, frozen = (nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 2)) for _network in range(2))
    frozen[0].requires_grad_(False)
    thawed = adopt(copy.deepcopy(learns), frozen)
    assert all(p.requires_grad for p in thawed.parameters())
    other = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 9)).requires_grad_(False)
    with pytest.raises(ValueError, match="is not"):
        adopt(other, thawed)
    assert all(p.requires_grad for p in thawed.parameters()), "what is refused changes nothing"


def test_a_record_knows_where_each_step_lies(tmp_path: Path) -> None:
    """Also where a resumed run meets an edit again that was recorded before."""
    edits = {14: {"training.batch_size": 300}}
    whole, again = History(), History()
    events = trained(Trainer(BASE), edits)
    first = trained(Trainer(BASE, tmp_path), edits, stop=12)
    snapshot, _problems = checkpoint.newest(tmp_path)
    on_record = tuple(only(events, ev.Edited))
    rest = trained(Trainer(BASE, None, snapshot, edits=on_record), {})
    for event in events:
        whole.add(event)
    for event in [*first, *on_record, *rest]:
        again.add(event)
    assert np.allclose(again.steps.rows[:, 1], whole.steps.rows[:, 1])
    assert whole.position == pytest.approx(3)
    assert whole.plan is not None
    assert whole.plan.steps_per_epoch == again.plan.steps_per_epoch == 5  # type: ignore[union-attr]
