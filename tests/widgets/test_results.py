"""The panel Results without a browser: what its buttons do, and what the page is shown."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from trainlab.diagnostics.results import Results
from trainlab.engine.batches import Batches
from trainlab.experiment import Experiment
from trainlab.runs import Run, train
from trainlab.widgets.bundles import PanelsWidget
from trainlab.widgets.pictures.results import results_spec
from trainlab.widgets.results import MOST_HELD, ResultsPanel

SMALL: dict[str, Any] = {
    "model": {"kind": "convnet", "width": 4},
    "training": {"epochs": 2, "batch_size": 240, "threads": 1, "device": "cpu"},
}


class View(PanelsWidget):
    """The panels' widget with a page that keeps the messages it is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.inbox: list[dict[str, Any]] = []

    def send(self, content: Any, buffers: Any = None) -> None:
        json.dumps(content, allow_nan=False)
        self.inbox.append(content)


class Page:
    """The panel as a page has it; what is posted to the main thread is done at once."""

    def __init__(self, folder: str | Path) -> None:
        self.view, self.folder = View(), str(folder)
        self.panel = ResultsPanel(self.view, lambda: self.folder, lambda call: call())
        self.panel.look()

    def say(self, **message: Any) -> None:
        self.view._handle_custom_msg({"type": "results", **message}, [])

    def until(self, wanted: Callable[[], Any], seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not wanted():
            assert time.monotonic() < end
            time.sleep(0.005)

    @property
    def names(self) -> list[str]:
        return [option["value"] for option in self.view.results["options"]]

    def grade(self, name: str) -> dict[str, Any]:
        self.say(do="grade", checkpoint=name)
        self.until(lambda: not self.view.results["busy"])
        json.dumps([self.view.results, self.view.graded], allow_nan=False)
        found: dict[str, Any] = self.view.graded
        return found

    def ask(self, **question: Any) -> dict[str, Any]:
        self.view.inbox.clear()
        self.say(view="v", key=self.view.graded["key"], **question)
        self.until(lambda: self.view.inbox)
        return self.view.inbox[0]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(Experiment.from_data(SMALL), tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def page(run: Run) -> Page:
    page = Page(run.path)
    page.grade(page.names[0])
    return page


def test_the_menu_names_the_checkpoints(run: Run, page: Page) -> None:
    assert page.names == [kept.name for kept in reversed(run.checkpoints)]
    assert page.view.results["options"][0]["label"].startswith("step 12, epoch 2 (newest")
    page.folder = ""
    page.panel.look()
    assert (page.view.results["run"], page.names) == ("", [])
    page.folder = str(run.path)
    page.panel.look()
    assert len(page.names) == 2


def test_numbers_galleries_and_a_curve(run: Run, page: Page) -> None:
    spec, found = page.view.graded, run.results()
    assert spec["key"] == f"{run.path.name}/{run.checkpoints[-1].name}"
    assert f"{found.accuracy:.1%} of 359 validation images" in spec["says"]
    assert spec["confusion"] == found.confusion.tolist()
    assert [row[0] for row in spec["scores"]] == ["class", *found.classes]
    assert [gallery["id"] for gallery in spec["galleries"]] == [
        "hardest",
        "surprising",
        "confident",
    ]
    hardest = [shot["image"] for shot in spec["galleries"][0]["images"]]
    assert hardest == found.hardest()[:12]
    (curve,) = spec["pictures"]
    assert curve["svg"].startswith("<svg")
    assert "Guo et al. 2017" in curve["caption"]


def test_a_cell_and_an_image_are_answered_to_who_asked(run: Run, page: Page) -> None:
    found = run.results()
    label, answer, count = found.confused(1)[0]
    said = page.ask(do="cell", label=label, answer=answer)
    assert (said["view"], said["label"], said["answer"]) == ("v", label, answer)
    assert [shot["image"] for shot in said["images"]] == found.cell(label, answer)[:24]
    assert f"of {count} images" in said["says"]
    image = said["images"][0]
    assert image["words"].startswith(f"{label}, answered {answer}: ")
    look = page.ask(do="image", image=image["image"], target=-1)
    assert (look["about"], look["words"]) == (answer, image["words"])
    assert "Grad-CAM: Selvaraju" in look["how"]
    other = page.ask(do="image", image=image["image"], target=label)
    assert other["about"] == label
    assert other["heat"] != look["heat"]
    assert other["png"] == look["png"]


def test_what_makes_no_sense_is_left_alone_or_said(page: Page) -> None:
    before = page.view.graded
    for message in (
        {},
        {"do": 5},
        {"do": "grade", "checkpoint": "../.."},
        {"do": "cell", "label": 1},
    ):
        page.say(**message)
    page.say(do="image", key="no/such", image=0, target=0)
    assert page.view.graded is before
    assert not page.view.results["busy"]
    assert page.ask(do="image", image=10**6, target=0)["error"]
    assert page.ask(do="cell", label=99, answer=0)["error"]


def test_at_hand_it_is_shown_again_without_asking(page: Page) -> None:
    first, second = page.grade(page.names[0]), page.grade(page.names[1])
    assert first["key"] != second["key"]
    held = dict(page.panel._held)
    again = page.grade(page.names[0])
    assert (again["key"], again["galleries"]) == (first["key"], first["galleries"])
    assert dict(page.panel._held) == held
    assert len(held) <= MOST_HELD


def test_cancelled(run: Run) -> None:
    page = Page(run.path)
    states: list[bool] = []

    def call_off(change: dict[str, Any]) -> None:
        states.append(change["new"]["busy"])
        if states[-1]:
            page.say(do="cancel")

    page.view.observe(call_off, "results")
    assert page.grade(page.names[0]) == {}
    assert states == [True, False]
    assert page.view.results["error"] == "Cancelled."


def test_closed_it_keeps_no_network(run: Run) -> None:
    page = Page(run.path)
    page.grade(page.names[0])
    assert page.panel._held
    page.panel.close()
    assert not page.panel._held


def test_damage_is_said(runs: Path) -> None:
    run = train(Experiment.from_data(SMALL | {"model": "mlp"}), runs)
    page = Page(run.path)
    weights = run.checkpoints[0].path / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    assert page.grade(run.checkpoints[0].name) == {}
    assert "damaged" in page.view.results["error"]
    spec = page.grade(run.checkpoints[1].name)
    assert "No Grad-CAM" in page.ask(do="image", image=0, target=3)["how"]
    assert spec["confusion"]


def test_a_point_is_shown_in_its_plane(runs: Path) -> None:
    run = train(Experiment.from_data(SMALL | {"model": "mlp", "dataset": "moons"}), runs)
    page = Page(run.path)
    shots = page.grade(page.names[0])["galleries"][0]["images"]
    assert len({shot["png"] for shot in shots}) == len(shots) == 12
    look = page.ask(do="image", image=shots[0]["image"], target=-1)
    assert look["png"]
    assert look["heat"] == ""
    assert "decision boundary" in look["how"]


@pytest.mark.parametrize(("k", "drawn"), [(20, False), (30, False), (101, True)])
def test_the_worst_pairs_of_many_classes_are_listed_and_very_many_are_drawn(
    k: int, drawn: bool
) -> None:
    chances = torch.full((4 * k, k, 1), 0.1 / (k - 1))
    labels = torch.arange(4 * k) % k
    answers = torch.where(torch.arange(4 * k) < 3, (labels + 1) % k, labels)  # three are wrong
    chances.scatter_(1, answers.view(-1, 1, 1), 0.9)
    found = Results(
        step=1,
        classes=tuple(f"<b>{name}" for name in range(k)),
        labels=labels.unsqueeze(1),
        answers=answers.unsqueeze(1),
        chances=chances,
        losses=-chances.gather(1, labels.view(-1, 1, 1)).log().flatten(),
        loss=0.3,
        accuracy=1 - 3 / (4 * k),
        probable=False,
        model=nn.Identity(),
        images=Batches(torch.zeros(4 * k, 2, 2, 1), labels, lambda x: x),
    )
    spec = results_spec(found)
    assert spec["confusion"] == (None if drawn else found.confusion.tolist())
    worst = [{"label": i, "answer": i + 1, "count": 1} for i in range(3)]
    assert spec["pairs"] == ([] if k == 20 else worst)
    assert spec["dense"] == (k > 20)
    *maps, curve = spec["pictures"]
    assert [bool(picture["png"]) for picture in maps] == [True] * drawn
    assert "no probabilities" in curve["caption"]
