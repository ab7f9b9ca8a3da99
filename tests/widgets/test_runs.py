"""The table of runs: what the page is told of the folder, and what it can have done."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import numpy as np
import pytest

from tests.widgets.pages import STEPS_AN_EPOCH, View, tiny
from trainlab.changes import difference
from trainlab.experiment import Experiment
from trainlab.runs import Run, load_run, notes, store, train
from trainlab.runs.branch import branch as branch_of
from trainlab.runs.branch import experiment_at
from trainlab.widgets.bundles import PanelsWidget, RunsWidget
from trainlab.widgets.desk import Desk
from trainlab.widgets.panels import PANELS
from trainlab.widgets.runs import MOST_OVERLAYS, RunsTable
from trainlab.widgets.session import Begin, Session

Message = dict[str, Any]


class Table(RunsWidget):
    """The table's widget with a page that keeps what it is sent, and the rows as the page has them."""

    def __init__(self) -> None:
        super().__init__()
        self.inbox: Queue[tuple[Message, list[bytes]]] = Queue()
        self.rows: dict[str, Message] = {}
        self.selected: list[str] = []
        self.shown = ""
        self.buffers: list[bytes] = []

    def send(self, content: Any, buffers: Any = None) -> None:
        self.inbox.put((content, [bytes(buffer) for buffer in buffers or ()]))

    def say(self, **message: Any) -> None:
        self._handle_custom_msg({"view": "page", **message}, [])

    def read(self, kind: str, seconds: float = 20.0) -> Message:
        """The next message of a kind; those on the way are taken in."""
        end = time.monotonic() + seconds
        while True:
            message, self.buffers = self.inbox.get(timeout=max(0.0, end - time.monotonic()))
            if message["type"] == "rows":
                self.rows = {} if message["whole"] else self.rows
                self.rows |= {row["id"]: row for row in message["rows"]}
                for name in message["gone"]:
                    del self.rows[name]
            if message["type"] == "selected":
                self.selected = list(message["ids"])
            if message["type"] == "shown":
                self.shown = message["id"]
            if message["type"] == kind:
                return message

    def until(self, wanted: Callable[[], bool], kind: str = "rows") -> None:
        end = time.monotonic() + 20
        while not wanted():
            self.read(kind, end - time.monotonic())

    def quiet(self, seconds: float) -> list[Message]:
        """What arrives within a time."""
        time.sleep(seconds)
        found = []
        with suppress(Empty):
            while True:
                found.append(self.inbox.get_nowait()[0])
        return found


class Lab:
    """Forms, chart and table as the lab puts them together."""

    def __init__(self, root: Path) -> None:
        self.root, self.table, self.view = root, Table(), View()
        self.desk = Desk(PanelsWidget(), tiny(3))
        self.desk.show(tuple(panel for panel in PANELS if panel.id == "train"))
        self.session = Session(self.view, self.next)
        self.session.branch = self.branch
        self.runs = RunsTable(self.table, self.session, self.desk, root)

    def next(self) -> Begin:
        experiment = self.desk.editor.experiment
        return experiment, lambda inbox: store.start(experiment, self.root, inbox)

    def branch(self, run: str, name: str, forms: bool) -> Begin:
        then = experiment_at(Path(run), name)
        wanted = self.desk.editor.experiment if forms else then
        changes = difference(then, wanted)
        return wanted, lambda inbox: branch_of(Path(run), name, self.root, changes, inbox)

    def chart(self, kind: str) -> tuple[Message, list[bytes]]:
        """The next message of a kind to the chart."""
        while True:
            _moment, message, buffers = self.view.inbox.get(timeout=20)
            if message["type"] == kind:
                return message, buffers

    def until_state(self, *states: str) -> None:
        end = time.monotonic() + 20
        while self.session.shown.state not in states:
            assert time.monotonic() < end
            time.sleep(0.01)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(tiny(3), tmp_path_factory.mktemp("runs"))


@pytest.fixture
def lab(runs: Path, trained: Run) -> Iterator[Lab]:
    """A lab that greeted its page, with one run in the folder."""
    shutil.copytree(trained.path, runs / trained.path.name)
    lab = Lab(runs)
    lab.table.say(type="hello")
    lab.table.read("rows")
    yield lab
    lab.runs.close()
    lab.session.close()
    assert lab.session.worker.join(20)


@pytest.fixture
def name(trained: Run) -> str:
    return trained.path.name


def test_a_view_gets_every_row_and_then_only_what_changed(
    lab: Lab, name: str, trained: Run
) -> None:
    row = lab.table.rows[name]
    assert (row["name"], row["state_label"], row["epochs"]) == ("digits-mlp", "Done", "3/3")
    assert row["best"] == trained.summary["best_val_accuracy"]
    assert "training.epochs 3" in row["differs"]
    assert row["when"][:5] == f"{name[:4]}-"
    assert lab.table.quiet(2.2) == [], "nothing changed, nothing is sent"
    shutil.copytree(lab.root / name, lab.root / "20200101-000000-other")
    lab.table.until(lambda: "20200101-000000-other" in lab.table.rows)
    shutil.rmtree(lab.root / "20200101-000000-other")
    lab.table.until(lambda: [*lab.table.rows] == [name])


