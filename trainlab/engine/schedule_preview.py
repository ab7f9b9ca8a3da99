"""The learning rate and momentum of a whole run, computed before it by the very objects that it steps."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import nn

from trainlab.catalog.optimizers import OptimizerChoice
from trainlab.catalog.schedules import Plan, ScheduleChoice, build_schedule, stepping


@dataclass(frozen=True)
class Preview:
    """What each step of a run will use: learning rates, and momenta or first betas (none: empty)."""

    lrs: tuple[float, ...]
    momenta: tuple[float, ...]


@lru_cache(maxsize=32)
def preview(optimizer: OptimizerChoice, schedule: ScheduleChoice, plan: Plan) -> Preview:
    """The learning rate and momentum of every step. Raises Problem where the schedule does not fit.

    What depends on the run's own validation loss (plateau) is shown as if it fell for ever.
    """
    stand_in = optimizer.build(type(optimizer).groups([nn.Parameter(torch.zeros(1))]))
    steps = build_schedule(schedule, stand_in, plan)
    stand_in.step(lambda: 0.0)  # nothing moves, but torch wants a step before the schedule's first
    group, lrs, momenta = stand_in.param_groups[0], [], []
    for step in range(1, plan.steps + 1):
        with stepping(schedule, stand_in, plan, step) as lr:
            lrs.append(lr)
            momenta.append(_momentum(group))
        if schedule.interval == "step":
            steps.step()
        elif step % plan.steps_per_epoch == 0:
            given = (-float(step),) if schedule.interval == "validation" else ()
            steps.step(*given)
    known = tuple(momentum for momentum in momenta if momentum is not None)
    return Preview(tuple(lrs), known)


def _momentum(group: dict[str, Any]) -> float | None:
    betas = group.get("betas")
    momentum: float | None = group.get("momentum", betas[0] if betas else None)
    return momentum
