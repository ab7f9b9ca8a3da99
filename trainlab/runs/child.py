"""Child: a run in a process of its own, the other end of `trainlab.runs.where`.

Its argument is a socket, an inherited file descriptor. The first line that comes in says what to do,
each further one is a command; events go out. Standard output stays what user code prints on.
"""

import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from trainlab import commands as cmd
from trainlab import events as ev
from trainlab.engine.worker import Worker
from trainlab.experiment import Experiment
from trainlab.runs import store
from trainlab.runs.branch import branch
from trainlab.runs.where import SAVE_LIMIT


def main() -> None:
    """Do what the parent asks for and report to it; without a parent, stop and save."""
    link = socket.socket(fileno=int(sys.argv[1]))
    link.set_inheritable(False)
    lines = link.makefile("r", encoding="utf-8")
    request = json.loads(lines.readline())
    worker = Worker()
    worker.start(partial(_perform, request))
    threading.Thread(target=_listen, args=(lines, worker), daemon=True).start()
    for event in worker.until_end():
        with suppress(OSError):  # nobody hears it any more, but the disk does
            link.sendall(ev.to_json(event, exact=True).encode() + b"\n")
    with suppress(OSError):
        sys.stdout.flush()
    os._exit(
        0
    )  # taking torch down takes seconds on a busy machine, and the next run would wait for it


def _perform(request: dict[str, Any], inbox: cmd.Commands) -> Iterator[ev.Event]:
    match request:
        case {"do": "start", "experiment": data, "root": root, "sabotage": sabotage}:
            return store.start(Experiment.from_data(data), Path(root), inbox, sabotage)
        case {"do": "resume", "folder": folder}:
            return store.resume(Path(folder), inbox)
        case {"do": "branch", "folder": folder, "name": name, "root": root, "changes": changes}:
            return branch(Path(folder), name, Path(root), changes, inbox)
    raise ValueError(f"not a request: {request}")


def _listen(lines: TextIO, worker: Worker) -> None:
    """Pass commands on until the parent is gone; then have the run saved, in a limited time."""
    with suppress(OSError, ValueError):  # a line that a kill tore
        for line in lines:
            worker.send(cmd.from_json(line))
    nowhere = os.open(os.devnull, os.O_WRONLY)  # the parent may have been who read what is printed
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    worker.send(cmd.Stop())
    time.sleep(SAVE_LIMIT)
    os.killpg(0, signal.SIGKILL)
