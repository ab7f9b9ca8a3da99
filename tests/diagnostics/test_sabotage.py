"""Planted bugs: each shows, is found by the verdict or check that it names, and no experiment reaches it."""

import copy
import json
from queue import SimpleQueue

import pytest
from torch import nn

from tests.diagnostics.test_verdicts import BASE, heard
from trainlab import events as ev
from trainlab.changes import changed
from trainlab.diagnostics.checks import CHECKS, made
from trainlab.diagnostics.checks.base import Subject
from trainlab.diagnostics.sabotage import SABOTAGES, Sabotage, Sabotaged
from trainlab.diagnostics.verdicts import rules
from trainlab.engine.build import build_parts
from trainlab.engine.failures import guard
from trainlab.engine.probe import Probe
from trainlab.experiment import Experiment
from trainlab.export import script
from trainlab.runs.history import History
from trainlab.runs.judged import signals

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


def test_no_experiment_reaches_one() -> None:
    schema = json.dumps(Experiment.model_json_schema())
    written = script(BASE)
    for sabotage in SABOTAGES:
        assert sabotage.name not in schema
        assert sabotage.name not in written
        assert len(sabotage.told) > 40
    assert len({sabotage.name for sabotage in SABOTAGES}) == len(SABOTAGES) >= 7


def test_a_planted_run_is_kept_nowhere() -> None:
    assert Sabotaged(BASE, SABOTAGES[0]).keeper.folder is None
