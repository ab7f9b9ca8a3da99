"""Schedules: how the learning rate moves during a run. Each is torch's own scheduler object."""

from trainlab.catalog.schedules.base import (
    Plan,
    ScheduleChoice,
    anneal_momentum,
    build_schedule,
    stepping,
    warmed_up,
)
from trainlab.catalog.schedules.composed import Chained, Sequential
from trainlab.catalog.schedules.cycles import Cyclic, OneCycle
from trainlab.catalog.schedules.decays import (
    Constant,
    Exponential,
    ExponentialTime,
    InverseTime,
    Multiplicative,
    MultiStep,
    Plateau,
    Step,
)
from trainlab.catalog.schedules.slopes import SWA, Cosine, Linear, Polynomial, WarmRestarts

# classes of torch.optim.lr_scheduler and swa_utils that are not offered, and why
EXCLUDED = {
    "LRScheduler": "the base class of the others",
    "_LRScheduler": "the old name of the base class",
}

__all__ = [
    "EXCLUDED",
    "SWA",
    "Chained",
    "Constant",
    "Cosine",
    "Cyclic",
    "Exponential",
    "ExponentialTime",
    "InverseTime",
    "Linear",
    "MultiStep",
    "Multiplicative",
    "OneCycle",
    "Plan",
    "Plateau",
    "Polynomial",
    "ScheduleChoice",
    "Sequential",
    "Step",
    "WarmRestarts",
    "anneal_momentum",
    "build_schedule",
    "stepping",
    "warmed_up",
]
