"""Watch: under `trainlab lab` a kernel whose page is gone pauses its run, then ends it, and then itself.

The server is asked, not the page: it holds a connection to each, and pings it. A tab that is hidden, throttled
or frozen still has one; one that was closed, reloaded or crashed has none. And a busy kernel misses nothing.
"""

import json
import os
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from ipykernel.connect import get_connection_file

from trainlab.text import _
from trainlab.widgets.session import Session

ADDRESS = "TRAINLAB_ADDRESS"  # of the server, for its kernels: `trainlab lab` sets it
UNWATCHED = (
    "TRAINLAB_UNWATCHED"  # seconds without a page until the run is paused; as many until it ends
)
TOKEN = "JUPYTER_TOKEN"  # noqa: S105 (the name that Jupyter gave it)
LOOK_EVERY = 5.0  # seconds
FAREWELL = 10.0  # seconds for a run to save itself


@cache  # one thread, however many labs the kernel has
def watch(sessions: Callable[[], Iterable[Session]]) -> None:
    """Begin to watch over the kernel's sessions, where `trainlab lab` serves the page; once."""
    address = os.environ.get(ADDRESS)
    if address:
        arguments = sessions, _Server(address), float(os.environ[UNWATCHED])
        threading.Thread(target=_watch, args=arguments, name="trainlab-watch", daemon=True).start()


def _watch(sessions: Callable[[], Iterable[Session]], server: "_Server", patience: float) -> None:
    every = min(LOOK_EVERY, patience / 4)
    alone, away, before = 0.0, False, time.monotonic()
    while True:
        time.sleep(every)
        now = time.monotonic()
        # the computer may have slept: the page needs a moment to come back
        alone, before = alone + min(now - before, 2 * every), now
        if server.pages() != 0:
            if away:  # what was sent just as the page came back may be lost
                for session in sessions():
                    session.greet()
            alone, away = 0.0, False
            continue
        away = True
        if alone > 2 * patience:
            _end(sessions, server)
        elif alone > patience:
            for session in sessions():
                session.hold(_("Nobody was watching, so the run was saved and waits."))


def _end(sessions: Callable[[], Iterable[Session]], server: "_Server") -> None:
    """End all runs, saved, and the kernel, unless somebody has come meanwhile."""
    for session in sessions():
        session.command("stop")
    for session in sessions():
        session.worker.join(FAREWELL)
    if server.pages() == 0:
        server.end_kernel()


@dataclass(frozen=True)
class _Server:
    """The server of this kernel's page."""

    address: str

    def pages(self) -> int | None:
        """How many pages are connected to this kernel; None where the server does not say."""
        try:
            return int(json.loads(self._ask("GET"))["connections"])
        except (OSError, HTTPException, ValueError, KeyError, TypeError):
            return None

    def end_kernel(self) -> None:
        """Have this kernel shut down by the server, which would restart one that ends by itself."""
        with suppress(OSError, HTTPException):  # where the server is gone the kernel goes as well
            self._ask("DELETE")

    def _ask(self, method: str) -> bytes:
        place = urlsplit(self.address)
        kernel = Path(get_connection_file()).stem.removeprefix("kernel-")
        connection = HTTPConnection(str(place.hostname), place.port, timeout=FAREWELL)
        try:
            token = {"Authorization": f"token {os.environ.get(TOKEN, '')}"}
            connection.request(method, f"{place.path}api/kernels/{kernel}", headers=token)
            return connection.getresponse().read()
        finally:
            connection.close()
