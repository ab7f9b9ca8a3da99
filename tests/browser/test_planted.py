"""A lesson's planted bug in a real page: the card says so, Check finds it, and one goes on without it."""

from pathlib import Path

from tests.browser import servers
from tests.browser.lab_page import LabPage, NewPage, Watch
from trainlab.runs import load_run

LESSON = """import trainlab as tl
settings = {"model": {"kind": "mlp", "width": 16}, "training": {"epochs": 2, "threads": 1}}
tl.Lab(tl.Experiment.from_data(settings), panels=["check"], sabotage="softmax_twice")"""


def test_it_is_found_told_and_left_out(new_page: NewPage, tmp_path: Path) -> None:
    with servers.plain_voila(tmp_path, LESSON) as server, new_page() as page:
        lab = LabPage(page, Watch(page))
        lab.goto(server.address)
        card, cell = lab.root.locator('.tl-verdict[data-id="planted"]'), ".tl-runs tbody tr"
        card.get_by_text("The next run gets a bug").wait_for()
        assert not card.get_by_role("button", name="Dismiss").is_visible()
        lab.press("Start")
        lab.until_state("done")
        assert "A bug is planted in this run" in card.inner_text()
        lab.root.locator(cell).get_by_text("a bug is planted").wait_for()
        planted = server.newest_run()
        lab.press("Run the checks")
        failed = lab.root.locator('.tl-check[data-verdict="fail"]')
        failed.get_by_text("A few images by heart").wait_for()
        lab.button("Run the checks").wait_for()
        lab.press("Tell me")
        told = lab.root.locator('.tl-verdict[data-id="told"]')
        assert "There was a softmax before the loss" in told.inner_text()
        lab.press("Train without it")
        told.wait_for(state="detached")
        failed.wait_for(state="detached")
        lab.until_state("done")
        assert load_run(planted).sabotage == "softmax_twice"
        assert load_run(server.newest_run()).sabotage is None
