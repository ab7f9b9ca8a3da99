"""The race under Voilà: played, stepped, and started where somebody drags it to."""

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.lab_page import LabPage

pytestmark = pytest.mark.browser
LABEL = "(el.querySelector('.tl-race canvas[role=img]').getAttribute('aria-label') ?? '')"


@pytest.fixture
def race(lab: LabPage) -> LabPage:
    """The Optimizer panel with AdamW as it is by default, its race on the canyon."""
    lab.open("Optimizer")
    lab.choose("optimizer", "AdamW")
    lab.until_value("optimizer.betas", "0.9")
    surface(lab).select_option(label="Saddle")
    surface(lab).select_option(label="Canyon")
    expect(racers(lab)).to_have_count(5)
    expect(racers(lab).first).to_contain_text("Yours: AdamW")
    until_answered(lab)
    return lab


def surface(lab: LabPage) -> Locator:
    return lab.root.get_by_label("Surface")


def until_answered(lab: LabPage) -> None:
    """Wait until Python has run the optimizers that the page asked for last."""
    lab.until("el => !el.querySelector('.tl-race').ariaBusy")


def racers(lab: LabPage) -> Locator:
    return lab.root.locator(".tl-racer")


def values(lab: LabPage) -> list[str]:
    return lab.root.locator(".tl-racer-value").all_inner_texts()


def until_values_change(lab: LabPage, before: list[str]) -> None:
    lab.until(
        """(el, before) => JSON.stringify([...el.querySelectorAll(".tl-racer-value")]
        .map(v => v.textContent)) !== JSON.stringify(before)""",
        before,
    )


def start(lab: LabPage) -> Locator:
    return lab.root.locator(".tl-race-start")


def ink(lab: LabPage) -> str:
    return str(
        lab.root.locator(".tl-race-stage canvas").evaluate("canvas => canvas.toDataURL()")
    )  # fmt: skip


@pytest.mark.parametrize("name", ["Canyon", "Saddle", "Beale", "Rosenbrock"])
def test_every_surface_has_its_race(race: LabPage, name: str) -> None:
    surface(race).select_option(label=name)
    until_answered(race)
    race.until(f"el => {LABEL}.includes('After 200 steps')")
    expect(race.root.locator(".tl-race-count")).to_have_text("200/200")
    assert all(value and value != "–" for value in values(race))


def test_play_steps_and_the_slider(race: LabPage) -> None:
    at_the_end, drawn = values(race), ink(race)
    race.press("Play the race")
    race.until(
        "el => parseInt(el.querySelector('.tl-race-count').textContent) > 5"
        " && parseInt(el.querySelector('.tl-race-count').textContent) < 200"
    )
    race.root.locator(".tl-race").get_by_role("button", name="Pause the race").click()
    count = int(race.root.locator(".tl-race-count").inner_text().split("/")[0])
    assert 5 < count < 200
    assert ink(race) != drawn
    race.root.locator(".tl-race").get_by_role("button", name="Step the race").click()
    expect(race.root.locator(".tl-race-count")).to_have_text(f"{count + 1}/200")
    slider = race.root.locator(".tl-race").get_by_role("slider")
    slider.press("Home")
    expect(race.root.locator(".tl-race-count")).to_have_text("0/200")
    assert len(set(values(race))) == 1, "all start in the same place"
    slider.press("End")
    assert values(race) == at_the_end


def test_the_start_is_dragged(race: LabPage) -> None:
    before, drawn = values(race), ink(race)
    start(race).scroll_into_view_if_needed()
    box = start(race).bounding_box()
    assert box is not None
    mouse = race.page.mouse
    mouse.move(box["x"] + 12, box["y"] + 12)
    mouse.down()
    for by in (10, 20, 30, 40):
        mouse.move(box["x"] + 12 + by, box["y"] + 12 + by)
    mouse.up()
    until_values_change(race, before)
    assert ink(race) != drawn
    now = start(race).bounding_box()
    assert now is not None
    assert now["x"] - box["x"] == pytest.approx(40, abs=2)
    assert now["y"] - box["y"] == pytest.approx(40, abs=2)


def test_the_start_is_moved_by_the_arrow_keys(race: LabPage) -> None:
    before = values(race)
    name = start(race).get_attribute("aria-label") or ""
    assert name.startswith("Start at -3.4, 1.6")
    start(race).press("ArrowRight")
    expect(start(race)).to_have_attribute("aria-label", name.replace("-3.4,", "-3.24,"))
    until_values_change(race, before)
    for _press in range(100):
        start(race).press("ArrowUp")
    expect(start(race)).to_have_attribute(
        "aria-label", name.replace("-3.4, 1.6", "-3.24, 2.5")
    )  # fmt: skip


def test_a_racer_is_hidden_by_its_legend(race: LabPage) -> None:
    drawn = ink(race)
    racers(race).nth(2).click()
    expect(racers(race).nth(2)).to_have_attribute("aria-pressed", "false")
    assert ink(race) != drawn
    racers(race).nth(2).click()
    expect(racers(race).nth(2)).to_have_attribute("aria-pressed", "true")
    assert ink(race) == drawn


def test_the_race_follows_the_form(race: LabPage) -> None:
    before = values(race)
    race.type("optimizer.lr", "0.01")
    expect(racers(race).first).to_contain_text("lr 0.01 × 30")
    until_values_change(race, before)
    race.type("optimizer.lr", "0.001")
    expect(racers(race).first).to_contain_text("lr 0.001 × 30")
    race.choose("optimizer", "Muon")
    expect(racers(race).first).to_contain_text("cannot run on two weights")
    expect(racers(race).first).to_contain_text("Yours: Muon")
    race.choose("optimizer", "SGD")
    race.root.get_by_label("Your lr ×").select_option(label="1000")
    expect(racers(race).first).to_contain_text("left the picture")
    race.until(f"el => {LABEL}.includes('Yours: SGD left the picture')")
    race.root.get_by_label("Your lr ×").select_option(label="30")
    race.choose("optimizer", "AdamW")


def test_a_race_stays_as_it_was_left(race: LabPage) -> None:
    surface(race).select_option(label="Beale")
    race.open("Schedule")
    expect(race.root.locator(".tl-race")).to_be_hidden()
    race.open("Optimizer")
    expect(surface(race)).to_have_value("Beale")
    expect(racers(race)).to_have_count(5)
