"""The panel Results under Voilà: a checkpoint asked, a cell and an image looked into, by mouse and by keyboard."""

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import expect

from tests.browser.lab_page import LabPage

pytestmark = pytest.mark.browser
TOO_WIDE = "() => document.scrollingElement.scrollWidth - innerWidth"
CELL = ".tl-matrix [role=gridcell]"


def test_from_a_run_to_what_an_image_was_judged_by(lab: LabPage) -> None:
    lab.open("Results")
    expect(lab.root.get_by_text("No run is on the chart yet: press Start.")).to_be_visible()
    lab.set("Train", "training.epochs", "2")
    lab.press("Start")
    lab.until_state("done")
    lab.open("Results")
    lab.press("Show the results")
    says = lab.root.locator(".tl-results-says")
    expect(says).to_contain_text("of 359 validation images are right")
    counts = [int(count) for count in lab.root.locator(CELL).all_inner_texts()]
    assert (len(counts), sum(counts)) == (100, 359)
    share = f"{sum(counts[::11]) / 359:.1%}"
    expect(says).to_contain_text(share)

    # by keyboard: the first cell, one to the right and two down
    lab.root.locator(CELL).first.focus()
    for key in (
        "ArrowRight",
        "ArrowDown",
        "ArrowDown",
        "ArrowLeft",
        "ArrowUp",
        "ArrowRight",
        "Enter",
    ):
        lab.page.keyboard.press(key)
    picked = lab.root.locator(".tl-results-body > .tl-gallery")
    expect(picked.get_by_role("status")).to_contain_text(f"of {counts[11]} images")
    expect(picked.locator(".tl-shot")).to_have_count(min(24, counts[11]))
    assert lab.root.locator(".tl-matrix [tabindex='0']").count() == 1

    hardest = lab.root.locator(".tl-galleries .tl-gallery").first
    hardest.locator(".tl-shot").first.click()
    lens = hardest.locator(".tl-lens")
    expect(lens).to_contain_text("Grad-CAM: Selvaraju et al. 2017")
    images = lens.locator("img")
    expect(images).to_have_count(2)
    before = images.last.get_attribute("src")
    menu = lens.get_by_label("What speaks for")
    answer = menu.locator("option:checked").inner_text()
    menu.select_option(label="3" if answer != "3" else "4")
    expect(images.last).not_to_have_attribute("src", before or "")
    found = Axe().run(lab.page).response["violations"]
    assert [entry["id"] for entry in found if entry["impact"] in ("serious", "critical")] == []
    assert lab.page.evaluate(TOO_WIDE) <= 0


def test_while_a_run_is_under_way_and_when_it_is_another(lab: LabPage) -> None:
    lab.press("Step")
    lab.until_points(1)
    lab.open("Results")
    expect(lab.root.get_by_text("The run has no checkpoint yet")).to_be_visible()
    lab.press("Save")
    lab.press("Show the results")
    says = lab.root.locator(".tl-results-says")
    stale = lab.root.locator(".tl-results .tl-stale")
    expect(stale).to_be_hidden()
    lab.press("Step")
    lab.until_points(2)
    lab.press("Save")
    expect(stale).to_contain_text("There is a newer checkpoint: step 2, epoch 0 (newest")
    lab.press("Stop")
    lab.until_state("done")
    lab.press("Reset")
    expect(stale).to_contain_text("This is of another run")
    expect(says).to_be_visible()
