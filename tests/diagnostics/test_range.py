"""The range test: its sweep, where it stops, what it suggests, and that every optimizer can be swept."""

import math
from itertools import pairwise
from typing import Any

import pytest

from trainlab.catalog.datasets import Digits, Images
from trainlab.catalog.optimizers import OptimizerChoice
from trainlab.choice import choices
from trainlab.diagnostics.range_test import Point, range_test, rising, suggest
from trainlab.experiment import Experiment

TINY: dict[str, Any] = {"model": {"kind": "mlp", "width": 16}, "training": {"threads": 1}}


@pytest.fixture(scope="module")
def data() -> Images:
    return Digits().load()


def test_the_sweep_is_exponential_and_ends_where_the_loss_explodes(data: Images) -> None:
    experiment = Experiment.from_data(TINY | {"optimizer": {"kind": "sgd"}})
    points = list(range_test(experiment, data))
    assert 50 < len(points) < 100
    assert points[0].lr == pytest.approx(1e-7)
    ratios = [after.lr / before.lr for before, after in pairwise(points)]
    assert ratios == pytest.approx([1e8 ** (1 / 99)] * len(ratios))
    assert points[-1].smoothed > 4 * min(point.smoothed for point in points)
    found = suggest(points)
    assert found.steepest is not None
    assert found.minimum_tenth is not None
    assert found.diverged is not None
    assert 1e-4 < found.steepest < 0.3
    assert found.minimum_tenth < found.diverged
    assert [point.loss for point in range_test(experiment, data)] == [p.loss for p in points]


def test_numbers_that_are_none_end_it(data: Images) -> None:
    experiment = Experiment.from_data(TINY | {"optimizer": {"kind": "sgd"}, "loss": "mse"})
    points = list(range_test(experiment, data, lrs=rising(1e-7, 1e38, 6)))
    assert len(points) < 6
    assert all(math.isfinite(point.loss) for point in points[:-1])
    found = suggest(points)
    assert found.diverged == pytest.approx(points[-1].lr, rel=0.05)
    assert suggest([Point(1e-7, math.nan, math.nan)]).steepest is None
    assert suggest([]).diverged is None


def test_it_is_cancelled_between_two_steps(data: Images) -> None:
    asked = iter([False] * 7 + [True])
    points = list(range_test(Experiment.from_data(TINY), data, lambda: next(asked)))
    assert len(points) == 7


def test_a_curve_by_hand() -> None:
    lrs = [1e-7 * 10 ** (i / 12) for i in range(97)]
    valley = [2.3 - 2 / (1 + math.exp(-4 * (math.log10(lr) + 3))) for lr in lrs]  # steepest at 1e-3
    rise = [max(0.0, math.log10(lr)) * 20 for lr in lrs]
    points = [Point(lr, a + b, a + b) for lr, a, b in zip(lrs, valley, rise, strict=True)]
    found = suggest(points)
    assert found.steepest == pytest.approx(1e-3, rel=0.25)
    assert found.minimum_tenth == pytest.approx(0.1 * 0.7, rel=0.5)
    flat = suggest([Point(lr, 2.3, 2.3) for lr in lrs])
    assert (flat.steepest, flat.minimum_tenth, flat.diverged) == (None, None, None)


@pytest.mark.parametrize("model", ["mlp", "convnet"])
@pytest.mark.parametrize("kind", choices(OptimizerChoice), ids=lambda kind: kind.kind_name())
def test_every_optimizer_can_be_swept(
    kind: type[OptimizerChoice], model: str, data: Images
) -> None:
    experiment = Experiment.from_data(
        TINY
        | {
            "model": {"kind": model, "width": 4},
            "optimizer": kind.kind_name(),
            "regularizers": ["l2", "max_norm", "early_stopping"],
            "augmentations": ["shift", "mixup"],
        }
    )
    points = list(range_test(experiment, data, lrs=rising(1e-4, 1e-2, 2)))
    assert len(points) == 2
    assert all(math.isfinite(point.loss) for point in points)
