"""A run is saved, edited, gone back to; and one that went wrong is mended with one press."""

import pytest
from playwright.sync_api import expect

from tests.browser.lab_page import LabPage, recorded
from tests.browser.servers import Server
from trainlab.runs import load_run

pytestmark = pytest.mark.browser


def test_saved_edited_and_gone_back_to(lab: LabPage, voila: Server) -> None:
    lab.set("Train", "training.epochs", "5000")
    lab.press("Start")
    lab.until_points(60)
    lab.press("Save")
    marks = lab.root.locator(".tl-timeline-mark")
    saved = lab.root.get_by_role("button", name="saved for good")
    expect(saved).to_have_count(1)
    lab.set("Optimizer", "optimizer.lr", "0.003")
    expect(lab.root.locator(".tl-timeline-mark[data-kind=edit]")).to_have_count(1)
    was = lab.field("optimizer.lr").locator(".tl-was")
    expect(was).to_have_text("at the run's start: 0.001")
    lab.press("Stop")
    lab.until_state("done")
    parent = load_run(voila.newest_run())
    saved.focus()
    expect(lab.root.locator(".tl-timeline-words")).to_contain_text("saved for good")
    lab.page.keyboard.press("ArrowRight")  # the marks are one stop on the way, with arrows between
    expect(marks.nth(1)).to_be_focused()
    lab.page.keyboard.press("ArrowLeft")
    lab.press("Branch with the forms' changes")
    lab.until_state("running")
    lab.until_points(70)
    lab.press("Stop")
    lab.until_state("done")
    branch = load_run(voila.newest_run())
    assert branch.parent is not None
    assert branch.parent.run == parent.path.name
    assert [edit.changes for edit in branch.edits] == [{"optimizer.lr": 0.003}]
    step = branch.parent.step
    assert [*branch.steps["loss"][:step]] == [*parent.steps["loss"][:step]]
    assert lab.points == len(branch.steps["step"])
    lab.set("Optimizer", "optimizer.lr", "0.001")


def test_a_learning_rate_that_was_too_high_is_mended_with_one_press(
    lab: LabPage, voila: Server
) -> None:
    lab.set("Train", "training.epochs", "40")
    lab.open("Model")
    lab.choose("model", "MLP")
    lab.open("Optimizer")
    lab.choose("optimizer", "SGD")
    lab.set("Optimizer", "optimizer.lr", "10")
    lab.open("Schedule")
    lab.choose("schedule", "Constant")
    lab.press("Start")
    lab.until_state("failed")
    card = lab.root.locator(".tl-verdict[data-id=nan]")
    expect(card).to_contain_text("was not finite")
    expect(card.locator(".tl-verdict-letter")).to_have_text("A")
    curve = lab.root.locator(".tl-plots canvas").first
    lab.page.mouse.move(0, 0)
    lab.page.wait_for_timeout(300)  # the last frame
    faint = curve.evaluate("canvas => canvas.toDataURL()")
    changed = "([canvas, old]) => canvas.toDataURL() !== old"
    card.hover()  # its evidence stands out
    lab.page.wait_for_function(changed, arg=[curve.element_handle(), faint])
    failed = voila.newest_run()
    card.get_by_role("button", name="Set the learning rate to").click()
    lab.until_state("running", "done")
    lab.until_points(40)
    mended = voila.newest_run()
    assert mended != failed
    assert load_run(mended).experiment.optimizer.lr < 1
    assert not any(event["event"] == "Failed" for event in recorded(mended))
    expect(card).to_have_count(0)
