"""Where a run trains: in this process, or in a child that other cells cannot slow and that can be killed.

`start`, `resume` and `branch` do as their namesakes of the store, in the place that `training.worker`
names. A child (trainlab.runs.child) is told what to do, and then commands, in lines of JSON over a
socket, and answers with events; when either end dies the other one reads the end of it.
"""

import json
import math
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from trainlab import commands as cmd
from trainlab import events as ev
from trainlab.changes import Changes
from trainlab.choice import Settings
from trainlab.engine.worker import ENDED
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.runs import store
from trainlab.runs.branch import branch as branch_here
from trainlab.text import _

STOP_LIMIT = 10.0  # seconds until a child that does not obey a Stop is killed
SAVE_LIMIT = 60.0  # seconds that one may take to save and end once it obeyed
_TICK = 0.02  # seconds that a command waits at most
_ENDING = (*ENDED, "stopping")


def start(
    experiment: Experiment, root: Path, inbox: cmd.Commands, sabotage: str | None = None
) -> Iterator[ev.Event]:
    """Train an experiment as a new run below `root`; see `store.start`."""
    if experiment.training.worker == "thread":
        return store.start(experiment, root, inbox, sabotage)
    request = {"do": "start", "experiment": experiment.to_data(), "root": str(root)}
    return _in_child(experiment, {**request, "sabotage": sabotage}, inbox)


def resume(folder: Path, inbox: cmd.Commands) -> Iterator[ev.Event]:
    """Go on with a run from its newest whole checkpoint; see `store.resume`."""
    experiment = Experiment.load(folder / store.EXPERIMENT)
    if experiment.training.worker == "thread":
        return store.resume(folder, inbox)
    return _in_child(experiment, {"do": "resume", "folder": str(folder)}, inbox)


def branch(
    folder: Path, name: str, root: Path, changes: Changes, inbox: cmd.Commands
) -> Iterator[ev.Event]:
    """Go on from a checkpoint of a run as another run; see `trainlab.runs.branch`."""
    experiment = Experiment.load(folder / store.EXPERIMENT)
    if experiment.training.worker == "thread":
        return branch_here(folder, name, root, changes, inbox)
    request = {"do": "branch", "folder": str(folder), "name": name, "root": str(root)}
    return _in_child(experiment, {**request, "changes": changes}, inbox)


def _in_child(
    experiment: Experiment, request: dict[str, Any], inbox: cmd.Commands
) -> Iterator[ev.Event]:
    """The events of a run in a child process; also where the child dies, or has to be killed."""
    if os.name == "nt":  # it inherits a socket, and is killed with what it started
        raise Problem(
            _("training.worker: a process of its own needs Linux or macOS"),
            _("this is Windows"),
            _("choose thread"),
        )
    modules = _modules(experiment)
    yield ev.Progress(_("Starting a process for the run …"))
    asked: set[int] = set()
    folder, state, deadline = "", "building", math.inf
    with _Child(modules, request) as child:
        while time.monotonic() < deadline:
            while not inbox.empty():
                command = inbox.get()
                asked.add(command.id)
                child.tell(command)
                if isinstance(command, cmd.Stop) and state not in _ENDING:
                    deadline = min(deadline, time.monotonic() + STOP_LIMIT)
            events = child.read()
            if events is None:
                break
            for event in events:
                match event:
                    case ev.Opened():
                        folder = event.run
                    case ev.Changed():
                        state = event.state
                        if state in _ENDING:
                            deadline = time.monotonic() + SAVE_LIMIT
                    case ev.Answered():
                        asked.discard(event.command)
                yield event
        card = _killed() if time.monotonic() >= deadline else _died(child.end())
    for number in sorted(asked):
        yield ev.Answered(number, False, _("no run is under way"))
    if state not in ENDED and folder:
        yield from store.fail(Path(folder), card)
    elif state not in ENDED:
        yield from (card, ev.Changed("failed"))


class _Child:
    """The parent's end of a child, which is gone when the block is left.

    Args:
        modules: what it has to import before anything else.
        request: what it shall do, see `trainlab.runs.child`.
    """

    def __init__(self, modules: list[str], request: dict[str, Any]) -> None:
        self._socket, theirs = socket.socketpair()
        self._rest = b""
        path = os.pathsep.join(sys.path)  # what a notebook can import, its child can
        imports = "".join(f"import {name}; " for name in modules)
        program = imports + "from trainlab.runs import child; child.main()"
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", program, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env={**os.environ, "PYTHONPATH": path},
                start_new_session=True,  # an interrupt of the notebook's process group is not meant for it
            )
        self._send(json.dumps(request))

    def __enter__(self) -> "_Child":
        return self

    def __exit__(self, *_error: object) -> None:
        self._socket.close()
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def read(self) -> list[ev.Event] | None:
        """What it reported since the last time; None when there is nothing more to come."""
        ended = (
            self._process.poll() is not None
        )  # before the look: what it said last is there by then
        if not select.select([self._socket], [], [], _TICK)[0]:
            return None if ended else []
        try:
            data = self._socket.recv(1 << 20)
        except ConnectionResetError:
            data = b""
        if not data:
            return None
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [ev.from_json(line.decode()) for line in lines]

    def tell(self, command: cmd.Command) -> None:
        """Pass a command on; a child that is gone does not answer."""
        self._send(cmd.to_json(command))

    def end(self) -> int:
        """How the process ended, as `subprocess` says it."""
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(STOP_LIMIT)
        return 0

    def _send(self, line: str) -> None:
        with suppress(OSError):
            self._socket.sendall(line.encode() + b"\n")


def _modules(settings: Settings) -> list[str]:
    """The modules of the user's own that an experiment's choices come from. Raises Problem for a notebook."""
    found = set()
    waiting: list[Any] = [settings]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Settings):
            found.add(type(item).__module__)
            waiting += item.__dict__.values()
        elif isinstance(item, tuple):
            waiting += item
    if "__main__" in found:
        raise Problem(
            _("training.worker: a choice that was made in the notebook cannot train in a process"),
            _("the process that trains does not know what the notebook defines"),
            _("put its class into a .py file and import it, or choose training.worker = thread"),
        )
    return sorted(name for name in found if name.partition(".")[0] != "trainlab")


def _killed() -> ev.Failed:
    return ev.Failed(
        _("The run did not stop within {seconds:g} seconds and was ended").format(
            seconds=STOP_LIMIT
        ),
        _("Its process was busy with something that cannot be interrupted."),
        _("Go on from its newest checkpoint, or press Start for a new run."),
    )


def _died(code: int) -> ev.Failed:
    """The card for a process that ended with this code, negative for a signal, before its run did."""
    why = _("It ended by itself with code {code}.").format(code=code)
    remedy = _("Go on from its newest checkpoint, or press Start for a new run.")
    if code == -signal.SIGKILL:
        why = _("The system ended it (signal 9): most likely the memory ran out.")
        remedy = _(
            "Halve the batch size, choose a narrower model or smaller images, and start again; "
            "or go on from its newest checkpoint."
        )
    elif code < 0:
        why = _("It was ended by signal {number}: {name}.").format(
            number=-code, name=signal.strsignal(-code)
        )
    return ev.Failed(_("The process of this run is gone"), why, remedy)
