"""What a page can send over its comms, sent without one: the buttons, the forms, and garbage."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import start_new_kernel

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(180)]
PATIENCE = 60  # seconds

SETUP = """
import threading
import trainlab as tl
from trainlab.catalog.training import Training
lab = tl.Lab(tl.Experiment(training=Training(epochs=5000, batch_size=256, threads=1)), runs={runs!r})
print(lab._parts.run.model_id, lab._parts.panels.model_id)
"""
GARBAGE: list[Any] = [
    None, 5, "start", [], {}, {"type": None}, {"type": "command"}, {"type": "command", "name": 5},
    {"type": "command", "name": "format the disk"}, {"type": "command", "name": "x" * 2_000_000},
    {"type": "hello", "view": 5}, {"type": "hello", "view": "\ud800"}, {"type": "hello", "view": {}},
    {"type": "set", "path": "a." * 1_000_000, "value": 1}, {"type": "set", "path": 5, "value": 1},
    {"type": "set", "path": "optimizer.lr", "value": float("nan")},
    {"type": "set", "path": "optimizer.lr", "value": "x" * 2_000_000},
    {"type": "set", "path": "dataset.kind", "value": "\ud800"},
    {"type": "set", "path": "optimizer", "value": {}}, {"type": "set", "path": "", "value": []},
    {"type": "open", "panel": "nowhere"}, {"type": "open", "panel": ["data"]},
    {"type": "add", "path": "optimizer", "kind": "sgd"}, {"type": "add", "path": "nowhere"},
    {"type": "move", "path": "augmentations.0", "by": "up"}, {"type": "remove", "path": "."},
    {"type": "action", "id": None},
]  # fmt: skip
DEEP = 100_000


class Page:
    """A page's end of the comms of one lab, in a kernel of its own."""

    def __init__(self, client: BlockingKernelClient, runs: Path) -> None:
        self.client, self.status = client, dict[str, Any]()
        self.complaints: list[str] = []
        self.panel: dict[str, Any] = {}
        self.subshell: str | None = None  # JupyterLab sends its messages to one of its own
        self.run_id = self.panels_id = ""
        self.run_id, self.panels_id = self.execute(SETUP.format(runs=str(runs))).split()

    def execute(self, code: str) -> str:
        """Run a cell; what it printed."""
        message = self.client.execute(code)
        printed, end = [""], time.monotonic() + PATIENCE

        def finished(reply: dict[str, Any]) -> bool:
            if reply["parent_header"].get("msg_id") != message:
                return False
            if reply["msg_type"] == "stream" and reply["content"]["name"] == "stdout":
                printed[0] += reply["content"]["text"]
            assert reply["msg_type"] != "error", reply["content"]
            return bool(reply["content"].get("execution_state") == "idle")

        while not finished(self.read(end)):
            pass
        return printed[0]

    def read(self, end: float) -> dict[str, Any]:
        """The next message of the kernel; what it says of the lab is kept."""
        reply: dict[str, Any] = self.client.get_iopub_msg(timeout=max(0.0, end - time.monotonic()))
        content = reply["content"]
        if reply["msg_type"] == "stream" and content["name"] == "stderr":
            self.complaints.append(content["text"])
        if reply["msg_type"] == "comm_msg":
            data = content["data"]
            if content["comm_id"] == self.run_id and data.get("method") == "custom":
                self.status = data["content"]["status"]
            if content["comm_id"] == self.panels_id and data.get("method") == "update":
                self.panel = data["state"].get("panel", self.panel)
        return reply

    def until(self, wanted: Callable[[], Any]) -> None:
        end = time.monotonic() + PATIENCE
        while not wanted():
            self.read(end)

    def until_state(self, *states: str) -> None:
        self.until(lambda: self.status.get("state") in states)

    def send(self, comm: str, data: dict[str, Any]) -> None:
        self.send_text(json.dumps({"comm_id": comm, "data": data}))

    def send_text(self, text: str) -> None:
        """Send a message whose content is this JSON, as a browser may write it."""
        message = self.client.session.msg("comm_msg")
        message["header"]["subshell_id"] = self.subshell
        message["content"] = text.encode()
        self.client.shell_channel.send(message)

    def control(self, kind: str, **content: Any) -> dict[str, Any]:
        """Ask on the control channel; the answer."""
        message = self.client.session.msg(kind, content)
        self.client.control_channel.send(message)
        reply: dict[str, Any] = self.client.get_control_msg(timeout=PATIENCE)
        assert reply["content"]["status"] == "ok"
        return dict(reply["content"])

    def say(self, comm: str, content: Any) -> None:
        self.send(comm, {"method": "custom", "content": content})

    def press(self, name: str) -> None:
        self.say(self.run_id, {"type": "command", "name": name})

    def edit(self, path: str, value: Any) -> None:
        self.say(self.panels_id, {"type": "set", "path": path, "value": value})


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    manager, client = start_new_kernel(kernel_name="python3")
    yield Page(client, tmp_path_factory.mktemp("comm") / "runs")
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.fixture
def page(opened: Page) -> Iterator[Page]:
    """The lab of the module's kernel, with nothing going on."""
    opened.say(opened.run_id, {"type": "hello", "view": "test"})
    opened.until(lambda: opened.status)
    yield opened
    opened.press("reset")
    opened.until_state("idle")


