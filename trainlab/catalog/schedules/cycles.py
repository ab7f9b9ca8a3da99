"""Cycles: the learning rate rises as well as falls, once or again and again."""

from typing import Any, Literal

from torch.optim import lr_scheduler

from trainlab.catalog.schedules.base import DOCS, Plan, ScheduleChoice
from trainlab.choice import Card, Knob
from trainlab.errors import Problem
from trainlab.text import _


def _cycle_momentum() -> Any:
    return Knob(True, help="move momentum against the learning rate, if there is momentum")


def _base_momentum(default: float) -> Any:
    return Knob(default, ge=0, lt=1, help="momentum at the highest learning rate")


def _max_momentum(default: float) -> Any:
    return Knob(default, ge=0, lt=1, help="momentum at the lowest learning rate")


class OneCycle(ScheduleChoice):
    """Warms up to the learning rate, then anneals far below where it started."""

    kind: Literal["onecycle"] = "onecycle"
    pct_start: float = Knob(0.3, gt=0, lt=1, help="share of the run spent warming up")
    anneal_strategy: Literal["cos", "linear"] = Knob("cos", help="shape of both legs")
    cycle_momentum: bool = _cycle_momentum()
    base_momentum: float = _base_momentum(0.85)
    max_momentum: float = _max_momentum(0.95)
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
        url=DOCS + "OneCycleLR.html",
        formula=r"$\eta:\ \eta_0/25 \rightarrow \eta_0 \rightarrow \eta_0/(25\cdot 10^4)$",
        use="Fast training in few epochs; tolerates a higher peak than a constant rate.",
        pitfalls="Sets momentum as well, also where the optimizer's own was 0; fixed to the length of the run.",
    )

    def derived(self, plan: Plan) -> dict[str, Any]:
        """The optimizer's lr is the peak, and the cycle fills the run."""
        cycles = self.cycle_momentum and plan.momentum is not None
        return {"max_lr": plan.lr, "total_steps": plan.steps, "cycle_momentum": cycles}


class Cyclic(ScheduleChoice):
    """Goes up and down between a low learning rate and the optimizer's own, over and over."""

    kind: Literal["cyclic"] = "cyclic"
    base_lr: float = Knob(
        1e-4, gt=0, le=10, scale="log", help="lowest learning rate; the optimizer's is the highest"
    )
    step_size_up: int = Knob(
        2, ge=1, le=1000, unit="epochs", help="half a cycle: 2 to 8 epochs; torch counts steps"
    )
    mode: Literal["triangular", "triangular2", "exp_range"] = Knob(
        "triangular", help="peaks stay, halve with each cycle, or shrink by gamma"
    )
    gamma: float = Knob(1.0, gt=0, le=1, help="exp_range: factor an epoch on the height")
    cycle_momentum: bool = _cycle_momentum()
    base_momentum: float = _base_momentum(0.8)
    max_momentum: float = _max_momentum(0.9)
    interval = "step"

    target = lr_scheduler.CyclicLR
    card = Card(
        source="Smith 2017, Cyclical learning rates for training neural networks",
        url=DOCS + "CyclicLR.html",
        formula=r"$\eta_{low} \rightarrow \eta_0 \rightarrow \eta_{low} \rightarrow \eta_0 \ldots$",
        use="To need no exact learning rate, only two bounds; the low points are good checkpoints.",
        pitfalls="End the run at a low point: a multiple of two half cycles. Sets momentum as well.",
    )

    def derived(self, plan: Plan) -> dict[str, Any]:
        """The optimizer's lr is the peak; lengths in steps. Raises Problem where the low one is higher."""
        if self.base_lr >= plan.lr:
            raise Problem(
                _("schedule.base_lr: must be below the optimizer's learning rate {lr:g}").format(
                    lr=plan.lr
                ),
                _("the rate goes up from it to the optimizer's own"),
                _("lower it, or raise optimizer.lr"),
            )
        return {
            "max_lr": plan.lr,
            "step_size_up": self.step_size_up * plan.steps_per_epoch,
            "gamma": self.gamma ** (1 / plan.steps_per_epoch),
            "cycle_momentum": self.cycle_momentum and plan.momentum is not None,
        }
