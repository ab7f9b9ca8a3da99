"""Toy sets: points where the formulas say, and a network that learns them."""

import math
from queue import SimpleQueue
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import make_circles, make_moons

from trainlab import events as ev
from trainlab.catalog.datasets import Circles, Moons, Spiral, Xor
from trainlab.catalog.datasets.toy import as_images, circles, moons, shaken, spiral, xor
from trainlab.engine.trainer import Trainer
from trainlab.errors import Problem
from trainlab.experiment import Experiment

Toy = type[Spiral | Circles | Moons | Xor]
EVERY: tuple[Toy, ...] = (Spiral, Circles, Moons, Xor)


def plane(images: torch.Tensor) -> torch.Tensor:
    """The points around the origin again, up to their scale."""
    return images.flatten(1).double() - 0.5


@pytest.mark.parametrize("kind", EVERY)
@pytest.mark.parametrize("points", [20, 101, 5000])
def test_points_are_images_of_one_pixel(kind: Toy, points: int) -> None:
    found = kind(points=points).load()
    assert found.images.shape == (points, 2, 1, 1)
    assert (found.images.dtype, found.labels.dtype) == (torch.float32, torch.int64)
    assert float(found.images.min()) >= 0
    assert float(found.images.max()) <= 1
    assert float((found.images - 0.5).abs().max()) == pytest.approx(0.5, abs=1e-6)
    counts = found.labels.bincount()
    if kind is Xor:  # each point's class is drawn: five standard deviations
        assert abs(int(counts[0]) - points / 2) < 2.5 * math.sqrt(points)
    else:
        assert int(counts.max() - counts.min()) <= 1
    assert found.classes == tuple(str(label) for label in range(len(counts)))


@pytest.mark.parametrize("kind", EVERY)
def test_the_seed_names_the_points(kind: Toy) -> None:
    first, again, other = (kind(seed=seed).load().images for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("kind", EVERY)
def test_the_shared_generator_is_left_alone(kind: Toy) -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    kind().load()
    assert torch.equal(torch.get_rng_state(), before)


def alike(mine: torch.Tensor, labels: torch.Tensor, points: Any, theirs: Any) -> None:
    """Each class has the same points, in whatever order."""
    reference = as_images(torch.from_numpy(points)).flatten(1).numpy()
    for label in (0, 1):
        rows = mine.flatten(1)[labels == label].numpy()
        expected = reference[theirs == label]
        distance = np.linalg.norm(rows[:, None] - expected[None], axis=2)
        assert distance.min(0).max() < 1e-6
        assert distance.min(1).max() < 1e-6


def test_moons_are_those_of_scikit_learn() -> None:
    points, theirs = make_moons(200, shuffle=False, noise=None)
    alike(*moons(200, 0.0, 0), points - [0.5, 0.25], theirs)


def test_circles_are_those_of_scikit_learn() -> None:
    images, labels = circles(2000, 0.0, 0)
    radius = plane(images).norm(dim=1) * 2
    for label, expected in ((0, 1.0), (1, 0.5)):
        assert torch.allclose(radius[labels == label], torch.tensor(expected).double(), atol=1e-6)
    points, theirs = make_circles(2000, shuffle=False, noise=None, factor=0.5)
    assert np.allclose(np.linalg.norm(points, axis=1), np.where(theirs == 0, 1.0, 0.5))


@pytest.mark.parametrize("arms", [2, 3, 4, 5])
def test_each_arm_of_the_spiral_is_the_first_one_turned(arms: int) -> None:
    images, labels = spiral(300 * arms, arms, 0.0, 0)
    points = torch.view_as_complex(plane(images))
    first = points[labels == 0]
    steps = torch.diff(torch.angle(first[1:]))  # the first point lies in the centre
    assert torch.allclose(
        (steps + math.pi) % (2 * math.pi) - math.pi, torch.tensor(4 / 299).double(), atol=1e-3
    )
    assert torch.allclose(torch.diff(first.abs()), first.abs()[-1] / 299, atol=1e-6)
    for arm in range(arms):
        turn = torch.polar(torch.tensor(1.0), torch.tensor(2 * math.pi * arm / arms))
        assert torch.allclose(points[labels == arm], first * turn, atol=1e-6)


def test_the_sign_of_the_product_is_the_class_of_xor() -> None:
    images, labels = xor(5000, 0.0, 0)
    points = plane(images)
    clear = points.abs().min(1).values > 1e-6
    assert torch.equal((points.prod(1) < 0).long()[clear], labels[clear])


def test_noise_has_the_standard_deviation_it_says() -> None:
    points = torch.zeros(100_000, 2, dtype=torch.float64)
    moved = shaken(points, 0.2, torch.Generator().manual_seed(0))
    assert torch.allclose(moved.std(0), torch.tensor(0.2).double(), rtol=0.02)
    assert float(moved.mean(0).abs().max()) < 0.005


@pytest.mark.parametrize("kind", EVERY)
def test_without_noise_nothing_but_xor_is_drawn(kind: Toy) -> None:
    still = [kind(noise=0.0, seed=seed).load().images for seed in (0, 1)]
    assert torch.equal(*still) == (kind is not Xor)
    assert not torch.equal(kind(noise=0.1).load().images, still[0])


@pytest.mark.parametrize(
    ("dataset", "enough"), [("spiral", 0.95), ("circles", 0.98), ("moons", 0.95), ("xor", 0.92)]
)
def test_the_network_learns_it(dataset: str, enough: float) -> None:
    experiment = Experiment.from_data({"dataset": dataset, "model": "mlp"})
    ends = [e for e in Trainer(experiment).run(SimpleQueue()) if isinstance(e, ev.EpochEnd)]
    assert ends[-1].val_accuracy > enough


def test_no_straight_line_parts_them() -> None:
    for dataset in ("spiral", "circles", "xor"):
        data = {"dataset": dataset, "model": {"kind": "mlp", "depth": 0}}
        events = Trainer(Experiment.from_data(data)).run(SimpleQueue())
        ends = [event for event in events if isinstance(event, ev.EpochEnd)]
        assert ends[-1].val_accuracy < 0.65


def test_points_are_too_small_for_the_default_network_and_the_remedy_says_which_is_not() -> None:
    with pytest.raises(Problem) as caught:
        list(Trainer(Experiment.from_data({"dataset": "spiral"})).run(SimpleQueue()))
    assert "MLP" in caught.value.remedy
