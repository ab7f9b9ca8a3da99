"""The range test: its sweep, where it stops, what it suggests, and that every optimizer can be swept."""

import math
from itertools import pairwise
from typing import Any

import pytest
import torch

from trainlab.catalog.datasets import Digits, Images
from trainlab.catalog.optimizers import OptimizerChoice
from trainlab.choice import choices
from trainlab.diagnostics.range_test import LRS, Point, Suggestion, range_test, rising, suggest
from trainlab.diagnostics.steps import Bench
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
    fallen = [2 / (1 + math.exp(-4 * (math.log10(lr) + 3))) for lr in lrs]
    valley = [2.3 * math.exp(-fall) for fall in fallen]  # falls by the largest factor at 1e-3
    rise = [max(0.0, math.log10(lr)) * 20 for lr in lrs]
    points = [Point(lr, a + b, a + b) for lr, a, b in zip(lrs, valley, rise, strict=True)]
    found = suggest(points)
    assert found.steepest == pytest.approx(1e-3, rel=0.25)
    assert found.minimum_tenth == pytest.approx(0.1 * 0.7, rel=0.5)
    flat = suggest([Point(lr, 2.3, 2.3) for lr in lrs])
    assert (flat.steepest, flat.minimum_tenth, flat.diverged) == (None, None, None)
    falling = suggest([Point(lr, loss, loss) for lr, loss in zip(lrs, valley, strict=True)])
    assert falling.steepest == found.steepest
    assert falling.minimum_tenth is None  # it never rose: what is too much was not seen
    drift = [Point(lr, 2.3 + (-1) ** i - i / 200, 2) for i, lr in enumerate(lrs)]
    assert suggest([Point(lr, 0.0, 0.0) for lr in lrs]) == flat
    assert suggest(drift) == flat  # a fall by a tenth of the noise from one step to the next


@pytest.mark.parametrize("dataset", ["spiral", "moons"])
def test_noise_suggests_nothing(dataset: str) -> None:
    """Batches of a toy plane differ more than the first learning rates change the loss."""
    x = Experiment.from_data({"dataset": dataset, "model": "mlp", "training": {"threads": 1}})
    data = x.dataset.load()
    for seed in range(4):
        drawn = x.but(training=x.training.but(seed=seed))
        found = suggest(list(range_test(drawn, data)))
        assert found.steepest is not None
        assert 1e-4 < found.steepest < 1e-2
        still = range_test(drawn, data, lrs=[1e-9] * len(LRS))
        assert suggest(list(still)) == Suggestion(None, None, None)


@pytest.mark.parametrize("kind", choices(OptimizerChoice), ids=lambda kind: kind.kind_name())
def test_a_step_follows_the_learning_rate_or_says_that_it_does_not(
    kind: type[OptimizerChoice], data: Images
) -> None:
    experiment = Experiment.from_data(TINY | {"optimizer": kind.kind_name()})
    choice = experiment.optimizer

    def last(lr: float) -> float:
        """The loss after four steps, all but the first at this learning rate."""
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 4))
        optimizer = choice.build(kind.groups(model.parameters()))
        bench = Bench(model, torch.nn.functional.mse_loss, optimizer, full_batch=kind.full_batch)
        steps = []
        for step in range(5):
            for group in optimizer.param_groups:
                group["lr"] = lr if step else 0.01
            steps.append(bench.step(torch.eye(4), -torch.eye(4))[0])
        return steps[-1]

    for one, other in ((0.001, 0.01), (0.8, 0.9)):
        followed = {choice.follows(lr, step) for lr in (one, other) for step in (2, 3, 4)}
        assert followed == {last(one) != last(other)}
    short = list(range_test(experiment, data, lrs=[1, 1]))
    assert len(short) == 1 + choice.follows(1, 2)


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
    assert len(points) == 1 + experiment.optimizer.follows(1e-2, 2)
    assert all(math.isfinite(point.loss) for point in points)
