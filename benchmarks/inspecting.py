"""python -m benchmarks.inspecting [--rounds N]: what looking into a run costs, a tier each.

What the looks of a training took, and the writing of their events as JSON, is compared with the time of all its
steps. So both are of the same seconds: on a machine that does other things as well, two trainings differ by more
than this measures. Writes benchmarks/inspecting.md.
"""

import argparse
import os
import platform
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

import torch

from benchmarks.workloads import W1, W2, Workload
from trainlab import events as ev
from trainlab.engine.build import Parts
from trainlab.engine.probe import TIERS, Probe
from trainlab.engine.trainer import Trainer

RESULTS = Path(__file__).with_name("inspecting.md")
NONE = "none"


class Timed(Probe):
    """Adds up the seconds of all steps; with `shut` it looks into none."""

    def __init__(self, shut: bool) -> None:
        super().__init__()
        self.shut = shut
        self.whole = 0.0

    @contextmanager
    def around(self, parts: Parts, step: int) -> Iterator[None]:
        """Take the step inside."""
        start = time.perf_counter()
        if self.shut:
            yield
        else:
            with super().around(parts, step):
                yield
        self.whole += time.perf_counter() - start


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.inspecting", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    lines = [
        "# What looking into a run costs",
        "",
        "`python -m benchmarks.inspecting`: the share of a training's speed that is left, by the time of its looks,",
        "written as JSON, over that of all its steps. The first look, which calls everything for the first time, is",
        "counted. One intra-op thread; medians over the rounds.",
        "",
        _machine(rounds),
        "",
        "| workload | tier | speed left | least .. most | looks | ms each | kB recorded | same weights |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for workload in (W1, W2):
        lines += rows(workload, rounds)
    table = "\n".join(lines) + "\n"
    print(table)
    RESULTS.write_text(table, encoding="utf-8")
    return 0


def _machine(rounds: int) -> str:
    versions = f"Python {platform.python_version()}, torch {torch.__version__}"
    load = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before"
    return f"{platform.machine()}, {versions}, {rounds} rounds, {load}."


def rows(workload: Workload, rounds: int) -> list[str]:
    """A row of the table for each tier."""
    alone = measured(workload, NONE)[-1]
    found: dict[str, list[tuple[float, float, float, float, str]]] = {tier: [] for tier in TIERS}
    for _round in range(rounds):
        for tier in TIERS:
            found[tier].append(measured(workload, tier))
    lines = []
    for tier, all_rounds in found.items():
        left, looks, each, size = ([float(one[place]) for one in all_rounds] for place in range(4))
        same = {one[-1] for one in all_rounds} == {alone}
        lines.append(
            f"| {workload.name} | {tier} | {statistics.median(left):.4f} | {min(left):.4f} .. {max(left):.4f} "
            f"| {statistics.median(looks):.0f} | {statistics.median(each):.1f} | {statistics.median(size):.0f} "
            f"| {'yes' if same else 'NO'} |"
        )
    return lines


def measured(workload: Workload, tier: str) -> tuple[float, float, float, float, str]:
    """The share of the speed that is left, looks, milliseconds of one, kB of them all, hash of the weights."""
    training = workload.experiment.training.but(threads=1)
    trainer = Trainer(workload.experiment.but(training=training))
    probe = trainer.probe = Timed(shut=tier == NONE)
    if tier != NONE:
        probe.inspect(tier, 0)
    costs, writing, size, sha = list[float](), 0.0, 0, ""
    for event in trainer.run(SimpleQueue()):
        start = time.perf_counter()
        written = len(ev.to_json(event))
        match event:
            case ev.Probed():
                costs.append(event.seconds + time.perf_counter() - start)
                size += written
            case ev.Pictured() | ev.Fixed():
                writing += time.perf_counter() - start
                size += written
            case ev.Finished():
                sha = event.weights_sha256
    looks, spent = len(costs), sum(costs) + writing
    return (
        1 - spent / (probe.whole + writing),
        looks,
        1000 * spent / max(1, looks),
        size / 1000,
        sha,
    )


if __name__ == "__main__":
    sys.exit(main())