def test_a_run_under_way_is_followed_at_most_once_a_second(lab: Lab, name: str) -> None:
    lab.desk.take(tiny(10_000))
    lab.session.command("start")
    lab.table.until(lambda: len(lab.table.rows) == 2)
    (new,) = lab.table.rows.keys() - {name}
    lab.table.until(lambda: lab.table.rows[new]["state"] == "running")
    sent = [each for each in lab.table.quiet(3.0) if each["type"] == "rows"]
    assert 1 <= len(sent) <= 4
    assert all([row["id"] for row in each["rows"]] == [new] for each in sent)
    lab.session.command("stop")
    lab.table.until(lambda: lab.table.rows[new]["state"] == "stopped")
    assert lab.table.shown == new


def test_words_pins_and_the_trash(lab: Lab, name: str) -> None:
    lab.table.say(type="rename", id=name, text="<b>wide</b>")
    lab.table.until(lambda: lab.table.rows[name]["name"] == "<b>wide</b>")
    lab.table.say(type="note", id=name, text="worse")
    lab.table.say(type="pin", id=name, on=True)
    lab.table.until(lambda: lab.table.rows[name]["pinned"])
    assert notes.read(lab.root / name) == notes.Notes("<b>wide</b>", "worse", True)
    lab.table.say(type="delete", id=name)
    assert lab.table.read("deleted")["name"] == "<b>wide</b>"
    lab.table.until(lambda: not lab.table.rows)
    lab.table.say(type="restore", id=name)
    lab.table.until(lambda: name in lab.table.rows)
    assert lab.table.rows[name]["note"] == "worse"


def test_a_run_under_way_cannot_be_deleted_or_replaced(lab: Lab, name: str) -> None:
    lab.desk.take(tiny(10_000))
    lab.session.command("start")
    lab.table.until(lambda: any(row["state"] == "running" for row in lab.table.rows.values()))
    (new,) = lab.table.rows.keys() - {name}
    lab.table.say(type="delete", id=new)
    assert "under way" in lab.table.read("error")["text"]
    for kind in ("show", "resume", "settings"):
        lab.table.say(type=kind, id=name)
        assert "under way" in lab.table.read("error")["text"]
    assert lab.desk.editor.experiment == tiny(10_000)


def test_a_past_run_is_shown_whole(lab: Lab, name: str, trained: Run) -> None:
    lab.table.say(type="show", id=name)
    lab.table.until(lambda: lab.table.shown == name, "shown")
    message, buffers = lab.chart("snapshot")
    assert message["status"]["state_label"] == "Done"
    assert message["status"]["buttons"]["start"]
    steps = np.frombuffer(buffers[0], "<f4").reshape(4, -1)
    assert np.array_equal(steps[1], trained.steps["loss"].astype(np.float32))
    assert message["m"] == 3
    assert [mark["kind"] for mark in message["marks"]].count("checkpoint") == len(
        trained.checkpoints
    )
    assert lab.session.path == str(lab.root / name)
    lab.session.command("reset")
    lab.table.until(lambda: lab.table.shown == "", "shown")


def test_a_stopped_run_goes_on_with_its_history_and_the_forms_follow(lab: Lab, name: str) -> None:
    lab.desk.take(tiny(100))
    lab.session.command("start")
    lab.until_state("running")
    lab.session.command("stop")
    lab.table.until(lambda: any(row["resumable"] for row in lab.table.rows.values()))
    (new,) = lab.table.rows.keys() - {name}
    lab.session.command("reset")
    lab.desk.take(tiny(7))
    lab.table.say(type="resume", id=new)
    lab.table.until(lambda: lab.table.rows[new]["state"] == "done")
    lab.until_state("done")
    assert lab.desk.editor.experiment == tiny(100)
    steps = lab.session.shown.history.steps.rows[:, 0]
    assert [*steps] == [*range(1, 100 * STEPS_AN_EPOCH + 1)]
    assert [*load_run(lab.root / new).steps["step"]] == [*steps]


@pytest.mark.parametrize("forms", [True, False])
def test_a_branch_has_its_parent_drawn_behind_it(lab: Lab, name: str, forms: bool) -> None:
    lab.table.say(type="details", id=name)
    first = lab.table.read("details")["checkpoints"][-1]
    assert first["text"].startswith("checkpoint after step ")
    lab.desk.take(tiny(5))
    lab.table.say(type="branch", id=name, checkpoint=first["name"], forms=forms)
    lab.table.until(lambda: lab.table.selected == [name], "selected")
    message, buffers = lab.chart("overlays")
    assert [item["id"] for item in message["items"]] == [name]
    assert len(buffers) == 2
    wanted = "5/5" if forms else "3/3"
    lab.table.until(
        lambda: any(r["parent"] and r["epochs"] == wanted for r in lab.table.rows.values())
    )
    (new,) = lab.table.rows.keys() - {name}
    assert lab.table.rows[new]["parent"]["run"] == name
    lab.until_state("done")
    assert len(lab.session.shown.history.epochs) == (5 if forms else 3)


