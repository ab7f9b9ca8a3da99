"""Planted bugs: each shows, is found by the verdict or check that it names, and no experiment reaches it."""

import copy
import json
from queue import SimpleQueue

import pytest
import torch
from torch import nn

from tests.diagnostics.test_verdicts import BASE, heard
from trainlab import commands as cmd
from trainlab import events as ev
from trainlab.changes import changed
from trainlab.diagnostics.checks import CHECKS, made
from trainlab.diagnostics.checks.base import Subject
from trainlab.diagnostics.sabotage import SABOTAGES, Sabotage, Sabotaged
from trainlab.diagnostics.verdicts import rules
from trainlab.engine.build import Parts, build_parts
from trainlab.engine.failures import guard
from trainlab.engine.probe import Probe
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.export import script, to_link
from trainlab.runs.history import History
from trainlab.runs.judged import signals
from trainlab.widgets.panels import PANELS

VERDICTS = {rule.id for rule in rules()}
SEEN = [sabotage for sabotage in SABOTAGES if sabotage.found_by in VERDICTS]
CHECKED = [sabotage for sabotage in SABOTAGES if sabotage not in SEEN]


class Planted(Subject):
    """What the checks look at, with a bug in the network."""

    sabotage: Sabotage

    def model(self) -> nn.Module:
        parts = self.sabotage.plant(build_parts(self.experiment, self.data))
        return copy.deepcopy(parts.model)


@pytest.mark.parametrize("sabotage", SEEN, ids=lambda sabotage: sabotage.name)
def test_found_by_its_verdict(sabotage: Sabotage) -> None:
    experiment = changed(BASE, sabotage.changes)
    history, trainer = History(), Sabotaged(experiment, sabotage)
    for event in guard(trainer.run(SimpleQueue())):
        history.add(event)
        if isinstance(event, ev.Started):
            trainer.probe = Probe(every=8)
    known = signals(history, experiment)
    assert known is not None
    assert sabotage.found_by in heard(known)


@pytest.mark.parametrize("sabotage", CHECKED, ids=lambda sabotage: sabotage.name)
def test_found_by_its_check(sabotage: Sabotage) -> None:
    experiment = changed(BASE, sabotage.changes)
    (check,) = (check for check in CHECKS if check.id == sabotage.found_by)
    subject = Planted(experiment, experiment.dataset.load())
    subject.sabotage = sabotage
    assert made(check, subject).verdict == "fail"
    assert made(check, Subject(experiment, subject.data)).verdict == "pass"


def holds(parts: Parts, sound: Parts) -> dict[str, bool]:
    """Which bugs are in the parts of a run, beside the same parts without any."""
    inputs, labels = parts.val.inputs(torch.arange(4))
    logits = parts.forward(inputs)
    parts.loss(logits, labels).backward()
    parts.optimizer.zero_grad()
    batch = torch.rand(2, 1, 8, 8)
    mirrored = parts.train.augment and parts.train.augment(batch, torch.Generator())
    return {
        "labels_shuffled": not torch.equal(parts.train.labels, sound.train.labels),
        "softmax_twice": torch.allclose(logits.sum(1), torch.ones(4)),
        "zero_grad_forgotten": any(p.grad is not None for p in parts.model.parameters()),
        "loss_clipped": float(parts.loss(-100 * torch.eye(10), torch.arange(10))) == 1,
        "mirrored_in_training": mirrored is not None and torch.equal(mirrored, batch.flip(3)),
        "mean_forgotten": not torch.equal(parts.val.inputs(torch.arange(4))[0], sound.val.inputs(torch.arange(4))[0]),
        "eval_forgotten": parts.model.eval().training,
    }  # fmt: skip


@pytest.mark.parametrize("sabotage", SABOTAGES, ids=lambda sabotage: sabotage.name)
def test_an_edit_does_not_mend_it(sabotage: Sabotage) -> None:
    experiment = changed(BASE, {"training.epochs": 1})
    inbox: SimpleQueue[cmd.Command] = SimpleQueue()
    for changes in (
        {"optimizer": {"kind": "rmsprop"}},
        {"model.activation": "tanh", "loss.label_smoothing": 0.1},
        {"training.epochs": 0},  # refused: the run goes on as it was
    ):
        inbox.put(cmd.Edit(changes))
    trainer = Sabotaged(experiment, sabotage)
    events = [*guard(trainer.run(inbox))]
    assert [event.applied for event in events if isinstance(event, ev.Answered)] == [
        True,
        True,
        False,
    ]
    assert isinstance(trainer.parts.optimizer, torch.optim.RMSprop)
    sound = build_parts(trainer.experiment, trainer.experiment.dataset.load())
    found = holds(trainer.parts, sound)
    assert [name for name, there in found.items() if there] == [sabotage.name]


def test_no_text_plants_one() -> None:
    name = SABOTAGES[0].name
    for text in (f'sabotage = "{name}"', f'[sabotage]\nname = "{name}"'):
        with pytest.raises(Problem):
            Experiment.from_text(text)
    for data in ({"sabotage": name}, {"augmentations": [name]}, {"model": name}, {"loss": name}):
        with pytest.raises(Problem):
            Experiment.from_data(data)
        with pytest.raises(Problem):
            changed(BASE, data)


def test_no_experiment_reaches_one() -> None:
    schema = json.dumps(Experiment.model_json_schema())
    written = (
        script(BASE) + to_link(BASE) + json.dumps([panel.sections(BASE, {}) for panel in PANELS])
    )
    for sabotage in SABOTAGES:
        assert sabotage.name not in schema
        assert sabotage.name not in written
        assert len(sabotage.told) > 40
    assert len({sabotage.name for sabotage in SABOTAGES}) == len(SABOTAGES) >= 7


def test_a_planted_run_is_kept_nowhere() -> None:
    assert Sabotaged(BASE, SABOTAGES[0]).keeper.folder is None
