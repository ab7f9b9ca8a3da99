"""The panel Check under Voilà: results as they come, and a bad learning rate mended with one click."""

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import expect

from tests.browser.lab_page import LabPage

pytestmark = pytest.mark.browser


def row(title: str) -> str:
    return f'.tl-check:has(h3:text-is("{title}"))'


def test_the_checks_come_one_by_one_and_grow_old(lab: LabPage) -> None:
    lab.set("Optimizer", "optimizer.lr", "10")
    lab.open("Check")
    lab.press("Run the checks")
    rows = lab.root.locator(".tl-check")
    expect(rows.first).to_be_visible(timeout=30_000)
    expect(lab.button("Run the range test")).to_be_disabled()
    expect(rows).to_have_count(12, timeout=60_000)
    expect(lab.root.get_by_text("1 to look at, 0 failed")).to_be_visible()
    heart = lab.root.locator(row("A few images by heart"))
    expect(heart).to_have_attribute("data-verdict", "warn")
    expect(heart).to_contain_text("make the range test")
    slopes = lab.root.locator(row("Gradient check"))
    expect(slopes).to_have_attribute("data-verdict", "pass")
    slopes.locator("summary").click()
    expect(slopes.locator("table")).to_contain_text("Conv2d.weight")
    found = Axe().run(lab.page).response["violations"]
    assert [entry["id"] for entry in found if entry["impact"] in ("serious", "critical")] == []
    stale = lab.root.get_by_text("The forms have changed since")
    expect(stale).to_be_hidden()
    lab.set("Optimizer", "optimizer.lr", "5")
    lab.open("Check")
    expect(stale.first).to_be_visible()
    expect(rows).to_have_count(12)


def test_one_click_takes_a_learning_rate_over(lab: LabPage) -> None:
    lab.open("Check")
    lab.press("Run the range test")
    expect(lab.root.locator(".tl-sweep path.tl-smooth")).to_be_visible(timeout=30_000)
    offers = lab.root.locator(".tl-offers li")
    expect(offers).to_have_count(2, timeout=60_000)
    expect(lab.root.get_by_text("The loss exploded at")).to_be_visible()
    offers.first.get_by_role("button").click()
    expect(offers.first.get_by_role("button")).to_have_text("In use")
    lab.open("Optimizer")
    taken = float(lab.box("optimizer.lr").input_value())
    assert 1e-5 < taken < 0.1
    lab.type("optimizer.lr", "0.001")


def test_cancelled(lab: LabPage) -> None:
    lab.open("Check")
    lab.press("Run the checks")
    lab.press("Cancel")
    expect(lab.root.get_by_text("Cancelled: ")).to_be_visible(timeout=30_000)
    expect(lab.button("Run the checks")).to_be_enabled()
