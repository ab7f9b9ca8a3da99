"""How quickly the page answers while a network trains, what it costs, and that nothing piles up."""

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.browser import servers
from tests.browser.lab_page import LabPage, NewPage, Record, Watch
from tests.browser.servers import Server

pytestmark = [pytest.mark.browser, pytest.mark.alone]
SAMPLES = 20
MB = 1e6

# Presses a button, and gives the ms until the status shows a state.
PRESS = """([el, name, state]) => new Promise(done => {
  const status = el.querySelector(".tl-status");
  const start = performance.now();
  new MutationObserver((_, watch) => {
    if (status.dataset.state !== state) return;
    watch.disconnect();
    done(performance.now() - start);
  }).observe(status, { attributes: true });
  [...el.querySelectorAll(".tl-buttons button")].find(b => b.textContent === name).click();
})"""

# Types into a box, and gives the ms until Python's own way to write the number stands there.
TYPE = """([el, path, typed, echoed]) => new Promise(done => {
  const box = el.querySelector(`.tl-field[data-path="${path}"] input[type=text]`);
  const start = performance.now();
  box.value = typed;
  for (const name of ["input", "change"]) box.dispatchEvent(new Event(name));
  const look = () => (box.value === echoed ? done(performance.now() - start) : setTimeout(look, 2));
  look();
})"""


@pytest.fixture
def training(lab: LabPage) -> Iterator[LabPage]:
    """A lab that trains its usual network for longer than any test."""
    lab.set("Train", "training.epochs", "5000")
    lab.open("Optimizer")
    lab.press("Start")
    lab.until_points(50)
    yield lab
    assert lab.state == "running"


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Server]:
    """A page of one slider, served as the lab is."""
    source = "import torch, ipywidgets\nipywidgets.IntSlider()"
    with servers.plain_voila(tmp_path, source) as server:
        yield server


def p95(times: list[float]) -> float:
    return float(np.percentile(times, 95))


def test_the_first_point_is_there_within_2_s(lab: LabPage, record_property: Record) -> None:
    lab.page.locator(".tl-picture img").first.wait_for()  # the page is whole: a person looks first
    seconds = lab.first_point()
    record_property("Start to the first point, s (at most 2)", round(seconds, 2))
    assert seconds <= 2


def test_pause_and_resume_answer_within_250_ms(training: LabPage, record_property: Record) -> None:
    view = training.root.element_handle()
    times = []
    for _sample in range(SAMPLES // 2):
        for name, state in (("Pause", "paused"), ("Resume", "running")):
            times.append(training.page.evaluate(PRESS, [view, name, state]))
    record_property(
        "Pause to Paused while training, p95 of 20, ms (at most 250)", round(p95(times))
    )
    assert p95(times) <= 250


def test_a_field_answers_within_250_ms(training: LabPage, record_property: Record) -> None:
    view = training.root.element_handle()
    times = []
    for sample in range(SAMPLES):
        typed, echoed = (("2e-3", "0.002"), ("1e-3", "0.001"))[sample % 2]
        times.append(training.page.evaluate(TYPE, [view, "optimizer.lr", typed, echoed]))
    record_property(
        "a field to its echo while training, p95 of 20, ms (at most 250)", round(p95(times))
    )
    assert p95(times) <= 250


def test_at_most_ten_comm_messages_a_second(training: LabPage, record_property: Record) -> None:
    seconds, before, start = 5, training.watch.comm_messages, time.perf_counter()
    training.page.wait_for_timeout(1000 * seconds)
    rate = (training.watch.comm_messages - before) / (time.perf_counter() - start)
    record_property("comm messages a second while training (at most 10)", round(rate, 1))
    assert 1 <= rate <= 10


def test_memory_is_steady_over_200_epochs(
    lab: LabPage, voila: Server, record_property: Record
) -> None:
    lab.open("Model")
    lab.choose("model", "MLP")
    lab.until("""el => !el.querySelector('.tl-field[data-path="model.stages"]')""")
    lab.type("model.width", "8")
    lab.until_value("model.width", "8")
    lab.set("Train", "training.epochs", "200")
    browser = lab.page.context.new_cdp_session(lab.page)
    kernel = voila.kernels()[0]

    def used() -> tuple[float, float]:
        browser.send("HeapProfiler.collectGarbage")
        heap = browser.send("Runtime.getHeapUsage")["usedSize"]
        return kernel.memory_info().rss / MB, heap / MB

    lab.press("Start")
    lab.until("""el => parseInt(el.querySelector(
        ".tl-item[data-name=epoch] .tl-item-value")?.textContent) >= 50""")
    early = used()
    lab.until_state("done", timeout=90_000)
    late = used()
    assert lab.items()["epoch"] == "200/200"
    for name, before, after in zip(("kernel", "page"), early, late, strict=True):
        record_property(
            f"memory of the {name} after 50 and 200 epochs, MB", f"{before:.1f} {after:.1f}"
        )
    assert late[0] - early[0] <= 15
    assert late[1] - early[1] <= 3


def test_the_first_widget_is_there_within_6_s(
    new_page: NewPage, voila: Server, plain: Server, record_property: Record
) -> None:
    """By turns with a page of one slider whose kernel imports torch: a slow machine is slow for both."""
    times: tuple[list[float], list[float]] = [], []
    for _turn in range(3):
        with new_page() as page:
            start = time.perf_counter()
            page.goto(plain.address, wait_until="commit")
            page.locator(".widget-slider").wait_for()
            times[1].append(time.perf_counter() - start)
        with new_page() as page:
            lab = LabPage(page, Watch(page))
            lab.goto(voila.address)
            times[0].append(lab.opening)
    for name, seconds in zip(("the lab", "a slider with torch"), times, strict=True):
        words = ", ".join(f"{second:.1f}" for second in seconds)
        record_property(f"address to first widget under Voilà, {name}, s", words)
    ratio = statistics.median(mine / theirs for mine, theirs in zip(*times, strict=True))
    assert min(times[0]) <= 6 or ratio <= 1.5
