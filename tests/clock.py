"""How long something takes, in seconds of the quiet machine that the limits were set on.

What slows this one, its age or a neighbour, slows a yardstick too; it is measured by turns with the work.
"""

import json
import time
from collections.abc import Callable

import numpy as np
import torch

Clock = Callable[[], float]
THERE = 0.025  # seconds that the yardstick took on that machine


def seconds(
    work: Callable[[], object], times: int = 1, clock: Clock = time.process_time
) -> list[float]:
    """How long a piece of work takes, each time that it is done; no machine counts as quicker than that one."""
    found, before = [], yardstick(clock)
    for _time in range(times):
        start = clock()
        work()
        spent, after = clock() - start, yardstick(clock)
        found.append(spent / max(1.0, (before + after) / 2 / THERE))
        before = after
    return found


def yardstick(clock: Clock = time.process_time) -> float:
    """Seconds for what the lab's own work is made of: objects, text, arithmetic, torch on few numbers."""
    start = clock()
    rows = [{"step": step, "loss": 2.3 / (step + 1), "name": f"run {step}"} for step in range(3000)]
    np.array([len(row["name"]) * row["loss"] for row in json.loads(json.dumps(rows))])
    numbers = np.arange(40_000.0)
    for _again in range(60):
        numbers = np.sqrt(numbers * numbers + 1)
    weights = torch.zeros(64)
    for _again in range(1000):
        weights.mul_(0.9).add_(1)
    return clock() - start
