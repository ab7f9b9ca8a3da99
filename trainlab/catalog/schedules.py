"""Schedules: how the learning rate moves during a run. Each is torch's own scheduler object."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch.optim import lr_scheduler

from trainlab.choice import Card, Choice, Knob
from trainlab.errors import Problem
from trainlab.text import _

_DOCS = "https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler."


@dataclass(frozen=True)
class Plan:
    """What a schedule needs to know of its run: its length and the learning rate it starts from."""

    epochs: int
    steps_per_epoch: int
    lr: float

    @property
    def steps(self) -> int:
        """Optimizer steps of the whole run."""
        return self.epochs * self.steps_per_epoch


@contextmanager
def warmed_up(optimizer: torch.optim.Optimizer, step: int, warmup: int) -> Iterator[None]:
    """Within: the learning rates times step / warmup, for the first steps of a run; the first is 1."""
    lrs = [group["lr"] for group in optimizer.param_groups]
    for group in optimizer.param_groups:
        group["lr"] *= min(1.0, step / max(1, warmup))
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
        if "betas" in group:
            group["betas"] = (value, *group["betas"][1:])
        else:
            group["momentum"] = value


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
    interval: ClassVar[Literal["step", "epoch", "validation"]] = "epoch"

    def derived(self, plan: Plan) -> dict[str, Any]:
        """The arguments that follow from the length of the run."""
        return {}


class Constant(ScheduleChoice):
    """Keeps the learning rate where it is."""

    kind: Literal["constant"] = "constant"

    target = lr_scheduler.ConstantLR
    card = Card(
        source="torch.optim.lr_scheduler.ConstantLR with factor 1",
        url=_DOCS + "ConstantLR.html",
        formula=r"$\eta_t = \eta_0$",
        use="The baseline, and the honest way to compare learning rates.",
        pitfalls="Without decay the loss keeps bouncing around the minimum at the end.",
    )

    def derived(self, plan: Plan) -> dict[str, Any]:
        """A factor of one: torch's own default would start at a third."""
        return {"factor": 1.0, "total_iters": 0}


class Step(ScheduleChoice):
    """Multiplies the learning rate by gamma every few epochs."""

    kind: Literal["step"] = "step"
    step_size: int = Knob(5, ge=1, le=1000, unit="epochs", help="epochs between two drops")
    gamma: float = Knob(
        0.5, gt=0, lt=1, help="factor at each drop: 0.5 every 5 or 0.1 every 20 epochs"
    )

    target = lr_scheduler.StepLR
    card = Card(
        source="CS231n notes, Annealing the learning rate",
        url=_DOCS + "StepLR.html",
        formula=r"$\eta_t = \eta_0\,\gamma^{\lfloor t/s \rfloor}$",
        use="Simple and easy to read on the curve: the loss drops at each step.",
        pitfalls="The moments of the drops are two more settings; too early a drop freezes learning. "
        "torch has no default for step_size and 0.1 for gamma: here it halves every 5 epochs.",
    )


class Exponential(ScheduleChoice):
    """Multiplies the learning rate by gamma after every epoch."""

    kind: Literal["exponential"] = "exponential"
    gamma: float = Knob(0.9, gt=0, le=1, help="factor an epoch; 0.9 leaves 12 % after 20 epochs")

    target = lr_scheduler.ExponentialLR
    card = Card(
        source="CS231n notes, Annealing the learning rate",
        url=_DOCS + "ExponentialLR.html",
        formula=r"$\eta_t = \eta_0\,\gamma^{t}$",
        use="A smooth decay when the length of the run is not known.",
        pitfalls="A gamma chosen for 20 epochs is far too small for 200.",
    )


