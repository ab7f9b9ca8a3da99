"""python -m benchmarks.inspecting [--rounds N]: what looking into a run costs, a tier each.

What the looks of a training took, and the writing of their events as JSON, is compared with the time of all its
steps. So both are of the same seconds: on a machine that does other things as well, two trainings differ by more
than this measures. What a look leaves behind, such as caches of other contents, is not seen in that; so one
training is also looked into and left alone by turns, and its steps are timed. Writes benchmarks/inspecting.md.
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
from trainlab import commands as cmd
from trainlab import events as ev
from trainlab.engine.build import Parts
from trainlab.engine.probe import TIERS, Probe
from trainlab.engine.trainer import Trainer

RESULTS = Path(__file__).with_name("inspecting.md")
NONE = "none"
TURN = 3.0  # seconds with looks, or without
TURNS = 60


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


class Turning(Probe):
    """Looks in every other turn; `turns` has the seconds and steps of each."""

    def __init__(self) -> None:
        super().__init__()
        self.turns: list[list[float]] = []
        self._ends = 0.0

    @contextmanager
    def around(self, parts: Parts, step: int) -> Iterator[None]:
        """Take the step inside."""
        start = time.perf_counter()
        if start > self._ends:
            self.turns.append([0.0, 0.0])
            self._ends = start + TURN
        if len(self.turns) % 2:
            yield
        else:
            with super().around(parts, step):
                yield
        self.turns[-1][0] += time.perf_counter() - start
        self.turns[-1][1] += 1


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
    lines += [
        "",
        f"Steps a second in {TURN:g} s with the usual looks over those in the {TURN:g} s before without, of one",
        "training (some more looks than usual: each turn begins with one); in brackets the middle half:",
        "",
        *(by_turns(workload) for workload in (W1, W2)),
    ]
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


def by_turns(workload: Workload) -> str:
    """How much of the speed is left in seconds with looks, against seconds without."""
    training = workload.experiment.training.but(threads=1, epochs=10_000)
    trainer = Trainer(workload.experiment.but(training=training))
    probe = trainer.probe = Turning()
    inbox: cmd.Commands = SimpleQueue()
    for event in trainer.run(inbox):
        start = time.perf_counter()
        if isinstance(event, ev.Probed | ev.Pictured | ev.Fixed):
            ev.to_json(event)
            probe.turns[-1][0] += time.perf_counter() - start
        elif len(probe.turns) == TURNS + 3:
            inbox.put(cmd.Stop())
    paces = [steps / spent for spent, steps in probe.turns[2 : TURNS + 2]]  # the first warm up
    ratios = [looked / left for left, looked in zip(paces[::2], paces[1::2], strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    return f"- {workload.name}: {middle:.4f} ({low:.4f} .. {high:.4f}, {len(ratios)} pairs)"


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
