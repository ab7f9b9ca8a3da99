"""A session with a page that keeps what it is sent."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import numpy as np
import pytest

from trainlab.catalog.models import MLP
from trainlab.catalog.training import Training
from trainlab.engine.worker import MakeRun
from trainlab.experiment import Experiment
from trainlab.runs import store
from trainlab.widgets.bundles import RunWidget
from trainlab.widgets.session import Session

STEPS_AN_EPOCH = 6
Message = dict[str, Any]


def tiny(epochs: int) -> Experiment:
    training = Training(epochs=epochs, batch_size=256, threads=1)
    return Experiment(model=MLP(width=8), training=training)


class View(RunWidget):
    """The run's widget with a page that keeps what it is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.inbox: Queue[tuple[float, Message, list[bytes]]] = Queue()

    def send(self, content: Any, buffers: Any = None) -> None:
        self.inbox.put((time.monotonic(), content, [bytes(buffer) for buffer in buffers or ()]))


class Page:
    """A page as the browser is one: it asks for a snapshot, and appends what is new."""

    def __init__(self, session: Session, view: View, name: str = "page") -> None:
        self.session, self.view, self.name = session, view, name
        self.run: str | None = None
        self.steps = np.empty((0, 4))
        self.epochs = np.empty((0, 5))
        self.status: Message = {}
        self.marks: list[Message] = []
        self.times: list[float] = []
        self.say(type="hello", view=name)

    def say(self, **message: Any) -> None:
        self.view._handle_custom_msg(message, [])

    def press(self, name: str) -> None:
        self.say(type="command", name=name)

    def read(self, timeout: float = 20.0) -> None:
        """Take in one message."""
        moment, message, buffers = self.view.inbox.get(timeout=timeout)
        self.times.append(moment)
        rows = [
            np.frombuffer(data, "<f4").reshape(columns, -1).T
            for data, columns in zip(buffers, (4, 5), strict=True)
        ]
        assert (message["n"], message["m"]) == (len(rows[0]), len(rows[1]))
        if message["type"] == "snapshot" and message["view"] in (None, self.name):
            self.run, self.steps, self.epochs = message["run"], rows[0], rows[1]
        elif message["type"] == "append" and message["run"] == self.run:
            self.steps, self.epochs = (
                np.vstack([self.steps, rows[0]]),
                np.vstack([self.epochs, rows[1]]),
            )
        self.status = message["status"]
        marks = message.get("marks", self.marks)
        self.marks = [mark for mark in marks if mark["kind"] == "edit"]

    def until(self, wanted: Callable[[], bool], seconds: float = 30.0) -> None:
        end = time.monotonic() + seconds
        while not wanted():
            self.read(timeout=end - time.monotonic())

    def until_state(self, *states: str) -> None:
        self.until(lambda: self.status.get("state") in states)

    def until_points(self, count: int) -> None:
        self.until(lambda: self.status.get("points", 0) >= count)

    def settle(self) -> None:
        """Let the run end and the last messages arrive."""
        assert self.session.worker.join(20)
        with suppress(Empty):
            while True:
                self.read(timeout=0.5)

    @property
    def error(self) -> Message:
        assert isinstance(self.status["error"], dict)
        return self.status["error"]


@pytest.fixture
def started(runs: Path) -> Iterator[Callable[[Experiment], Page]]:
    """Opens a page on a session that trains this experiment."""
    sessions: list[Session] = []

    def open_page(experiment: Experiment) -> Page:
        view = View()
        made: list[MakeRun] = []

        def make() -> tuple[Experiment, MakeRun]:
            made.append(lambda inbox: store.start(experiment, runs, inbox))
            return experiment, made[-1]

        sessions.append(Session(view, make))
        return Page(sessions[-1], view)

    yield open_page
    for session in sessions:
        session.close()
        assert session.worker.join(20)
