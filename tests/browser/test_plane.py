"""The decision boundary of toy data under Voilà: watched while it trains, whole for a view that comes late."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.lab_page import LabPage, NewPage, Watch
from tests.browser.servers import Server

pytestmark = pytest.mark.browser
STEP = re.compile(r"after step (\d+)")


@pytest.fixture
def toy(lab: LabPage) -> LabPage:
    """The lab with two moons and a small net."""
    lab.open("Data")
    lab.choose("dataset", "Toy: moons")
    expect(lab.root.locator(".tl-summary")).to_contain_text("Toy: moons")
    lab.open("Model")
    lab.choose("model", "MLP")
    expect(lab.root.locator(".tl-summary")).to_contain_text("MLP")
    return lab


def label(lab: LabPage) -> str:
    return lab.root.locator(".tl-plane > canvas").get_attribute("aria-label") or ""


def step(lab: LabPage) -> int:
    found = STEP.search(label(lab))
    return int(found[1]) if found else -1


def until_step(lab: LabPage, wanted: int) -> None:
    lab.until(
        """(el, wanted) => Number(el.querySelector(".tl-plane > canvas")
        .ariaLabel?.match(/after step (\\d+)/)?.[1] ?? -1) >= wanted""",
        wanted,
    )


def shares(lab: LabPage) -> list[int]:
    texts = lab.root.locator(".tl-plane-share").all_inner_texts()
    return [int(text.rstrip(" %")) for text in texts]


def ink(lab: LabPage) -> str:
    canvas = lab.root.locator(".tl-plane > canvas")
    return str(canvas.evaluate("canvas => canvas.toDataURL()"))


def test_the_plane_follows_the_run(toy: LabPage) -> None:
    plane = toy.root.locator(".tl-plane")
    expect(plane).to_be_hidden()
    toy.set("Train", "training.epochs", "5000")
    toy.press("Start")
    expect(plane).to_be_visible()
    seen, first = ink(toy), step(toy)
    until_step(toy, first + 20)
    assert ink(toy) != seen
    assert sum(shares(toy)) == pytest.approx(100, abs=1)
    toy.press("Pause")
    toy.until_state("paused")
    until_step(toy, toy.step)
    toy.press("Step")
    toy.until_points(toy.points + 1)
    until_step(toy, toy.step)
    assert step(toy) == toy.step


def test_it_ends_with_the_trained_net_and_goes_with_it(toy: LabPage) -> None:
    toy.set("Train", "training.epochs", "3")
    toy.press("Start")
    toy.until_state("done")
    until_step(toy, toy.step)
    assert step(toy) == toy.step
    toy.press("Reset")
    toy.until_state("idle")
    expect(toy.root.locator(".tl-plane")).to_be_hidden()


def test_images_have_no_plane(lab: LabPage) -> None:
    lab.open("Data")
    lab.choose("dataset", "Digits")
    expect(lab.root.locator(".tl-summary")).to_contain_text("Digits")
    lab.set("Train", "training.epochs", "2")
    lab.press("Start")
    lab.until_state("done")
    expect(lab.root.locator(".tl-plane")).to_be_hidden()


def test_the_plane_fits_a_narrow_page(new_page: NewPage, voila: Server) -> None:
    with new_page(viewport={"width": 440, "height": 900}) as page:
        narrow = LabPage(page, Watch(page))
        narrow.goto(f"{voila.address}&theme=dark")
        narrow.open("Data")
        narrow.choose("dataset", "Toy: xor")
        narrow.open("Model")
        narrow.choose("model", "MLP")
        expect(narrow.root.locator(".tl-summary")).to_contain_text("MLP")
        narrow.press("Step")
        narrow.until_state("paused")
        expect(narrow.root.locator(".tl-plane")).to_be_visible()
        assert page.evaluate("() => document.scrollingElement.scrollWidth - innerWidth") <= 0
        narrow.press("Stop")
        narrow.until_state("done")
        assert narrow.watch.errors == []
