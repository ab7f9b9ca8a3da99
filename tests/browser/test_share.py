"""Sharing in a real browser: code of forms and run, copy, a link that opens the lab, a run out and in again."""

import base64
import json
import zlib
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.lab_page import LabPage, NewPage, Watch, recorded
from tests.browser.servers import Server

pytestmark = pytest.mark.browser
SELECTED = "() => getSelection().toString()"


def code(lab: LabPage) -> str:
    return lab.root.locator(".tl-pre").inner_text()


def choose(lab: LabPage, menu: str, label: str) -> None:
    lab.root.get_by_label(menu, exact=True).select_option(label=label)


def share(lab: LabPage) -> None:
    if lab.button("Share").get_attribute("aria-pressed") != "true":
        lab.press("Share")
    lab.until("el => el.querySelector('.tl-panel h2')?.textContent === 'Share'")


def test_a_run_s_code_is_shown_with_its_edits_and_downloaded(lab: LabPage) -> None:
    lab.set("Train", "training.epochs", "3")
    lab.press("Start")
    lab.until_points(10)
    lab.press("Pause")
    lab.until_state("paused")
    lab.set("Optimizer", "optimizer.lr", "0.004")
    lab.until("el => el.querySelector('.tl-run').textContent.includes('optimizer.lr 0.004')")
    lab.press("Show the code")
    choose(lab, "Of", "The run on the chart")
    script = lab.root.locator(".tl-pre")
    expect(script).to_contain_text("stage = 1  # optimizer.lr 0.004")
    with lab.page.expect_download() as got:
        lab.press("Download train.ipynb")
    assert got.value.suggested_filename == "train.ipynb"
    cells = json.loads(Path(got.value.path()).read_text(encoding="utf-8"))["cells"]
    assert any("stage = 1" in line for cell in cells for line in cell["source"])
    choose(lab, "Of", "What the forms say")
    expect(lab.root.locator(".tl-pre")).not_to_contain_text("stage = 1")
    lab.press("Show the code")


def test_a_run_is_downloaded_and_opened_again(lab: LabPage, voila: Server, tmp_path: Path) -> None:
    lab.set("Train", "training.epochs", "2")
    lab.press("Start")
    lab.until_state("done")
    name = voila.newest_run().name
    share(lab)
    with lab.page.expect_download() as got:
        lab.press("Download the run on the chart")
    path = tmp_path / got.value.suggested_filename
    got.value.save_as(path)
    assert path.name == f"{name}.zip"
    with lab.page.expect_file_chooser() as chooser:
        lab.press("Open a run …")
    chooser.value.set_files(path)
    expect(lab.root.locator(".tl-share")).to_contain_text(f"{name}-2 is among the runs now")
    assert recorded(voila.runs / f"{name}-2") == recorded(voila.runs / name)
    broken = tmp_path / "<b>.zip"
    broken.write_bytes(b"no zip")
    with lab.page.expect_file_chooser() as chooser:
        lab.press("Open a run …")
    chooser.value.set_files(broken)
    expect(lab.root.locator(".tl-share .tl-error", has_text="no run")).to_be_visible()


def test_an_experiment_is_pasted_with_the_keyboard_alone(lab: LabPage) -> None:
    share(lab)
    box = lab.root.get_by_label("Paste JSON, TOML or a link")
    box.fill('[optimizer]\nkind = "sgd"\nlr = -1.0')
    box.press("Tab")
    lab.page.keyboard.press("Enter")
    expect(lab.root.locator(".tl-share .tl-error", has_text="optimizer.lr")).to_be_visible()
    box.fill('[optimizer]\nkind = "sgd"\nlr = 0.25')
    box.press("Tab")
    lab.page.keyboard.press("Enter")
    expect(lab.root.locator(".tl-share")).to_contain_text("It is on the forms now")
    expect(lab.root.locator(".tl-summary")).to_contain_text("SGD")
    expect(lab.root.locator(".tl-pre")).to_contain_text("0.25")


def test_what_may_not_be_copied_is_left_selected(lab: LabPage) -> None:
    share(lab)
    choose(lab, "As", "TOML")
    expect(lab.root.locator(".tl-pre")).to_contain_text("[optimizer]")
    lab.page.evaluate("""() => {
        navigator.clipboard.writeText = () => Promise.reject(new Error("no"));
        document.execCommand = () => false; }""")
    lab.press("Copy")
    expect(lab.root.locator(".tl-code-head")).to_contain_text("Selected: press Ctrl+C")
    assert lab.page.evaluate(SELECTED).strip() == code(lab).strip()


def test_a_link_opens_the_lab_as_it_was(lab: LabPage, new_page: NewPage, voila: Server) -> None:
    lab.set("Optimizer", "optimizer.lr", "0.0321")
    share(lab)
    choose(lab, "As", "a link")
    expect(lab.root.locator(".tl-pre")).to_contain_text("?experiment=")
    address, token = code(lab).strip(), voila.address.partition("token=")[2]
    assert address.partition("?")[0] == voila.address.partition("?")[0]
    assert token not in address, "a link lets nobody in"
    with new_page() as page:
        other = LabPage(page, Watch(page))
        other.goto(f"{address}&token={token}")
        other.open("Optimizer")
        other.until_value("optimizer.lr", "0.0321")
        assert other.watch.errors == []


def test_a_link_that_is_no_good_says_which_field(new_page: NewPage, voila: Server) -> None:
    wrong = zlib.compress(b'{"model":{"kind":"mlp","width":0}}')
    bad = base64.urlsafe_b64encode(wrong).decode()
    with new_page() as page:
        lab = LabPage(page, Watch(page))
        lab.goto(f"{voila.address}&experiment={bad}")
        expect(lab.root.locator(".tl-run [role=alert]")).to_contain_text("model.width")
        expect(lab.root.locator(".tl-summary")).to_contain_text("ConvNet")
        assert lab.button("Start").is_enabled()
