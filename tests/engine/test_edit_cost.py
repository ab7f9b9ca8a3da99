"""What live edits cost: an edit a second may not slow a run."""

import time
from collections.abc import Callable
from queue import SimpleQueue
from statistics import median

import pytest

from trainlab import commands as cmd
from trainlab import events as ev
from trainlab.engine.trainer import Trainer
from trainlab.experiment import Experiment

Record = Callable[[str, object], None]
WINDOWS = 20


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
def test_an_edit_a_second_costs_at_most_three_percent(
    record_property: Record,
) -> None:
    """Seconds of processor time a step, in seconds with an edit and without, by turns."""
    training = {"epochs": 10_000, "threads": 1}
    trainer = Trainer(Experiment.from_data({"training": training}))
    inbox: cmd.Commands = SimpleQueue()
    costs: tuple[list[float], list[float]] = ([], [])
    steps = window = 0
    ends, busy = 0.0, 0.0
    for event in trainer.run(inbox):
        if isinstance(event, ev.Answered):
            assert event.applied, event.reason
        if not isinstance(event, ev.Steps):
            continue
        steps += len(event.loss)
        if time.monotonic() < ends:
            continue
        if ends and window > 2:  # the first ones warm up
            costs[window % 2].append((time.thread_time() - busy) / steps)
        window += 1
        if window == WINDOWS + 3:
            inbox.put(cmd.Stop())
        elif window % 2:
            inbox.put(edit(window // 2))
        steps, busy, ends = 0, time.thread_time(), time.monotonic() + 1
    plain, edited = map(median, costs)
    share = plain / edited
    record_property(
        "images/s with an edit a second, of those without (at least 0.97)", f"{share:.3f}"
    )
    assert share >= 0.97
