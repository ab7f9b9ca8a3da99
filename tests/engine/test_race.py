"""The race: the real optimizers, the right surfaces, and fast enough to be dragged."""

from collections.abc import Callable
from statistics import median

import numpy as np
import pytest
import torch

from tests.clock import seconds
from trainlab.catalog.optimizers import SGD, Adam, AdamW, OptimizerChoice, RMSprop
from trainlab.choice import choices
from trainlab.engine import race as module
from trainlab.engine.race import SURFACES, Surface, heights, race
from trainlab.experiment import Experiment

STEPS = 60
Record = Callable[[str, object], None]
surfaces = pytest.mark.parametrize("surface", SURFACES.values(), ids=SURFACES)
# on vectors of two: what torch itself refuses there
REFUSED = {"muon"}


def alone(surface: Surface, choice: OptimizerChoice, steps: int) -> np.ndarray:
    """The same path with torch used directly."""
    weights = torch.tensor(surface.start, dtype=torch.float32, requires_grad=True)
    optimizer = type(choice).target([weights], **choice.arguments())

    def closure() -> torch.Tensor:
        place = weights.tolist()
        weights.grad = torch.tensor(surface.slope(*place))
        return torch.tensor(surface.loss(*place))

    path = [weights.tolist()]
    for _step in range(steps):
        optimizer.step(closure)
        path.append(weights.tolist())
    return np.array(path, np.float32)


@surfaces
def test_a_slope_is_the_gradient(surface: Surface) -> None:
    places = torch.rand(50, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    places = (places * 6 - 3).requires_grad_()
    (wanted,) = torch.autograd.grad(surface.loss(*places.unbind(1)).sum(), places)
    found = [surface.slope(x, y) for x, y in places.tolist()]
    torch.testing.assert_close(torch.tensor(found, dtype=torch.float64), wanted)


@surfaces
def test_the_lowest_places_are_minima(surface: Surface) -> None:
    grid = heights(surface, 81, 81)
    for x, y in surface.lowest:
        assert surface.slope(x, y) == pytest.approx((0, 0), abs=1e-12)
        assert surface.loss(x, y) <= grid.min() + 1e-6
        assert surface.x[0] < x < surface.x[1]
        assert surface.y[0] < y < surface.y[1]


def test_heights_lie_as_the_picture_does() -> None:
    surface = SURFACES["Beale"]
    grid = heights(surface, 11, 7)
    assert grid.shape == (7, 11)
    assert grid[0, 10] == pytest.approx(surface.loss(surface.x[1], surface.y[0]))


@pytest.mark.parametrize("choice", choices(OptimizerChoice), ids=lambda c: c.kind_name())
@surfaces
def test_paths_are_torch_s_own(surface: Surface, choice: type[OptimizerChoice]) -> None:
    default = Experiment.from_data({"optimizer": choice.kind_name()}).optimizer
    found = race(surface, surface.start, [default], STEPS)
    if choice.kind_name() in REFUSED:
        assert found.refused[0]
        assert np.isnan(found.paths).all()
        return
    assert found.refused == ("",)
    wanted = alone(surface, default, STEPS)
    seen = np.isfinite(found.paths[0]).all(axis=1)
    assert seen[0]
    np.testing.assert_array_equal(found.paths[0][seen], wanted[seen])
    np.testing.assert_allclose(
        found.losses[0][seen], surface.loss(*found.paths[0][seen].T), rtol=1e-4, atol=1e-6
    )


def test_one_that_leaves_is_gone_and_the_others_go_on() -> None:
    surface = SURFACES["Rosenbrock"]
    found = race(surface, surface.start, [SGD(lr=1.0), Adam(lr=0.2)], STEPS)
    assert found.refused == ("", "")
    assert np.isnan(found.paths[0, -1]).all()
    assert np.isfinite(found.paths[1]).all()


@pytest.mark.alone
def test_a_race_is_quicker_than_torch_used_directly(record_property: Record) -> None:
    """Five over 200 steps: 80 ms on a quiet machine, short enough to be drawn while a setting is dragged."""
    surface = SURFACES["Beale"]
    racers = [AdamW(lr=0.03), SGD(lr=0.01), SGD(lr=0.003, momentum=0.9), RMSprop(), Adam(lr=0.05)]
    pairs = []
    for _turn in range(15):
        module._run.cache_clear()
        (racing,) = seconds(lambda: race(surface, (0.8, 1.6), racers, 200))
        (plain,) = seconds(lambda: [alone(surface, racer, 200) for racer in racers])
        pairs.append((racing, racing / plain))
    took, share = map(median, zip(*pairs, strict=True))
    record_property("a race of 5 over 200 steps, median of 15, ms", round(1000 * took))
    record_property("of the time that torch used directly takes (at most 0.9)", round(share, 2))
    assert share <= 0.9  # 100 ms on a quiet machine
