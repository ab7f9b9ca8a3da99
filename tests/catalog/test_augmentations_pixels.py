"""Colour, noise, blur, holes, mixing, policies: against torchvision, colorsys and closed forms."""

import colorsys
import math
from collections.abc import Callable

import pytest
import torch
import torchvision.transforms.v2.functional as tv
from torch import Tensor, nn
from torchvision.transforms import v2

from trainlab.catalog.augmentations.colour import (
    colour_jitter,
    grayscale,
    hsv_from_rgb,
    hsv_jitter,
    jittered,
    pca_colour,
    rgb_from_hsv,
)
from trainlab.catalog.augmentations.draws import uniform
from trainlab.catalog.augmentations.mixing import cutmix, mixup
from trainlab.catalog.augmentations.policies import (
    augmix,
    auto_augment,
    rand_augment,
    trivial_augment,
)
from trainlab.catalog.augmentations.texture import (
    elastic,
    erasing,
    gaussian_blur,
    gaussian_noise,
    smoothed,
)
from trainlab.draws import DrawsFrom
from trainlab.engine.randomness import generator


def draws() -> torch.Generator:
    return generator("draws")


def images(channels: int = 3, count: int = 16, height: int = 12, width: int = 20) -> Tensor:
    """Noise with greys, pure colours, black and white among the pixels."""
    batch = torch.rand(count, channels, height, width, generator=generator("images"))
    batch[:, :, 0, :5] = batch[:, :1, 0, :5]
    batch[:, :, 1, :5], batch[:, :, 2, :5] = 0.0, 1.0
    if channels == 3:
        batch[:, 0, 3, :5], batch[:, 1, 3, 2:7], batch[:, 2, 3, 4:9] = 1.0, 1.0, 1.0
    return batch


def test_colour_jitter_is_torchvisions_at_the_draws_of_each_image() -> None:
    batch, source = images(), draws()
    light, contrast, saturation = (uniform(batch, source, 0.6, 1.4) for _ in range(3))
    hue = uniform(batch, source, -0.3, 0.3)
    ours = colour_jitter(batch, draws(), 0.4, 0.4, 0.4, 0.3)
    for number, image in enumerate(batch):
        expected = tv.adjust_brightness(image, float(light[number]))
        expected = tv.adjust_contrast(expected, float(contrast[number]))
        expected = tv.adjust_saturation(expected, float(saturation[number]))
        expected = tv.adjust_hue(expected, float(hue[number]))
        assert torch.allclose(ours[number], expected, atol=2e-4)


def test_colour_jitter_of_grey_images_is_torchvisions() -> None:
    batch, source = images(1), draws()
    light, contrast = (uniform(batch, source, 0.6, 1.4) for _ in range(2))
    ours = colour_jitter(batch, draws(), 0.4, 0.4, 0.4, 0.3)
    for number, image in enumerate(batch):
        expected = tv.adjust_brightness(image, float(light[number]))
        expected = tv.adjust_contrast(expected, float(contrast[number]))
        assert torch.allclose(ours[number], expected, atol=1e-5)


def test_factors_of_one_change_nothing() -> None:
    batch, one = images(), torch.ones(16)
    assert torch.equal(jittered(batch, one, one, one), batch)


def test_hue_saturation_and_value_are_those_of_colorsys() -> None:
    batch = images(count=2)
    hue, saturation, value = hsv_from_rgb(batch)
    ours = torch.cat([hue % 1, saturation, value], 1).permute(0, 2, 3, 1).reshape(-1, 3)
    pixels = batch.permute(0, 2, 3, 1).reshape(-1, 3)
    expected = torch.tensor([colorsys.rgb_to_hsv(*pixel) for pixel in pixels.tolist()])
    assert torch.allclose(ours, expected, atol=1e-5)
    assert torch.allclose(rgb_from_hsv(*hsv_from_rgb(batch)), batch, atol=1e-6)


