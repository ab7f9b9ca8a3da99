"""The lab in a real kernel, without a page."""

from collections.abc import Iterator

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import start_new_kernel

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(180)]

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

def until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)

def press(lab, name):
    lab._parts.run._handle_custom_msg({{"type": "command", "name": name}}, [])
"""


class Kernel:
    """A kernel that runs code as notebook cells do."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self.client = client

    def run(self, code: str, cell: str) -> str:
        """Run `code` as the cell with this id; what it printed. Fails if it raised."""
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
        content |= {"user_expressions": {}, "stop_on_error": True}
        message = self.client.session.msg("execute_request", content, metadata={"cellId": cell})
        self.client.shell_channel.send(message)
        printed = ""
        while True:
            reply = self.client.get_iopub_msg(timeout=90)
            if reply["parent_header"].get("msg_id") != message["header"]["msg_id"]:
                continue
            body = reply["content"]
            assert reply["msg_type"] != "error", "\n".join(body["traceback"])
            printed += body["text"] if reply["msg_type"] == "stream" else ""
            if reply["msg_type"] == "status" and body["execution_state"] == "idle":
                return printed


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    manager, client = start_new_kernel(kernel_name="python3")
    kernel = Kernel(client)
    kernel.run(SETUP.format(runs=str(tmp_path_factory.mktemp("kernel") / "runs")), "setup")
    yield kernel
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def test_a_run_goes_on_without_a_page(kernel: Kernel) -> None:
    kernel.run("lab = tl.Lab(SHORT, runs=RUNS); press(lab, 'start')", "a")
    kernel.run("until(lambda: lab.run is not None and lab.run.state == 'done')", "b")
    assert kernel.run("print(len(lab.run.epochs['epoch']))", "b").strip() == "2"


def test_running_the_cell_again_leaves_nothing_behind(kernel: Kernel) -> None:
    cell = "lab = tl.Lab(runs=RUNS); lab"
    for _time in range(2):
        kernel.run(cell, "again")
    warming = "any(thread.name == 'trainlab-warm-up' for thread in threading.enumerate())"
    kernel.run(f"until(lambda: not {warming}); before = counts()", "b")
    for _time in range(20):
        kernel.run(cell, "again")
    kernel.run("until(lambda: all(now <= was for now, was in zip(counts(), before)))", "b")


def test_running_the_cell_again_keeps_the_run_and_the_forms(kernel: Kernel) -> None:
    kernel.run("long = SHORT.but(training=SHORT.training.but(epochs=5000))", "b")
    kernel.run("lab = tl.Lab(long, runs=RUNS); press(lab, 'start')", "kept")
    kernel.run("until(lambda: lab._parts.session.state == 'running')", "b")
    kernel.run("run = lab._parts.session.path; lab = tl.Lab(runs=RUNS)", "kept")
    said = kernel.run("print(lab._parts.session.path == run, lab.experiment == long)", "b")
    assert said.strip() == "True True"
    trainers = "sum(t.name == 'trainlab' for t in threading.enumerate())"
    assert kernel.run(f"press(lab, 'start'); print({trainers})", "b").strip() == "1"
    kernel.run("press(lab, 'stop'); until(lambda: lab.run.state == 'done')", "b")


def test_labs_of_one_cell_are_two_and_closing_one_spares_the_other(kernel: Kernel) -> None:
    kernel.run(
        "one, two = tl.Lab(panels=['data'], runs=RUNS), tl.Lab(panels=['train'], runs=RUNS)", "two"
    )
    said = kernel.run(
        "print(one._parts.panels.tabs[0]['id'], two._parts.panels.tabs[0]['id'])", "b"
    )
    assert said.split() == ["data", "train"]
    kernel.run("one.close()", "b")
    said = kernel.run("print(one.comm is None, two.comm is None, two._parts.run.comm is None)", "b")
    assert said.split() == ["True", "False", "False"]


def test_a_lab_is_a_widget_and_names_its_panels(kernel: Kernel) -> None:
    kernel.run("import ipywidgets; assert isinstance(two, ipywidgets.DOMWidget)", "b")
    code = "try:\n    tl.Lab(panels=['optimiser'])\nexcept Exception as error:\n    print(error)"
    assert "did you mean 'optimizer'?" in kernel.run(code, "b")
