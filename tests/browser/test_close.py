"""Pages of the app that go away: whatever way they went, no kernel is left behind, and a run is kept."""

import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Page, WebSocketRoute

from tests.browser import servers
from tests.browser.lab_page import (
    LabPage,
    NewPage,
    Watch,
    recorded,
    recorded_states,
    recorded_steps,
)
from tests.browser.servers import Server
from trainlab.runs import load_run

pytestmark = [pytest.mark.browser, pytest.mark.alone]
PATIENCE = 6.0  # seconds without a page until a run is paused; as many again until all ends
SLACK = 8.0  # seconds that looking, saving and ending may take on a busy machine


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("close")
    with servers.voila(folder, "--unwatched", str(PATIENCE)) as server:
        yield server
        said = (folder / "server.log").read_text(encoding="utf-8")
        assert not re.search("Traceback|restart|encryption", said), said


class Line:
    """The connection of a page to its kernel, which can be cut without a word to the page.

    Once mended it brings nothing of what widgets sent while it was cut.
    """

    def __init__(self, page: Page) -> None:
        self._whole, self._ends, self._mended = True, list[WebSocketRoute](), ""
        page.route_web_socket("**/channels*", self._connect)

    def _connect(self, page_end: WebSocketRoute) -> None:
        self._ends = [page_end]
        if self._whole:
            self._ends.append(page_end.connect_to_server())
            self._ends[1].on_message(self._pass_on)

    def _pass_on(self, message: str | bytes) -> None:
        data = message.encode() if isinstance(message, str) else message
        sent = re.search(rb'"date": ?"([^"]+)"', data)
        late = sent and sent[1].decode()[:19] < self._mended
        if not (late and b"comm_msg" in data):
            self._ends[0].send(message)

    def cut(self) -> None:
        self._whole = False
        self._ends[1].close()

    def mend(self) -> None:
        self._whole, self._mended = True, datetime.now(UTC).isoformat()[:19]
        self._ends[0].close()  # the page notices, and connects again


def kernel_of_a_new_page(server: Server, page: Page) -> tuple[LabPage, psutil.Process]:
    before = server.kernels()
    lab = LabPage(page, Watch(page))
    lab.goto(server.address)
    (kernel,) = [kernel for kernel in server.kernels() if kernel not in before]
    return lab, kernel


def train(lab: LabPage) -> None:
    lab.set("Train", "training.epochs", "5000")
    lab.press("Start")
    lab.until_points(20)


def saved_step(run: Path) -> int:
    """The step of a run's newest checkpoint."""
    return max(int(event["step"]) for event in recorded(run) if event["event"] == "Saved")


def until(condition: Callable[[], bool], seconds: float) -> float:
    """Wait for a condition; how long it took."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() < start + seconds, f"it did not come in {seconds} s"
        time.sleep(0.1)
    return time.monotonic() - start


def test_a_closed_page_ends_its_run_saved_and_its_kernel_while_a_frozen_one_goes_on(
    impatient: Server, new_page: NewPage
) -> None:
    with new_page() as page:
        frozen, frozen_kernel = kernel_of_a_new_page(impatient, page)
        train(frozen)
        frozen_run = impatient.newest_run()
        chrome = page.context.new_cdp_session(page)
        chrome.send("Page.setWebLifecycleState", {"state": "frozen"})
        with new_page() as closed:
            lab, kernel = kernel_of_a_new_page(impatient, closed)
            train(lab)
            run = impatient.newest_run()
        until(lambda: recorded_states(run)[-1] == "paused", PATIENCE + SLACK)
        until(lambda: saved_step(run) == recorded_steps(run), SLACK)
        held = recorded_steps(run)
        until(lambda: not kernel.is_running(), PATIENCE + SLACK)
        assert recorded_steps(run) == held, "it went on while it was paused"
        assert recorded_states(run)[-3:] == ["paused", "stopping", "done"]
        assert load_run(run).state == "done"
        chrome.send("Page.setWebLifecycleState", {"state": "active"})
        frozen.until_points(recorded_steps(frozen_run))
        assert recorded_states(frozen_run)[-1] == "running"
        assert frozen_kernel.is_running()


def test_a_page_that_comes_back_finds_its_run_and_why_it_waits(
    impatient: Server, new_page: NewPage
) -> None:
    with new_page() as page:
        line = Line(page)
        lab, kernel = kernel_of_a_new_page(impatient, page)
        train(lab)
        line.cut()
        run = impatient.newest_run()
        until(lambda: recorded_states(run)[-1] == "paused", PATIENCE + SLACK)
        time.sleep(1)  # the date of a message is compared to the second
        line.mend()
        lab.until_state("paused")
        lab.until("el => el.querySelector('.tl-message').textContent.startsWith('Nobody')")
        lab.press("Resume")
        lab.until_points(lab.points + 20)
        assert kernel.is_running()


def test_no_page_leaves_a_kernel_behind(impatient: Server, new_page: NewPage) -> None:
    before, seen = set(impatient.kernels()), set[psutil.Process]()
    with new_page() as page, new_page() as broken:
        lab, kernel = kernel_of_a_new_page(impatient, page)
        train(lab)
        page.reload()
        lab.wait()
        seen |= {kernel, *impatient.kernels()}
        broken.route("**/*.js", lambda route: route.abort())  # no widget is ever loaded
        broken.goto(impatient.address)
        seen |= {*impatient.kernels()}
        broken.request.get(impatient.address)  # no page at all
        seen |= {*impatient.kernels()}
    assert len(seen - before) == 4
    until(lambda: not set(impatient.kernels()) - before, 2 * PATIENCE + SLACK)


def test_only_the_printed_address_opens_the_lab(impatient: Server, new_page: NewPage) -> None:
    plain = impatient.address.partition("?")[0]
    before = len(impatient.kernels())
    with new_page() as page:
        page.goto(plain)
        assert "/login" in page.url
        page.goto(f"{plain}?token=guess")
        assert "/login" in page.url
    for path in ("api/kernels/00000000-0000-0000-0000-000000000000", "voila/files/lab.ipynb"):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(plain + path)  # noqa: S310 (our own address)
    assert len(impatient.kernels()) == before
    arguments = [
        " ".join(p.cmdline())
        for p in (impatient.process, *impatient.process.children(recursive=True))
    ]
    assert not any(impatient.address.partition("token=")[2] in line for line in arguments)
