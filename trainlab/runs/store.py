"""The run store: a folder a run, written so that a kill at any moment loses no finished line.

runs/<id>/  experiment.json  environment.json  events.jsonl  checkpoints/  summary.json
            (parent.json  notes.json  sabotage.json)
"""

import errno
import json
import os
import platform
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from io import FileIO
from itertools import chain
from pathlib import Path
from uuid import uuid4

from filelock import FileLock, Timeout

import trainlab
from trainlab import commands as cmd
from trainlab import events as ev
from trainlab.engine import checkpoint
from trainlab.engine.failures import guard
from trainlab.engine.trainer import Trainer
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.runs.planted import SABOTAGE, as_text, plant_of
from trainlab.runs.summary import Digest
from trainlab.text import _

EXPERIMENT, ENVIRONMENT, EVENTS = "experiment.json", "environment.json", "events.jsonl"
CHECKPOINTS, PARENT, LOCK = "checkpoints", "parent.json", ".lock"
# folders that are about to appear, from here or out of a zip; seconds that they may stand still
DRAFT, OPENING, YOUNG = ".new-", ".opening-", 10.0
PROBE = 0.2  # seconds: who only looks whether a run is held lets go of it sooner


def start(
    experiment: Experiment, root: Path, inbox: cmd.Commands, sabotage: str | None = None
) -> Iterator[ev.Event]:
    """Train an experiment as a new run below `root`, recording what it reports; `sabotage` is planted in it.

    A run that never came to train (no data, a wrong device) leaves nothing behind.
    """
    folder = create(root, experiment, sabotage=sabotage)
    started = False
    try:
        with locked(folder):
            yield ev.Opened(str(folder))
            trainer = Trainer(experiment, folder / CHECKPOINTS, plant=plant_of(folder))
            for event in _record(guard(trainer.run(inbox)), folder):
                started = started or isinstance(event, ev.Started)
                yield event
    finally:
        if not started:
            shutil.rmtree(folder, ignore_errors=True)


def resume(folder: Path, inbox: cmd.Commands) -> Iterator[ev.Event]:
    """Go on with a run from its newest whole checkpoint. Raises Problem where there is none."""
    experiment = Experiment.load(folder / EXPERIMENT)
    with locked(folder):
        snapshot, problems = checkpoint.newest(folder / CHECKPOINTS)
        if snapshot is None:
            why = problems[0] if problems else _("it ended before its first one")
            raise Problem(
                _("{folder}: the run has no checkpoint to resume from").format(folder=folder),
                str(why),
                _("start the experiment again"),
            )
        _mend(folder / EVENTS)
        yield ev.Opened(str(folder))
        events = [*read_events(folder)]
        threads = [event.threads for event in events if isinstance(event, ev.Started)]
        edits = tuple(event for event in events if isinstance(event, ev.Edited))
        trainer = Trainer(
            experiment,
            folder / CHECKPOINTS,
            snapshot,
            threads[0] if threads else None,
            edits,
            plant_of(folder),
        )
        yield from _record(
            chain(_passed_over(problems, snapshot), guard(trainer.run(inbox))), folder
        )


def _passed_over(problems: list[Problem], used: checkpoint.Snapshot) -> Iterator[ev.Event]:
    """A warning for each damaged checkpoint that is newer than the one used."""
    text = _("{what} ({why}): going on from step {step} instead")
    for problem in problems:
        yield ev.Warned(text.format(what=problem.what, why=problem.why, step=used.step))


def fail(folder: Path, card: ev.Failed) -> Iterator[ev.Event]:
    """Record what ended a run that could not say so itself, since its process is gone."""
    with locked(folder):
        _mend(folder / EVENTS)
        yield from _record(iter([card, ev.Changed("failed")]), folder)
    if not any(isinstance(event, ev.Started) for event in read_events(folder)):
        shutil.rmtree(folder, ignore_errors=True)


def read_events(folder: Path) -> Iterator[ev.Event]:
    """The events of a run; a last line that was torn by a kill is left out."""
    with (folder / EVENTS).open(encoding="utf-8") as file:
        for line in file:
            if not line.endswith("\n"):
                return
            yield ev.from_json(line)


