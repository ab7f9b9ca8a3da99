"""An activation as a curve: its values and slopes, and where hardly any gradient gets through."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

REACH, STEPS = 8, 50  # inputs from -8 to 8, in steps of 1/50
FAINT = 0.05  # of the steepest slope: less counts as saturated


@dataclass(frozen=True)
class Zone:
    """A stretch of inputs whose slope is exactly zero (dead), or faint to the end of the curve."""

    start: float
    end: float
    dead: bool


@dataclass(frozen=True)
class Curve:
    """Inputs (P,), outputs and slopes there, and the zones without a useful slope."""

    x: Tensor
    y: Tensor
    slope: Tensor
    zones: list[Zone]


def activation_curve(activation: nn.Module) -> Curve:
    """The curve of an elementwise module in evaluation mode; slopes by autograd."""
    x = torch.arange(-REACH * STEPS, REACH * STEPS + 1, dtype=torch.float64) / STEPS
    y, slope = _with_slope(activation, x)
    dead = slope == 0
    faint = slope.abs() < FAINT * slope.abs().max()
    zones = [Zone(*ends, dead=True) for ends in _stretches(x, dead) if ends[0] < ends[1]]
    zones += [
        Zone(start, end, dead=False)
        for start, end in _stretches(x, faint & ~dead)
        if start == -REACH or end == REACH
    ]
    return Curve(x, y, slope, zones)


def slope_of_the_square(activation: nn.Module, weight: tuple[float, float] = (-1.0, -1.0)) -> float:
    """The mean size of the slope of activation(w x), over x in [0, 1]^2 at 100 x 100 points."""
    side = (torch.arange(100, dtype=torch.float64) + 0.5) / 100
    _y, slope = _with_slope(activation, weight[0] * side[:, None] + weight[1] * side)
    return float(slope.abs().mean())


def _with_slope(activation: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    with torch.enable_grad():
        x = x.clone().requires_grad_()
        y = activation.double().eval()(x)
        (slope,) = torch.autograd.grad(y.sum(), x)
    return y.detach(), slope


def _stretches(x: Tensor, where: Tensor) -> list[tuple[float, float]]:
    """First and last input of each run of True."""
    padded = torch.cat([torch.tensor([False]), where, torch.tensor([False])]).int().diff()
    starts, ends = (padded == 1).nonzero().flatten(), (padded == -1).nonzero().flatten() - 1
    return list(zip(x[starts].tolist(), x[ends].tolist(), strict=True))
