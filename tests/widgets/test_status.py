"""The state of a run in words."""

import math
from typing import Any, get_args

import pytest

from trainlab import events as ev
from trainlab.runs.history import History
from trainlab.widgets.status import describe, summary

BUTTONS = ("start", "pause", "resume", "step", "save", "stop", "reset")
STATES = get_args(ev.State)


def started(**changes: Any) -> ev.Started:
    plan = {"epochs": 4, "steps_per_epoch": 10, "train_images": 640, "val_images": 10}
    facts = {"classes": ("a", "b"), "parameters": 7, "device": "cpu", "threads": 1}
    return ev.Started(**{**plan, **facts, **changes})


def trained(steps: int, epochs: int = 0) -> History:
    history = History()
    history.add(started())
    if steps:
        losses = tuple(2.0 / n for n in range(1, steps + 1))
        history.add(ev.Steps(1, losses, (0.5,) * steps, (0.1,) * steps, 1000.0))
    for epoch in range(1, epochs + 1):
        history.add(ev.EpochEnd(epoch, 10 * epoch, 1.0, 0.5, 0.9, 0.25 * epoch, 0.1))
    return history


def finished(stopped: bool, best: float = 0.75) -> ev.Finished:
    return ev.Finished(stopped, 3, 30, 0.1, 0.2, 0.7, best, 1.0, 100.0, "")


def items(history: History, state: ev.State, speed: float = 0.0) -> dict[str, str]:
    status = describe(history, state, speed, "", None)
    return {item["name"]: item["value"] for item in status["items"]}


@pytest.mark.parametrize("state", STATES)
def test_every_state_has_its_words_and_buttons(state: ev.State) -> None:
    status = describe(trained(12, 1), state, 1000.0, "", None)
    assert status["state"] == state
    assert status["state_label"]
    assert tuple(status["buttons"]) == BUTTONS
    assert status["error"] is None
    enabled = {name for name, on in status["buttons"].items() if on}
    assert not {"pause", "resume"} <= enabled
    assert ("start" in enabled) == (state in ("idle", "done", "failed"))
    assert ("stop" in enabled) == (state in ("building", "running", "paused"))


def test_a_line_of_numbers() -> None:
    assert items(trained(12, 1), "running", 1000.0) == {
        "epoch": "2/4",
        "step": "12",
        "train_loss": "0.167",
        "val_accuracy": "0.250",
        "speed": "1,000",
        "time_left": "0:02",
    }


def test_before_the_first_step_there_are_dashes() -> None:
    values = items(trained(0), "running")
    assert (values["epoch"], values["step"], values["train_loss"]) == ("1/4", "0", "–")
    assert (values["val_accuracy"], values["speed"], values["time_left"]) == ("–", "–", "–")
    assert items(History(), "idle") == {}


@pytest.mark.parametrize(("speed", "left"), [(1000.0, "0:02"), (10.0, "2:59"), (0.1, "4:58:40")])
def test_time_left(speed: float, left: str) -> None:
    assert items(trained(12), "running", speed)["time_left"] == left


def test_epoch_never_passes_the_last() -> None:
    history = trained(40, 4)
    assert items(history, "running")["epoch"] == "4/4"
    assert items(history, "done")["epoch"] == "4/4"
    assert describe(history, "done", 0, "", None)["progress"] == 1.0


def test_progress_while_building_is_the_download_s() -> None:
    history = History()
    assert describe(history, "building", 0, "", None)["progress"] is None
    half = describe(history, "building", 0, "", ev.Progress("Downloading", 0.5))
    assert half["progress"] == 0.5
    assert half["message"] == "Downloading"


def test_a_run_that_was_stopped_says_so() -> None:
    history = trained(30, 3)
    history.add(finished(stopped=True))
    status = describe(history, "done", 0, "", None)
    assert status["state_label"] == "Stopped"
    assert "0.750" in status["message"]
    history.add(finished(stopped=False, best=math.nan))
    status = describe(history, "done", 0, "", None)
    assert status["state_label"] == "Done"
    assert "nan" not in status["message"]


def test_a_failure_is_a_card_and_a_note_comes_first() -> None:
    history = trained(3)
    history.add(ev.Failed("what", "why", "remedy"))
    status = describe(history, "failed", 0, "pause the run first", None)
    assert status["error"] == {"what": "what", "why": "why", "remedy": "remedy"}
    assert status["message"] == "pause the run first"


def test_the_curves_in_words() -> None:
    assert summary(History()) == "No points yet."
    assert summary(trained(4)) == "Loss went from 2 to 0.5 in 4 steps."
    assert summary(trained(20, 2)).endswith("Validation accuracy 0.500 after 2 epochs.")
    assert describe(trained(20, 2), "running", 0, "", None)["points"] == 20
