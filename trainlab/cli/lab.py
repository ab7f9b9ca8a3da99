"""`trainlab lab`: the app on Voilà, alone in a folder of its own, until Ctrl-C."""

import http.client
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import trainlab
from trainlab.cli.streams import complain, say
from trainlab.errors import Problem
from trainlab.places import runs_folder
from trainlab.text import _

HOST = "127.0.0.1"
USUAL_PORT = 8866
PATIENCE = 60.0  # seconds until Voilà has to answer; a cold disk takes its time
FAREWELL = 10.0  # seconds for Voilà to end its kernels


def serve(runs: Path | None, port: int | None, browser: bool, unwatched: float) -> int:
    """Serve the lab until interrupted. Raises Problem where it cannot be served.

    A run is paused `unwatched` seconds after its page was closed, and ended after as many more.
    """
    notebook, port = find_notebook(), choose_port(port)
    token, server_address = secrets.token_urlsafe(24), f"http://{HOST}:{port}/"
    address = f"{server_address}?token={token}"
    root = (runs or runs_folder()).absolute()
    with _stop_signals(), tempfile.TemporaryDirectory(prefix="trainlab-") as folder:
        command = voila_command(notebook, Path(folder), port)
        templates = str(Path(trainlab.__file__).parent / "widgets")
        paths = [templates, *os.environ.get("JUPYTER_PATH", "").split(os.pathsep)]
        environment = os.environ | {
            "TRAINLAB_RUNS": str(root),
            "TRAINLAB_ADDRESS": server_address,  # see trainlab/widgets/watch.py
            "TRAINLAB_UNWATCHED": str(unwatched),
            "JUPYTER_TOKEN": token,  # not an argument: other accounts can read those
            "JUPYTER_PATH": os.pathsep.join(filter(None, paths)),
        }
        with _running(command, environment) as server:
            _wait(server, port)
            say(_("trainlab is at {address}  (Ctrl-C ends it)").format(address=address))
            if browser:
                webbrowser.open(_redirect(Path(folder), address))
            code = server.wait()
    complain(_("Voilà ended by itself (exit code {code})").format(code=code))
    return 1


def find_notebook() -> Path:
    """The app's notebook: beside the package in a wheel, or in the checkout."""
    package = Path(trainlab.__file__).parent
    for path in (package / "lab.ipynb", package.parent / "notebooks" / "lab.ipynb"):
        if path.is_file():
            return path
    raise Problem(_("the lab's notebook is missing"), "", _("install trainlab again"))


def choose_port(wanted: int | None) -> int:
    """The port that was asked for, else the usual one, else any free one. Raises Problem if in use."""
    for port in (wanted,) if wanted else (USUAL_PORT, 0):
        with socket.socket() as probe, suppress(OSError):
            if os.name == "posix":  # a port just left may be taken again
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
            return int(probe.getsockname()[1])
    raise Problem(
        _("--port {port}: cannot be used").format(port=wanted),
        _("another program listens there, or it is reserved"),
        _("choose another one, or leave --port out"),
    )


def voila_command(notebook: Path, folder: Path, port: int) -> list[str]:
    """The command that serves `notebook`, copied into a folder that holds nothing else."""
    if find_spec("voila") is None:
        raise Problem(_("Voilà is not installed"), "", "pip install voila")
    page, connections = folder / "page", folder / "connections"
    page.mkdir()
    connections.mkdir()
    copy = shutil.copyfile(notebook, page / "lab.ipynb")
    return [
        *(sys.executable, "-m", "voila", str(copy), "--no-browser"),
        f"--Voila.ip={HOST}",
        f"--Voila.port={port}",
        "--Voila.port_retries=0",
        "--Voila.log_level=ERROR",
        "--Voila.auto_token=True",  # the one in JUPYTER_TOKEN
        "--KernelManager.transport_encryption=auto",  # the kernel warns of plain TCP
        f"--Voila.connection_dir_root={connections}",
        *("--VoilaConfiguration.file_allowlist", "(?!)."),  # matches no file
        "--VoilaConfiguration.show_tracebacks=False",
        "--VoilaConfiguration.template=trainlab",  # found through JUPYTER_PATH, see `serve`
    ]


def _redirect(folder: Path, address: str) -> str:
    """The address of a page that leads to `address`: a browser's arguments can be read by other accounts."""
    page = folder / "open.html"
    page.write_text(f'<meta http-equiv="refresh" content="0; url={address}">', encoding="utf-8")
    return page.as_uri()


@contextmanager
def _stop_signals() -> Iterator[None]:
    """Every wish to end it ends it cleanly, the closed terminal's too."""

    def handle(_number: int, _frame: Any) -> None:
        raise KeyboardInterrupt

    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    numbers = [signal.Signals[name] for name in names]
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _running(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Voilà in a session of its own: Ctrl-C reaches it through here alone, once, with all its kernels."""
    server = subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield server
    finally:
        server.terminate()
        try:
            server.wait(FAREWELL)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):  # a second Ctrl-C is impatient
            if os.name == "posix":
                os.killpg(server.pid, signal.SIGKILL)
            server.kill()
            server.wait()


def _wait(server: subprocess.Popen[bytes], port: int) -> None:
    """Return once the server answers; asking for the page itself would start a kernel."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if server.poll() is not None:
            raise Problem(
                _("Voilà did not start (exit code {code})").format(code=server.returncode),
                _("it says why above"),
                _("`trainlab doctor` looks for the usual reasons"),
            )
        connection = http.client.HTTPConnection(HOST, port, timeout=2)
        try:
            connection.request("GET", "/favicon.ico")
            connection.getresponse()
        except (OSError, http.client.HTTPException):
            time.sleep(0.1)
        else:
            return
        finally:
            connection.close()
    raise Problem(_("Voilà did not answer within {time:.0f} s").format(time=PATIENCE))
