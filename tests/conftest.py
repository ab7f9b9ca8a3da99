"""What every test can ask for. Nothing here imports torch: many tests need none."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from hypothesis import settings

PROJECT = Path(__file__).resolve().parents[1]

# One intra-op thread: exact comparisons, and no fight for cores. Set before anything imports torch.
os.environ["OMP_NUM_THREADS"] = "1"

# A quick run draws the same examples each time; a long one always new ones.
settings.register_profile("quick", deadline=None, derandomize=True)
settings.register_profile("long", deadline=None, max_examples=200)
settings.load_profile("quick")


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Give torch back one thread, whatever the test before left."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)


@pytest.fixture(scope="session")
def project() -> Path:
    """The folder of the checkout."""
    return PROJECT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real data sets beside the checkout."""
    folder = PROJECT.parent / "shared"
    if not (folder / "data").is_dir():
        pytest.skip("no ../shared/data beside the checkout")
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """The system's browser. Where there is none the test skips, or fails if one is required."""
    names = (os.environ.get("TRAINLAB_CHROMIUM"), "chromium", "google-chrome", "chromium-browser")
    for name in names:
        if name and (found := shutil.which(name)):
            return found
    if os.environ.get("TRAINLAB_REQUIRE_BROWSER") == "1":
        pytest.fail("TRAINLAB_REQUIRE_BROWSER=1, and there is no Chromium on PATH")
    pytest.skip("no Chromium on PATH, and TRAINLAB_CHROMIUM names none")


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """An empty folder for runs."""
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the tests measured, passed or failed."""
    reports = [*terminalreporter.stats.get("passed", ()), *terminalreporter.stats.get("failed", ())]
    measured = [entry for report in reports for entry in getattr(report, "user_properties", ())]
    if measured:
        terminalreporter.section("measured")
        for name, value in measured:
            terminalreporter.line(f"{name}: {value}")
