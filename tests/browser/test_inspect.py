"""The panel Inspect under Voilà: a run from inside, now and at a step of its past."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import expect

from tests.browser.lab_page import LabPage

pytestmark = pytest.mark.browser


def test_a_run_from_inside(lab: LabPage) -> None:
    lab.set("Train", "training.epochs", "2")
    lab.open("Inspect")
    expect(lab.root.get_by_text("Press Start: this shows the run")).to_be_visible()
    lab.press("Start")
    curves = lab.root.locator(".tl-log svg").first
    expect(curves).to_have_attribute("aria-label", re.compile("Update : weight: Conv2d 0 "))
    expect(lab.root.locator(".tl-guesses li")).to_have_count(8)
    lab.until_state("done")
    slider = lab.root.get_by_role("slider", name="Step")
    expect(lab.button("Newest step")).to_have_attribute("aria-pressed", "true")
    slider.press("Home")
    expect(slider).to_have_attribute("aria-valuetext", re.compile("^step 1 "))
    cards = lab.root.locator(".tl-inside-card")
    expect(cards).to_have_count(5)
    expect(cards.first).to_contain_text("Conv2d 0")
    expect(cards.first.get_by_role("img")).to_have_count(2)
    maps = lab.root.get_by_role("img", name="Feature maps: the brighter, the larger: 0")
    assert maps.evaluate("el => [el.width, el.height]") == [71, 17]  # 16 of 8 x 8 in two rows
    lab.root.get_by_label("Layer", exact=True).select_option(label="ReLU 6")
    expect(lab.root.get_by_role("img", name="larger: 6")).to_be_visible()
    found = Axe().run(lab.page).response["violations"]
    assert [entry["id"] for entry in found if entry["impact"] in ("serious", "critical")] == []
    lab.press("Newest step")
    expect(lab.button("Newest step")).to_have_attribute("aria-pressed", "true")


def test_nothing_is_sent_while_another_panel_is_open(lab: LabPage) -> None:
    lab.open("Inspect")
    heard = lab.watch.comm_messages
    lab.page.wait_for_timeout(1500)
    assert lab.watch.comm_messages > heard
    lab.open("Train")
    lab.page.wait_for_timeout(500)
    heard = lab.watch.comm_messages
    lab.page.wait_for_timeout(1500)
    assert lab.watch.comm_messages == heard
    lab.type("training.epochs", "20")