def test_hsv_jitter_follows_its_formula_pixel_by_pixel() -> None:
    batch, source = images(count=6, height=5, width=9), draws()
    numbers = []
    for _part in "sv":
        power = 4 ** uniform(batch, source, -1, 1)
        assert 0.25 <= float(power.min()) <= float(power.max()) <= 4
        numbers += [power, uniform(batch, source, 0.7, 1.4), uniform(batch, source, -0.1, 0.1)]
    turn = uniform(batch, source, -0.1, 0.1)
    ours = hsv_jitter(batch, draws())
    for i, image in enumerate(batch):
        a, b, c, k, m, n = (float(number[i]) for number in numbers)
        for row in range(5):
            for column in range(9):
                h, s, v = colorsys.rgb_to_hsv(*image[:, row, column].tolist())
                s, v = (min(max(x, 0.0), 1.0) for x in (s**a * b + c, v**k * m + n))
                expected = torch.tensor(colorsys.hsv_to_rgb((h + float(turn[i])) % 1, s, v))
                assert torch.allclose(ours[i, :, row, column], expected, atol=1e-4)


def test_hsv_jitter_of_grey_images_bends_the_value_alone() -> None:
    batch, source = images(1), draws()
    for _part in "sv":
        power = 4 ** uniform(batch, source, -1, 1)
        factor, offset = uniform(batch, source, 0.7, 1.4), uniform(batch, source, -0.1, 0.1)
    ours = hsv_jitter(batch, draws())
    for i, image in enumerate(batch):
        expected = (image ** float(power[i]) * float(factor[i]) + float(offset[i])).clamp(0, 1)
        assert torch.allclose(ours[i], expected, atol=1e-6)


def test_pca_colour_adds_eigenvectors_times_eigenvalues_times_draws() -> None:
    batch = (images(count=64) * 0.2 + 0.4) * torch.tensor([1.0, 0.9, 0.7])[:, None, None]
    pixels = batch.permute(1, 0, 2, 3).flatten(1).double()
    values, vectors = torch.linalg.eigh(torch.cov(pixels, correction=0))
    draw = torch.randn(64, 3, generator=draws())
    added = (pca_colour(batch, draws(), std=0.5) - batch).double()
    assert torch.allclose(
        added, added[:, :, :1, :1].expand_as(added), atol=1e-6
    )  # all pixels alike
    along = added[:, :, 0, 0] @ vectors  # a vector's sign is anybody's choice
    assert torch.allclose(along.abs(), (0.5 * draw * values).abs(), atol=1e-6)


def test_grayscale_is_torchvisions() -> None:
    batch = images()
    expected = tv.rgb_to_grayscale(batch, num_output_channels=3)
    assert torch.allclose(grayscale(batch, draws()), expected, atol=1e-6)
    assert torch.equal(grayscale(images(1), draws()), images(1))


def test_noise_is_torchvisions() -> None:
    batch = images()
    with DrawsFrom(draws()):
        expected = tv.gaussian_noise(batch, mean=0.0, sigma=0.2, clip=True)
    assert torch.allclose(gaussian_noise(batch, draws(), 0.2), expected, atol=1e-6)


def test_blur_is_torchvisions_at_the_width_of_each_image() -> None:
    batch = images()
    widths = uniform(batch, draws(), 0.1, 1.5)
    ours = gaussian_blur(batch, draws(), (0.1, 1.5))
    for image, width, result in zip(batch, widths, ours, strict=True):
        expected = tv.gaussian_blur(image, [11, 11], [float(width)] * 2)
        assert torch.allclose(result, expected, atol=1e-5)


def test_elastic_moves_pixels_by_smooth_noise_of_the_size_it_says() -> None:
    ramp = torch.linspace(0, 1, 64).expand(200, 1, 64, 64)  # shows moves to the right
    moved = (elastic(ramp, draws(), alpha=34.0, sigma=4.0) - ramp)[:, 0, 16:48, 16:48] * 63
    assert float(moved.std()) == pytest.approx(34 / (6 * 4), rel=0.1)
    neighbours = (moved[:, :, 1:] - moved[:, :, :-1]).std()
    assert float(neighbours) < 0.3 * float(moved.std())


