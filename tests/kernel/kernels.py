"""A real kernel that runs notebook cells, without a page."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager, start_new_kernel

SETUP = """
import os, threading, time
import psutil
import trainlab as tl
from ipywidgets.widgets import widget
from trainlab.catalog.training import Training

RUNS = {runs!r}
SHORT = tl.Experiment(training=Training(epochs=2, batch_size=256, threads=1))

def counts():
    return len(widget._instances), threading.active_count(), psutil.Process().num_fds()

def until(condition, found=lambda: ""):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, ("it did not come", found())
        time.sleep(0.02)

def press(lab, name):
    lab._parts.run._handle_custom_msg({{"type": "command", "name": name}}, [])
"""


class Kernel:
    """A kernel that runs code as notebook cells do."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager, self.client = manager, client
        self.shown: list[dict[str, Any]] = []  # what was displayed, and changed since

    def run(self, code: str, cell: str) -> str:
        """Run `code` as the cell with this id; what it printed. Fails if it raised."""
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
        content |= {"user_expressions": {}, "stop_on_error": True}
        message = self.client.session.msg("execute_request", content, metadata={"cellId": cell})
        self.client.shell_channel.send(message)
        printed = ""
        while True:
            reply = self.client.get_iopub_msg(timeout=90)
            if reply["msg_type"] in ("display_data", "update_display_data"):
                self.shown.append(reply["content"])
            if reply["parent_header"].get("msg_id") != message["header"]["msg_id"]:
                continue
            body = reply["content"]
            assert reply["msg_type"] != "error", "\n".join(body["traceback"])
            printed += body["text"] if reply["msg_type"] == "stream" else ""
            if reply["msg_type"] == "status" and body["execution_state"] == "idle":
                return printed


@contextmanager
def started(runs: Path) -> Iterator[Kernel]:
    """A kernel whose labs keep their runs in this folder."""
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        kernel = Kernel(manager, client)
        kernel.run(SETUP.format(runs=str(runs)), "setup")
        yield kernel
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
