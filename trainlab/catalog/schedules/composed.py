"""Composed schedules: one after the other, and two at once. The parts are torch's own schedulers."""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator
from torch.optim import Optimizer, lr_scheduler

from trainlab.catalog.schedules.base import (
    DOCS,
    FactorSchedule,
    Interval,
    PartSchedule,
    Plan,
    ScheduleChoice,
)
from trainlab.catalog.schedules.decays import Exponential
from trainlab.catalog.schedules.slopes import Cosine, Linear
from trainlab.choice import Card, Knob, OneOf

Make = Callable[[Optimizer], lr_scheduler.LRScheduler]
S = TypeVar("S", bound=ScheduleChoice)


def in_sequence(
    optimizer: Optimizer, first: Make, then: Make, at: int
) -> lr_scheduler.SequentialLR:
    """torch's SequentialLR of two: the second takes over after `at` moves."""
    return lr_scheduler.SequentialLR(optimizer, [first(optimizer), then(optimizer)], [at])


def at_once(optimizer: Optimizer, first: Make, second: Make) -> lr_scheduler.ChainedScheduler:
    """torch's ChainedScheduler of two: both factors act on the learning rate."""
    return lr_scheduler.ChainedScheduler([first(optimizer), second(optimizer)])


def _bare(part: S) -> S:
    if part.warmup or part.momentum_end is not None:
        raise ValueError("a part has no warm-up or momentum of its own: set them on the whole")
    return part


class Composed(ScheduleChoice):
    """Two schedules as one. It moves at every step if a part does; the other then counts in steps too."""

    @property
    def interval(self) -> Interval:  # type: ignore[override]
        """How often the faster of its parts moves."""
        return "step" if any(part.interval == "step" for part in self.parts()) else "epoch"

    def parts(self) -> list[ScheduleChoice]:
        """The schedules that it is made of."""
        return [value for value in self.__dict__.values() if isinstance(value, ScheduleChoice)]


class Sequential(Composed):
    """One schedule for the first epochs, then another that begins anew from the optimizer's rate."""

    kind: Literal["sequential"] = "sequential"
    first: Annotated[PartSchedule, OneOf(), AfterValidator(_bare)] = Knob(
        Linear(start_factor=0.1, end_factor=1.0), help="what it begins with"
    )
    then: Annotated[PartSchedule, OneOf(), AfterValidator(_bare)] = Knob(
        Cosine(), help="what takes over"
    )
    at: int = Knob(5, ge=1, le=100_000, unit="epochs", help="epochs until the second takes over")

    target = in_sequence
    card = Card(
        source="torch.optim.lr_scheduler.SequentialLR",
        url=DOCS + "SequentialLR.html",
        formula=r"$\eta_t = a_t\ (t < T_1);\quad b_{t - T_1}\ (t \geq T_1)$",
        use="A slow start before a decay; a decay before a fixed rate for averaging.",
        pitfalls="The second begins from the optimizer's own rate, wherever the first has left it: "
        "a jump where the two do not meet.",
    )

    def derived(self, plan: Plan) -> dict[str, Any]:
        """The parts, each with its own share of the run."""
        plan = replace(plan, by_step=self.interval == "step")
        return {
            "first": self.first.part(replace(plan, epochs=self.at)),
            "then": self.then.part(replace(plan, epochs=max(1, plan.epochs - self.at))),
            "at": self.at * plan.moves,
        }


class Chained(Composed):
    """Two schedules at once: the learning rate is multiplied by what both say."""

    kind: Literal["chained"] = "chained"
    first: Annotated[FactorSchedule, OneOf(), AfterValidator(_bare)] = Knob(
        Cosine(), help="one of the two"
    )
    second: Annotated[FactorSchedule, OneOf(), AfterValidator(_bare)] = Knob(
        Exponential(), help="the other"
    )

    target = at_once
    card = Card(
        source="torch.optim.lr_scheduler.ChainedScheduler",
        url=DOCS + "ChainedScheduler.html",
        formula=r"$\eta_t = \eta_0\cdot a_t\cdot b_t$",
        use="A smooth decay with drops of its own; a pause at a part of the rate before any decay.",
        pitfalls="Only schedules that multiply can be chained. A cosine with a low end other than zero "
        "does more than multiply: the other one lowers that end too.",
    )

    def derived(self, plan: Plan) -> dict[str, Any]:
        """Both parts, over the whole run."""
        plan = replace(plan, by_step=self.interval == "step")
        return {"first": self.first.part(plan), "second": self.second.part(plan)}
