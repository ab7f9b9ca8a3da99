"""What is changed on the forms while a run is under way goes into the run, or says why not."""

import time
from collections.abc import Callable

import pytest

from tests.widgets.pages import STEPS_AN_EPOCH, Page, tiny
from trainlab import commands as cmd
from trainlab import events as ev
from trainlab.catalog.models import MLP
from trainlab.experiment import Experiment
from trainlab.runs import load_run
from trainlab.widgets.live import LiveEdits


def test_what_changes_on_the_forms_goes_into_the_run(started: Callable[[Experiment], Page]) -> None:
    experiment = tiny(2000)
    page = started(experiment)
    page.press("start")
    page.until_points(STEPS_AN_EPOCH)
    for lr in (0.1, 0.05, 0.02):  # a dragged slider: one edit
        page.session.live.want(experiment.but(optimizer=experiment.optimizer.but(lr=lr)))
    page.until(lambda: bool(page.marks))
    (mark,) = page.marks
    assert mark["text"].endswith(": optimizer.lr 0.02")
    step = int(mark["text"].split()[2].rstrip(":"))
    assert mark["x"] == pytest.approx(step / STEPS_AN_EPOCH, abs=1e-6)
    page.session.live.want(experiment)  # back again: another edit
    page.until(lambda: len(page.marks) == 2)
    page.press("stop")
    page.settle()
    edits = load_run(page.session.path).edits
    assert [edit.changes for edit in edits] == [{"optimizer.lr": 0.02}, {"optimizer.lr": 1e-3}]


def test_forms_for_the_next_run_leave_this_one_alone(
    started: Callable[[Experiment], Page],
) -> None:
    experiment = tiny(2000)
    page = started(experiment)
    page.press("start")
    page.until_points(STEPS_AN_EPOCH)
    page.session.live.want(experiment.but(init="zeros", loss="mse"))
    page.until(lambda: "init cannot change" in page.status["message"])
    assert page.status["message"].endswith("for the next one")
    wider = experiment.but(model=MLP(width=9))
    page.session.live.want(wider)
    page.until(lambda: "need other weights" in page.status["message"])
    page.session.live.want(wider)  # not asked again
    page.until(lambda: "could not take that in" in page.status["message"])
    assert page.marks == []
    page.session.live.want(experiment.but(loss="mse"))  # what the run can take in goes in again
    page.until(lambda: bool(page.marks))
    page.press("stop")
    page.settle()
    page.session.live.want(experiment)  # no run: nothing to edit
    assert len(load_run(page.session.path).edits) == 1


def test_what_is_taken_back_before_it_was_taken_in_goes_back() -> None:
    experiment = Experiment()
    sent: list[cmd.Command] = []
    live = LiveEdits(sent.append, print)
    live.begin(experiment)
    live.want(experiment.but(optimizer=experiment.optimizer.but(lr=0.5)))
    wait_for(lambda: len(sent) == 1)
    live.want(experiment)  # the run is still busy with its validation
    (edit,) = sent
    assert isinstance(edit, cmd.Edit)
    live.took(ev.Edited(1, 0.1, edit.changes, 20, 23))
    live.answered(ev.Answered(edit.id, True))
    wait_for(lambda: len(sent) == 2)
    live.end()
    back = sent[1]
    assert isinstance(back, cmd.Edit)
    assert back.changes == {"optimizer.lr": 1e-3}


def wait_for(wanted: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not wanted():
        assert time.monotonic() < end
        time.sleep(0.01)
