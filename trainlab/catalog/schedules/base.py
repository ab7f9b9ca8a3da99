"""What schedules share: the plan of a run, the contract, warm-up and the way of momentum."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal

import torch

from trainlab.choice import Choice, Knob
from trainlab.errors import Problem
from trainlab.text import _

DOCS = "https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler."
Interval = Literal["step", "epoch", "validation"]


@dataclass(frozen=True)
class Plan:
    """What a schedule needs to know of its run.

    Args:
        epochs: how many it has.
        steps_per_epoch: optimizer steps in each.
        lr: the learning rate it starts from.
        momentum: the optimizer's momentum, or first beta; None where it has none.
        by_step: whether a schedule that counts epochs is moved after every step all the same.
        ahead: steps by which it is ahead of the run's own count, where an edit changed the length.
    """

    epochs: int
    steps_per_epoch: int
    lr: float
    momentum: float | None = 0.0
    by_step: bool = False
    ahead: int = 0

    @property
    def steps(self) -> int:
        """Optimizer steps of the whole run."""
        return self.epochs * self.steps_per_epoch

    @property
    def moves(self) -> int:
        """How often in an epoch a schedule is moved that counts epochs."""
        return self.steps_per_epoch if self.by_step else 1


@contextmanager
def warmed_up(
    optimizer: torch.optim.Optimizer, step: int, warmup: int, factor: float = 1.0
) -> Iterator[None]:
    """Within: the learning rates times `factor`, and for the first steps of a run times step / warmup."""
    lrs = [group["lr"] for group in optimizer.param_groups]
    for group in optimizer.param_groups:
        group["lr"] *= factor * min(1.0, step / max(1, warmup))
    try:
        yield
    finally:
        for group, lr in zip(optimizer.param_groups, lrs, strict=True):
            group["lr"] = lr


def anneal_momentum(
    optimizer: torch.optim.Optimizer, start: float, end: float, progress: float
) -> None:
    """Set momentum, or the first beta, on the way from `start` to `end`; progress runs from 0 to 1."""
    value = start + (end - start) * progress
    for group in optimizer.param_groups:
        if "momentum" in group:
            group["momentum"] = value
        else:
            group["betas"] = (value, *group["betas"][1:])


class ScheduleChoice(Choice):
    """A class of torch.optim.lr_scheduler: `target(optimizer, **fields, **derived)`.

    `interval` says when it moves: after every step, every epoch, or every validation (with its loss).
    """

    warmup: int = Knob(
        0,
        ge=0,
        le=100_000,
        unit="steps",
        help="steps over which the lr first rises, times 1/n .. n/n",
    )
    momentum_end: float | None = Knob(
        None,
        ge=0,
        lt=1,
        help="where momentum (or the first beta) moves to over the run; auto: stays",
    )
    engine_fields = ("warmup", "momentum_end")
    interval: ClassVar[Interval] = "epoch"

    def derived(self, plan: Plan) -> dict[str, Any]:
        """The arguments that follow from the run: its length, and how often the schedule is moved."""
        return {}

    def part(self, plan: Plan) -> partial[Any]:
        """What makes torch's scheduler once it is given the optimizer."""
        return partial(type(self).target, **self.arguments() | self.derived(plan))


class PartSchedule(ScheduleChoice):
    """A schedule that can take over from another, or be taken over from."""


class FactorSchedule(PartSchedule):
    """A schedule that goes on from the learning rate as it finds it, so that several can act at once."""


@contextmanager
def stepping(
    choice: ScheduleChoice,
    optimizer: torch.optim.Optimizer,
    plan: Plan,
    step: int,
    factor: float = 1.0,
) -> Iterator[float]:
    """Within: learning rate and momentum as this step (from 1) uses them; gives the learning rate.

    `factor` is what the learning rate was multiplied by since the schedule was made.
    """
    if choice.momentum_end is not None and plan.momentum is not None:
        progress = (step - 1 + plan.ahead) / max(1, plan.steps - 1)
        anneal_momentum(optimizer, plan.momentum, choice.momentum_end, progress)
    with warmed_up(optimizer, step, choice.warmup, factor):
        yield optimizer.param_groups[0]["lr"]


def build_schedule(choice: ScheduleChoice, optimizer: torch.optim.Optimizer, plan: Plan) -> Any:
    """torch's scheduler for this run. Raises Problem where torch refuses the combination."""
    if choice.momentum_end is not None and not plan.momentum:  # RMSprop makes no buffer for 0
        raise Problem(
            _("schedule.momentum_end: this optimizer has no momentum that could be moved"),
            _("it starts at 0, or there is none at all"),
            _("leave it at auto, give the optimizer momentum, or choose SGD or Adam"),
        )
    try:
        return choice.part(plan)(optimizer)
    except (ValueError, ZeroDivisionError) as error:
        raise Problem(
            _("schedule: {title} does not fit this run").format(title=choice.title()),
            str(error),
            _("Change its settings or the number of epochs, or choose another schedule"),
        ) from error
