"""One view of the lab in a browser page, in the words of its user; and all that the page said and asked for."""

import json
import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Locator, Page, WebSocket
from playwright.sync_api import TimeoutError as Late

NewPage = Callable[..., AbstractContextManager[Page]]
Record = Callable[[str, object], None]
PATIENCE = 30_000  # ms
STATUS = ".tl-status"
# What a person would see of a view, and what its boxes hold.
SEEN = """index => {
  const el = document.querySelectorAll(".tl-lab")[index] ?? document.body;
  const boxes = [...el.querySelectorAll(".tl-field")].map(field =>
    `${field.dataset.path} = ${field.querySelector("input, select")?.value}`);
  return [el.innerText.slice(0, 2000), ...boxes].join("\\n"); }"""
# Voilà's page and the widgets it loads were built against other minor versions of each other.
HARMLESS = re.compile(r"Unsatisfied version|No satisfying version|favicon\.ico")


class Watch:
    """What a page wrote to its console, which hosts it asked, and which comm messages it received."""

    def __init__(self, page: Page) -> None:
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.comm_messages = 0
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.errors.append(f"uncaught: {error}"))
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("websocket", self._listen)

    def foreign(self, address: str) -> list[str]:
        """Requests to other hosts than the server's."""
        here = urlsplit(address).netloc
        inline = ("data", "blob", "about")
        parts = [(urlsplit(url), url) for url in self.requests]
        return [url for part, url in parts if part.scheme not in inline and part.netloc != here]

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not HARMLESS.search(message.text + str(message.location)):
            self.errors.append(f"{message.text} ({message.location.get('url')})")

    def _listen(self, socket: WebSocket) -> None:
        self.requests.append(socket.url.replace("ws:", "http:").replace("wss:", "https:"))
        socket.on("framereceived", self._count)

    def _count(self, payload: str | bytes) -> None:
        data = payload.encode() if isinstance(payload, str) else payload
        self.comm_messages += bool(re.search(rb'"msg_type": ?"comm_msg"', data))


