"""Decays: the learning rate falls in steps, by a factor an epoch, by a law of time, or on a plateau."""

import math
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from torch.optim import Optimizer, lr_scheduler

from trainlab.catalog.schedules.base import (
    DOCS,
    FactorSchedule,
    PartSchedule,
    Plan,
    ScheduleChoice,
)
from trainlab.choice import Card, Knob, numbers

_ANNEALING = "CS231n notes, Annealing the learning rate"


def same_factor(_move: int, factor: float) -> float:
    """The factor of every move."""
    return factor


def multiplicative(optimizer: Optimizer, factor: float = 0.95) -> lr_scheduler.MultiplicativeLR:
    """Multiplies the learning rate by `factor` at every move."""
    return lr_scheduler.MultiplicativeLR(optimizer, partial(same_factor, factor=factor))


def inverse(move: int, k: float) -> float:
    """1 / (1 + k t)."""
    return 1 / (1 + k * move)


def inverse_time(optimizer: Optimizer, k: float = 0.5) -> lr_scheduler.LambdaLR:
    """Divides the first learning rate by 1 + k t."""
    return lr_scheduler.LambdaLR(optimizer, partial(inverse, k=k))


def fading(move: int, k: float) -> float:
    """exp(-k t)."""
    return math.exp(-k * move)


def exponential_time(optimizer: Optimizer, k: float = 0.1) -> lr_scheduler.LambdaLR:
    """Multiplies the first learning rate by exp(-k t)."""
    return lr_scheduler.LambdaLR(optimizer, partial(fading, k=k))


class Constant(FactorSchedule):
    """Keeps the learning rate where it is, or at a part of it for the first epochs."""

    kind: Literal["constant"] = "constant"
    factor: float = Knob(1.0, gt=0, le=1, help="factor at first; torch's own default is a third")
    total_iters: int = Knob(5, ge=0, le=10_000, unit="epochs", help="epochs until the factor ends")

    target = lr_scheduler.ConstantLR
    card = Card(
        source="torch.optim.lr_scheduler.ConstantLR, here with factor 1",
        url=DOCS + "ConstantLR.html",
        formula=r"$\eta_t = \eta_0$",
        use="The baseline, and the honest way to compare learning rates.",
        pitfalls="Without decay the loss keeps bouncing around the minimum at the end.",
    )

    def derived(self, plan: Plan) -> dict[str, Any]:
        """Its length in moves."""
        return {"total_iters": self.total_iters * plan.moves}


class Step(FactorSchedule):
    """Multiplies the learning rate by gamma every few epochs."""

    kind: Literal["step"] = "step"
    step_size: int = Knob(5, ge=1, le=1000, unit="epochs", help="epochs between two drops")
    gamma: float = Knob(
        0.5, gt=0, lt=1, help="factor at each drop: 0.5 every 5 or 0.1 every 20 epochs"
    )

    target = lr_scheduler.StepLR
    card = Card(
        source=_ANNEALING,
        url=DOCS + "StepLR.html",
        formula=r"$\eta_t = \eta_0\,\gamma^{\lfloor t/s \rfloor}$",
        use="Simple and easy to read on the curve: the loss drops at each step.",
        pitfalls="The moments of the drops are two more settings; too early a drop freezes learning. "
        "torch has no default for step_size and 0.1 for gamma: here it halves every 5 epochs.",
    )

    def derived(self, plan: Plan) -> dict[str, Any]:
        """Its length in moves."""
        return {"step_size": self.step_size * plan.moves}


class MultiStep(FactorSchedule):
    """Multiplies the learning rate by gamma at chosen epochs."""

    kind: Literal["multistep"] = "multistep"
    milestones: Annotated[
        tuple[Annotated[int, Field(ge=1, le=100_000)], ...], BeforeValidator(numbers)
    ] = Knob((10, 15), min_length=1, max_length=100, unit="epochs", help="epochs of the drops")
    gamma: float = Knob(0.1, gt=0, lt=1, help="factor at each drop")

    label = "Multi-step"
    target = lr_scheduler.MultiStepLR
    card = Card(
        source="He et al. 2016, Deep residual learning: a tenth at 50 % and at 75 % of the run",
        url=DOCS + "MultiStepLR.html",
        formula=r"$\eta_t = \eta_0\,\gamma^{|\{m\,\leq\,t\}|}$",
        use="To repeat a paper's recipe.",
        pitfalls="The epochs do not move along when the run is made longer.",
    )

    def derived(self, plan: Plan) -> dict[str, Any]:
        """The milestones in moves."""
        return {"milestones": tuple(epoch * plan.moves for epoch in self.milestones)}


