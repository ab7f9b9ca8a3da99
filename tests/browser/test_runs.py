"""The table of runs in the page: everything a person does with runs that are there."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Locator, expect

from tests.browser.lab_page import LabPage, NewPage, Watch
from tests.browser.servers import Server
from tests.widgets.pages import tiny
from trainlab.runs import notes, train
from trainlab.runs.listing import folders

pytestmark = pytest.mark.browser
NAUGHTY = '<img src=x onerror=alert(1)> & "quotes" \'n all'


@pytest.fixture(scope="module")
def stored(voila: Server) -> Path:
    """Two runs in the folder before anybody looks: the older one has a name that would like to be HTML."""
    voila.runs.mkdir(exist_ok=True)
    for epochs, name in ((3, "20200101-000000-digits-mlp"), (4, "20200102-000000-digits-mlp")):
        run = train(tiny(epochs), voila.runs.parent / "made")
        shutil.move(run.path, voila.runs / name)
    notes.rename(voila.runs / "20200101-000000-digits-mlp", NAUGHTY)
    return voila.runs


@pytest.fixture
def table(stored: Path, lab: LabPage) -> Iterator[Locator]:
    """The table, with what the tests before left thrown out."""
    for folder in folders(stored):
        if not folder.name.startswith("20200"):
            shutil.rmtree(folder)
    shutil.rmtree(stored / notes.TRASH, ignore_errors=True)
    lab.until("(el, n) => el.querySelectorAll('.tl-runs-scroll tbody').length === n", 2)
    yield lab.root.locator(".tl-runs")
    ticked = lab.root.locator(".tl-runs-tick input:checked")
    while ticked.count():
        ticked.first.uncheck()


def of(table: Locator, number: int) -> Locator:
    """The run of this number in the table."""
    return table.locator(".tl-runs-scroll tbody").nth(number)


def button(run: Locator, name: str) -> Locator:
    return run.get_by_role("button", name=re.compile(f"^{name}"))


def test_what_is_stored_is_listed_and_escaped(table: Locator, lab: LabPage) -> None:
    assert of(table, 1).locator(".tl-runs-name").input_value() == NAUGHTY
    row = of(table, 0)
    expect(row).to_contain_text("Done")
    expect(row).to_contain_text("4/4")
    expect(row).to_contain_text("training.epochs 4")
    expect(row.locator(".tl-spark")).to_have_attribute("aria-label", re.compile("val accuracy: 0"))
    assert row.locator(".tl-spark path").get_attribute("d").count("L") == 3  # type: ignore[union-attr]
    assert table.locator("img").count() == 0
    found: dict[str, Any] = Axe().run(lab.page, {"include": [".tl-runs"]}).response
    assert [v["id"] for v in found["violations"] if v["impact"] in ("serious", "critical")] == []


def test_words_are_typed_where_they_stand(table: Locator, stored: Path) -> None:
    folder = stored / "20200102-000000-digits-mlp"
    name = of(table, 0).locator(".tl-runs-name")
    name.fill("the second")
    name.press("Enter")
    of(table, 0).locator(".tl-runs-note").fill("worse <i>")
    of(table, 0).locator(".tl-runs-note").press("Enter")
    expect(button(of(table, 0), "Show the second")).to_be_visible()
    button(of(table, 1), "Pin").click()
    expect(of(table, 0).locator(".tl-runs-name")).to_have_value(NAUGHTY)
    expect(button(of(table, 0), "Pin")).to_be_focused()  # it has moved with its row
    assert notes.read(folder) == notes.Notes("the second", "worse <i>", False)
    button(of(table, 0), "Pin").click()
    expect(of(table, 0).locator(".tl-runs-name")).to_have_value("the second")
    name.fill("")
    name.press("Enter")
    expect(name).to_have_value("digits-mlp")


def test_search_and_order(table: Locator) -> None:
    search = table.get_by_role("searchbox")
    search.fill("ONERROR")
    expect(table.locator(".tl-runs-scroll tbody")).to_have_count(1)
    search.fill("no such thing")
    expect(table).to_contain_text("No run has these words.")
    search.fill("")
    table.get_by_label("Order of the runs").select_option("best")
    scores = [float(of(table, i).locator(".tl-runs-best").inner_text()) for i in (0, 1)]
    assert scores == sorted(scores, reverse=True)
    table.get_by_label("Order of the runs").select_option("newest")


def test_deleted_and_undone_with_the_keyboard(table: Locator, stored: Path, lab: LabPage) -> None:
    more = button(of(table, 0), "More")
    more.focus()
    lab.page.keyboard.press("Enter")
    expect(more).to_have_attribute("aria-expanded", "true")
    table.get_by_role("button", name="Delete").press("Enter")
    expect(table).to_contain_text("digits-mlp is deleted.")
    expect(table.locator(".tl-runs-scroll tbody")).to_have_count(1)
    assert notes.deleted(stored) == ["20200102-000000-digits-mlp"]
    expect(table.get_by_role("button", name="Undo")).to_be_focused()
    lab.page.keyboard.press("Enter")
    expect(table.locator(".tl-runs-scroll tbody")).to_have_count(2)
    assert notes.deleted(stored) == []


def test_runs_beside_the_one_on_the_chart_and_compared(table: Locator, lab: LabPage) -> None:
    button(of(table, 0), "Show").click()
    lab.until_points(24)
    expect(lab.root.locator("[role=status].tl-status")).to_contain_text("Done")
    blank = lab.root.locator(".tl-plots canvas").first.screenshot()
    for number in (1, 0):
        of(table, number).get_by_role("checkbox").first.check()
    legend = lab.root.get_by_role("group", name="Other runs on the chart")
    expect(legend.get_by_role("button")).to_have_text([f"1 {NAUGHTY}", "2 digits-mlp"])
    lab.page.wait_for_timeout(300)
    drawn = lab.root.locator(".tl-plots canvas").first.screenshot()
    assert drawn != blank
    table.get_by_role("button", name="Compare").click()
    section = table.get_by_role("region", name="Compare")
    expect(section.get_by_role("row", name="training.epochs")).to_contain_text("34")
    expect(section.locator("polyline")).to_have_count(8)
    section.get_by_role("button", name="Close").click()
    of(table, 1).get_by_role("checkbox").first.uncheck()
    expect(legend.get_by_role("button")).to_have_text(["1 digits-mlp"])


def test_a_run_is_followed_stopped_and_resumed(table: Locator, lab: LabPage) -> None:
    lab.set("Train", "training.epochs", "4000")
    lab.press("Start")
    expect(table.locator(".tl-runs-scroll tbody")).to_have_count(3)
    expect(of(table, 0)).to_contain_text("Running")
    lab.until_points(100)
    lab.press("Stop")
    expect(of(table, 0)).to_contain_text("Stopped")
    stopped = lab.points
    lab.press("Reset")
    lab.until_points(0)
    lab.set("Train", "training.epochs", "9")
    button(of(table, 0), "Resume").click()
    lab.until_points(stopped + 20)
    expect(of(table, 0)).to_contain_text("Running")
    lab.until_value("training.epochs", "4000")
    button(of(table, 1), "Show").click()
    expect(table.locator(".tl-runs-error")).to_contain_text("under way")
    lab.press("Stop")
    lab.until_state("done")


def test_a_branch_is_drawn_over_its_parent(table: Locator, lab: LabPage, stored: Path) -> None:
    button(of(table, 0), "Show").click()
    lab.until_points(24)
    button(of(table, 0), "More").click()
    of(table, 0).get_by_role("button", name="Put its settings on the forms").click()
    lab.open("Train")
    lab.until_value("training.epochs", "4")
    lab.type("training.epochs", "6")
    lab.until_value("training.epochs", "6")
    choice = of(table, 0).get_by_label("Checkpoint")
    expect(choice).to_contain_text("epoch 4")
    of(table, 0).get_by_label("with what the forms say now").check()
    of(table, 0).get_by_role("button", name="Branch").click()
    lab.until_points(36)
    expect(of(table, 0)).to_contain_text("digits-mlp, step 24")
    expect(of(table, 0)).to_contain_text("6/6")
    expect(of(table, 1).get_by_role("checkbox").first).to_be_checked()
    (new,) = (folder for folder in folders(stored) if not folder.name.startswith("2020"))
    assert json.loads((new / "parent.json").read_text())["run"] == "20200102-000000-digits-mlp"


def test_a_download_is_a_zip(table: Locator, lab: LabPage) -> None:
    button(of(table, 1), "More").click()
    with lab.page.expect_download() as download:
        of(table, 1).get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "20200101-000000-digits-mlp.zip"


def test_an_empty_store_and_a_full_one(new_page: NewPage, voila: Server, stored: Path) -> None:
    source = stored / "20200101-000000-digits-mlp"
    away = stored.parent / "away"
    stored.rename(away)
    try:
        with new_page(viewport={"width": 900, "height": 900}) as page:
            empty = LabPage(page, Watch(page))
            empty.goto(voila.address)
            expect(empty.root.locator(".tl-runs")).to_contain_text("No runs yet. Press Start.")
            stored.mkdir()
            leave = shutil.ignore_patterns("checkpoints")
            for number in range(1000):
                shutil.copytree(
                    away / source.name, stored / f"20200101-{number:06d}-x", ignore=leave
                )
            bodies = empty.root.locator(".tl-runs-scroll tbody")
            expect(empty.root.locator(".tl-runs-count")).to_have_text("1000")
            expect(bodies).to_have_count(50)
            empty.root.get_by_role("button", name="Show more: 950 are left").click()
            expect(bodies).to_have_count(100)
            assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
            empty.root.get_by_role("searchbox").fill("000999")
            expect(bodies).to_have_count(1)
            assert empty.watch.errors == []
    finally:
        shutil.rmtree(stored, ignore_errors=True)
        away.rename(stored)
