"""The main job under Voilà: Start, and everything the buttons promise."""

import time

import pytest

from tests.browser.lab_page import LabPage, Record, recorded, recorded_states, recorded_steps
from tests.browser.servers import Server

pytestmark = pytest.mark.browser


@pytest.fixture
def long(lab: LabPage) -> LabPage:
    """A lab whose next run does not end by itself."""
    lab.set("Train", "training.epochs", "5000")
    return lab


def test_a_whole_run(lab: LabPage, voila: Server, record_property: Record) -> None:
    lab.set("Train", "training.epochs", "20")
    assert lab.summary == "No points yet."
    start = time.perf_counter()
    lab.press("Start")
    lab.until_points(1)
    seconds = time.perf_counter() - start
    record_property("Start to the first point, s (at most 2)", round(seconds, 2))
    first = lab.points
    lab.until_points(first + 1)
    lab.until_state("done", timeout=60_000)
    items = lab.items()
    assert lab.points == 460 == recorded_steps(voila.newest_run())
    assert "Loss went from" in lab.summary
    assert float(items["val_accuracy"]) >= 0.95
    bar = lab.root.get_by_role("progressbar", name="Progress")
    assert bar.get_attribute("aria-valuenow") == "100"
    assert recorded(voila.newest_run())[-2]["event"] == "Finished"
    assert seconds <= 2


def test_the_status_line_says_everything(long: LabPage) -> None:
    long.press("Start")
    long.until_points(30)
    line = long.root.get_by_role("status").inner_text()
    items = long.items()
    assert line.startswith("Running")
    assert set(items) == {"epoch", "step", "train_loss", "val_accuracy", "speed", "time_left"}
    assert items["epoch"].endswith("/5000")
    assert 0 < float(items["train_loss"]) < 10
    assert 0 <= float(items["val_accuracy"]) <= 1
    assert float(items["speed"].replace(",", "")) > 100
    assert ":" in items["time_left"]
    bar = long.root.get_by_role("progressbar", name="Progress")
    assert 0 <= float(bar.get_attribute("aria-valuenow") or -1) < 5


def test_pause_holds_within_one_step_and_resume_goes_on(long: LabPage, voila: Server) -> None:
    long.press("Start")
    long.until_points(40)
    long.press("Pause")
    long.until_state("paused")
    run = voila.newest_run()
    held = long.step
    assert held == long.points == recorded_steps(run)
    assert recorded(run)[-1] == {"event": "Changed", "state": "paused"}
    long.page.wait_for_timeout(600)
    assert long.step == held == recorded_steps(run), "it went on while it was paused"
    long.press("Resume")
    long.until_points(held + 20)
    assert long.state == "running"
    assert recorded_states(run)[-2:] == ["paused", "running"]


def test_step_takes_exactly_one(long: LabPage, voila: Server) -> None:
    long.press("Start")
    long.until_points(10)
    long.press("Pause")
    long.until_state("paused")
    held = long.step
    for done in (1, 2, 3):
        long.press("Step")
        long.until_points(held + done)
        assert long.step == held + done == recorded_steps(voila.newest_run())
        assert long.state == "paused"


def test_step_from_an_empty_chart_is_a_run_that_holds(long: LabPage, voila: Server) -> None:
    long.press("Step")
    long.until_points(1)
    long.until_state("paused")
    assert long.step == long.points == recorded_steps(voila.newest_run()) == 1


def test_stop_ends_the_run_saved_and_start_works_again(long: LabPage, voila: Server) -> None:
    long.press("Start")
    long.until_points(40)
    long.press("Stop")
    long.until_state("done")
    run = voila.newest_run()
    assert long.root.get_by_role("status").inner_text().startswith("Stopped")
    assert recorded_states(run)[-2:] == ["stopping", "done"]
    events = recorded(run)
    stopping = events.index({"event": "Changed", "state": "stopping"})
    late = sum(len(event["loss"]) for event in events[stopping:] if event["event"] == "Steps")
    assert long.step == recorded_steps(run)
    assert late <= 40, "what was not reported yet, and no more steps"
    assert [event["step"] for event in events if event["event"] == "Saved"][-1] == long.step
    long.press("Start")
    long.until_points(10)
    assert voila.newest_run() != run
    assert long.points < 5000


def test_reset_empties_the_chart(long: LabPage) -> None:
    long.press("Start")
    long.until_points(20)
    long.press("Reset")
    long.until_state("idle")
    assert long.summary == "No points yet."
    assert long.items() == {}
    assert long.root.locator(".tl-chart-empty").inner_text().startswith("Press Start")
    long.press("Start")
    long.until_points(1)
    assert long.state == "running"


def test_buttons_are_offered_only_where_they_make_sense(long: LabPage) -> None:
    def offered() -> set[str]:
        names = ("Start", "Pause", "Resume", "Step", "Stop", "Reset")
        return {name for name in names if long.button(name).is_enabled()}

    assert offered() == {"Start", "Step"}
    long.press("Start")
    long.until_points(1)
    assert offered() == {"Pause", "Stop", "Reset"}
    long.press("Pause")
    long.until_state("paused")
    assert offered() == {"Resume", "Step", "Stop", "Reset"}
    long.press("Stop")
    long.until_state("done")
    assert offered() == {"Start", "Step", "Reset"}
