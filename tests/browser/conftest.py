"""A real browser, and the servers it looks at."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from tests.browser import servers
from tests.browser.lab_page import PATIENCE, LabPage, NewPage, Watch
from tests.browser.servers import Server

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]  # fmt: skip
WIDE = ViewportSize(width=1600, height=1000)
# As long as `until` waits; how quick the page is, test_live.py measures.
expect.set_options(timeout=PATIENCE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What measures how quickly the page answers comes first: no kernel of another test is left by then."""
    items.sort(key=lambda item: item.path.name != "test_live.py")


@pytest.fixture(
    scope="session"
)  # it keeps an event loop running: other tests run in another process
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def new_page(browser: Browser) -> NewPage:
    """Opens pages in a context of their own: `with new_page(width=900) as page`."""

    @contextmanager
    def opened(**options: Any) -> Iterator[Page]:
        context = browser.new_context(**{"viewport": WIDE, **options})
        yield context.new_page()
        context.close()

    return opened


@pytest.fixture(scope="session")
def voila(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with servers.voila(tmp_path_factory.mktemp("voila")) as server:
        yield server


@pytest.fixture(scope="session")
def jupyterlab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with servers.jupyterlab(tmp_path_factory.mktemp("jupyterlab")) as server:
        yield server


@pytest.fixture(scope="module")
def opened(new_page: NewPage, voila: Server) -> Iterator[LabPage]:
    """The lab under Voilà, opened once for all tests of a module."""
    with new_page() as page:
        lab = LabPage(page, Watch(page))
        lab.goto(voila.address)
        yield lab


@pytest.fixture
def lab(opened: LabPage, voila: Server) -> Iterator[LabPage]:
    """The lab under Voilà with an empty chart. Its console and its requests have to be clean."""
    opened.clear()
    yield opened
    opened.clear()
    assert opened.watch.errors == []
    assert opened.watch.foreign(voila.address) == []