class Exponential(FactorSchedule):
    """Multiplies the learning rate by gamma after every epoch."""

    kind: Literal["exponential"] = "exponential"
    gamma: float = Knob(0.9, gt=0, le=1, help="factor an epoch; 0.9 leaves 12 % after 20 epochs")

    target = lr_scheduler.ExponentialLR
    card = Card(
        source=_ANNEALING,
        url=DOCS + "ExponentialLR.html",
        formula=r"$\eta_t = \eta_0\,\gamma^{t}$",
        use="A smooth decay when the length of the run is not known.",
        pitfalls="A gamma chosen for 20 epochs is far too small for 200.",
    )

    def derived(self, plan: Plan) -> dict[str, Any]:
        """The factor of a move."""
        return {"gamma": self.gamma ** (1 / plan.moves)}


class Multiplicative(FactorSchedule):
    """Multiplies the learning rate by a factor after every epoch; above 1 it rises."""

    kind: Literal["multiplicative"] = "multiplicative"
    factor: float = Knob(0.95, gt=0, le=10, scale="log", help="factor an epoch")

    target = multiplicative
    card = Card(
        source="torch.optim.lr_scheduler.MultiplicativeLR, with the same factor each time",
        url=DOCS + "MultiplicativeLR.html",
        formula=r"$\eta_{t+1} = \eta_t\cdot factor$",
        use="A rise, to see at which learning rate training breaks; below 1 it is the exponential decay.",
        pitfalls="A factor of 2 is a thousandfold after ten epochs.",
    )

    def derived(self, plan: Plan) -> dict[str, Any]:
        """The factor of a move."""
        return {"factor": self.factor ** (1 / plan.moves)}


class InverseTime(PartSchedule):
    """Divides the learning rate by one plus k times the epochs gone by."""

    kind: Literal["inverse_time"] = "inverse_time"
    k: float = Knob(0.5, gt=0, le=100, scale="log", help="after 1/k epochs it is down to half")
    interval = "step"

    label = "1/t"
    target = inverse_time
    card = Card(
        source=_ANNEALING,
        url=DOCS + "LambdaLR.html",
        formula=r"$\eta_t = \eta_0\,/\,(1 + k\,t)$",
        use="The decay of the theory of stochastic gradients: fast at first, then ever slower.",
        pitfalls="Its tail is long: at the end of a short run the learning rate is still high.",
    )

    def derived(self, plan: Plan) -> dict[str, Any]:
        """The k of a move: it moves every step, and t counts epochs."""
        return {"k": self.k / plan.steps_per_epoch}


class ExponentialTime(PartSchedule):
    """Lets the learning rate fade with e to the minus k times the epochs gone by, step by step."""

    kind: Literal["exponential_time"] = "exponential_time"
    k: float = Knob(0.1, gt=0, le=100, scale="log", help="after 0.7/k epochs it is down to half")
    interval = "step"

    label = "exp(-k t)"
    target = exponential_time
    card = Card(
        source=_ANNEALING,
        url=DOCS + "LambdaLR.html",
        formula=r"$\eta_t = \eta_0\,e^{-k\,t}$",
        use="As the exponential decay, but smooth within an epoch too.",
        pitfalls="A k chosen for 20 epochs is far too large for 200.",
    )

    def derived(self, plan: Plan) -> dict[str, Any]:
        """The k of a move: it moves every step, and t counts epochs."""
        return {"k": self.k / plan.steps_per_epoch}


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
        url=DOCS + "ReduceLROnPlateau.html",
        formula=r"$\eta \leftarrow \eta\cdot factor$",
        use="When you cannot say beforehand how long learning will go on. With SGD start at 0.1.",
        pitfalls="Follows the noise of a small validation set. torch's own defaults (factor 0.1, "
        "patience 10) are for runs of a hundred epochs; here they suit runs of twenty.",
    )