def test_the_buttons_over_the_wire(page: Page) -> None:
    page.press("start")
    page.until(lambda: page.status["points"] > 20)
    page.press("pause")
    page.until_state("paused")
    held = page.status["points"]
    page.press("step")
    page.until(lambda: page.status["points"] > held)
    assert (page.status["state"], page.status["points"]) == ("paused", held + 1)
    page.press("resume")
    page.until(lambda: page.status["points"] > held + 10)
    page.press("stop")
    page.until_state("done")
    assert page.status["state_label"] == "Stopped"


def test_the_forms_over_the_wire(page: Page) -> None:
    page.edit("optimizer.lr", 0.02)
    page.say(page.panels_id, {"type": "open", "panel": "optimizer"})
    page.until(lambda: page.panel.get("id") == "optimizer")
    (section, _regularizers) = page.panel["sections"]
    assert section["fields"][0]["value"] == 0.02
    page.edit("optimizer.lr", "fast")
    page.until(lambda: page.panel["sections"][0]["fields"][0]["error"])
    page.edit("optimizer.lr", 0.001)
    page.until(lambda: not page.panel["sections"][0]["fields"][0]["error"])


def test_starts_in_a_race_make_one_trainer(page: Page) -> None:
    for _time in range(10):
        page.press("start")
    page.until(lambda: page.status["points"] > 20)
    count = "print(sum(t.name == 'trainlab' for t in threading.enumerate()))"
    assert page.execute(count).strip() == "1"


def test_garbage_breaks_nothing_and_is_not_worth_a_word(page: Page) -> None:
    page.press("start")
    page.until_state("running")
    page.complaints.clear()
    for content in GARBAGE:
        page.say(page.run_id, content)
        page.say(page.panels_id, content)
    answers = page.execute(
        "print(lab.experiment == tl.Experiment(training=lab.experiment.training))"
    )
    assert answers.strip() == "True"
    points = page.status["points"]
    page.until(lambda: page.status["points"] > points)
    assert page.status["state"] == "running"
    assert page.complaints == []


def test_traits_that_a_page_spoils_do_not_stop_the_run(page: Page) -> None:
    page.press("start")
    page.until_state("running")
    spoilt: list[dict[str, Any]] = [{"panel": 5}, {"panel": {}}, {"tabs": "x"}, {"header": None}]
    for state in spoilt:
        page.send(page.panels_id, {"method": "update", "state": state})
    page.send(page.run_id, {"method": "update", "state": {"words": 5, "nothing": 1}})
    page.send(page.run_id, {"method": "format the disk"})
    page.say(page.panels_id, {"type": "open", "panel": "train"})
    page.until(lambda: page.panel.get("id") == "train")
    points = page.status["points"]
    page.until(lambda: page.status["points"] > points)
    page.press("pause")
    page.until_state("paused")


def test_a_message_nested_without_end_is_survived(page: Page) -> None:
    nested = "[" * DEEP + "]" * DEEP
    data = {"method": "custom", "content": "NESTED"}
    text = json.dumps({"comm_id": page.run_id, "data": data})
    page.send_text(text.replace('"NESTED"', nested))
    page.press("step")
    page.until(lambda: page.status["points"] == 1)


def test_a_lab_hears_its_page_after_jupyterlab_was_reloaded(page: Page) -> None:
    page.subshell = page.control("create_subshell_request")["subshell_id"]
    page.say(page.panels_id, {"type": "open", "panel": "optimizer"})
    page.edit("optimizer.lr", "fast")
    page.until(lambda: page.panel.get("id") == "optimizer")
    page.until(lambda: page.panel["sections"][0]["fields"][0]["error"])
    page.press("start")
    page.until(lambda: page.status["error"])
    page.edit("optimizer.lr", 0.001)
    page.press("start")
    page.until(lambda: page.status["points"] > 20)
    page.control("delete_subshell_request", subshell_id=page.subshell)
    page.subshell = None
    page.press("pause")
    page.until_state("paused")
    page.say(page.panels_id, {"type": "open", "panel": "train"})
    page.until(lambda: page.panel.get("id") == "train")


def test_at_most_ten_messages_a_second(page: Page) -> None:
    page.press("start")
    page.until(lambda: page.status["points"] > 20)
    end, count = time.monotonic() + 3, 0
    while time.monotonic() < end:
        try:
            count += page.read(end)["msg_type"] == "comm_msg"
        except Empty:
            break
    assert 3 <= count <= 30
