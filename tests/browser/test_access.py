"""For everyone: with a screen reader, without a mouse, in the dark, on a narrow screen."""

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import expect

from tests.browser.lab_page import LabPage, NewPage, Watch
from tests.browser.servers import Server

pytestmark = pytest.mark.browser
PANELS = ("Data", "Augment", "Model", "Init", "Optimizer", "Schedule", "Train", "Check")
WIDTHS = (440, 900, 1600)

# Pairs of controls that lie over each other, by their names.
OVERLAPS = """root => {
  const controls = [...root.querySelectorAll("button, select, input, a[href], summary")]
    .filter(el => el.checkVisibility())
    .map(el => [el.ariaLabel || el.textContent.trim().slice(0, 20) || el.id, el.getBoundingClientRect()])
    .filter(([, box]) => box.width && box.height);
  const found = [];
  controls.forEach(([a, p], i) => controls.slice(i + 1).forEach(([b, q]) => {
    const wide = Math.min(p.right, q.right) - Math.max(p.left, q.left);
    const high = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
    if (wide > 1 && high > 1) found.push(`${a} × ${b}`);
  }));
  return found;
}"""
LEGENDS_FIT = """el => [...el.querySelectorAll(".tl-legend")]
  .every(legend => legend.scrollWidth <= legend.clientWidth)"""
# What sticks out of the page to the right.
TOO_WIDE = """() => document.scrollingElement.scrollWidth <= innerWidth ? [] :
  [...document.querySelectorAll("body *")].filter(el => el.getBoundingClientRect().right > innerWidth + 1)
    .map(el => `${el.tagName}.${el.className}`).slice(0, 8)"""


@pytest.fixture(scope="module", params=["light", "dark"])
def themed(request: pytest.FixtureRequest, new_page: NewPage, voila: Server) -> Iterator[LabPage]:
    """The lab in the light and in the dark."""
    with new_page() as page:
        lab = LabPage(page, Watch(page))
        lab.goto(f"{voila.address}&theme={request.param}")
        expect(lab.root.locator(".tl-dark")).to_have_count(3 if request.param == "dark" else 0)
        yield lab


@pytest.fixture
def view(themed: LabPage) -> LabPage:
    themed.clear()
    themed.page.set_viewport_size({"width": 1600, "height": 1000})
    return themed


def serious(lab: LabPage) -> list[str]:
    """What axe finds that keeps somebody out."""
    found: dict[str, Any] = Axe().run(lab.page).response
    assert len(found["passes"]) > 10
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("name", PANELS)
def test_axe_finds_nothing_serious_on_a_panel(view: LabPage, name: str) -> None:
    view.open(name)
    if name == "Augment" and view.button("Add").count():
        view.press("Add")
        view.until("el => el.querySelector('.tl-items .tl-section')")
    assert serious(view) == []


def test_axe_finds_nothing_serious_beside_a_refused_value(view: LabPage) -> None:
    view.open("Optimizer")
    view.type("optimizer.lr", "fast")
    view.until_refused("optimizer.lr")
    assert serious(view) == []
    view.press("Start")
    view.until_state("failed", "idle")
    expect(view.root.get_by_role("alert")).to_contain_text("optimizer.lr")
    assert serious(view) == []
    view.type("optimizer.lr", "0.001")
    view.until_value("optimizer.lr", "0.001")


def test_axe_finds_nothing_serious_in_the_code(view: LabPage) -> None:
    view.press("Show the code")
    expect(view.root.locator("pre code")).to_contain_text("import torch")
    assert serious(view) == []
    view.press("Show the code")


def test_axe_finds_nothing_serious_while_training(view: LabPage) -> None:
    view.set("Train", "training.epochs", "5000")
    view.press("Start")
    view.until_points(30)
    assert serious(view) == []
    view.press("Pause")
    view.until_state("paused")
    assert serious(view) == []


@pytest.mark.parametrize("themed", ["light"], indirect=True)
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_overlaps_or_sticks_out(view: LabPage, width: int) -> None:
    view.page.set_viewport_size({"width": width, "height": 900})
    view.until(LEGENDS_FIT)
    for name in PANELS:
        view.open(name)
        assert view.page.evaluate(TOO_WIDE) == [], name
        assert view.root.evaluate(OVERLAPS) == [], name
    view.press("Show the code")
    expect(view.root.locator("pre code")).to_contain_text("import torch")
    assert view.page.evaluate(TOO_WIDE) == []
    view.set("Train", "training.epochs", "5000")
    view.press("Start")
    view.until_points(30)
    assert view.page.evaluate(TOO_WIDE) == []
    assert view.root.evaluate(OVERLAPS) == []


def focus(lab: LabPage, selector: str) -> None:
    """Press Tab until the focus is there."""
    for _press in range(120):
        lab.page.keyboard.press("Tab")
        if lab.page.evaluate("s => document.activeElement.matches(s)", selector):
            outline = lab.page.evaluate(
                """() => { const s = getComputedStyle(document.activeElement);
                return [s.outlineStyle, s.boxShadow]; }"""
            )
            assert outline != ["none", "none"], f"{selector}: nobody sees the focus"
            return
    raise AssertionError(f"{selector} cannot be reached with Tab")


@pytest.mark.parametrize("themed", ["light"], indirect=True)
def test_everything_can_be_done_with_the_keyboard(view: LabPage) -> None:
    keyboard = view.page.keyboard
    view.open("Data")
    view.page.evaluate("() => document.activeElement.blur()")
    focus(view, "[role=tab]")
    keyboard.press("End")
    names = view.root.get_by_role("tab").all_inner_texts()
    expect(view.tab(names[-1])).to_be_focused()
    view.until("(el, name) => el.querySelector('.tl-panel h2').textContent === name", names[-1])
    for _press in range(len(names) - 1 - names.index("Optimizer")):
        keyboard.press("ArrowLeft")
    view.until("el => el.querySelector('.tl-panel h2').textContent === 'Optimizer'")
    expect(view.tab("Optimizer")).to_have_attribute("aria-selected", "true")
    before = view.box("optimizer.lr").input_value()
    focus(view, "[data-path='optimizer.lr'] input[type=range]")
    keyboard.press("ArrowRight")
    expect(view.box("optimizer.lr")).not_to_have_value(before)
    now = view.box("optimizer.lr").input_value()
    expect(view.field("optimizer.lr").get_by_role("slider")).to_have_attribute(
        "aria-valuetext", now
    )
    focus(view, ".tl-buttons button.tl-primary")
    keyboard.press("Enter")
    view.until_points(1)
    expect(view.button("Pause")).to_be_focused()
    keyboard.press("Space")
    view.until_state("paused")
    expect(view.button("Resume")).to_be_focused()
    focus(view, ".tl-buttons button:nth-child(4)")
    expect(view.button("Step")).to_be_focused()
    held = view.points
    keyboard.press("Enter")
    view.until_points(held + 1)
    focus(view, ".tl-buttons button:nth-child(6)")
    expect(view.button("Stop")).to_be_focused()
    keyboard.press("Enter")
    view.until_state("done")
    expect(view.button("Start")).to_be_focused()
