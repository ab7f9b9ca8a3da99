"""What a run can be told, in a thread of its own and by itself."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest

from trainlab import commands as cmd
from trainlab import events as ev
from trainlab.catalog.models import MLP
from trainlab.catalog.training import Training
from trainlab.engine import checkpoint
from trainlab.engine.trainer import Trainer
from trainlab.engine.worker import Worker
from trainlab.experiment import Experiment

LONG = Experiment(
    model=MLP(width=8), training=Training(epochs=5000, batch_size=256, threads=1)
)  # 6 steps an epoch


class Driver:
    """A worker with a real training, and what it said."""

    def __init__(self, folder: Path, *first: cmd.Command) -> None:
        self.trainer = Trainer(LONG, folder)
        self.worker = Worker()
        self.events: list[ev.Event] = []
        assert self.worker.start(self.trainer.run, *first)

    def wait(self, wanted: Callable[[ev.Event], bool]) -> ev.Event:
        while True:
            _run, event = self.worker.events.get(timeout=20)
            self.events.append(event)
            if wanted(event):
                return event

    def tell(self, command: cmd.Command) -> ev.Answered:
        self.worker.send(command)
        answer = self.wait(lambda e: isinstance(e, ev.Answered) and e.command == command.id)
        assert isinstance(answer, ev.Answered)
        return answer

    def until_step(self, step: int) -> None:
        self.wait(lambda e: isinstance(e, ev.Steps) and e.first + len(e.loss) > step)

    def steps(self) -> int:
        return sum(len(event.loss) for event in self.events if isinstance(event, ev.Steps))


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[Driver]:
    driver = Driver(tmp_path)
    yield driver
    driver.worker.send(cmd.Stop())
    assert driver.worker.join(20)


def test_pause_freezes_and_resume_goes_on(driver: Driver) -> None:
    driver.until_step(20)
    assert driver.tell(cmd.Pause()).applied
    paused_at = driver.trainer.at.step
    driver.wait(lambda e: e == ev.Changed("paused"))
    assert driver.steps() == paused_at  # everything up to the pause was told
    time.sleep(0.2)
    assert driver.trainer.at.step == paused_at
    assert driver.tell(cmd.Resume()).applied
    driver.until_step(paused_at + 20)
    assert driver.worker.state == "running"


def test_step_once_is_exactly_one(driver: Driver) -> None:
    driver.until_step(3)
    driver.tell(cmd.Pause())
    before = driver.trainer.at.step
    for number in range(1, 15):  # over the ends of epochs too
        assert driver.tell(cmd.StepOnce()).applied
        driver.until_step(before + number)
        time.sleep(0.01)
        assert driver.trainer.at.step == before + number
    commands = [cmd.StepOnce() for _ in range(5)]
    for command in commands:
        driver.worker.send(command)
    driver.until_step(before + 19)
    time.sleep(0.1)
    assert driver.trainer.at.step == before + 19
    assert driver.steps() == before + 19


def test_stop_ends_within_a_step_and_saves(tmp_path: Path) -> None:
    driver = Driver(tmp_path)
    driver.until_step(10)
    answer = driver.tell(cmd.Stop())
    assert answer.applied
    step = driver.trainer.at.step
    end = driver.wait(lambda e: isinstance(e, ev.Finished))
    assert isinstance(end, ev.Finished)
    assert end.stopped
    assert end.steps == step == driver.steps()
    assert driver.worker.join(20)
    snapshot, _problems = checkpoint.newest(tmp_path)
    assert snapshot is not None
    assert snapshot.step == step
    assert driver.worker.state == "done"


def test_stop_while_paused(tmp_path: Path) -> None:
    driver = Driver(tmp_path, cmd.Pause())
    driver.wait(lambda e: e == ev.Changed("paused"))
    assert driver.tell(cmd.Stop()).applied
    assert driver.worker.join(20)
    assert driver.trainer.at.step == 0


def test_stop_during_validation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer, inbox = Trainer(LONG, tmp_path), SimpleQueue[cmd.Command]()
    validate = trainer._validate

    def stopped(box: cmd.Commands) -> object:
        inbox.put(cmd.Stop())
        return validate(box)

    monkeypatch.setattr(trainer, "_validate", stopped)
    events = list(trainer.run(inbox))
    assert not any(isinstance(event, ev.EpochEnd) for event in events)
    assert trainer.at.step == 6
    monkeypatch.undo()
    resume, _problems = checkpoint.newest(tmp_path)
    assert resume is not None
    rest = Trainer(LONG, None, resume).run(inbox)
    first = next(event for event in rest if isinstance(event, ev.Steps | ev.EpochEnd))
    assert isinstance(first, ev.EpochEnd)  # the validation that was left out
    assert first.epoch == 1
    rest.close()  # type: ignore[attr-defined]


def test_commands_that_make_no_sense_are_refused_with_a_reason(driver: Driver) -> None:
    driver.until_step(1)
    for command, reason in (
        (cmd.StepOnce(), "pause the run first"),
        (cmd.Resume(), "the run is not paused"),
    ):
        answer = driver.tell(command)
        assert (answer.applied, answer.reason) == (False, reason)
    driver.tell(cmd.Pause())
    answer = driver.tell(cmd.Pause())
    assert (answer.applied, answer.reason) == (False, "the run is paused already")


def test_a_command_without_a_run_is_refused() -> None:
    worker = Worker()
    command = cmd.Pause()
    worker.send(command)
    assert worker.events.get()[1] == ev.Answered(command.id, False, "no run is under way")


def test_every_command_is_answered_once() -> None:
    """Also those that reach the run as it ends."""
    for _round in range(20):
        worker, asked = Worker(), []

        def brief(inbox: cmd.Commands) -> Iterator[ev.Event]:
            yield ev.Answered(inbox.get().id, True)
            yield ev.Changed("done")

        assert worker.start(brief)
        for _command in range(50):
            command = cmd.Pause()
            asked.append(command.id)
            worker.send(command)
        assert worker.join(5)
        answers = []
        while not worker.events.empty():
            event = worker.events.get()[1]
            if isinstance(event, ev.Answered):
                answers.append(event.command)
        assert sorted(answers) == asked


def test_many_starts_make_one_trainer() -> None:
    worker, made, hold = Worker(), [], threading.Event()

    def run(_inbox: cmd.Commands) -> Iterator[ev.Event]:
        made.append(threading.current_thread())
        yield ev.Changed("running")
        hold.wait(10)
        yield ev.Changed("done")

    gate, won = threading.Barrier(16), []

    def start() -> None:
        gate.wait()
        won.append(worker.start(run))

    threads = [threading.Thread(target=start) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 15 + [True]
    hold.set()
    assert worker.join(10)
    assert len(made) == 1


def test_a_run_that_said_it_ended_can_be_followed_at_once() -> None:
    worker, tidy = Worker(), threading.Event()

    def slow_to_close(_inbox: cmd.Commands) -> Iterator[ev.Event]:
        yield ev.Changed("done")
        tidy.wait(0.3)

    assert worker.start(slow_to_close)
    while worker.events.get()[1] != ev.Changed("done"):
        pass
    assert worker.start(slow_to_close)
    assert worker.run == 2
    assert worker.join(5)


def test_a_pause_during_validation_leaves_it_as_it_is() -> None:
    """Also where a pause looks at the plane: the network stays in evaluation mode."""
    data = {
        "dataset": {"kind": "moons", "points": 400},
        "model": {"kind": "mlp", "width": 8, "norm": "batch", "dropout": 0.3},
        "training": {"epochs": 2, "batch_size": 20, "threads": 1},
    }
    experiment = Experiment.from_data(data)

    def scores(paused: bool) -> list[float]:
        trainer = Trainer(experiment)
        inbox: cmd.Commands = SimpleQueue()
        found = []
        for event in trainer.run(inbox):
            if isinstance(event, ev.Steps) and trainer.at.rows >= 320 and paused:
                inbox.put(cmd.Pause())  # obeyed in the validation that follows
                inbox.put(cmd.Resume())
            if isinstance(event, ev.EpochEnd):
                found += [event.val_loss, event.val_accuracy]
        return found

    assert scores(paused=True) == scores(paused=False)
