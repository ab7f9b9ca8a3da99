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
    expect(rows.first).to_be_visible()
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
    layers = lab.root.locator(".tl-layers label")
    lab.press("Check the gradients")
    expect(layers.first).to_contain_text("Conv2d")
    expect(lab.button("Check the gradients")).to_be_enabled()
    layers.first.click()
    lab.press("Check the gradients")
    chosen = lab.root.locator(".tl-layer-box + .tl-checks table")
    expect(chosen).to_contain_text("0.weight")
    expect(chosen).not_to_contain_text("1.weight")
    stale = lab.root.get_by_text("The forms have changed since")
    expect(stale).to_be_hidden()
    lab.set("Optimizer", "optimizer.lr", "5")
    lab.open("Check")
    expect(stale.first).to_be_visible()
    expect(rows).to_have_count(13)


def test_one_click_takes_a_learning_rate_over(lab: LabPage) -> None:
    lab.open("Check")
    lab.press("Run the range test")
    expect(lab.root.locator(".tl-sweep path.tl-smooth")).to_be_visible()
    offers = lab.root.locator(".tl-offers li")
    expect(offers).to_have_count(2, timeout=60_000)
    expect(lab.root.get_by_text("The loss exploded at")).to_be_visible()
    offers.first.get_by_role("button").click()
    expect(offers.first.get_by_role("button")).to_have_text("In use")
    lab.open("Optimizer")
    taken = float(lab.box("optimizer.lr").input_value())
    assert 1e-5 < taken < 0.1
    lab.type("optimizer.lr", "0.001")


def test_how_good_are_you(lab: LabPage) -> None:
    lab.open("Check")
    lab.press("Label 20 images")
    image = lab.root.locator(".tl-quiz img")
    expect(image).to_have_attribute("alt", "Image 1 of 20")
    found = Axe().run(lab.page).response["violations"]
    assert [entry["id"] for entry in found if entry["impact"] in ("serious", "critical")] == []
    keyboard = lab.page.keyboard  # the image has the focus
    keyboard.press("3")
    expect(image).to_have_attribute("alt", "Image 2 of 20")
    keyboard.press("Backspace")
    expect(image).to_have_attribute("alt", "Image 1 of 20")
    for number in range(1, 20):
        keyboard.press("7")
        expect(image).to_have_attribute("alt", f"Image {number + 1} of 20")
    lab.root.locator(".tl-quiz-classes").get_by_role("button", name="7", exact=True).click()
    score = lab.root.locator(".tl-quiz-score")
    expect(score).to_be_focused()
    expect(score).to_contain_text("of 20 right")
    right = int(score.inner_text().split()[0])
    expect(lab.root.locator(".tl-quiz-wrong li")).to_have_count(20 - right)
    lab.root.get_by_label("Known result on the accuracy chart").select_option("my own line …")
    lab.root.get_by_label("Name of the line").fill("<b>a friend")
    lab.root.get_by_label("Accuracy in %").fill("97.5")
    lab.press("Draw it")
    lab.first_point()
    levels = f"you {5 * right} %, <b>a friend 97.5 %."
    lab.until(
        "(el, s) => el.querySelector('.tl-plots').getAttribute('aria-label').endsWith(s)", levels
    )
    references = lab.button("References")
    expect(references).to_have_attribute("aria-pressed", "true")
    drawn = lab.root.locator(".tl-plots canvas").nth(1)
    lab.press("Stop")
    lab.until_state("done")
    lab.page.wait_for_timeout(300)  # the last frame
    before = drawn.evaluate("canvas => canvas.toDataURL()")
    references.click()
    lab.page.wait_for_function(
        "([canvas, old]) => canvas.toDataURL() !== old", arg=[drawn.element_handle(), before]
    )
    references.click()
    lab.page.wait_for_function(
        "([canvas, old]) => canvas.toDataURL() === old", arg=[drawn.element_handle(), before]
    )
    lab.root.get_by_label("Known result on the accuracy chart").select_option("none")
    lab.until("el => !el.querySelector('.tl-plots').getAttribute('aria-label').includes('friend')")


def test_cancelled(lab: LabPage) -> None:
    lab.open("Check")
    lab.press("Run the checks")
    lab.press("Cancel")
    expect(lab.root.get_by_text("Cancelled: ")).to_be_visible()
    expect(lab.button("Run the checks")).to_be_enabled()
