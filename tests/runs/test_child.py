"""A run in a process of its own: the same run, and whatever becomes of either process."""

import json
import math
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from trainlab import commands as cmd
from trainlab import events as ev
from trainlab.catalog.models import MLP
from trainlab.catalog.training import Training
from trainlab.engine.worker import Worker
from trainlab.experiment import Experiment
from trainlab.runs import load_run, store, train, where

pytestmark = pytest.mark.timeout(300)
PATIENCE = 90  # seconds; a process that imports torch on a busy machine


def experiment(worker: str = "process", epochs: int = 3) -> Experiment:
    training = {"epochs": epochs, "batch_size": 256, "save_every": 0.1, "worker": worker}
    return Experiment(model=MLP(width=8), training=Training.model_validate(training))


def children() -> list[psutil.Process]:
    """The processes that train."""
    every = psutil.Process().children()
    return [child for child in every if "child.main()" in " ".join(child.cmdline())]


class Driver:
    """A worker with a run, and what it said."""

    def __init__(self) -> None:
        self.worker, self.events = Worker(), list[ev.Event]()

    def wait(self, kind: type[ev.Event], **wanted: Any) -> Any:
        end = time.monotonic() + PATIENCE
        while True:
            _run, event = self.worker.events.get(timeout=end - time.monotonic())
            self.events.append(event)
            if isinstance(event, kind) and wanted.items() <= vars(event).items():
                return event

    def send(self, command: cmd.Command) -> int:
        self.worker.send(command)
        return command.id

    def rest(self) -> None:
        self.events += self.worker.until_end()

    def of(self, kind: type[ev.Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def driver() -> Iterator[Driver]:
    driver = Driver()
    yield driver
    driver.worker.send(cmd.Stop())
    assert driver.worker.join(PATIENCE)
    assert children() == []


def story(events: list[ev.Event]) -> list[ev.Event]:
    """What a run said, but when: steps one by one, without times and what comes at a time."""
    told: list[ev.Event] = []
    for event in events:
        match event:
            case ev.Steps():
                numbers = zip(event.loss, event.accuracy, event.lr, strict=True)
                for i, (loss, accuracy, lr) in enumerate(numbers):
                    told.append(ev.Steps(event.first + i, (loss,), (accuracy,), (lr,), 0.0))
            case ev.EpochEnd():
                told.append(replace(event, seconds=0.0))
            case ev.Finished():
                told.append(replace(event, seconds=0.0, images_per_second=0.0))
            case ev.Opened() | ev.Answered() | ev.Started() | ev.Changed() | ev.Edited():
                told.append(event)
    return [event for event in told if not isinstance(event, ev.Opened)]


def test_a_process_tells_the_same_story_as_a_thread(runs: Path) -> None:
    """With commands, an edit and the files it leaves."""
    edit = cmd.Edit({"optimizer.lr": 0.01, "regularizers": [{"kind": "clip_norm"}]})
    commands = [cmd.Pause(), cmd.StepOnce(), cmd.StepOnce(), edit, cmd.StepOnce(), cmd.Resume()]
    commands += [cmd.Resume()]  # refused
    stories, files = {}, {}
    for place in ("thread", "process"):
        driver = Driver()
        make = partial(where.start, experiment(place), runs / place)
        driver.worker.start(make, *commands)
        driver.rest()
        stories[place] = story(driver.events)
        (folder,) = (runs / place).iterdir()
        files[place] = sorted(path.name for path in folder.iterdir())
        assert story([*store.read_events(folder)]) == [
            event for event in stories[place] if not isinstance(event, ev.Answered)
        ]
        assert load_run(folder).experiment == experiment(place)
    assert stories["process"] == stories["thread"]
    assert files["process"] == files["thread"]
    assert isinstance(stories["process"][-2], ev.Finished)
    answers = [event for event in stories["process"] if isinstance(event, ev.Answered)]
    assert [(a.command, a.applied) for a in answers] == [(c.id, True) for c in commands[:-1]] + [
        (commands[-1].id, False)
    ]


def test_a_killed_process_is_a_card_and_its_run_goes_on(driver: Driver, runs: Path) -> None:
    driver.worker.start(partial(where.start, experiment(epochs=3000), runs))
    folder = Path(driver.wait(ev.Opened).run)
    driver.wait(ev.Saved)
    (child,) = children()
    child.kill()
    unheard = driver.send(cmd.Pause())
    driver.rest()
    (card,) = driver.of(ev.Failed)
    assert "signal 9" in card.why
    assert "memory" in card.why
    assert "checkpoint" in card.remedy
    assert unheard in [answer.command for answer in driver.of(ev.Answered)]
    assert driver.worker.state == "failed"
    assert [*store.read_events(folder)][-2:] == [card, ev.Changed("failed")]
    step = load_run(folder).checkpoints[-1].step
    driver.worker.start(partial(where.resume, folder))
    assert driver.wait(ev.Started).first_step == step
    driver.wait(ev.Steps)


def test_a_process_that_does_not_obey_a_stop_is_killed(
    driver: Driver, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(where, "STOP_LIMIT", 0.3)
    driver.worker.start(partial(where.start, experiment(epochs=3000), runs))
    driver.wait(ev.Changed, state="running")
    (child,) = children()
    child.suspend()  # a stopped process obeys nothing
    stop, started = driver.send(cmd.Stop()), time.monotonic()
    driver.rest()
    assert time.monotonic() - started < 10
    (card,) = driver.of(ev.Failed)
    assert "did not stop within 0.3 seconds" in card.what
    answered = driver.of(ev.Answered)
    assert answered == [ev.Answered(stop, False, "no run is under way")]
    assert not child.is_running()
    (folder,) = runs.iterdir()
    assert load_run(folder).state == "failed"


PARENT = """
import sys
from pathlib import Path
from trainlab import events as ev
from trainlab.experiment import Experiment
from trainlab.runs import train

def tell(event):
    if isinstance(event, ev.Saved):
        print("saved", flush=True)

train(Experiment.load(sys.argv[1]), sys.argv[2], on_event=tell)
"""


def test_a_killed_parent_leaves_a_saved_run_and_no_process(runs: Path, tmp_path: Path) -> None:
    experiment(epochs=3000).save(tmp_path / "long.json")
    command = [sys.executable, "-c", PARENT, str(tmp_path / "long.json"), str(runs)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        assert parent.stdout.readline() == "saved\n"
        (child,) = psutil.Process(parent.pid).children()
        parent.kill()
    psutil.wait_procs([child], timeout=PATIENCE)
    assert not child.is_running()
    (folder,) = runs.iterdir()
    run = load_run(folder)
    assert (run.state, run.summary["stopped"]) == ("done", True)
    assert run.checkpoints[-1].step == run.summary["steps"]


OWN = """
import os
from typing import Literal
import torch
from trainlab.catalog.optimizers.base import OptimizerChoice
from trainlab.choice import Card, Knob

class Loud(torch.optim.SGD):
    def step(self, closure=None):
        print("stdout is the user's", flush=True)
        os.write(1, b"so is its descriptor")
        if self.param_groups[0]["lr"] > 1:
            os._exit(3)
        return super().step(closure)

class Mine(OptimizerChoice):
    "A choice of the user's own."
    kind: Literal["mine"] = "mine"
    lr: float = Knob(0.1, gt=0, le=10, help="step size")
    target = Loud
    card = Card(source="", use="", pitfalls="")
"""
NOTEBOOK = """
import json, sys
sys.path.insert(0, sys.argv[1])
import own

class Local(own.Mine):
    "A choice that was made in the notebook."
    kind: own.Literal["local"] = "local"

from trainlab.catalog.models import MLP
from trainlab.catalog.training import Training
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.runs import train

training = Training(epochs=1, batch_size=512, worker="process")
said = []
for optimizer in (Local(), own.Mine(), own.Mine(lr=2.0)):
    mine = Experiment(model=MLP(width=8), optimizer=optimizer, training=training)
    try:
        said.append(train(mine, sys.argv[2]).state)
    except Problem as problem:
        said.append(str(problem))
print(json.dumps(said), file=sys.stderr)
"""


def test_choices_of_one_s_own(runs: Path, tmp_path: Path) -> None:
    """From a module they train, whatever they print; from a notebook they cannot; a sudden end is told."""
    (tmp_path / "own.py").write_text(OWN)
    command = [sys.executable, "-c", NOTEBOOK, str(tmp_path), str(runs)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    local, mine, sudden = json.loads(done.stderr.splitlines()[-1])
    assert "made in the notebook" in local
    assert "worker = thread" in local
    assert mine == "done"
    assert "ended by itself with code 3" in sudden
    assert "stdout is the user's" in done.stdout
    assert len([*runs.iterdir()]) == 2


def test_a_run_that_cannot_be_built_fails_alike(runs: Path) -> None:
    """The child's own card arrives, and nothing is left behind."""
    wrong = experiment().but(training=experiment().training.but(device="cuda:7"))
    with pytest.raises(Exception, match="there is no cuda:7 here"):
        train(wrong, runs)
    assert [*runs.iterdir()] == []


def test_numbers_that_are_not_finite_arrive_as_they_are() -> None:
    sent = ev.EpochEnd(1, 2, math.inf, -math.inf, math.nan, 0.1, 0.0, {"near_zero": math.inf})
    read = ev.from_json(ev.to_json(sent, exact=True))
    assert repr(read) == repr(sent)
    for progress in (ev.Progress("half", 0.5), ev.Boundary(3, 1, "AAA="), ev.Answered(4, True)):
        assert ev.from_json(ev.to_json(progress, exact=True)) == progress


def test_commands_as_lines() -> None:
    given: dict[type, tuple[Any, ...]] = {
        cmd.Edit: ({"optimizer.lr": 0.1},),
        cmd.Inspect: ("cheap", 3),
    }
    for kind in cmd.Command.__subclasses__():
        command = kind(*given.get(kind, ()))
        assert cmd.from_json(cmd.to_json(command)) == command
    for line in ("5", "{", "[]", '{"command": "Dance"}', '{"command": "Pause", "x": 1}'):
        with pytest.raises(ValueError, match=r"."):
            cmd.from_json(line)


def test_a_signal_has_its_name() -> None:
    assert "Segmentation fault" in where._died(-signal.SIGSEGV).why
