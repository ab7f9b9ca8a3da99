"""The two servers that show the lab to a browser, each with its own folders, ended without orphans."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

READY_SECONDS = 60
CELLS = ("import trainlab as tl\nlab = tl.Lab()\nlab", "lab", "tl.Lab(panels=['optimizer'])")


@dataclass(frozen=True)
class Server:
    """A running server: where it answers, where the lab keeps runs, and its process."""

    address: str
    runs: Path
    process: psutil.Process

    def kernels(self) -> list[psutil.Process]:
        """Its kernels, oldest first."""
        found = []
        for child in self.process.children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # one that ends meanwhile
                if "ipykernel_launcher" in " ".join(child.cmdline()):
                    found.append(child)
        return sorted(found, key=lambda kernel: kernel.create_time())

    def newest_run(self) -> Path:
        """The folder of the run that was started last."""
        written = self.runs.glob("*/experiment.json")  # once, when the run begins
        return max(written, key=lambda file: file.stat().st_mtime_ns).parent


@contextmanager
def voila(folder: Path, *options: str) -> Iterator[Server]:
    """The app as `trainlab lab` serves it; its address brings a token along."""
    port, runs = free_port(), folder / "runs"
    command = [sys.executable, "-u", "-m", "trainlab", "lab", "--no-browser", *options]
    command += ["--port", str(port), "--runs", str(runs)]
    with _serving(command, folder, f"http://127.0.0.1:{port}/", "favicon.ico") as process:
        yield Server(_printed(folder / "server.log"), runs, process)


@contextmanager
def plain_voila(folder: Path, source: str) -> Iterator[Server]:
    """Voilà with a notebook of one cell."""
    file, port = folder / "plain.ipynb", free_port()
    file.write_text(json.dumps(notebook(source)), encoding="utf-8")
    command = [sys.executable, "-m", "voila", str(file), "--no-browser"]
    command += ["--Voila.ip=127.0.0.1", f"--Voila.port={port}", "--Voila.port_retries=0"]
    address = f"http://127.0.0.1:{port}/"
    with _serving(command, folder, address, "favicon.ico") as process:
        yield Server(address, folder / "runs", process)


def _printed(log: Path) -> str:
    """The address that the app prints, once it has found out that its server answers."""
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        if found := re.search(r"http://\S+\?token=\S+", log.read_text(encoding="utf-8")):
            return found[0]
        time.sleep(0.05)
    raise AssertionError("the app does not print its address")


@contextmanager
def jupyterlab(folder: Path) -> Iterator[Server]:
    """JupyterLab in a folder that holds one notebook, `lab.ipynb`, with these cells."""
    port, root = free_port(), folder / "notebooks"
    root.mkdir()
    (root / "lab.ipynb").write_text(json.dumps(notebook(*CELLS)), encoding="utf-8")
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ServerApp.ip=127.0.0.1"]
    command += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0", "--allow-root"]
    command += ["--IdentityProvider.token=", f"--ServerApp.root_dir={root}"]
    command += ["--LabApp.extension_manager=readonly"]
    settings = "jupyterlab_settings_dir/@jupyterlab/apputils-extension"
    quiet = {  # no page asks for news, nor has node look whether JupyterLab has to be built
        f"{settings}/notification.jupyterlab-settings": {
            "fetchNews": "false",
            "checkForUpdates": False,
        },
        "jupyter_config_dir/labconfig/page_config.json": {"buildCheck": False},
    }
    for name, content in quiet.items():
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    address = f"http://127.0.0.1:{port}/"
    with _serving(command, folder, address, "api/status") as process:
        yield Server(address, folder / "runs", process)


def notebook(*cells: str) -> dict[str, Any]:
    """A notebook of these code cells."""
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    code: list[dict[str, Any]] = [
        {"cell_type": "code", "id": f"cell-{number}", "metadata": {}, "source": source}
        | {"outputs": [], "execution_count": None}
        for number, source in enumerate(cells)
    ]
    return {"cells": code, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(folder: Path) -> dict[str, str]:
    """Settings and caches of its own, so that no file of the user decides a test; nothing to download."""
    homes = ["JUPYTER_CONFIG_DIR", "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR"]
    homes += ["JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "XDG_CACHE_HOME"]
    own = {name: str(folder / name.lower()) for name in homes}
    proxies = dict.fromkeys(
        ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9"
    )
    return (
        os.environ
        | own
        | proxies
        | {"TRAINLAB_RUNS": str(folder / "runs"), "NO_PROXY": "127.0.0.1"}
    )


@contextmanager
def _serving(
    command: list[str], folder: Path, address: str, probe: str
) -> Iterator[psutil.Process]:
    log = folder / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, cwd=folder, env=environment(folder), stdin=subprocess.DEVNULL,
            stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    process = psutil.Process(server.pid)
    try:
        _wait(server, address + probe, log)
        yield process
    finally:
        family = process.children(recursive=True)
        server.terminate()
        left = _end(server, family)
    assert left == [], f"processes that outlived their server: {left}"


def _end(server: subprocess.Popen[bytes], family: list[psutil.Process]) -> list[str]:
    """Wait for the server and all it started; kill what does not end, and name it."""
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        server.kill()
    _gone, alive = psutil.wait_procs(family, timeout=10)
    names = []
    for process in alive:
        names.append(" ".join(process.cmdline()[:4]))
        process.kill()
    return names


def _wait(server: subprocess.Popen[bytes], address: str, log: Path) -> None:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):  # noqa: S310 (our own address)
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"{address} does not answer:\n{log.read_text(errors='replace')[-4000:]}")
