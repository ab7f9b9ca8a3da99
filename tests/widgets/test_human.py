"""How good are you, without a browser: what is asked, what the page may know, and what becomes of the score."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.widgets.pages import tiny
from trainlab.catalog.datasets import Digits
from trainlab.engine.build import split_rows
from trainlab.experiment import Experiment
from trainlab.runs import baselines, train
from trainlab.runs.baselines import BASELINES
from trainlab.views.images import grid_png
from trainlab.widgets.bundles import PanelsWidget
from trainlab.widgets.checking import reference_spec
from trainlab.widgets.desk import Desk
from trainlab.widgets.human import ASKED, HumanBaseline
from trainlab.widgets.pictures.look import thumbnails
from trainlab.widgets.shown import Shown


class Person:
    """The panel as a page has it, and somebody in front of it."""

    def __init__(self, root: Path, experiment: Experiment | None = None) -> None:
        self.view, self.told = PanelsWidget(), 0
        self.desk = Desk(self.view, experiment or Experiment())
        self.desk.root = root
        self.human = HumanBaseline(self.view, self.desk, self._hear)
        self.human.show()

    def _hear(self) -> None:
        self.told += 1

    def say(self, **message: Any) -> None:
        self.view._handle_custom_msg({"type": "human", **message}, [])

    @property
    def quiz(self) -> dict[str, Any]:
        json.dumps(self.view.human, allow_nan=False)  # as the page gets it
        found: dict[str, Any] = self.view.human["quiz"]
        return found

    def start(self) -> None:
        self.say(do="start")
        end = time.monotonic() + 30
        while self.quiz.get("state") == "loading":
            assert time.monotonic() < end
            time.sleep(0.01)

    def answer(self, answer: int) -> None:
        self.say(do="answer", at=self.quiz["at"], answer=answer)


@pytest.fixture(scope="module")
def truth() -> dict[str, int]:
    """The class of each image, by what the page gets of it."""
    data = Digits().load()
    pixels = thumbnails(data.images)
    return {grid_png(pixels[row : row + 1], 1): int(data.labels[row]) for row in range(len(pixels))}


def test_labelled_undone_and_kept(runs: Path, truth: dict[str, int]) -> None:
    person = Person(runs)
    person.start()
    seen = []
    for number in range(ASKED):
        assert set(person.quiz) == {"state", "at", "png", "alt", "classes"}, "no label"
        assert person.quiz["alt"] == f"Image {number + 1} of {ASKED}"
        seen.append(person.quiz["png"])
        right = truth[seen[-1]]
        if number == 3:
            person.answer(right)
            person.say(do="undo")
            assert person.quiz["png"] == seen[-1]
        person.say(do="answer", at=number - 1, answer=right)  # meant for the one before
        person.say(do="answer", at=number, answer=10)  # there is no such class
        assert person.quiz["at"] == number
        assert person.told == 0
        person.answer((right + 1) % 10 if number in (3, 7) else right)
    assert len(set(seen)) == ASKED
    assert person.quiz["state"] == "done"
    assert person.quiz["says"].startswith("18 of 20 right: 90%; for all images 70% to 97%")
    assert [wrong["png"] for wrong in person.quiz["wrong"]] == [seen[3], seen[7]]
    was = truth[seen[3]]
    assert person.quiz["wrong"][0]["alt"] == f"It is {was}, you said {(was + 1) % 10}"
    assert person.told == 1
    key = reference_spec(Experiment())["key"]
    again = Person(runs)  # another lab, later
    assert again.view.human["entries"][key]["says"] == person.quiz["says"]
    assert again.quiz == {}


def test_only_validation_images_and_others_each_time(runs: Path) -> None:
    person, seen = Person(runs), []
    data = Digits().load()
    held_out = {image.numpy().tobytes() for image in data.images[split_rows(Experiment(), data)[1]]}
    for _round in range(2):
        person.start()
        quiz = person.human._quiz
        assert quiz is not None
        seen.append(quiz.images)
        assert {image.numpy().tobytes() for image in quiz.images} <= held_out
        person.say(do="cancel")
        assert person.quiz == {}
    assert seen[0].shape == (ASKED, 1, 8, 8)
    assert not (seen[0] == seen[1]).all()
    assert person.told == 0


def test_the_score_and_the_chosen_line_are_on_the_chart(runs: Path) -> None:
    run = train(tiny(1), runs)
    shown = Shown()
    shown.open(str(run.path))
    data = run.experiment.dataset.load()
    answers = data.labels[split_rows(run.experiment, data)[1]]
    share = answers.bincount().max().item() / len(answers)
    chance = {f"commonest class {100 * share:.4g} %": pytest.approx(share)}
    assert {line["text"]: line["y"] for line in shown.references()} == chance
    person = Person(runs, run.experiment)
    person.say(do="line", name="  my   friend ", accuracy=0.975)
    key = baselines.key_of(run.experiment.dataset)
    baselines.keep(runs, key, right=17, asked=20)
    shown.look_for_baseline()
    lines = {line["text"]: line["y"] for line in shown.references()}
    assert lines == {**chance, "you 85 %": 0.85, "my friend 97.5 %": 0.975}
    person.say(do="line", name=None, accuracy=0)
    assert baselines.read(runs)[key].line is None
    assert baselines.read(runs)[key].right == 17, "a line does not undo a score"
    assert person.told == 2


@pytest.mark.parametrize("dataset", ["moons", {"kind": "folder", "root": "/nowhere"}, "mnist"])
def test_what_cannot_be_asked_is_said(
    runs: Path, dataset: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    person = Person(runs, Experiment.from_data({"dataset": dataset}))
    person.start()
    assert person.quiz == {}
    assert person.view.human["error"]


def test_a_damaged_file_is_told(runs: Path, truth: dict[str, int]) -> None:
    runs.mkdir(exist_ok=True)
    (runs / BASELINES).write_text("{")
    person = Person(runs)
    assert BASELINES in person.view.human["error"]
    person.start()
    for _image in range(ASKED):
        person.answer(truth[person.quiz["png"]])
    assert person.quiz["says"].startswith("20 of 20 right")
    assert BASELINES in person.view.human["error"]
    assert (runs / BASELINES).read_text() == "{"


def test_what_makes_no_sense_is_left_alone(runs: Path) -> None:
    person = Person(runs)
    before = person.view.human
    for message in (
        {"do": "answer", "at": 0, "answer": 3},
        {"do": "undo"},
        {"do": "line", "name": "x", "accuracy": 7},
        {"do": "line", "name": 5, "accuracy": 0.5},
        {"do": "answer", "at": "0", "answer": None},
        {"do": "everything"},
    ):
        person.say(**message)
    assert person.view.human == before
    assert not runs.exists() or not [*runs.iterdir()]
