"""Where it trains, from a real kernel: in a thread of it or in a child process, and what other cells cost."""

import json
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import pytest
from jupyter_client.manager import start_new_kernel

from tests.kernel.test_comm import Page
from trainlab.engine.device import available_cores

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(300)]

HELP = """
import json, time
import psutil

def count():
    return len(lab._parts.session.shown.history.steps)

def edge(busy):
    before = count()
    while count() == before:
        busy or time.sleep(0.001)
    return count(), time.perf_counter()

def rate(busy, seconds=1.0):
    "Steps a second while this cell spins in pure Python, or waits."
    steps, start = edge(busy)
    while time.perf_counter() < start + seconds:
        busy or time.sleep(0.001)
    more, end = edge(busy)
    return (more - steps) / (end - start)

def spin(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass

def children():
    every = psutil.Process().children()
    return [child for child in every if "child.main()" in " ".join(child.cmdline())]
"""
RATES = "print(json.dumps([(rate(False), rate(True)) for _ in range(11)]))"
Record = Callable[[str, object], None]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    manager, client = start_new_kernel(kernel_name="python3")
    page = Page(client, tmp_path_factory.mktemp("worker") / "runs")
    page.execute(HELP)
    page.edit("training.batch_size", 64)
    page.say(page.run_id, {"type": "hello", "view": "test"})
    page.until(lambda: page.status)
    yield page
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.fixture
def page(opened: Page) -> Iterator[Page]:
    """The lab of the module's kernel, with nothing going on."""
    yield opened
    opened.press("reset")
    opened.until_state("idle")


def value(page: Page, expression: str) -> Any:
    return json.loads(page.execute(f"print(json.dumps({expression}))"))


def start(page: Page, worker: str) -> None:
    page.edit("training.worker", worker)
    page.press("start")
    page.until_state("building", "running")
    page.until(lambda: page.status["points"] > 20)


def test_every_button_and_an_edit_reach_a_process(page: Page) -> None:
    page.edit("training.worker", "process")
    page.press("start")
    page.until_state("building")
    assert "Starting a process" in page.status["message"]
    page.until(lambda: page.status["points"] > 20)
    page.press("pause")
    page.until_state("paused")
    held = page.status["points"]
    page.press("step")
    page.until(lambda: page.status["points"] > held)
    assert (page.status["state"], page.status["points"]) == ("paused", held + 1)
    page.edit("optimizer.lr", 0.02)
    page.press("resume")
    page.until(lambda: page.status["points"] > held + 10)
    edits = "[e.changes for e in lab._parts.session.shown.history.edits]"
    while not (found := value(page, edits)):
        page.execute("time.sleep(0.05)")
    assert found == [{"optimizer.lr": 0.02}]
    page.press("stop")
    page.until_state("done")
    assert page.status["state_label"] == "Stopped"
    assert value(page, "lab._parts.session.worker.join(10) and len(children())") == 0
    page.edit("optimizer.lr", 0.001)


def test_a_killed_process_ends_the_run_and_not_the_kernel(page: Page) -> None:
    start(page, "process")
    page.execute("children()[0].kill()")
    page.until_state("failed")
    assert "signal 9" in page.status["error"]["why"]
    assert value(page, "lab.run.state") == "failed"
    start(page, "process")
    assert page.status["error"] is None


def test_the_status_line_says_why_a_thread_is_slow(page: Page) -> None:
    start(page, "thread")
    page.execute("time.sleep(2.5)")  # a cell that waits takes nothing
    assert page.status["message"] == ""
    page.client.execute("spin(4)")
    page.until(lambda: "Another cell is running" in page.status["message"])
    assert page.status["state"] == "running"
    page.until(lambda: page.status["message"] == "")


@pytest.mark.alone
@pytest.mark.parametrize(("worker", "least"), [("thread", 0.25), ("process", 0.95)])
def test_a_cell_of_pure_python_leaves_the_training_its_speed(
    page: Page, worker: str, least: float, record_property: Record
) -> None:
    if available_cores() < 2:
        pytest.skip("one core cannot do two things at once")
    start(page, worker)
    pairs = json.loads(page.execute(RATES))
    alone, beside = (median(column) for column in zip(*pairs, strict=True))
    share = median(busy / idle for idle, busy in pairs)
    said = f"{alone:.0f} steps/s, beside a cell of pure Python {beside:.0f}: {share:.2f}"
    record_property(f"training in a {worker}", said)
    assert share >= least
    if worker == "process":
        assert page.status["message"] == ""
