"""Session: what the page is told of a run, and what the page can tell it."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.widgets.pages import STEPS_AN_EPOCH, Page, tiny
from trainlab import commands as cmd
from trainlab import events as ev
from trainlab.engine.worker import MakeRun
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.runs import load_run
from trainlab.widgets.session import MOST_ROWS, _Reset

Open = Callable[[Experiment], Page]


def test_a_whole_run_arrives_step_by_step(started: Open, runs: Path) -> None:
    page = started(tiny(30))
    page.press("start")
    page.until_state("done")
    total = 30 * STEPS_AN_EPOCH
    assert page.status["points"] == len(page.steps) == total
    assert len(page.epochs) == 30
    (folder,) = runs.iterdir()
    record = load_run(folder)
    assert np.array_equal(page.steps[:, 1], record.steps["loss"].astype(np.float32))
    assert np.array_equal(page.steps[:, 0], record.steps["epoch"].astype(np.float32))
    assert np.array_equal(page.epochs[:, 4], record.epochs["val_accuracy"].astype(np.float32))
    assert page.status["progress"] == 1.0
    assert page.session.path == str(folder)


def test_at_most_ten_messages_a_second(started: Open) -> None:
    page = started(tiny(100_000 // 10))
    page.press("start")
    page.until_points(1)
    first = len(page.times)
    for button in ("pause", "resume") * 5:
        page.press(button)
        page.until_state({"pause": "paused", "resume": "running"}[button])
    page.until(lambda: page.times[-1] - page.times[first] > 2)
    times = np.array(page.times[first:])
    busiest = max(int(((times >= start) & (times < start + 1)).sum()) for start in times)
    assert busiest <= 10


def test_a_second_view_and_one_that_comes_late_get_everything(started: Open) -> None:
    page = started(tiny(60))
    page.press("start")
    page.until_points(30)
    second = Page(page.session, page.view, "second")
    second.until_state("done")
    late = Page(page.session, page.view, "late")
    late.until(lambda: late.run is not None)
    assert len(second.steps) == len(late.steps) == 60 * STEPS_AN_EPOCH
    assert np.array_equal(second.steps, late.steps)
    assert np.array_equal(second.epochs, late.epochs)


def test_a_long_history_is_sent_thinned_out(started: Open) -> None:
    page = started(tiny(1))
    losses = tuple(np.random.default_rng(0).normal(size=3 * MOST_ROWS).tolist())

    def scripted(_inbox: cmd.Commands) -> Iterator[ev.Event]:
        yield ev.Opened("nowhere")
        yield ev.Started(3, MOST_ROWS, 9, 1, ("a", "b"), 1, "cpu", 1)
        yield ev.Steps(1, losses, losses, losses, 1.0)
        yield ev.Changed("done")

    page.session._make = lambda: (Experiment(), scripted)
    page.press("start")
    page.until_points(len(losses))
    late = Page(page.session, page.view, "late")
    late.until(lambda: late.run is not None)
    assert late.status["points"] == len(losses)
    assert len(late.steps) == MOST_ROWS
    assert late.steps[:, 1].mean() == pytest.approx(np.mean(losses), abs=1e-6)


def test_pause_holds_within_a_step_and_resume_goes_on(started: Open) -> None:
    page = started(tiny(10_000))
    page.press("start")
    page.until_points(50)
    page.press("pause")
    page.until_state("paused")
    held = page.status["points"]
    assert not page.session.worker._inbox or page.session.worker._inbox.empty()
    page.press("step")
    page.until(lambda: page.status["points"] > held)
    assert page.status["points"] == held + 1
    page.press("resume")
    page.until_points(held + 20)
    assert page.status["state"] == "running"
    page.press("stop")
    page.until_state("done")
    assert page.status["state_label"] == "Stopped"
    assert load_run(page.session.path).state == "done"


def test_step_from_idle_is_a_run_that_holds_after_one(started: Open) -> None:
    page = started(tiny(5))
    page.press("step")
    page.until_points(1)
    assert (page.status["state"], page.status["points"]) == ("paused", 1)
    page.press("step")
    page.until_points(2)
    assert page.status["points"] == 2


@pytest.mark.parametrize("under_way", [True, False])
def test_reset_empties_the_chart_and_start_works_again(started: Open, under_way: bool) -> None:
    page = started(tiny(10_000 if under_way else 3))
    page.press("start")
    page.until_state("running" if under_way else "done")
    page.press("reset")
    page.until(lambda: page.status["state"] == "idle" and page.status["points"] == 0)
    assert len(page.steps) == len(page.epochs) == 0
    page.press("start")
    page.until_points(1)
    assert len(page.steps) == page.status["points"]


def test_buttons_pressed_faster_than_they_are_answered(started: Open) -> None:
    page = started(tiny(10_000))
    for name in ("reset", "start", "reset"):
        page.press(name)
    page.settle()
    assert (page.status["state"], page.status["points"], len(page.steps)) == ("idle", 0, 0)
    page.press("reset")
    page.press("start")
    page.until_points(20)
    assert page.status["state"] == "running"


def test_a_reset_that_comes_after_the_end_leaves_the_next_run_alone(started: Open) -> None:
    page = started(tiny(3))
    page.press("start")
    page.until_state("done")
    page.session._put(_Reset())  # pressed while the run was ending, heard after it
    page.until(lambda: page.status["points"] == 0)
    page.press("start")
    page.until_state("done")
    page.settle()
    assert (page.status["state"], page.status["points"]) == ("done", 3 * STEPS_AN_EPOCH)


def test_a_start_meanwhile_is_answered_and_no_error_of_the_run(started: Open) -> None:
    page = started(tiny(10_000))
    page.press("start")
    page.until_state("running")

    def refuse() -> tuple[Experiment, MakeRun]:
        raise Problem("a value on the forms is not valid")

    page.session._make = refuse
    page.press("start")
    page.until(lambda: "under way" in page.status["message"])
    assert page.status["error"] is None


def test_a_run_that_never_opened_fails_over_an_empty_chart(started: Open) -> None:
    page = started(tiny(2))
    page.press("start")
    page.until_state("done")
    path = page.session.path

    def unwritable(_inbox: cmd.Commands) -> Iterator[ev.Event]:
        raise Problem("runs cannot be kept here")
        yield

    page.session._make = lambda: (Experiment(), unwritable)
    page.press("start")
    page.until_state("failed")
    assert (page.status["points"], page.status["items"]) == (0, [])
    assert page.session.path == path, "the newest run that trained"


def test_a_very_long_run_is_sent_thinned_out_in_its_epochs_too(started: Open) -> None:
    page = started(tiny(1))

    def scripted(_inbox: cmd.Commands) -> Iterator[ev.Event]:
        yield ev.Opened("nowhere")
        yield ev.Started(10_000, 1, 9, 1, ("a", "b"), 1, "cpu", 1)
        for epoch in range(1, 3 * MOST_ROWS):
            yield ev.EpochEnd(epoch, epoch, 1.0, 0.5, 1.0, 0.5, 0.1)
        yield ev.Changed("done")

    page.session._make = lambda: (Experiment(), scripted)
    page.press("start")
    page.until_state("done")
    late = Page(page.session, page.view, "late")
    late.until(lambda: late.run is not None)
    assert len(late.epochs) == MOST_ROWS


def test_two_starts_make_one_run(started: Open, runs: Path) -> None:
    page = started(tiny(10_000))
    pressed = [threading.Thread(target=page.press, args=("start",)) for _time in range(8)]
    for thread in pressed:
        thread.start()
    for thread in pressed:
        thread.join()
    page.until_points(20)
    assert len(list(runs.iterdir())) == 1
    assert sum(thread.name == "trainlab" for thread in threading.enumerate()) == 1


def test_an_error_is_a_card_and_the_next_start_works(started: Open) -> None:
    page = started(tiny(3))
    make = page.session._make

    def refuse() -> tuple[Experiment, MakeRun]:
        raise Problem("the lr is wrong", "it is", "mend it")

    page.session._make = refuse
    page.press("start")
    page.until(lambda: page.status.get("error") is not None)
    assert page.error == {"what": "the lr is wrong", "why": "it is", "remedy": "mend it"}
    page.session._make = make
    page.press("start")
    page.until_state("done")
    assert page.status["error"] is None


GARBAGE: list[Any] = [
    None, 5, "start", [], {}, {"type": "command"}, {"type": "command", "name": 5},
    {"type": "command", "name": "format the disk"}, {"type": "command", "name": "start" * 10_000},
    {"type": "hello", "view": 5}, {"type": "hello", "view": "\ud800"}, {"type": "hello"},
    {"type": "hello", "view": "x" * 1_000_000}, {"type": ["hello"]}, {"type": "hello", "view": {}},
    {"type": float("nan")},
]  # fmt: skip


def test_garbage_from_the_page_breaks_nothing(started: Open) -> None:
    page = started(tiny(3))
    for message in GARBAGE:
        page.view._handle_custom_msg(message, [])
    for name in ("pause", "resume", "stop", "reset"):
        page.press(name)
    page.press("start")
    page.until_state("done")
    assert len(page.steps) == 3 * STEPS_AN_EPOCH


def test_closing_ends_the_run_and_the_pump(started: Open) -> None:
    before = threading.active_count()
    page = started(tiny(10_000))
    page.press("start")
    page.until_points(1)
    page.session.close()
    assert page.session.worker.join(20)
    pumps = [thread for thread in threading.enumerate() if thread.name == "trainlab-pump"]
    for pump in pumps:
        pump.join(5)
    assert threading.active_count() <= before
    assert load_run(page.session.path).state == "done"
