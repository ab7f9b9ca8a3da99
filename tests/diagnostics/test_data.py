"""Surveys of data against numpy and known distributions; the canyon against its closed form."""

import numpy as np
import pytest
import torch
from torch import Tensor

from trainlab.catalog.datasets import Digits
from trainlab.diagnostics.canyon import STEPS, canyon
from trainlab.diagnostics.data import (
    class_counts,
    mask_of,
    same_means,
    same_mix,
    straddling,
    survey,
    twins,
)
from trainlab.engine.randomness import generator


@pytest.fixture(scope="module")
def images() -> Tensor:
    return Digits().load().images


def test_a_survey_of_all_images_is_numpys(images: Tensor) -> None:
    found = survey(images, generator("survey"))
    pixels = images.double().numpy()[:, 0] / 255
    assert found.rows.tolist() == list(range(1797))
    mask = mask_of(torch.arange(0, 1797, 3), 1797)
    (mean,), (std,) = found.channels(mask)
    assert mean == pytest.approx(pixels[::3].mean(), abs=1e-6)
    assert std == pytest.approx(pixels[::3].std(), abs=1e-6)
    distances = np.sqrt(((pixels - pixels.mean(0)) ** 2).mean((1, 2)))
    farthest = found.farthest(5)
    assert [row for row, _distance in farthest] == np.argsort(-distances)[:5].tolist()
    assert farthest[0][1] == pytest.approx(distances.max(), abs=1e-6)


def test_a_survey_of_many_images_looks_at_some(images: Tensor) -> None:
    found = survey(images, generator("survey"), most_values=64 * 500)
    assert len(found.rows.unique()) == 500
    (mean,), _std = found.channels(torch.ones(1797, dtype=torch.bool))
    exact = float(images.double().mean() / 255)
    assert mean == pytest.approx(exact, abs=0.01)
    assert mean != pytest.approx(exact, abs=1e-6)


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 5, 7), (2, 1, 1)])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_twins_are_found_and_near_twins_are_not(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    pixels = torch.randint(256, (300, *shape), generator=generator("twins"))
    pixels = (
        pixels.byte() if dtype == torch.uint8 else torch.rand(300, *shape, generator=generator("t"))
    )
    pixels[7], pixels[250], pixels[9] = pixels[3], pixels[3], pixels[8]
    pixels[100] = pixels[101]
    pixels[100, 0, 0, 0] = pixels[101, 0, 0, 0] / 2 + 1  # all but one number
    found = twins(pixels)
    assert (3, 7, 250) in found
    assert (8, 9) in found
    assert not any({100, 101} <= set(group) for group in found)
    if dtype == torch.float32 or shape[0] * shape[1] > 4:  # two random bytes are equal now and then
        assert len(found) == 2


def test_copies_of_one_image_are_one_group() -> None:
    assert twins(torch.zeros(40, 1, 3, 3, dtype=torch.uint8)) == (tuple(range(40)),)


def test_twins_on_both_sides_are_told() -> None:
    train, val = mask_of(torch.tensor([0, 1, 2]), 6), mask_of(torch.tensor([3, 4]), 6)
    assert straddling(((0, 1), (2, 3), (4, 5)), train, val) == ((2, 3),)


def test_labels_of_every_position_are_counted() -> None:
    labels = torch.tensor([[0, 1], [1, 2], [2, 2]])
    assert class_counts(labels, torch.tensor([True, False, True]), 4) == [1, 1, 2, 0]


def test_equal_mixes_are_called_different_as_often_as_they_should() -> None:
    """Under the same distribution p is spread evenly: one in ten below 0.1."""
    draws = generator("mix")
    chances = []
    for _trial in range(600):
        one = torch.randint(8, (400,), generator=draws).bincount(minlength=8).tolist()
        other = torch.randint(8, (100,), generator=draws).bincount(minlength=8).tolist()
        chances.append(same_mix(one, other))
    assert np.mean(np.array(chances) < 0.1) == pytest.approx(0.1, abs=0.04)
    assert np.mean(chances) == pytest.approx(0.5, abs=0.05)


def test_the_chi_squared_test_gives_the_textbooks_number() -> None:
    # (90, 60) against (60, 90): chi-squared 12 at one degree of freedom
    assert same_mix([90, 60], [60, 90]) == pytest.approx(5.32e-4, rel=1e-2)
    assert same_mix([10, 20, 30], [100, 200, 300]) == pytest.approx(1)
    assert same_mix([500, 0], [0, 100]) < 1e-50


def test_rare_classes_alone_say_nothing() -> None:
    assert same_mix([2, 1, 0], [0, 0, 2]) == 1
    assert same_mix([400] + [1] * 6, [100] + [1] * 6) > 0.001


@pytest.mark.parametrize("channels", [1, 3])
def test_equal_means_are_seldom_called_different(channels: int) -> None:
    draws = generator("means", channels)
    chances = np.array([
        same_means(*(torch.randn(n, channels, generator=draws).double() for n in (300, 90)))
        for _trial in range(600)
    ])  # fmt: skip
    assert np.mean(chances < 0.1) == pytest.approx(0.1, abs=0.04)
    shifted = torch.randn(300, channels, generator=draws) + 0.5
    assert same_means(shifted, torch.randn(300, channels, generator=draws)) < 0.001


def test_constant_or_single_images_have_no_test() -> None:
    assert same_means(torch.ones(5, 1), torch.ones(1, 1)) == 1
    assert same_means(torch.ones(5, 1), torch.ones(5, 1)) == 1


@pytest.mark.parametrize("standardised", [False, True])
def test_the_canyon_is_gradient_descent(standardised: bool) -> None:
    """Each step shrinks the error along each axis of the bowl by 1 - lr * curvature."""
    found = canyon(standardised)
    step = torch.eye(2, dtype=torch.float64) - found.lr * found.hessian.double()
    error = found.path[0].double() - found.best.double()
    for number in range(STEPS + 1):
        expected = torch.linalg.matrix_power(step, number) @ error + found.best.double()
        assert torch.allclose(found.path[number].double(), expected, atol=1e-4)
    assert len(found.losses) == STEPS + 1


def test_a_hundred_times_the_variance_is_a_hundred_times_as_steep() -> None:
    curvatures = torch.linalg.eigvalsh(canyon(False).hessian)
    assert float(curvatures[1] / curvatures[0]) == pytest.approx(100, rel=0.15)
    even = torch.linalg.eigvalsh(canyon(True).hessian)
    assert float(even[1] / even[0]) == pytest.approx(1, rel=0.05)
    assert canyon(True).losses[-1] < 1e-6 < 1 < canyon(False).losses[-1]