def test_curves_of_other_runs(lab: Lab, name: str, trained: Run) -> None:
    for number in range(MOST_OVERLAYS + 1):
        shutil.copytree(lab.root / name, lab.root / f"copy-{number}")
    names = [f"copy-{number}" for number in range(MOST_OVERLAYS + 1)]
    for each in (*names, names[-1], "absent", "../runs"):  # quick ones, each counts
        lab.table.say(type="tick", id=each, on=True)
    lab.table.until(lambda: lab.table.selected == names[1:], "selected")
    lab.table.say(type="tick", id=names[-1], on=False)
    lab.table.say(type="tick", id=names[-1], on=True)
    lab.table.until(lambda: lab.table.selected == names[1:-1], "selected")
    lab.table.until(lambda: lab.table.selected == names[1:], "selected")
    for _tick in range(len(names) + 3):
        message, buffers = lab.chart("overlays")
    assert len(message["items"]) == MOST_OVERLAYS
    item = message["items"][0]
    assert (item["n"], item["m"], item["steps_per_epoch"]) == (18, 3, 6)
    epochs = np.frombuffer(buffers[1], "<f4").reshape(5, -1)
    assert np.array_equal(epochs[4], trained.epochs["val_accuracy"].astype(np.float32))
    lab.view._handle_custom_msg({"type": "hello", "view": "late"}, [])
    assert lab.chart("overlays")[0]["view"] == "late"
    lab.table.say(type="delete", id=names[1])
    lab.table.read("deleted")
    assert names[1] not in lab.table.selected


def test_two_runs_compared(lab: Lab, name: str, trained: Run) -> None:
    other = train(tiny(2).but(optimizer=Experiment().optimizer.but(lr=0.01)), lab.root)
    lab.table.say(type="compare", ids=[name, other.path.name])
    found = lab.table.read("compare")
    settings = {each["path"]: each["values"] for each in found["settings"]}
    assert settings == {"optimizer.lr": ["0.001", "0.01"], "training.epochs": ["3", "2"]}
    assert [run["epochs"] for run in found["runs"]] == [3, 2]
    tables = [np.frombuffer(data, "<f4").reshape(5, -1) for data in lab.table.buffers]
    assert np.array_equal(tables[0][3], trained.epochs["val_loss"].astype(np.float32))
    assert tables[1].shape == (5, 2)


def test_settings_of_a_run_on_the_forms(lab: Lab, name: str) -> None:
    lab.desk.take(Experiment())
    lab.table.say(type="settings", id=name)
    end = time.monotonic() + 10
    while lab.desk.editor.experiment != tiny(3):
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize(
    "message",
    [
        {"type": "delete", "id": ".."},
        {"type": "delete", "id": ""},
        {"type": "rename", "id": "../runs", "text": "x"},
        {"type": "show", "id": "/etc"},
        {"type": "restore", "id": ".."},
        {"type": "resume", "id": "absent"},
        {"type": "compare", "ids": ["absent", "other"]},
    ],
)
def test_what_is_not_there_is_told(lab: Lab, name: str, message: Message) -> None:
    lab.table.say(**message)
    assert "no" in lab.table.read("error")["text"]
    assert (lab.root / name).is_dir()


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"type": 3},
        {"type": "hello"},
        {"type": "tick", "id": None, "on": True},
        {"type": "tick", "id": "absent", "on": "yes"},
        {"type": "compare", "ids": [1, 2]},
        {"type": "pin", "id": 7, "on": True},
        {"type": "branch", "id": None},
        [],
        None,
        "hello",
        {"type": "x" * 20_000},
    ],
)
def test_nonsense_is_left_alone(lab: Lab, name: str, message: Any) -> None:
    lab.table._handle_custom_msg(message, [])
    lab.table.say(type="rename", id=name, text="still here")
    lab.table.until(lambda: lab.table.rows[name]["name"] == "still here")


def test_a_damaged_run_harms_nothing(lab: Lab, name: str) -> None:
    broken = lab.root / "20200101-000000-broken"
    broken.mkdir()
    (broken / store.EVENTS).write_text("{}\n")
    lab.table.until(lambda: broken.name in lab.table.rows)
    assert lab.table.rows[broken.name]["state"] == "damaged"
    assert lab.table.rows[broken.name]["problem"]
    for kind in ("show", "settings"):
        lab.table.say(type=kind, id=broken.name)
        assert lab.table.read("error")["text"]
    lab.table.say(type="delete", id=broken.name)
    lab.table.until(lambda: [*lab.table.rows] == [name])
