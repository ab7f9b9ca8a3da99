"""A zip of class folders goes from the browser to the data set, or comes back with a reason."""

import base64
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.lab_page import LabPage

pytestmark = pytest.mark.browser
NAME = "<b>mine $x$.zip"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zip of 9 MB, three parts of an upload: noise in two class folders."""
    folder, draws = tmp_path_factory.mktemp("zip"), np.random.default_rng(0)
    with zipfile.ZipFile(folder / NAME, "w") as archive:
        for label in ("light", "dark"):
            for number in range(48):
                pixels = draws.integers(128, 255, (180, 180, 3)) - 128 * (label == "dark")
                Image.fromarray(pixels.astype(np.uint8)).save(folder / "one.png")
                archive.write(folder / "one.png", f"{label}/{number}.png")
    assert (folder / NAME).stat().st_size > 8_000_000
    return folder / NAME


@pytest.fixture
def data(lab: LabPage) -> LabPage:
    lab.open("Data")
    lab.choose("dataset", "Digits")
    expect(lab.root.locator(".tl-summary")).to_contain_text("Digits")
    return lab


def give(lab: LabPage, file: Path) -> None:
    with lab.page.expect_file_chooser() as chooser:
        lab.press("Upload a zip …")
    chooser.value.set_files(file)


def test_a_zip_is_uploaded_shown_and_trained_with(data: LabPage, archive: Path) -> None:
    give(data, archive)
    expect(data.root.locator(".tl-summary")).to_contain_text("Zip of image folders")
    expect(data.button("Upload a zip …")).to_be_enabled()
    expect(data.root.locator(".tl-upload").first).to_be_hidden()
    expect(data.root.locator(".tl-table").first).to_contain_text("light")
    data.set("Train", "training.epochs", "2")
    data.press("Start")
    data.until_state("done")
    data.open("Data")
    data.choose("dataset", "Digits")


def test_a_zip_is_dropped_on_the_panel(data: LabPage, archive: Path) -> None:
    packed = base64.b64encode(archive.read_bytes()).decode()
    transfer = data.page.evaluate_handle(
        """([name, packed]) => { const transfer = new DataTransfer();
        const bytes = Uint8Array.from(atob(packed), c => c.charCodeAt(0));
        transfer.items.add(new File([bytes], name)); return transfer; }""",
        [NAME, packed],
    )
    panel = data.root.locator(".tl-panel")
    panel.dispatch_event("dragenter", {"dataTransfer": transfer})
    expect(panel).to_have_attribute("data-drop", "")
    panel.dispatch_event("drop", {"dataTransfer": transfer})
    expect(panel).not_to_have_attribute("data-drop", "")
    expect(data.root.locator(".tl-summary")).to_contain_text("Zip of image folders")
    data.choose("dataset", "Digits")


def test_what_is_no_zip_is_refused_beside_the_button(data: LabPage, tmp_path: Path) -> None:
    broken = tmp_path / NAME
    broken.write_bytes(b"PK\x03\x04 no zip at all")
    give(data, broken)
    alert = data.root.locator(".tl-upload .tl-error").first
    expect(alert).to_contain_text(NAME)
    expect(data.root.locator(".tl-summary")).to_contain_text("Digits")
    assert data.root.locator(".tl-upload b").count() == 0
    empty = tmp_path / "empty.zip"
    empty.touch()
    give(data, empty)
    expect(alert).to_contain_text("empty.zip is empty")


def test_a_file_that_is_too_large_is_never_sent(data: LabPage, tmp_path: Path) -> None:
    large = tmp_path / "large.zip"
    with large.open("wb") as file:
        file.truncate(100_000_001)
    give(data, large)
    expect(data.root.locator(".tl-upload .tl-error").first).to_contain_text("larger than 100 MB")
    assert data.button("Upload a zip …").is_enabled()
