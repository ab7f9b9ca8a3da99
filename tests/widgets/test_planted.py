"""A planted bug on the page: the card that says so, what is checked, what is shared, and how one goes on without it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.widgets.pages import Page, tiny
from tests.widgets.test_checking import Page as CheckPage
from tests.widgets.test_share import Page as Panels
from trainlab import Lab
from trainlab.catalog.optimizers import SGD
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.runs import load_run, store
from trainlab.runs.listing import row
from trainlab.widgets.runs import spec

WORD = "a bug is planted"


def test_the_page_says_so_tells_and_goes_on_without_it(
    started: Callable[[Experiment], Page], runs: Path
) -> None:
    page = started(tiny(2))
    session, planted = page.session, page.session.shown.planted
    session._make = lambda: (
        tiny(2),
        lambda inbox, name=planted.next: store.start(tiny(2), runs, inbox, name),
    )
    planted.without = lambda: session.begin_next(session._make)
    assert planted.cards() == []
    planted.next = "loss_clipped"
    (card,) = planted.cards()
    assert (card["id"], card["title"]) == ("planted", "The next run gets a bug")
    page.press("start")
    page.until_state("done")
    (card,) = planted.cards()
    assert card["title"] == "A bug is planted in this run"
    assert (card["seen"], card["remedies"]) == ("Find it with Check and the verdicts.", ["Tell me"])
    first, number = session.path, page.run
    assert load_run(first).sabotage == "loss_clipped"
    assert WORD in spec(row(Path(first)))["differs"]
    for _twice in range(2):  # a double click tells, and does no more
        page.say(type="mend", id="planted", number=0)
    page.until(lambda: planted.cards()[0]["id"] == "told")
    (card,) = planted.cards()
    assert card["seen"].startswith("The loss was clipped")
    assert card["seen"].endswith("Found by: Signal through the layers.")
    assert (card["remedies"], planted.next) == (["Train without it"], "loss_clipped")
    page.say(type="mend", id="told", number=0)
    page.until(lambda: page.run != number)
    page.until_state("done")
    assert planted.cards() == []
    assert load_run(session.path).sabotage is None
    assert WORD not in spec(row(Path(session.path)))["differs"]
    session.show(first)  # opened again it still says what it is
    page.until(lambda: planted.cards() != [])


def test_what_is_checked_has_the_bug_of_the_next_run() -> None:
    page = CheckPage()
    page.checking._sabotage = lambda: "loss_clipped"
    page.press("range")
    losses = [point[1] for point in page.wait()["range"]["points"]]
    assert max(loss for loss in losses if loss is not None) == 1.0
    page.checking.forget()
    assert page.view.checks == {}


def test_what_is_shared_is_without_it_and_says_so(runs: Path) -> None:
    page = Panels(runs)
    page.desk.planted = lambda: "softmax_twice"
    page.tell(type="open", panel="code")
    assert page.panel["code"]["text"].startswith('"""BEWARE: A LESSON PLANTED A BUG')
    assert "without the bug" in page.panel["intro"]
    page.tell(type="open", panel="share")
    assert page.panel["intro"].endswith(
        "The bug that is planted in this lab's runs is not part of it."
    )
    assert "softmax_twice" not in page.panel["code"]["text"]


def test_no_message_of_a_page_plants_one(runs: Path) -> None:
    lab = Lab(tiny(1), runs=runs)
    parts = lab._parts
    for message in (
        {"type": "command", "name": "start", "sabotage": "loss_clipped"},
        {"type": "mend", "id": "planted", "number": 0, "sabotage": "loss_clipped"},
    ):
        parts.run._handle_custom_msg(message, [])
    for path in ("sabotage", "training.sabotage"):
        parts.panels._handle_custom_msg({"type": "set", "path": path, "value": "loss_clipped"}, [])
    assert parts.planted.next is None
    assert parts.session.worker.join(20)
    assert [load_run(folder).sabotage for folder in runs.iterdir()] == [None]
    lab.close()


def test_a_lab_refuses_a_name_that_is_none() -> None:
    with pytest.raises(Problem, match="did you mean 'loss_clipped'"):
        Lab(sabotage="loss_cliped")


def test_without_an_experiment_a_lab_begins_with_one_that_shows_the_bug(runs: Path) -> None:
    lab = Lab(sabotage="zero_grad_forgotten", runs=runs)
    assert lab.experiment.optimizer == SGD(lr=0.02, momentum=0.9)
    lab.close()
    lab = Lab(tiny(1), sabotage="zero_grad_forgotten", runs=runs)
    assert lab.experiment == tiny(1)
    lab.close()
