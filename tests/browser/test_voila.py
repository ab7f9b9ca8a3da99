"""The main job under Voilà: Start, everything the buttons promise, and the live chart."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.lab_page import LabPage, recorded, recorded_states, recorded_steps
from tests.browser.servers import Server

pytestmark = pytest.mark.browser
EPOCHS, STEPS_AN_EPOCH = 12, 23


@pytest.fixture
def long(lab: LabPage) -> LabPage:
    """A lab whose next run does not end by itself."""
    lab.set("Train", "training.epochs", "5000")
    return lab


def test_a_whole_run(lab: LabPage, voila: Server) -> None:
    lab.page.locator(".tl-picture img").first.wait_for()  # the page is whole: a person looks first
    lab.set("Train", "training.epochs", "20")
    assert lab.summary == "No points yet."
    lab.press("Start")
    lab.until_points(1)
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


def test_the_status_line_says_everything(long: LabPage) -> None:
    long.press("Start")
    long.until_points(30)
    line = long.root.locator(".tl-status").inner_text()
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
    assert recorded_states(run)[-1] == "paused"  # a validation under way still ends its epoch
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
    assert long.root.locator(".tl-status").inner_text().startswith("Stopped")
    assert recorded_states(run)[-2:] == ["stopping", "done"]
    events = recorded(run)
    stopping = events.index({"event": "Changed", "state": "stopping"})
    late = sum(len(event["loss"]) for event in events[stopping:] if event["event"] == "Steps")
    assert long.step == recorded_steps(run)
    assert late <= 40, "what was not reported yet, and no more steps"
    assert [event["step"] for event in events if event["event"] == "Saved"][-1] == long.step
    long.press("Start")
    long.until_state("running")
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


@pytest.fixture
def chart(opened: LabPage) -> Iterator[LabPage]:
    """The lab after a short run, the chart's own controls as they are at first."""
    if opened.state != "done" or opened.points != EPOCHS * STEPS_AN_EPOCH:
        opened.clear()
        opened.set("Train", "training.epochs", str(EPOCHS))
        opened.press("Start")
        opened.until_state("done")
    yield opened
    if opened.button("Reset zoom").is_enabled():
        opened.press("Reset zoom")
    assert opened.watch.errors == []


def plots(chart: LabPage) -> Locator:
    return chart.root.locator(".tl-plots .u-over")


def readout(chart: LabPage) -> float:
    """The epoch whose values the legends show."""
    return float(chart.root.locator(".tl-readout").inner_text().split()[-1])


def ink(chart: LabPage, plot: int) -> str:
    """The pixels of one plot."""
    canvas = chart.root.locator(".tl-plots canvas").nth(plot)
    return str(canvas.evaluate("canvas => canvas.toDataURL()"))


def drawn_anew(chart: LabPage, plot: int, before: str) -> str:
    """Wait until a plot looks different."""
    chart.until(
        """(el, plot, before) => {
        const canvas = el.querySelectorAll(".tl-plots canvas")[plot];
        return canvas && canvas.toDataURL() !== before; }""",
        plot, before,
    )  # fmt: skip
    return ink(chart, plot)


def test_three_plots_share_one_axis_and_name_their_lines(chart: LabPage) -> None:
    expect(plots(chart)).to_have_count(3)
    assert readout(chart) == EPOCHS
    for group, lines in (
        ("Loss", ("each step", "train", "validation")),
        ("Accuracy", ("train", "train mean", "validation")),
        ("Learning rate", ("lr",)),
    ):
        legend = chart.root.get_by_role("group", name=group)
        texts = legend.get_by_role("button").all_inner_texts()
        assert [text.split("\n")[0].rstrip("0123456789.e-–") for text in texts] == [*lines]
        assert all(text[-1].isdigit() for text in texts)


def test_hovering_reads_the_values_there(chart: LabPage) -> None:
    plots(chart).nth(1).scroll_into_view_if_needed()
    box = plots(chart).nth(1).bounding_box()
    assert box is not None
    plots(chart).nth(1).hover(position={"x": box["width"] / 2, "y": 20})
    chart.until(
        "(el, e) => Math.abs(parseFloat(el.querySelector('.tl-readout').textContent.split(' ')[1]) - e) < 0.3",
        EPOCHS / 2,
    )
    chart.page.mouse.move(1, 1)
    chart.until(
        "(el, e) => el.querySelector('.tl-readout').textContent.endsWith(e)", f"{EPOCHS}.00"
    )


def test_zoom_by_dragging_and_back(chart: LabPage) -> None:
    plot = plots(chart).first
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    before, mouse, y = ink(chart, 0), chart.page.mouse, box["y"] + 40
    expect(chart.button("Reset zoom")).to_be_disabled()
    mouse.move(box["x"] + 0.25 * box["width"], y)
    mouse.down()
    mouse.move(box["x"] + 0.5 * box["width"], y, steps=4)
    mouse.up()
    mouse.move(1, 1)
    drawn_anew(chart, 0, before)
    expect(chart.button("Reset zoom")).to_be_enabled()
    chart.press("Reset zoom")
    expect(chart.button("Reset zoom")).to_be_disabled()
    expect(chart.button("Latest")).to_be_focused()
    chart.press("Latest")
    expect(chart.button("Reset zoom")).to_be_enabled()


@pytest.mark.parametrize("name", ["Log loss", "each step"])
def test_a_toggle_redraws_the_loss(chart: LabPage, name: str) -> None:
    button = chart.root.get_by_role("button", name=name)
    pressed, before = button.get_attribute("aria-pressed"), ink(chart, 0)
    button.click()
    expect(button).not_to_have_attribute("aria-pressed", str(pressed))
    after = drawn_anew(chart, 0, before)
    button.click()
    drawn_anew(chart, 0, after)


def test_the_learning_rate_can_be_left_out(chart: LabPage) -> None:
    chart.press("Show lr")
    expect(plots(chart)).to_have_count(2)
    expect(chart.root.get_by_role("group", name="Learning rate")).to_be_hidden()
    chart.press("Show lr")
    expect(plots(chart)).to_have_count(3)


def test_smoothing_by_keyboard(chart: LabPage) -> None:
    slider = chart.root.get_by_role("slider", name="Smoothing", exact=True)
    legend = chart.root.get_by_role("group", name="Loss").get_by_role("button").nth(1)
    before = legend.inner_text()
    slider.press("Home")
    expect(chart.root.locator(".tl-number-out")).to_have_text("0.00")
    expect(legend).not_to_have_text(before)
    each = chart.root.get_by_role("button", name="each step").locator(".tl-legend-value")
    assert legend.locator(".tl-legend-value").inner_text() == each.inner_text()
