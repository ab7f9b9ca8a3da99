"""Names that mean harm, on a real disk, in a real browser: text and nothing else, from the panel to the script."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.lab_page import LabPage, NewPage, Watch
from tests.browser.servers import Server
from tests.naughty import NAUGHTY
from trainlab.catalog.datasets.files import printable

pytestmark = pytest.mark.browser
EACH = 4  # images of a class
TOO_WIDE = "() => document.scrollingElement.scrollWidth - innerWidth"
HOOK = """() => { window.called = [];
  for (const name of ["alert", "confirm", "prompt", "print"])
    window[name] = (...given) => { window.called.push([name, ...given.map(String)]); }; }"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image folder whose every folder and file has a naughty name."""
    root, draws = tmp_path_factory.mktemp("naughty") / "$$ <b>{0}", np.random.default_rng(0)
    for label, name in enumerate(NAUGHTY):
        (root / name).mkdir(parents=True)
        for number in range(EACH):
            pixels = draws.integers(0, 4 * (label + 1), (9, 9, 3)).clip(0, 255)
            other = NAUGHTY[(label * EACH + number) % len(NAUGHTY)]
            stem = other.encode()[:200].decode(errors="ignore")
            Image.fromarray(pixels.astype(np.uint8)).save(root / name / f"{number}{stem}.png")
    return root


@pytest.fixture(scope="module")
def naughty(new_page: NewPage, voila: Server, folder: Path) -> Iterator[LabPage]:
    """The lab at 900 px, its data that folder; all that a script would call is watched."""
    with new_page(viewport={"width": 900, "height": 900}) as page:
        page.add_init_script(f"({HOOK})()")
        lab = LabPage(page, Watch(page))
        lab.goto(voila.address)
        lab.open("Data")
        lab.choose("dataset", "Image folder")
        lab.type("dataset.root", str(folder))
        lab.until_value("dataset.root", str(folder))
        lab.type("dataset.size", "8")
        lab.until_value("dataset.size", "8")
        lab.until("el => el.querySelector('.tl-picture:not([hidden]) :is(img, svg)')")
        yield lab
        assert page.evaluate("window.called") == []
        assert lab.watch.errors == []
        assert lab.watch.foreign(voila.address) == []


def test_the_names_are_text(naughty: LabPage) -> None:
    text = naughty.root.locator(".tl-pictures").evaluate("el => el.textContent")
    shown = [name for name in NAUGHTY if printable(name) in text]
    assert len(shown) >= 20, text[:2000]
    foreign = naughty.root.locator("script, img[src=x], .tl-pictures b, svg[onload], [onmouseover]")
    assert foreign.count() == 0
    assert naughty.page.evaluate(TOO_WIDE) <= 0


@pytest.mark.parametrize("panel", ["Data", "Augment", "Model", "Init", "Optimizer", "Schedule"])
def test_every_panel_is_drawn_and_nothing_sticks_out(naughty: LabPage, panel: str) -> None:
    naughty.open(panel)
    picture = naughty.root.locator(
        ":is(.tl-picture, .tl-race):visible :is(img, svg, table, canvas)"
    )
    expect(picture.first).to_be_visible()
    unavailable = naughty.root.get_by_text("There is no picture of this")
    assert unavailable.count() == 0
    assert naughty.page.evaluate(TOO_WIDE) <= 0


def test_they_are_trained_with(naughty: LabPage) -> None:
    naughty.set("Train", "training.epochs", "2")
    naughty.press("Start")
    naughty.until_state("done", timeout=60_000)
    assert naughty.page.evaluate(TOO_WIDE) <= 0


def test_they_are_named_where_they_are_mixed_up(naughty: LabPage) -> None:
    naughty.open("Results")
    naughty.press("Show the results")
    pairs = naughty.root.locator(".tl-pairs button")
    expect(pairs.first).to_be_visible()
    pairs.first.click()
    picked = naughty.root.locator(".tl-results-body > .tl-gallery")
    picked.locator(".tl-shot").first.click()
    lens = picked.locator(".tl-lens")
    expect(lens.get_by_label("What speaks for").locator("option")).to_have_count(len(NAUGHTY))
    foreign = ".tl-results :is(script, img[src=x], b, svg[onload], [onmouseover])"
    assert naughty.root.locator(foreign).count() == 0
    assert naughty.page.evaluate(TOO_WIDE) <= 0


def test_the_script_reads_them(naughty: LabPage, tmp_path: Path) -> None:
    naughty.set("Train", "training.epochs", "1")
    naughty.press("Show the code")
    expect(naughty.root.locator("pre code")).to_contain_text("import torch")
    with naughty.page.expect_download() as download:
        naughty.press("Download train.py")
    script = tmp_path / "train.py"
    download.value.save_as(script)
    done = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert not (tmp_path / "naughty").exists()
