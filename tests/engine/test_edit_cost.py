"""What live edits cost: an edit a second may not slow a run."""

import time
from collections.abc import Callable
from queue import SimpleQueue
from statistics import median

import pytest

from tests.clock import THERE, yardstick
from trainlab import commands as cmd
from trainlab import events as ev
from trainlab.engine.trainer import Trainer
from trainlab.experiment import Experiment

Record = Callable[[str, object], None]
WINDOWS = 12


def edit(number: int) -> cmd.Edit:
    """One after the other: a factor on the schedule, the loss, the network, the optimizer, the schedule anew."""
    much = 1 + number % 7
    changes = (
        {"optimizer.lr": 2e-4 * much},
        {"loss.label_smoothing": 0.01 * much},
        {"model.dropout": 0.05 * much},
        {"optimizer.weight_decay": 0.01 * much},
        {"training.epochs": 10_000 - much},
    )
    return cmd.Edit(changes[number % len(changes)])


@pytest.mark.alone
def test_an_edit_a_second_costs_at_most_three_percent(record_property: Record) -> None:
    """Processor time, in seconds with some ten edits and without, by turns: what each one adds."""
    training = {"epochs": 10_000, "threads": 1}
    trainer = Trainer(Experiment.from_data({"training": training}))
    inbox: cmd.Commands = SimpleQueue()
    plain, edited = list[float](), list[tuple[float, int, int]]()
    steps = edits = window = 0
    ends, busy, unit = 0.0, 0.0, yardstick(time.thread_time)
    for event in trainer.run(inbox):
        if isinstance(event, ev.Answered):
            assert event.applied, event.reason
            edits += 1
        if not isinstance(event, ev.Steps):
            continue
        steps += len(event.loss)
        if time.monotonic() < ends:
            if window % 2:
                inbox.put(edit(edits))
            continue
        spent, before, unit = time.thread_time() - busy, unit, yardstick(time.thread_time)
        spent *= 2 * THERE / (before + unit)  # seconds of the machine that limits are set on
        if edits and window > 2:  # the first ones warm up
            edited.append((spent, steps, edits))
        elif window > 2:
            plain.append(spent / steps)
        window += 1
        if window == WINDOWS + 3:
            inbox.put(cmd.Stop())
        steps, edits, busy, ends = 0, 0, time.thread_time(), time.monotonic() + 1
    step = median(plain)
    each = median((spent - step * steps) / edits for spent, steps, edits in edited)
    record_property("an edit takes, ms of processor (at most 30)", round(1000 * each, 1))
    assert 0 < each <= 0.03
