"""Planted bugs: each shows, is found by the verdict or check that it names, and no experiment reaches it."""

import json
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
import torch
import torchvision

from tests.diagnostics.test_verdicts import BASE, heard
from trainlab import commands as cmd
from trainlab import events as ev
from trainlab.changes import Changes, changed
from trainlab.diagnostics.checks import CHECKS, check, made
from trainlab.diagnostics.checks.base import Subject
from trainlab.diagnostics.range_test import LRS, range_test
from trainlab.diagnostics.sabotage import Sabotage, planted, sabotages
from trainlab.diagnostics.verdicts import rules
from trainlab.engine.build import Parts, build_parts
from trainlab.engine.failures import guard
from trainlab.engine.probe import Probe
from trainlab.engine.trainer import Trainer
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.export import script, to_link
from trainlab.runs.history import History
from trainlab.runs.judged import signals
from trainlab.widgets.panels import PANELS

VERDICTS = {rule.id for rule in rules()}
SEEN = [sabotage for sabotage in sabotages.values() if sabotage.found_by in VERDICTS]
CHECKED = [sabotage for sabotage in sabotages.values() if sabotage not in SEEN]
LIGHT = "shufflenet_v2_x0_5"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What stands for trained weights."""
    file = tmp_path_factory.mktemp("weights") / "light.pth"
    torch.save(torchvision.models.get_model(LIGHT).state_dict(), file)
    return file


def shown(sabotage: Sabotage, weights: Path) -> Experiment:
    """An experiment in which the bug shows."""
    experiment = changed(BASE, sabotage.changes)
    if experiment.model.kind != "pretrained":
        return experiment
    own: Changes = {"name": LIGHT, "weights": str(weights), "size": 32}
    return changed(experiment, {f"model.{name}": value for name, value in own.items()})


@pytest.mark.parametrize("sabotage", SEEN, ids=lambda sabotage: sabotage.name)
def test_found_by_its_verdict(sabotage: Sabotage) -> None:
    experiment = changed(BASE, sabotage.changes)
    history, trainer = History(), Trainer(experiment, plant=sabotage.plant)
    for event in guard(trainer.run(SimpleQueue())):
        history.add(event)
        if isinstance(event, ev.Started):
            trainer.probe = Probe(every=8)
    known = signals(history, experiment)
    assert known is not None
    assert sabotage.found_by in heard(known)


@pytest.mark.parametrize("sabotage", CHECKED, ids=lambda sabotage: sabotage.name)
def test_found_by_its_check(sabotage: Sabotage, weights: Path) -> None:
    experiment = shown(sabotage, weights)
    (rule,) = (rule for rule in CHECKS if rule.id == sabotage.found_by)
    subject = Subject(experiment, experiment.dataset.load(), plant=sabotage.plant)
    assert made(rule, subject).verdict == "fail"
    assert made(rule, Subject(experiment, subject.data)).verdict == "pass"


def test_the_checks_and_the_range_test_look_at_what_is_planted() -> None:
    for name, failed in ((None, []), ("softmax_twice", ["overfit"])):
        found = check(BASE, sabotage=name)
        assert [each.id for each in found if each.verdict == "fail"] == failed
    data = BASE.dataset.load()
    (sound,) = range_test(BASE, data, lrs=LRS[:1])
    (clipped,) = range_test(BASE, data, lrs=LRS[:1], plant=planted("loss_clipped"))
    assert clipped.loss == 1.0 < sound.loss


def holds(parts: Parts, sound: Parts) -> dict[str, bool]:
    """Which bugs are in the parts of a run, beside the same parts without any."""
    inputs, labels = parts.val.inputs(torch.arange(4))
    logits = parts.forward(inputs)
    parts.loss(logits, labels).backward()
    parts.optimizer.zero_grad()
    batch, wrong = torch.rand(2, 1, 8, 8), -100 * torch.eye(10)
    mirrored = parts.train.augment and parts.train.augment(batch, torch.Generator())
    parts.model.eval()
    alone, among = parts.forward(inputs[:2]), parts.forward(inputs)[:2]
    parts.model.train()
    train, val = (
        torch.equal(mine.preprocess(batch), other.preprocess(batch))
        for mine, other in ((parts.train, sound.train), (parts.val, sound.val))
    )
    return {
        "labels_shuffled": not torch.equal(parts.train.labels, sound.train.labels),
        "softmax_twice": 1.4 < float(parts.loss(-wrong, torch.arange(10))) < 2,
        "zero_grad_forgotten": any(p.grad is not None for p in parts.model.parameters()),
        "loss_clipped": float(parts.loss(wrong, torch.arange(10))) == 1,
        "mirrored_in_training": mirrored is not None and torch.equal(mirrored, batch.flip(3)),
        "mean_forgotten": not train and not val,
        "eval_forgotten": not torch.allclose(alone, among, atol=1e-4),
    }


@pytest.mark.parametrize("sabotage", sabotages.values(), ids=lambda sabotage: sabotage.name)
def test_an_edit_does_not_mend_it(sabotage: Sabotage) -> None:
    experiment = changed(BASE, {"training.epochs": 1, "model.norm": "batch"})
    inbox: SimpleQueue[cmd.Command] = SimpleQueue()
    for changes in (
        {"optimizer": {"kind": "rmsprop"}},
        {"model.activation": "tanh", "loss.label_smoothing": 0.1},
        {"optimizer.lr": 1e-4},
        {"training.epochs": 0},  # refused: the run goes on as it was
    ):
        inbox.put(cmd.Edit(changes))
    trainer = Trainer(experiment, plant=sabotage.plant)
    events = [*guard(trainer.run(inbox))]
    assert [event.applied for event in events if isinstance(event, ev.Answered)] == [
        True,
        True,
        True,
        False,
    ]
    assert isinstance(trainer.parts.optimizer, torch.optim.RMSprop)
    sound = build_parts(trainer.experiment, trainer.experiment.dataset.load())
    if sabotage.name == "labels_shuffled":  # once, however often it is planted
        again = sabotage.plant(sound).train.labels
        assert torch.equal(trainer.parts.train.labels, again)
    found = holds(trainer.parts, sound)
    assert [name for name, there in found.items() if there] == [sabotage.name]


def test_judging_in_training_mode_leaves_no_trace() -> None:
    """What validation does to a planted network must not depend on when somebody looks."""
    experiment = changed(BASE, {"model.norm": "batch", "model.dropout": 0.5})
    parts = planted("eval_forgotten")(build_parts(experiment, experiment.dataset.load()))
    before = {name: tensor.clone() for name, tensor in parts.model.state_dict().items()}
    inputs, _labels = parts.val.inputs(torch.arange(9))
    parts.model.eval()
    one, two = parts.forward(inputs), parts.forward(inputs)
    assert torch.equal(one, two)
    assert not parts.model.training
    assert parts.forward(inputs[:1]).isfinite().all()
    assert all(
        torch.equal(tensor, before[name]) for name, tensor in parts.model.state_dict().items()
    )


def test_no_text_plants_one() -> None:
    name = "labels_shuffled"
    for text in (f'sabotage = "{name}"', f'[sabotage]\nname = "{name}"'):
        with pytest.raises(Problem):
            Experiment.from_text(text)
    refused: list[dict[str, Any]] = [
        {"sabotage": name}, {"augmentations": [name]}, {"model": name}, {"loss": name},
    ]  # fmt: skip
    for data in refused:
        with pytest.raises(Problem):
            Experiment.from_data(data)
        with pytest.raises(Problem):
            changed(BASE, data)


def test_no_experiment_reaches_one() -> None:
    schema = json.dumps(Experiment.model_json_schema())
    written = (
        script(BASE) + to_link(BASE) + json.dumps([panel.sections(BASE, {}) for panel in PANELS])
    )
    for name, sabotage in sabotages.items():
        assert name == sabotage.name
        assert name not in schema
        assert name not in written
        assert len(sabotage.told) > 40


def test_a_name_that_is_none_says_what_is_near() -> None:
    with pytest.raises(Problem, match="did you mean 'labels_shuffled'"):
        planted("label_shuffled")
