"""The forms under Voilà: what is typed is taken or refused, and the pictures follow."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.lab_page import LabPage, recorded
from tests.browser.servers import Server

pytestmark = pytest.mark.browser
PANELS = ("Data", "Augment", "Model", "Init", "Optimizer", "Schedule", "Train")
DRAWS, CURVE = "Originals and draws", "Learning rate over the whole run"


@pytest.fixture
def optimizer(lab: LabPage) -> LabPage:
    """The lab with the optimizer's panel open, its learning rate as it is by default."""
    lab.open("Optimizer")
    lab.choose("optimizer", "AdamW")
    lab.type("optimizer.lr", "0.001")
    lab.until_value("optimizer.lr", "0.001")
    return lab


def items(lab: LabPage) -> list[str]:
    return lab.root.locator(".tl-items > .tl-section h3.tl-section-label").all_inner_texts()


def until_items(lab: LabPage, *labels: str) -> None:
    expect(lab.root.locator(".tl-items > .tl-section h3.tl-section-label")).to_have_text([*labels])


@pytest.mark.parametrize("name", PANELS)
def test_every_panel_opens(lab: LabPage, name: str) -> None:
    lab.open(name)
    panel = lab.root.get_by_role("tabpanel", name=name)
    expect(panel.get_by_role("heading", level=2)).to_have_text(name)
    expect(panel.locator(".tl-section").first).to_be_visible()
    expect(lab.tab(name)).to_have_attribute("aria-selected", "true")
    if name != "Train":
        expect(panel.locator(":is(.tl-picture, .tl-race):visible").first).to_be_visible()
    else:
        expect(panel.locator(".tl-picture:visible")).to_have_count(0)


def test_a_typed_value_is_taken_and_trained_with(optimizer: LabPage, voila: Server) -> None:
    optimizer.type("optimizer.lr", " 3e-3 ")
    optimizer.until_value("optimizer.lr", "0.003")
    optimizer.open("Data")
    optimizer.open("Optimizer")
    optimizer.until_value("optimizer.lr", "0.003")
    optimizer.press("Step")
    optimizer.until_points(1)
    (started,) = (event for event in recorded(voila.newest_run()) if event["event"] == "Started")
    assert started["epochs"] > 0
    text = (voila.newest_run() / "experiment.json").read_text(encoding="utf-8")
    assert '"lr": 0.003' in text


@pytest.mark.parametrize("typed", ["11", "0", "-1", "fast", "", "1e999", "NaN", "<b>1</b>"])
def test_a_bad_value_is_refused_beside_its_field(optimizer: LabPage, typed: str) -> None:
    optimizer.type("optimizer.lr", typed)
    assert optimizer.until_refused("optimizer.lr")
    box = optimizer.box("optimizer.lr")
    assert box.input_value() == typed
    described = box.get_attribute("aria-describedby") or ""
    error = optimizer.field("optimizer.lr").locator(".tl-error")
    assert error.get_attribute("id") in described.split()
    assert optimizer.field("optimizer.lr").locator("b").count() == 0
    optimizer.type("optimizer.lr", "0.001")
    optimizer.until_value("optimizer.lr", "0.001")
    expect(error).to_be_hidden()


def test_start_with_a_refused_value_is_an_error_card(optimizer: LabPage) -> None:
    optimizer.type("optimizer.lr", "fast")
    optimizer.until_refused("optimizer.lr")
    optimizer.press("Start")
    alert = optimizer.root.get_by_role("alert")
    expect(alert).to_contain_text("optimizer.lr")
    expect(alert).to_contain_text("What to do next:")
    assert optimizer.points == 0
    optimizer.type("optimizer.lr", "0.002")
    optimizer.until_value("optimizer.lr", "0.002")
    optimizer.press("Start")
    optimizer.until_points(1)
    expect(alert).to_be_empty()


def test_another_optimizer_and_back_keeps_the_settings(optimizer: LabPage) -> None:
    optimizer.type("optimizer.lr", "0.004")
    optimizer.until_value("optimizer.lr", "0.004")
    optimizer.choose("optimizer", "SGD")
    optimizer.until_value("optimizer.momentum", "0")
    expect(optimizer.root.locator(".tl-summary")).to_contain_text("SGD")
    optimizer.choose("optimizer", "AdamW")
    optimizer.until_value("optimizer.lr", "0.004")
    expect(optimizer.root.locator(".tl-summary")).to_contain_text("AdamW")