class LabPage:
    """The lab's view number `index` in a page."""

    def __init__(self, page: Page, watch: Watch, index: int = 0) -> None:
        self.page, self.watch, self.index = page, watch, index
        self.root = page.locator(".tl-lab").nth(index)
        self.opening = 0.0  # seconds from the address to the first widget

    def goto(self, address: str) -> None:
        """Open the lab's own page, and note how long its first widget takes."""
        start = time.perf_counter()
        self.page.goto(address, wait_until="commit")
        self.wait()
        self.opening = time.perf_counter() - start

    def wait(self, timeout: float = PATIENCE) -> None:
        """Until it is there and its buttons can be pressed."""
        self.until("el => el.querySelector('.tl-buttons button:not([disabled])')", timeout=timeout)

    def until(self, condition: str, *args: Any, timeout: float = PATIENCE) -> None:
        """Wait until a function of the view's element, as it is then, and of `args`, is true."""
        script = f"""([index, args]) => {{ const el = document.querySelectorAll(".tl-lab")[index];
            return el && ({condition})(el, ...args); }}"""
        try:
            self.page.wait_for_function(script, arg=[self.index, list(args)], timeout=timeout)
        except Late as error:
            page = self.page.evaluate(SEEN, self.index)
            raise AssertionError(
                f"{condition} {args}: never.\n{self.watch.errors}\n{page}"
            ) from error

    # ------------------------------------------------------------------------------- the run

    def button(self, name: str) -> Locator:
        return self.root.get_by_role("button", name=name, exact=True)

    def press(self, name: str) -> None:
        self.button(name).click()

    def first_point(self) -> float:
        """Press Start, and wait for a point on the chart; the seconds that it took."""
        start = time.perf_counter()
        self.press("Start")
        self.until_points(1)
        return time.perf_counter() - start

    @property
    def state(self) -> str:
        return self.root.locator(STATUS).get_attribute("data-state") or ""

    def items(self) -> dict[str, str]:
        """The parts of the status line by name, such as "step"."""
        script = """els => Object.fromEntries(els.map(
            el => [el.dataset.name, el.querySelector(".tl-item-value").textContent]))"""
        found: dict[str, str] = self.root.locator(f"{STATUS} .tl-item").evaluate_all(script)
        return found

    @property
    def step(self) -> int:
        return int(self.items()["step"].replace(",", ""))

    @property
    def summary(self) -> str:
        """The chart's accessible name."""
        return self.root.locator(".tl-plots").get_attribute("aria-label") or ""

    @property
    def points(self) -> int:
        found = re.search(r"(\d+) points", self.summary)
        return int(found[1]) if found else 0

    def until_state(self, *states: str, timeout: float = PATIENCE) -> None:
        condition = f"(el, ...s) => s.includes(el.querySelector('{STATUS}').dataset.state)"
        self.until(condition, *states, timeout=timeout)

    def until_points(self, count: int, timeout: float = PATIENCE) -> None:
        """Wait for this many points on the chart; 0 waits for an empty one."""
        name = "(el.querySelector('.tl-plots').getAttribute('aria-label') ?? '')"
        number = f"Number({name}.match(/(\\d+) points/)?.[1] ?? 0)"
        condition = f"(el, n) => n ? {number} >= n : {number} === 0"
        self.until(condition, count, timeout=timeout)

    def clear(self) -> None:
        """Back to an empty chart, whatever was going on."""
        self.until_state("idle", "running", "paused", "done", "failed")  # a run may be beginning
        if self.button("Stop").is_enabled():
            self.press("Stop")
            self.until_state("idle", "done", "failed")
        if self.button("Reset").is_enabled():
            self.press("Reset")
        self.until_state("idle")
        self.until_points(0)

    # ----------------------------------------------------------------------------- the forms

    def tab(self, name: str) -> Locator:
        return self.root.get_by_role("tab", name=name, exact=True)

    def open(self, name: str) -> None:
        """Open a panel, and wait for it."""
        self.tab(name).click()
        self.until("(el, n) => el.querySelector('.tl-panel h2')?.textContent === n", name)

    def field(self, path: str) -> Locator:
        return self.root.locator(f'.tl-field[data-path="{path}"]')

    def box(self, path: str) -> Locator:
        """The text box of a field."""
        return self.field(path).locator("input[type=text]").first

    def type(self, path: str, text: str) -> None:
        """Type into a field's box, and leave it."""
        self.box(path).fill(text)
        self.box(path).press("Enter")

    def set(self, panel: str, path: str, text: str) -> None:
        """Type a value, and wait until it was taken."""
        self.open(panel)
        self.type(path, text)
        self.until_value(path, text)

    def until_value(self, path: str, text: str) -> None:
        """Wait for a box that shows this and is not refused."""
        self.until(
            """(el, path, text) => { const input = el.querySelector(
            `.tl-field[data-path="${path}"] input[type=text]`);
            return input?.value === text && !input.getAttribute("aria-invalid"); }""",
            path, text,
        )  # fmt: skip

    def until_refused(self, path: str) -> str:
        """Wait until a field says that its value is refused; the reason."""
        self.until(
            """(el, path) => el.querySelector(`.tl-field[data-path="${path}"] [aria-invalid=true]`)""",
            path,
        )
        return self.field(path).locator(".tl-error").inner_text()

    def choose(self, section: str, label: str) -> None:
        """Choose from a section's menu, by what it shows."""
        menu = self.root.locator(
            f'.tl-section[data-path="{section}"] > .tl-form select.tl-select'
        ).first
        menu.select_option(label=label)

    def picture(self, title: str) -> str:
        """What a picture of the open panel shows: an image's data, or the drawing's text."""
        figure = self.root.locator(".tl-picture", has=self.page.get_by_role("heading", name=title))
        script = "el => el.querySelector('img')?.src ?? el.querySelector('svg')?.outerHTML ?? ''"
        return str(figure.evaluate(script))

    def until_picture_changes(self, title: str, before: str) -> None:
        self.until(
            """(el, title, before) => { const figure = [...el.querySelectorAll(".tl-picture")]
            .find(f => f.querySelector("h3")?.textContent === title);
            const now = figure?.querySelector("img")?.src ?? figure?.querySelector("svg")?.outerHTML;
            return now && now !== before; }""",
            title, before,
        )  # fmt: skip


def recorded(run: Path) -> list[dict[str, Any]]:
    """The events of a run as they are on disk now."""
    lines = (run / "events.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def recorded_steps(run: Path) -> int:
    """How many steps a run has on disk."""
    return sum(len(event["loss"]) for event in recorded(run) if event["event"] == "Steps")


def recorded_states(run: Path) -> list[str]:
    return [event["state"] for event in recorded(run) if event["event"] == "Changed"]