class Cosine(ScheduleChoice):
    """Follows half a cosine from the learning rate down to eta_min at the end of the run."""

    kind: Literal["cosine"] = "cosine"
    eta_min: float = Knob(0.0, ge=0, le=1, help="learning rate at the very end")
    interval = "step"

    target = lr_scheduler.CosineAnnealingLR
    card = Card(
        source="Loshchilov & Hutter 2017, SGDR: stochastic gradient descent with warm restarts",
        url=_DOCS + "CosineAnnealingLR.html",
        formula=r"$\eta_t = \eta_{min} + \frac{1}{2}(\eta_0-\eta_{min})(1+\cos(\pi t/T))$",
        use="A good default without settings of its own.",
        pitfalls="Only the full length reaches the low end: stopped early, it was never annealed.",
    )

    def derived(self, plan: Plan) -> dict[str, Any]:
        """Half a period is the whole run."""
        return {"T_max": plan.steps}


class OneCycle(ScheduleChoice):
    """Warms up to the learning rate, then anneals far below where it started."""

    kind: Literal["onecycle"] = "onecycle"
    pct_start: float = Knob(0.3, gt=0, lt=1, help="share of the run spent warming up")
    anneal_strategy: Literal["cos", "linear"] = Knob("cos", help="shape of both legs")
    cycle_momentum: bool = Knob(True, help="move momentum against the learning rate")
    base_momentum: float = Knob(0.85, ge=0, lt=1, help="momentum at the highest learning rate")
    max_momentum: float = Knob(0.95, ge=0, lt=1, help="momentum at the lowest learning rate")
    div_factor: float = Knob(25.0, ge=1, le=1e4, scale="log", help="first lr = lr / div_factor")
    final_div_factor: float = Knob(
        1e4, ge=1, le=1e8, scale="log", help="last lr = first lr / final_div_factor"
    )
    three_phase: bool = Knob(False, help="a third, annihilating phase of its own")
    interval = "step"

    label = "One-cycle"
    target = lr_scheduler.OneCycleLR
    card = Card(
        source="Smith & Topin 2017, Super-convergence",
        url=_DOCS + "OneCycleLR.html",
        formula=r"$\eta:\ \eta_0/25 \rightarrow \eta_0 \rightarrow \eta_0/(25\cdot 10^4)$",
        use="Fast training in few epochs; tolerates a higher peak than a constant rate.",
        pitfalls="Sets momentum as well, also where the optimizer's own was 0; fixed to the length of the run.",
    )

    def derived(self, plan: Plan) -> dict[str, Any]:
        """The optimizer's lr is the peak, and the cycle fills the run."""
        return {"max_lr": plan.lr, "total_steps": plan.steps}


class Plateau(ScheduleChoice):
    """Lowers the learning rate when the validation loss has stopped falling."""

    kind: Literal["plateau"] = "plateau"
    factor: float = Knob(0.5, gt=0, lt=1, help="factor at each drop: 0.5 or 0.2")
    patience: int = Knob(3, ge=0, le=1000, unit="epochs", help="epochs without improvement to wait")
    threshold: float = Knob(1e-4, ge=0, le=1, scale="log", help="relative improvement that counts")
    cooldown: int = Knob(0, ge=0, le=1000, unit="epochs", help="epochs to wait after a drop")
    min_lr: float = Knob(0.0, ge=0, le=1, help="never go below")
    interval = "validation"

    target = lr_scheduler.ReduceLROnPlateau
    card = Card(
        source="Wei, Must know tips in deep neural networks: divide by 2 or 5 when validation stalls",
        url=_DOCS + "ReduceLROnPlateau.html",
        formula=r"$\eta \leftarrow \eta\cdot factor$",
        use="When you cannot say beforehand how long learning will go on.",
        pitfalls="Follows the noise of a small validation set. torch's own defaults (factor 0.1, "
        "patience 10) are for runs of a hundred epochs; here they suit runs of twenty.",
    )


def build_schedule(choice: ScheduleChoice, optimizer: torch.optim.Optimizer, plan: Plan) -> Any:
    """torch's scheduler for this run. Raises Problem where torch refuses the combination."""
    try:
        return choice.build(optimizer, **choice.derived(plan))
    except (ValueError, ZeroDivisionError) as error:
        raise Problem(
            _("schedule: {title} does not fit this run").format(title=choice.title()),
            str(error),
            _("Change its settings or the number of epochs, or choose another schedule"),
        ) from error