def test_a_hole_is_torchvisions_erasing() -> None:
    batch, source = images(), draws()
    ours = erasing(batch, draws(), (0.1, 0.3), (0.5, 2.0), value=0.25)
    area = uniform(batch, source, 0.1, 0.3) * 12 * 20
    ratio = uniform(batch, source, math.log(0.5), math.log(2.0)).exp()
    y, x = (uniform(batch, source, 0, 1) for _ in range(2))
    for i, image in enumerate(batch):
        h, w = (round(float((area * r)[i].sqrt())) for r in (ratio, 1 / ratio))
        h, w = min(h, 12), min(w, 20)
        top, left = int(y[i] * (12 - h + 1)), int(x[i] * (20 - w + 1))
        expected = tv.erase(image, top, left, h, w, torch.full((3, h, w), 0.25))
        assert torch.equal(ours[i], expected)


def certain(count: int, positions: int = 0) -> Tensor:
    """Labels as probabilities: image i is of class i."""
    labels = nn.functional.one_hot(torch.arange(count)).float()
    return labels.unsqueeze(2).repeat(1, 1, positions) if positions else labels


@pytest.mark.parametrize("positions", [0, 6])
def test_mixup_blends_images_and_labels_by_the_same_share(positions: int) -> None:
    batch = torch.arange(16.0).div(15).view(16, 1, 1, 1).expand(16, 3, 8, 8)
    mixed, labels = mixup(batch, certain(16, positions), draws(), alpha=1.0)
    for i in range(16):
        before = (i - 1) % 16
        share = labels[i, i]
        assert torch.allclose(share + labels[i, before], torch.ones(()))
        assert torch.allclose(labels[i].sum(0), torch.ones(()))
        expected = (share * i + (1 - share) * before) / 15
        assert torch.allclose(mixed[i], expected.mean().expand(3, 8, 8), atol=1e-6)
    assert len(labels.diagonal().unique()) > 10  # a share an image


@pytest.mark.parametrize("positions", [0, 6])
def test_cutmix_labels_are_the_shares_of_the_area_exactly(positions: int) -> None:
    batch = torch.arange(16.0).div(15).view(16, 1, 1, 1).expand(16, 3, 8, 8)
    mixed, labels = cutmix(batch, certain(16, positions), draws())
    shares = []
    for i in range(16):
        kept = int((mixed[i, 0] == batch[i, 0]).sum())
        assert int((mixed[i, 0] == batch[i - 1, 0]).sum()) == 64 - kept
        assert (labels[i, i] == kept / 64).all()
        assert (labels[i, i - 1] == 1 - kept / 64).all()
        rows, columns = (mixed[i, 0] != batch[i, 0]).nonzero().unbind(1)
        if len(rows):  # a rectangle without holes
            sides = int(rows.max() - rows.min() + 1), int(columns.max() - columns.min() + 1)
            assert math.prod(sides) == 64 - kept
        shares.append(kept)
    assert len(set(shares)) > 5


def test_shares_are_betas() -> None:
    batch = torch.zeros(4000, 1, 1, 1)
    for alpha in (0.2, 1.0, 4.0):
        _mixed, labels = mixup(batch, torch.eye(2).repeat(2000, 1), draws(), alpha=alpha)
        kept = torch.where(torch.arange(4000) % 2 == 0, labels[:, 0], labels[:, 1])
        assert float(kept.mean()) == pytest.approx(0.5, abs=0.03)
        assert float(kept.var()) == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.08)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (rand_augment, v2.RandAugment()),
        (trivial_augment, v2.TrivialAugmentWide()),
        (auto_augment, v2.AutoAugment()),
        (augmix, v2.AugMix()),
    ],
    ids=["rand_augment", "trivial_augment", "auto_augment", "augmix"],
)
def test_policies_are_torchvisions_at_the_same_seed(
    ours: Callable[..., Tensor], theirs: nn.Module, channels: int
) -> None:
    pixels = images(channels, count=8).mul(255).round().byte()
    result = ours(pixels / 255, draws())
    seed = int(torch.randint(2**62, (), generator=draws()))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        expected = torch.stack([theirs(image) for image in pixels])
    assert torch.equal(result, expected / 255)
    assert not torch.equal(expected, pixels)


def test_a_bell_is_a_weighted_mean_in_each_image_of_its_own() -> None:
    flat = torch.full((3, 2, 9, 9), 0.5)
    assert torch.allclose(smoothed(flat, torch.tensor([0.3, 1.0, 5.0]), 3), flat[:, :, 3:-3, 3:-3])
