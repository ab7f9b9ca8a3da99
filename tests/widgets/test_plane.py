"""The plane of toy data: what a page is sent of it, early and late; and the race that a page asks for."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainlab.engine.build import split_rows
from trainlab.engine.race import SURFACES
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.runs import store
from trainlab.widgets.bundles import RunWidget
from trainlab.widgets.pictures import answer_race, race_spec
from trainlab.widgets.pictures.optimizer import STEPS
from trainlab.widgets.plane import plane_points
from trainlab.widgets.session import Session

TOY = Experiment.from_data(
    {"dataset": {"kind": "moons", "points": 200}, "model": {"kind": "mlp", "width": 8}}
    | {"training": {"epochs": 3, "threads": 1}}
)
Message = tuple[dict[str, Any], list[bytes]]


class View(RunWidget):
    """The run's widget with a page that keeps what it is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.got: list[Message] = []

    def send(self, content: Any, buffers: Any = None) -> None:
        self.got.append((content, [bytes(buffer) for buffer in buffers or ()]))

    def until(self, wanted: Callable[[], bool]) -> None:
        end = time.monotonic() + 30
        while not wanted():
            assert time.monotonic() < end
            time.sleep(0.02)


def test_points_are_those_of_the_split() -> None:
    classes, packed = plane_points(TOY)
    rows = np.frombuffer(packed, "<f4").reshape(-1, 4)
    data = TOY.dataset.load()
    train, val = split_rows(TOY, data)
    assert classes == data.classes
    assert len(rows) == len(train) + len(val)
    assert rows[:, 3].sum() == len(train)
    np.testing.assert_array_equal(rows[: len(train), :2], data.images[train].reshape(-1, 2).numpy())
    np.testing.assert_array_equal(rows[: len(train), 2], data.labels[train].numpy())


def test_a_page_gets_the_plane_and_a_late_one_all_of_it(runs: Path) -> None:
    view = View()
    session = Session(view, lambda: (TOY, lambda inbox: store.start(TOY, runs, inbox)))
    view._handle_custom_msg({"type": "command", "name": "start"}, [])
    view.until(lambda: bool(view.got) and view.got[-1][0]["status"]["state"] == "done")
    view._handle_custom_msg({"type": "hello", "view": "late"}, [])
    view.until(lambda: view.got[-1][0]["view"] == "late")
    message, buffers = view.got[-1]
    plane = message["plane"]
    assert plane["step"] == message["status"]["points"]
    assert plane["classes"] == TOY.dataset.load().classes
    assert len(buffers[2]) == 2 * plane["side"] ** 2
    assert set(buffers[2][::2]) <= {0, 1}
    assert buffers[3] == plane_points(TOY)[1]
    planes = [sent["plane"] for sent, _buffers in view.got if sent.get("plane")]
    assert len(planes) >= 2
    view._handle_custom_msg({"type": "command", "name": "reset"}, [])
    view.until(lambda: view.got[-1][0].get("plane", "") is None)
    session.close()


def test_the_race_comes_as_it_was_asked_for() -> None:
    spec = race_spec(Experiment())
    assert [surface["name"] for surface in spec["surfaces"]] == [*SURFACES]
    words, (paths, losses, grid) = answer_race(
        Experiment(), {"surface": "Beale", "start": [1, 10**400], "factor": 3.0}
    )
    places = np.frombuffer(paths, "<f4").reshape(len(words["racers"]), STEPS + 1, 2)
    assert (places[:, 0] == (1, SURFACES["Beale"].y[1])).all(), (
        "a start outside is moved to the edge"
    )
    assert len(losses) == len(paths) // 2
    assert len(grid) == 4 * words["across"] * words["up"]
    assert words["racers"][0]["detail"] == "lr 0.001 × 3"
    assert words["levels"] == sorted(words["levels"])
    assert words["summary"].startswith("After 200 steps")


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"surface": "Moon", "start": [0, 0]},
        {"surface": "Beale"},
        {"surface": "Beale", "start": [0]},
        {"surface": "Beale", "start": ["0", 0]},
        {"surface": "Beale", "start": None},
        {"surface": ["Beale"], "start": [0, 0]},
        {"surface": "Beale", "start": [0, 0], "factor": 1e300},
        {"surface": "Beale", "start": [0, 0], "factor": "3"},
        {"surface": "Beale", "start": [0, 0], "factor": [3]},
    ],
)
def test_a_race_that_makes_no_sense_is_refused(request_: dict[str, Any]) -> None:
    with pytest.raises(Problem):
        answer_race(Experiment(), request_)
