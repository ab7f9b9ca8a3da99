"""Slopes: smooth ways from one learning rate to another, moved at every step."""

from typing import Any, Literal

from torch.optim import lr_scheduler, swa_utils

from trainlab.catalog.schedules.base import DOCS, FactorSchedule, PartSchedule, Plan
from trainlab.choice import Card, Knob


class Cosine(FactorSchedule):
    """Follows half a cosine from the learning rate down to eta_min at the end of the run."""

    kind: Literal["cosine"] = "cosine"
    eta_min: float = Knob(0.0, ge=0, le=1, help="learning rate at the very end")
    interval = "step"

    target = lr_scheduler.CosineAnnealingLR
    card = Card(
        source="Loshchilov & Hutter 2017, SGDR: stochastic gradient descent with warm restarts",
        url=DOCS + "CosineAnnealingLR.html",
        formula=r"$\eta_t = \eta_{min} + \frac{1}{2}(\eta_0-\eta_{min})(1+\cos(\pi t/T))$",
        use="A good default without settings of its own.",
        pitfalls="Only the full length reaches the low end: stopped early, it was never annealed.",
    )

    def derived(self, plan: Plan) -> dict[str, Any]:
        """Half a period is the whole run."""
        return {"T_max": plan.steps}


class Linear(FactorSchedule):
    """Goes in a straight line from one share of the learning rate to another over the run."""

    kind: Literal["linear"] = "linear"
    start_factor: float = Knob(1.0, gt=0, le=1, help="share at the start; torch's own is a third")
    end_factor: float = Knob(0.0, ge=0, le=1, help="share at the end; torch's own is 1")
    interval = "step"

    target = lr_scheduler.LinearLR
    card = Card(
        source="Goyal et al. 2017 (as warm-up); Li et al. 2020, Budgeted training (as decay)",
        url=DOCS + "LinearLR.html",
        formula=r"$\eta_t = \eta_0\,(s + (e - s)\,t/T)$",
        use="A decay to zero by the end, as good as the cosine; or, first in a sequence, a slow start.",
        pitfalls="As with all that end at zero, the last steps hardly learn: do not judge by them alone.",
    )

    def derived(self, plan: Plan) -> dict[str, Any]:
        """The line is as long as the run."""
        return {"total_iters": plan.steps}


class Polynomial(FactorSchedule):
    """Falls to zero at the end of the run, by a power of the time that is left."""

    kind: Literal["polynomial"] = "polynomial"
    power: float = Knob(1.0, gt=0, le=10, help="1 is a line; 2 falls sooner, 0.5 later")
    interval = "step"

    target = lr_scheduler.PolynomialLR
    card = Card(
        source="Chen et al. 2017, DeepLab: semantic image segmentation (power 0.9)",
        url=DOCS + "PolynomialLR.html",
        formula=r"$\eta_t = \eta_0\,(1 - t/T)^p$",
        use="Segmentation networks; to choose how long the rate stays high.",
        pitfalls="With a large power most of the run is spent at a tiny learning rate.",
    )

    def derived(self, plan: Plan) -> dict[str, Any]:
        """It ends with the run."""
        return {"total_iters": plan.steps}


class WarmRestarts(PartSchedule):
    """Follows half a cosine down, jumps back up, and so on, each time for longer if wanted."""

    kind: Literal["warm_restarts"] = "warm_restarts"
    T_0: int = Knob(5, ge=1, le=1000, unit="epochs", help="epochs until the first restart")
    T_mult: int = Knob(1, ge=1, le=10, help="each stretch is this many times the one before")
    eta_min: float = Knob(0.0, ge=0, le=1, help="learning rate just before a restart")
    interval = "step"

    label = "Cosine with warm restarts"
    target = lr_scheduler.CosineAnnealingWarmRestarts
    card = Card(
        source="Loshchilov & Hutter 2017, SGDR: stochastic gradient descent with warm restarts",
        url=DOCS + "CosineAnnealingWarmRestarts.html",
        formula=r"$\eta_t = \eta_{min} + \frac{1}{2}(\eta_0-\eta_{min})(1+\cos(\pi\,T_{cur}/T_i))$",
        use="Snapshots: the network just before each restart is a good one, and they make an ensemble.",
        pitfalls="The loss jumps at each restart; end the run just before one.",
    )

    def derived(self, plan: Plan) -> dict[str, Any]:
        """The first stretch in steps."""
        return {"T_0": self.T_0 * plan.steps_per_epoch}


class SWA(PartSchedule):
    """Goes to a fixed learning rate over some epochs and stays there, for weights that are averaged."""

    kind: Literal["swa"] = "swa"
    swa_lr: float = Knob(5e-4, gt=0, le=10, scale="log", help="learning rate to stay at")
    anneal_epochs: int = Knob(10, ge=1, le=10_000, unit="epochs", help="epochs on the way there")
    anneal_strategy: Literal["cos", "linear"] = Knob("cos", help="shape of the way")
    interval = "step"

    label = "To a fixed rate (SWALR)"
    target = swa_utils.SWALR
    card = Card(
        source="Izmailov et al. 2018, Averaging weights leads to wider optima",
        url="https://docs.pytorch.org/docs/stable/optim.html#weight-averaging-swa-and-ema",
        formula=r"$\eta_t = (1-a_t)\,\eta_0 + a_t\,\eta_{swa}$",
        use="The end of a run whose weights are averaged: second in a sequence, after a decay.",
        pitfalls="Without averaging, the fixed rate at the end is too high to settle.",
    )

    def derived(self, plan: Plan) -> dict[str, Any]:
        """Its length in steps."""
        return {"anneal_epochs": self.anneal_epochs * plan.steps_per_epoch}
