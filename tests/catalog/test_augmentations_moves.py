"""Moves: against torchvision's functional and SciPy at the same draws; many of them are one resampling."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torchvision.transforms.v2.functional as tv
from scipy.ndimage import map_coordinates  # type: ignore[import-untyped]
from torch import Tensor, nn

from trainlab.catalog.augmentations import (
    HorizontalFlip,
    RandomResizedCrop,
    Rotation,
    Scale,
    Shear,
    Shift,
    VerticalFlip,
    changes,
)
from trainlab.catalog.augmentations.base import AugmentationChoice
from trainlab.catalog.augmentations.draws import happens
from trainlab.catalog.augmentations.geometric import rotation, shear, shift, zoom
from trainlab.catalog.augmentations.projective import perspective, resized_crop
from trainlab.catalog.augmentations.resampling import resample
from trainlab.catalog.augmentations.texture import displaced
from trainlab.engine.randomness import generator

SIZES = [(1, 8, 8), (3, 12, 20), (3, 33, 28)]
Move = Callable[..., Tensor]


def images(shape: tuple[int, int, int], count: int = 24) -> Tensor:
    """Smooth ones: resampling by two programs then differs by rounding only."""
    coarse = torch.rand(count, shape[0], 4, 4, generator=generator("images"))
    return nn.functional.interpolate(coarse, shape[1:], mode="bicubic").clamp(0, 1)


def draws() -> torch.Generator:
    return generator("draws")


def moved(batch: Tensor, *choices: AugmentationChoice) -> Tensor:
    """The batch after the choices, which have to be one call."""
    (call,) = changes(choices)
    result: Tensor = call(batch, draws())
    return result


def drawn(batch: Tensor, low: float, high: float, number: int = 1) -> list[Tensor]:
    """What a single move draws for each image, after it was drawn which are moved."""
    source = draws()
    happens(batch, source, 1.0)
    return [low + torch.rand(len(batch), generator=source) * (high - low) for _ in range(number)]


def affine(image: Tensor, angle: float = 0.0, scale: float = 1.0, **other: list[float]) -> Tensor:
    given = {"translate": [0, 0], "shear": [0.0, 0.0]} | other
    bilinear = tv.InterpolationMode.BILINEAR
    result: Tensor = tv.affine(image, angle=angle, scale=scale, interpolation=bilinear, **given)
    return result


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize(
    ("choice", "flip"),
    [(HorizontalFlip(p=0.3), tv.horizontal_flip), (VerticalFlip(p=0.3), tv.vertical_flip)],
)
def test_flips_are_torchvisions_for_the_images_drawn(
    shape: tuple[int, int, int], choice: AugmentationChoice, flip: Move
) -> None:
    batch = images(shape)
    chosen = happens(batch, draws(), 0.3)
    assert 0 < chosen.sum() < len(batch)
    ours = moved(batch, choice)
    for image, flipped, result in zip(batch, chosen, ours, strict=True):
        assert torch.equal(result, flip(image) if flipped else image)


@pytest.mark.parametrize("shape", SIZES)
def test_shift_is_torchvisions_padded_crop(shape: tuple[int, int, int]) -> None:
    batch, (_c, height, width) = images(shape), shape
    source = draws()
    happens(batch, source, 1.0)
    lefts, tops = torch.randint(-2, 3, (2, len(batch)), generator=source).tolist()
    assert len(set(zip(lefts, tops, strict=True))) > 5  # a draw an image
    ours = moved(batch, Shift(padding=2))
    for number, image in enumerate(batch):
        place = tops[number] + 2, lefts[number] + 2
        assert torch.equal(ours[number], tv.crop(tv.pad(image, [2]), *place, height, width))


def test_whole_pixels_move_exactly_in_a_resampling_that_interpolates() -> None:
    batch = images((3, 28, 28))
    still = resample(batch, draws(), ((shift, 1.0),))
    assert torch.allclose(still, moved(batch, Shift(padding=1)), atol=1e-5)


@pytest.mark.parametrize("shape", SIZES)
def test_rotation_is_torchvisions(shape: tuple[int, int, int]) -> None:
    batch = images(shape)
    (angles,) = drawn(batch, -30, 30)
    for image, angle, result in zip(
        batch, angles, moved(batch, Rotation(degrees=30.0)), strict=True
    ):
        assert torch.allclose(result, affine(image, angle=-float(angle)), atol=1e-4)


@pytest.mark.parametrize("shape", SIZES)
def test_scale_is_torchvisions(shape: tuple[int, int, int]) -> None:
    batch = images(shape)
    (sizes,) = drawn(batch, 0.8, 1.3)
    for image, size, result in zip(
        batch, sizes, moved(batch, Scale(scale=(0.8, 1.3))), strict=True
    ):
        assert torch.allclose(result, affine(image, scale=float(size)), atol=1e-4)


@pytest.mark.parametrize("shape", SIZES)
def test_shear_is_torchvisions(shape: tuple[int, int, int]) -> None:
    batch = images(shape)
    angles = torch.stack(drawn(batch, -20, 20, 2), 1)
    for image, angle, result in zip(batch, angles, moved(batch, Shear(degrees=20.0)), strict=True):
        assert torch.allclose(result, affine(image, shear=angle.tolist()), atol=1e-4)


@pytest.mark.parametrize("shape", SIZES)
def test_perspective_is_torchvisions(shape: tuple[int, int, int]) -> None:
    batch, (_c, h, w) = images(shape), shape
    source = draws()
    happens(batch, source, 1.0)
    share = torch.rand(len(batch), 4, 2, generator=source)
    ours = resample(batch, draws(), ((perspective, 1.0),))
    corners = torch.tensor([[-w, -h], [w, -h], [w, h], [-w, h]]) / 2
    middle = torch.tensor([w, h]) / 2  # torchvision counts from the corner of the first pixel
    for number, image in enumerate(batch):
        pulled = corners * (1 - 0.3 * share[number])
        places = (corners + middle).tolist(), (pulled + middle).tolist()
        expected = tv.perspective(image, *places, interpolation=tv.InterpolationMode.BILINEAR)
        assert torch.allclose(ours[number], expected, atol=2e-4)


@pytest.mark.parametrize("shape", SIZES)
def test_a_resized_crop_is_what_scipy_reads_at_its_places(shape: tuple[int, int, int]) -> None:
    batch, (_c, h, w) = images(shape), shape
    source = draws()
    happens(batch, source, 1.0)
    matrix = resized_crop(batch, source)
    ours = moved(batch, RandomResizedCrop())
    for number, ((width, _, x), (_, height, y), _last) in enumerate(matrix.tolist()):
        area, ratio = width * height, (width * w) / (height * h)
        if max(width, height) < 1:
            assert 0.5 - 1e-5 <= area <= 1 + 1e-5
            assert 0.75 - 1e-4 <= ratio <= 1.3334
        assert abs(x) <= (1 - width) * w / 2 + 1e-4
        assert abs(y) <= (1 - height) * h / 2 + 1e-4
        rows = (np.arange(h) - (h - 1) / 2) * height + y + (h - 1) / 2
        columns = (np.arange(w) - (w - 1) / 2) * width + x + (w - 1) / 2
        places = np.meshgrid(rows, columns, indexing="ij")
        for channel, result in zip(batch[number], ours[number], strict=True):
            # beyond the outermost centres torch fades to black within a pixel: SciPy is given the black
            padded, around = np.pad(channel.numpy(), 1), [place + 1 for place in places]
            expected = map_coordinates(padded, around, order=1, mode="nearest")
            assert np.allclose(result.numpy(), expected, atol=1e-4)


@pytest.mark.parametrize("shape", SIZES)
def test_a_displacement_is_torchvisions_elastic(shape: tuple[int, int, int]) -> None:
    batch, (_c, h, w) = images(shape), shape
    field = torch.randn(len(batch), 2, h, w, generator=draws())
    ours = displaced(batch, field)
    for number, image in enumerate(batch):
        halves = field[number].permute(1, 2, 0) * 2 / torch.tensor([w, h])  # in half sides
        expected = tv.elastic(image, halves[None])
        assert torch.allclose(ours[number], expected, atol=1e-4)


def test_neighbours_are_one_resampling_by_the_product_of_their_matrices() -> None:
    batch = images((3, 12, 20))
    choices = (Rotation(degrees=40.0), Shift(padding=3), HorizontalFlip(p=0.5), Shear(p=0.5))
    source, still = draws(), torch.eye(3)
    matrix = still.expand(len(batch), 3, 3)
    for choice in choices:
        chosen = happens(batch, source, choice.p)[:, None, None]
        own = type(choice).target(batch, source, **choice.arguments())
        matrix = matrix @ torch.where(chosen, own, still)
    expected = resample(batch, draws(), ((lambda _images, _draws: matrix, 1.0),))
    assert torch.allclose(moved(batch, *choices), expected, atol=1e-6)


def test_moves_are_made_in_the_order_of_the_list() -> None:
    batch = images((3, 12, 20))
    source = draws()
    happens(batch, source, 1.0)
    lefts, tops = torch.randint(-3, 4, (2, len(batch)), generator=source).tolist()
    for order in (1, -1):
        ours = moved(batch, *(Shift(padding=3), HorizontalFlip(p=1.0))[::order])
        if order == -1:
            source = draws()
            happens(batch, source, 1.0)
            happens(batch, source, 1.0)
            lefts, tops = torch.randint(-3, 4, (2, len(batch)), generator=source).tolist()
        for number, image in enumerate(batch):
            place = tops[number] + 3, lefts[number] + 3

            def crop(one: Tensor, place: tuple[int, int] = place) -> Tensor:
                result: Tensor = tv.crop(tv.pad(one, [3]), *place, 12, 20)
                return result

            flip = tv.horizontal_flip
            assert torch.equal(ours[number], flip(crop(image)) if order == 1 else crop(flip(image)))


def test_opposite_turns_cancel_as_nothing_is_resampled_between_them() -> None:
    batch = images((3, 28, 28))

    def turn(angle: float) -> Move:
        cos, sin = math.cos(angle), math.sin(angle)
        matrix = torch.tensor([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
        return lambda _images, _draws: matrix

    there_and_back = resample(batch, draws(), ((turn(0.7), 1.0), (turn(-0.7), 1.0)))
    assert torch.allclose(there_and_back, batch, atol=1e-4)
    one_by_one = resample(batch, draws(), ((turn(0.7), 1.0),))
    one_by_one = resample(one_by_one, draws(), ((turn(-0.7), 1.0),))
    assert not torch.allclose(one_by_one, batch, atol=0.05)


@pytest.mark.parametrize("move", [rotation, shear, zoom, perspective, resized_crop])
def test_images_that_are_not_drawn_stay_bit_for_bit(move: Move) -> None:
    batch = images((3, 28, 28))
    chosen = happens(batch, draws(), 0.5)
    result = resample(batch, draws(), ((move, 0.5),))
    same = torch.tensor([torch.equal(*pair) for pair in zip(result, batch, strict=True)])
    assert torch.equal(same, ~chosen)
