"""The run store: a folder a run, written so that a kill at any moment loses no finished line.

runs/<id>/  experiment.json  environment.json  events.jsonl  checkpoints/  (parent.json)
"""

import json
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from filelock import FileLock, Timeout

import trainlab
from trainlab import commands as cmd
from trainlab import events as ev
from trainlab.engine import checkpoint
from trainlab.engine.failures import guard
from trainlab.engine.trainer import Trainer
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.text import _

EXPERIMENT, ENVIRONMENT, EVENTS = "experiment.json", "environment.json", "events.jsonl"
CHECKPOINTS, PARENT = "checkpoints", "parent.json"


def start(experiment: Experiment, root: Path, inbox: cmd.Commands) -> Iterator[ev.Event]:
    """Train an experiment as a new run below `root`, recording what it reports.

    A run that never came to train (no data, a wrong device) leaves nothing behind.
    """
    folder = create(root, experiment)
    started = False
    with locked(folder):
        yield ev.Opened(str(folder))
        trainer = Trainer(experiment, folder / CHECKPOINTS)
        for event in _record(guard(trainer.run(inbox)), folder):
            started = started or isinstance(event, ev.Started)
            yield event
    if not started:
        shutil.rmtree(folder, ignore_errors=True)


def resume(folder: Path, inbox: cmd.Commands) -> Iterator[ev.Event]:
    """Go on with a run from its newest whole checkpoint. Raises Problem where there is none."""
    experiment = Experiment.load(folder / EXPERIMENT)
    with locked(folder):
        snapshot, problems = checkpoint.newest(folder / CHECKPOINTS)
        if snapshot is None:
            raise (
                problems[0]
                if problems
                else Problem(
                    _("{folder}: the run has no checkpoint to resume from").format(folder=folder),
                    _("it ended before its first one"),
                    _("start the experiment again"),
                )
            )
        _mend(folder / EVENTS)
        yield ev.Opened(str(folder))
        events = [*read_events(folder)]
        threads = [event.threads for event in events if isinstance(event, ev.Started)]
        edits = tuple(event for event in events if isinstance(event, ev.Edited))
        trainer = Trainer(
            experiment, folder / CHECKPOINTS, snapshot, threads[0] if threads else None, edits
        )
        yield from _record(guard(trainer.run(inbox)), folder)


def read_events(folder: Path) -> Iterator[ev.Event]:
    """The events of a run; a last line that was torn by a kill is left out."""
    with (folder / EVENTS).open(encoding="utf-8") as file:
        for line in file:
            if not line.endswith("\n"):
                return
            yield ev.from_json(line)


def create(root: Path, experiment: Experiment) -> Path:
    """A new run's folder, with what it was made of. Raises Problem where it cannot be written."""
    name = f"{datetime.now():%Y%m%d-%H%M%S}-{experiment.dataset.kind}-{experiment.model.kind}"
    try:
        root.mkdir(parents=True, exist_ok=True)
        for suffix in ("", *(f"-{n}" for n in range(2, 1000))):
            folder = root / f"{name}{suffix}"
            try:
                folder.mkdir()
                break
            except FileExistsError:
                continue
        (folder / EXPERIMENT).write_text(experiment.to_json(), encoding="utf-8")
        (folder / ENVIRONMENT).write_text(json.dumps(_environment(), indent=2), encoding="utf-8")
        (folder / EVENTS).touch()
    except OSError as error:
        raise Problem(
            _("{root}: runs cannot be kept here").format(root=root),
            error.strerror or str(error),
            _("name a folder you may write to with --runs, or free some space"),
        ) from error
    return folder


def _environment() -> dict[str, str | None]:
    """What else decides the numbers of a run: versions and machine."""
    versions: dict[str, str | None] = {}
    for package in ("torch", "torchvision", "numpy"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = None
    return {
        "trainlab": trainlab.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        **versions,
    }


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Refuse a second process on the same run."""
    lock = FileLock(folder / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise Problem(
            _("{folder}: the run is in use").format(folder=folder),
            _("another process trains it"),
            _("stop it there first"),
        ) from None
    try:
        yield
    finally:
        lock.release()


def _record(events: Iterator[ev.Event], folder: Path) -> Iterator[ev.Event]:
    """Write each event before it is passed on; the page never knows more than the disk."""
    with (folder / EVENTS).open("a", encoding="utf-8") as file:
        for event in events:
            if not isinstance(event, ev.Progress | ev.Answered | ev.Boundary):
                file.write(ev.to_json(event) + "\n")
                file.flush()
            yield event


def _mend(path: Path) -> None:
    """Cut off a line that a kill tore."""
    with path.open("rb+") as file:
        data = file.read()
        file.truncate(data.rfind(b"\n") + 1)
