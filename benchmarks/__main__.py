"""python -m benchmarks [--rounds N] [--no-variants]: the lab with its page open against a loop by hand.

With --augmentation: batched augmentation against one image at a time (benchmarks/augmentation.md).

Starts the page on Voilà, opens it in a real browser, and has its kernel train by hand and in the lab
in turn. Prints a table, and writes it to benchmarks/results.md.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from playwright.sync_api import Page, sync_playwright

from benchmarks import augmentation
from tests.browser.conftest import ARGUMENTS, WIDE
from tests.browser.servers import plain_voila

RESULTS = Path(__file__).with_name("results.md")
PATIENCE = 3600.0  # seconds for all rounds


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-variants", action="store_true", help="float32 only: quick")
    parser.add_argument("--augmentation", action="store_true", help="measure that instead")
    options = parser.parse_args()
    if options.augmentation:
        print(augmentation.measure(options.rounds))
        return 0
    with tempfile.TemporaryDirectory(prefix="trainlab-bench-") as folder:
        rows = _measured(Path(folder), options.rounds, not options.no_variants)
    table = render(rows)
    print(table)
    RESULTS.write_text(table, encoding="utf-8")
    return 0


def render(rows: list[dict[str, Any]]) -> str:
    """The table in Markdown: medians, with the smallest and the largest ratio."""
    lines = [
        "# Speed: the lab with its page open against a loop written by hand",
        "",
        "`python -m benchmarks`: images/s of training with validation, by hand (a DataLoader over",
        "tensors, `.item()` a step) and in the lab in turn, in the page's own kernel with the page open",
        "in Chromium. Each ratio is of two trainings next to each other; medians over the rounds.",
        "",
        f"{_machine()}",
        "",
        "| workload | by hand | lab | ratio | least .. most | goal | accuracy by hand / lab |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in dict.fromkeys(row["name"] for row in rows):
        some = [row for row in rows if row["name"] == name]
        goal = "–" if some[0]["goal"] is None else f"{some[0]['goal']:.2f}"
        numbers = ("by_hand", "lab", "ratio", "accuracy_by_hand", "accuracy_lab")
        middle = {key: statistics.median(row[key] for row in some) for key in numbers}
        ratios = [row["ratio"] for row in some]
        lines.append(
            f"| {name} | {middle['by_hand']:,.0f} | {middle['lab']:,.0f} | {middle['ratio']:.2f} "
            f"| {min(ratios):.2f} .. {max(ratios):.2f} | {goal} "
            f"| {middle['accuracy_by_hand']:.3f} / {middle['accuracy_lab']:.3f} |"
        )
    return "\n".join(lines) + "\n"


def _machine() -> str:
    bf16 = "with" if torch.cpu._is_avx512_bf16_supported() else "without"
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, {bf16} native bfloat16, Python "
        f"{platform.python_version()}, torch {torch.__version__}, one intra-op thread a core but one."
    )


def _measured(folder: Path, rounds: int, variants: bool) -> list[dict[str, Any]]:
    """Open the page of a notebook that measures, and wait for what it finds."""
    out, root = folder / "rows.json", str(Path(__file__).parents[1])
    source = f"import sys\nsys.path.insert(0, {root!r})\nfrom benchmarks.in_kernel import measure\n"
    source += f"measure({str(out)!r}, {rounds}, {variants})"
    with plain_voila(folder, source) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_browser(), args=ARGUMENTS)
        page = browser.new_page(viewport=WIDE)
        page.goto(server.address, timeout=120_000)
        page.wait_for_selector(".tl-run", timeout=120_000)
        _wait(page, out)
        browser.close()
    rows: list[dict[str, Any]] = json.loads(out.read_text())
    return rows


def _wait(page: Page, out: Path) -> None:
    """Until the kernel is done; the page must have drawn what was trained."""
    end = time.monotonic() + PATIENCE
    while not out.exists():
        if time.monotonic() > end:
            raise TimeoutError("the measurements did not end")
        page.wait_for_timeout(500)
    name = page.locator(".tl-plots").get_attribute("aria-label") or ""
    if " points" not in name or "No points" in name:
        raise RuntimeError(f"the page drew nothing: {name!r}")


def _browser() -> str:
    found = os.environ.get("TRAINLAB_CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "google-chrome", "chromium-browser"))), None
    )
    if not found:
        raise SystemExit("no Chromium found: install it, or name it in TRAINLAB_CHROMIUM")
    return found


if __name__ == "__main__":
    sys.exit(main())
