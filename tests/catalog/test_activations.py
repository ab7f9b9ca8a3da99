"""Activations: torch's list is whole, and curves and slopes are what the formulas say."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules import activation as theirs

from trainlab.catalog.activations import ActivationChoice, PReLU, ReLU, RReLU, Tanh
from trainlab.catalog.datasets import Digits
from trainlab.choice import choices
from trainlab.engine.curve import REACH, activation_curve, slope_of_the_square
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.widgets.pictures.activations import activation_pictures
from trainlab.widgets.pictures.look import Look

EXCLUDED = {
    "GLU": "halves the channels", "MultiheadAttention": "a layer with weights",
    "Softmax": "mixes channels", "Softmin": "mixes channels", "Softmax2d": "mixes channels",
    "LogSoftmax": "mixes channels",
}  # fmt: skip
CHOICES = choices(ActivationChoice)
FORMULAS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": lambda x: x.clamp(min=0),
    "leaky_relu": lambda x: torch.maximum(0.01 * x, x),
    "prelu": lambda x: torch.where(x > 0, x, 0.25 * x),
    "rrelu": lambda x: torch.where(x > 0, x, 11 / 48 * x),
    "elu": lambda x: torch.where(x > 0, x, x.exp() - 1),
    "selu": lambda x: (
        1.0507009873554805 * torch.where(x > 0, x, 1.6732632423543772 * (x.exp() - 1))
    ),
    "celu": lambda x: torch.where(x > 0, x, x.exp() - 1),
    "gelu": lambda x: x * 0.5 * (1 + torch.erf(x / math.sqrt(2))),
    "silu": lambda x: x / (1 + (-x).exp()),
    "mish": lambda x: x * torch.tanh(torch.log1p(x.exp())),
    "hardswish": lambda x: x * (x + 3).clamp(0, 6) / 6,
    "softplus": lambda x: torch.log1p(x.exp()),
    "relu6": lambda x: x.clamp(0, 6),
    "sigmoid": lambda x: 1 / (1 + (-x).exp()),
    "tanh": lambda x: (x.exp() - (-x).exp()) / (x.exp() + (-x).exp()),
    "hardsigmoid": lambda x: (x + 3).clamp(0, 6) / 6,
    "hardtanh": lambda x: x.clamp(-1, 1),
    "softsign": lambda x: x / (1 + x.abs()),
    "log_sigmoid": lambda x: -torch.log1p((-x).exp()),
    "tanhshrink": lambda x: x - torch.tanh(x),
    "hardshrink": lambda x: torch.where(x.abs() > 0.5, x, 0.0),
    "softshrink": lambda x: x.sign() * (x.abs() - 0.5).clamp(min=0),
    "threshold": lambda x: torch.where(x > 0, x, 0.0),
}


def test_every_activation_of_torch_is_offered_or_excluded() -> None:
    offered = {choice.target.__name__ for choice in CHOICES}
    assert offered | set(EXCLUDED) == set(theirs.__all__)
    assert not offered & set(EXCLUDED)


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: choice.kind_name())
def test_curve_and_slope_are_the_formulas(choice: type[ActivationChoice]) -> None:
    curve = activation_curve(choice(kind=choice.kind_name()).build())
    formula = FORMULAS[choice.kind_name()]
    assert torch.allclose(curve.y, formula(curve.x), atol=1e-9)
    smooth = (curve.x[:, None] - torch.tensor([0, 0.5, -0.5, 1, -1, 3, -3, 6])).abs().amin(1) > 0.01
    h = 1e-6  # away from corners, where a difference of values says nothing
    difference = (formula(curve.x + h) - formula(curve.x - h)) / (2 * h)
    assert torch.allclose(curve.slope[smooth], difference[smooth], atol=1e-6)


def test_zones_tell_dead_from_saturated() -> None:
    (dead,) = activation_curve(ReLU().build()).zones
    assert (dead.start, dead.end, dead.dead) == (-REACH, 0.0, True)
    left, right = activation_curve(Tanh().build()).zones
    assert not left.dead
    assert not right.dead
    assert right.start == pytest.approx(math.acosh(math.sqrt(20)), abs=0.02)  # 1 / cosh^2 = 5 %
    assert left.end == -right.start


def test_the_unit_with_negative_weights_on_positive_inputs_is_dead() -> None:
    assert slope_of_the_square(ReLU().build()) == 0
    assert slope_of_the_square(PReLU(init=0.1).build()) == pytest.approx(0.1)
    # of 1 - tanh^2 over the square: the integral of tanh(t) in two directions
    cosh = [math.log(math.cosh(t)) for t in (0.0, 1.0, 2.0)]
    expected = cosh[2] - 2 * cosh[1] + cosh[0]
    assert slope_of_the_square(Tanh().build()) == pytest.approx(expected, abs=1e-4)


def test_rrelu_is_random_in_training_and_fixed_in_evaluation() -> None:
    module: nn.Module = RReLU(lower=0.1, upper=0.3).build()
    x = -torch.ones(1000)
    slopes = -module(x)
    assert float(slopes.min()) >= 0.1
    assert float(slopes.max()) <= 0.3
    assert float(slopes.std()) > 0.04
    assert torch.allclose(-module.eval()(x), torch.full((1000,), 0.2))


def test_bounds_in_the_wrong_order_are_refused() -> None:
    model = {"kind": "mlp", "activation": {"kind": "rrelu", "lower": 0.5, "upper": 0.2}}
    with pytest.raises(Problem, match=r"model\.activation\.upper"):
        Experiment.from_data({"model": model})


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: choice.kind_name())
def test_the_model_panel_draws_it(choice: type[ActivationChoice]) -> None:
    model: dict[str, Any] = {"kind": "mlp", "activation": choice.kind_name()}
    (spec,) = activation_pictures(Look(Experiment.from_data({"model": model}), Digits().load()))
    assert choice.title() in spec["title"]
    assert spec["svg"].startswith("<svg")
    assert "[0, 1]²" in spec["caption"]
    assert ("It is dead" in spec["caption"]) == (
        choice.kind_name() in ("relu", "relu6", "threshold")
    )