def create(
    root: Path,
    experiment: Experiment,
    fill: Callable[[Path], None] = lambda _folder: None,
    sabotage: str | None = None,
) -> Path:
    """A new run's folder, which appears with all that `fill` puts there. Raises Problem where it cannot be written."""
    name = f"{datetime.now():%Y%m%d-%H%M%S}-{experiment.dataset.kind}-{experiment.model.kind}"
    draft = root / f"{DRAFT}{uuid4().hex}"
    files = {
        EXPERIMENT: experiment.to_json(),
        ENVIRONMENT: json.dumps(_environment(), indent=2),
        EVENTS: "",
        **({SABOTAGE: as_text(sabotage)} if sabotage else {}),
    }
    try:
        _sweep(root)
        draft.mkdir(parents=True)
        for file, text in files.items():
            (draft / file).write_text(text, encoding="utf-8")
        fill(draft)
        for file in files:
            checkpoint.sync(draft / file)
        return _named(draft, root, name)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise Problem(
            _("{root}: runs cannot be kept here").format(root=root),
            error.strerror or str(error),
            _("name a folder you may write to with --runs, or free some space"),
        ) from error


def _sweep(root: Path) -> None:
    """Remove what a kill left of folders that were about to appear; a young one may be another process's."""
    for draft in (*root.glob(f"{DRAFT}*"), *root.glob(f"{OPENING}*")):
        with suppress(
            OSError
        ):  # what is copied keeps its old time of change, but not that of its entry
            newest = max(path.stat().st_ctime for path in (draft, *draft.rglob("*")))
            if time.time() - newest > YOUNG:
                shutil.rmtree(draft, ignore_errors=True)


def _named(draft: Path, root: Path, name: str) -> Path:
    """The draft under its name, with a number if others have it."""
    for suffix in ("", *(f"-{n}" for n in range(2, 1000))):
        folder = root / f"{name}{suffix}"
        try:
            draft.rename(folder)
        except OSError:  # a folder that is not empty keeps its name
            if not folder.exists():
                raise
            continue
        checkpoint.sync(root)
        return folder
    raise FileExistsError(name)


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
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=PROBE)
    except Timeout:
        raise Problem(
            _("{folder}: the run is in use").format(folder=folder),
            _("another process trains it"),
            _("stop it there first"),
        ) from None
    except OSError as error:
        raise Problem(
            _("{folder}: the run cannot be written").format(folder=folder),
            error.strerror or str(error),
            _("make the folder writable, or free some space"),
        ) from error
    try:
        yield
    finally:
        lock.release()


def held(folder: Path) -> bool:
    """Whether somebody trains this run now."""
    if not (folder / LOCK).exists():
        return False
    try:
        with FileLock(folder / LOCK, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # a folder that cannot be written has no one who writes it
        return False


def _record(events: Iterator[ev.Event], folder: Path) -> Iterator[ev.Event]:
    """Write each event before it is passed on; the page never knows more than the disk."""
    digest = Digest(folder, Experiment.load(folder / EXPERIMENT), folder / EVENTS)
    with (folder / EVENTS).open(
        "ab", buffering=0
    ) as file:  # nothing is left to be written at its end
        for event in events:
            if not isinstance(event, ev.Progress | ev.Answered | ev.Boundary):
                _append(file, event)
                digest.add(event)
            yield event


def _append(file: FileIO, event: ev.Event) -> None:
    """Write one line. Raises Problem where the disk does not take it; what it took is mended later."""
    line = (ev.to_json(event) + "\n").encode()
    try:
        if file.write(line) != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if isinstance(event, ev.Saved | ev.Edited):  # a checkpoint goes on with the edits before it
            os.fsync(file.fileno())
    except OSError as error:
        raise Problem(
            _("{file}: the record of the run could not be written").format(file=file.name),
            error.strerror or str(error),
            _("free some space; the run can be resumed from its newest checkpoint"),
        ) from error


def _mend(path: Path) -> None:
    """Cut off a line that a kill tore."""
    with path.open("rb+") as file:
        data = file.read()
        file.truncate(data.rfind(b"\n") + 1)