def test_reset_to_default(optimizer: LabPage) -> None:
    revert = optimizer.root.get_by_role("button", name="Reset lr to default")
    expect(revert).to_be_hidden()
    optimizer.type("optimizer.lr", "0.5")
    optimizer.until_value("optimizer.lr", "0.5")
    revert.click()
    optimizer.until_value("optimizer.lr", "0.001")
    expect(revert).to_be_hidden()


def test_text_typed_back_to_what_it_was_leaves_the_box_alive(optimizer: LabPage) -> None:
    box = optimizer.box("optimizer.lr")
    box.press("End")
    box.press("1")
    box.press("Backspace")
    optimizer.field("optimizer.lr").get_by_role("slider").press("ArrowRight")
    optimizer.until_value("optimizer.lr", "0.0012")


def test_a_dragged_slider_ends_where_it_was_left(optimizer: LabPage) -> None:
    slider = optimizer.field("optimizer.lr").get_by_role("slider")
    box = slider.bounding_box()
    assert box is not None
    mouse, middle = optimizer.page.mouse, box["y"] + box["height"] / 2
    mouse.move(box["x"] + box["width"] * 0.2, middle)
    mouse.down()
    for share in (0.3, 0.45, 0.6, 0.75):
        mouse.move(box["x"] + box["width"] * share, middle)
    mouse.up()
    shown = slider.get_attribute("aria-valuetext") or ""
    optimizer.until_value("optimizer.lr", shown)
    optimizer.page.wait_for_timeout(600)  # later answers must not move it back
    assert optimizer.box("optimizer.lr").input_value() == shown
    assert shown not in ("", "0.001")


def test_augmentations_are_added_ordered_redrawn_and_removed(lab: LabPage) -> None:
    lab.open("Augment")
    lab.until("el => el.querySelector('.tl-picture img')")
    seen = [lab.picture(DRAWS)]

    def redrawn() -> None:
        lab.until_picture_changes(DRAWS, seen[-1])
        seen.append(lab.picture(DRAWS))

    expect(lab.root.locator(".tl-empty:visible")).to_contain_text("No augmentation")
    adder = lab.root.get_by_label("Add to the list")
    for label in ("Shift (padded crop)", "Rotation"):
        adder.select_option(label=label)
        lab.press("Add")
        redrawn()
    until_items(lab, "Shift (padded crop)", "Rotation")
    lab.press("New draws")
    redrawn()
    lab.type("augmentations.0.padding", "3")
    redrawn()
    lab.press("Move Rotation up")
    redrawn()
    until_items(lab, "Rotation", "Shift (padded crop)")
    lab.press("Remove Rotation")
    redrawn()
    lab.until_value("augmentations.0.padding", "3")
    lab.press("Remove Shift (padded crop)")
    redrawn()
    until_items(lab)
    assert seen[-1] == seen[0]
    assert len(set(seen)) == len(seen) - 1


def test_the_schedule_s_picture_follows(lab: LabPage) -> None:
    lab.open("Schedule")
    lab.until("el => el.querySelector('.tl-picture svg')")
    before = lab.picture(CURVE)
    lab.choose("schedule", "Cosine")
    lab.until_picture_changes(CURVE, before)
    cosine = lab.picture(CURVE)
    lab.type("schedule.eta_min", "0.0005")
    lab.until_picture_changes(CURVE, cosine)
    lifted = lab.picture(CURVE)
    lab.choose("schedule", "One-cycle")
    lab.until_picture_changes(CURVE, lifted)
    assert "at most" in lab.root.locator(".tl-picture figcaption").inner_text()


def test_show_the_code_follows_the_forms(optimizer: LabPage) -> None:
    code = optimizer.root.locator("pre code")
    show = optimizer.button("Show the code")
    optimizer.type("optimizer.lr", "0.0123")
    optimizer.until_value("optimizer.lr", "0.0123")
    show.click()
    expect(code).to_contain_text("0.0123")
    expect(code).to_contain_text("import torch")
    expect(code).not_to_contain_text("import trainlab")
    expect(show).to_have_attribute("aria-pressed", "true")
    show.click()
    optimizer.until_value("optimizer.lr", "0.0123")
    expect(show).to_have_attribute("aria-pressed", "false")
    optimizer.type("optimizer.lr", "0.0321")
    optimizer.until_value("optimizer.lr", "0.0321")
    show.click()
    expect(code).to_contain_text(re.compile(r"\b0\.0321\b"))
    with optimizer.page.expect_download() as download:
        optimizer.press("Download train.py")
    assert download.value.suggested_filename == "train.py"
    assert "0.0321" in download.value.path().read_text(encoding="utf-8")
