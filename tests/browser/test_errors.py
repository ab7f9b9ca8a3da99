"""What goes wrong under Voilà is told on a card, and the lab lives on."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.lab_page import LabPage, recorded
from tests.browser.servers import Server

pytestmark = pytest.mark.browser
HOSTILE = ("<img src=x onerror=alert(1)>", "$$\\frac$$", "مرحبا بالعالم", "long" * 50)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image folder with names that mean harm, made of digits."""
    from sklearn.datasets import load_digits

    root = tmp_path_factory.mktemp("hostile") / "<b>folder</b>"
    digits = load_digits()
    for label, name in enumerate(HOSTILE):
        (root / name).mkdir(parents=True)
        for number, image in enumerate(digits.images[digits.target == label][:24]):
            pixels = (image * 15.9).astype(np.uint8)
            Image.fromarray(pixels).save(root / name / f"{number}.png")
    return root


@pytest.fixture
def digits(lab: LabPage) -> LabPage:
    """The lab with its usual data."""
    lab.open("Data")
    lab.choose("dataset", "Digits")
    expect(lab.root.locator(".tl-summary")).to_contain_text("Digits")
    return lab


def failed(lab: LabPage) -> str:
    """Wait for the run to fail; the card's text, which has to name a way on."""
    lab.until_state("failed")
    alert = lab.root.get_by_role("alert")
    expect(alert.get_by_role("heading")).not_to_be_empty()
    expect(alert).to_contain_text("What to do next:")
    assert lab.button("Start").is_enabled()
    return alert.inner_text()


def from_folder(lab: LabPage, root: str) -> None:
    lab.open("Data")
    lab.choose("dataset", "Image folder")
    lab.type("dataset.root", root)
    lab.until_value("dataset.root", root)


def test_a_loss_that_breaks_is_explained_and_the_next_start_works(
    digits: LabPage, voila: Server
) -> None:
    digits.open("Model")
    digits.choose("model", "MLP")
    digits.type("model.depth", "4")
    digits.until_value("model.depth", "4")
    digits.set("Train", "training.epochs", "3")  # a short run climbs to its lr at once
    digits.open("Optimizer")
    digits.choose("optimizer", "SGD")
    digits.type("optimizer.lr", "10")
    digits.until_value("optimizer.lr", "10")
    digits.press("Start")
    card = failed(digits)
    assert "The loss became" in card
    assert "learning rate" in card
    (event,) = (event for event in recorded(voila.newest_run()) if event["event"] == "Failed")
    assert f"at step {event['step']}" in card
    digits.type("optimizer.lr", "0.01")
    digits.until_value("optimizer.lr", "0.01")
    digits.set("Train", "training.epochs", "5000")
    digits.press("Start")
    digits.until_points(30)
    assert digits.state == "running"
    expect(digits.root.get_by_role("alert")).to_be_empty()


def test_a_disk_that_refuses_is_explained_and_the_next_start_works(
    digits: LabPage, voila: Server
) -> None:
    digits.set("Train", "training.epochs", "5000")
    digits.press("Start")
    digits.until_points(1)
    run = voila.newest_run()
    with suppress(FileNotFoundError):  # before its first one there is none
        (run / "checkpoints").rename(run / "elsewhere")
    (run / "checkpoints").write_text("a file, where a folder should be")
    assert "the checkpoint could not be saved" in failed(digits)
    digits.press("Start")
    digits.until_points(30)
    expect(digits.root.get_by_role("alert")).to_be_empty()


def test_a_download_that_cannot_be_is_explained(digits: LabPage) -> None:
    digits.choose("dataset", "CIFAR-10")
    figure = digits.root.locator(".tl-picture").first
    expect(figure).to_contain_text("CIFAR-10 is not on this machine yet")
    expect(figure).to_contain_text("Press Start")
    digits.press("Start")
    expect(digits.root.locator(".tl-chart-empty")).to_contain_text("trying again")
    assert digits.state == "building"
    card = failed(digits)
    assert "CIFAR-10 could not be downloaded" in card
    assert "cs.toronto.edu" in card
    assert "Digits" in card


def test_a_download_can_be_stopped(digits: LabPage) -> None:
    digits.choose("dataset", "MNIST")
    digits.press("Start")
    digits.until_state("building")
    digits.press("Stop")
    digits.until_state("idle")
    digits.choose("dataset", "Digits")
    digits.press("Start")
    digits.until_points(1)


def test_a_folder_that_is_not_there_is_named(digits: LabPage) -> None:
    from_folder(digits, "/no/such/folder")
    expect(digits.root.locator(".tl-picture").first).to_contain_text("/no/such/folder")
    digits.press("Start")
    assert "/no/such/folder" in failed(digits)


def test_a_folder_of_one_class_says_what_is_missing(digits: LabPage, pictures: Path) -> None:
    from_folder(digits, str(pictures / HOSTILE[0]))
    expect(digits.root.locator(".tl-picture").first).to_contain_text("fewer than two classes")
    digits.press("Start")
    card = failed(digits)
    assert "fewer than two classes" in card
    assert HOSTILE[0] in card
    assert digits.root.locator("img[src=x], b").count() == 0
