"""Stepping: the learning rate and the momentum of one optimizer step, on top of torch's schedule."""

from collections.abc import Iterator
from contextlib import contextmanager

from trainlab.catalog.schedules import anneal_momentum, warmed_up
from trainlab.engine.build import Parts
from trainlab.experiment import Experiment


@contextmanager
def stepping(experiment: Experiment, parts: Parts, step: int) -> Iterator[float]:
    """Within: the optimizer is as this step (from 1) wants it; gives the learning rate."""
    schedule, start = experiment.schedule, experiment.optimizer.first_momentum()
    if schedule.momentum_end is not None and start is not None:
        progress = (step - 1 + parts.ahead) / max(1, parts.plan.steps - 1)
        anneal_momentum(parts.optimizer, start, schedule.momentum_end, progress)
    factor = experiment.optimizer.lr / parts.plan.lr  # edited since the schedule was made
    with warmed_up(parts.optimizer, step, schedule.warmup, factor):
        yield parts.optimizer.param_groups[0]["lr"]
