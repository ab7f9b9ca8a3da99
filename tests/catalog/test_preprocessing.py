"""Preprocessing against numpy: means, deviations, decorrelation and whitening on real images and points."""

import inspect
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from trainlab.catalog.datasets import Digits
from trainlab.catalog.preprocessing import PreprocessingChoice
from trainlab.choice import choices
from trainlab.engine.randomness import generator
from trainlab.errors import Problem

KINDS: dict[str, Any] = {choice.kind_name(): choice for choice in choices(PreprocessingChoice)}
LEARNING = [
    kind for kind in KINDS if kind not in ("none", "symmetric", "imagenet", "center_images")
]


def digits() -> Tensor:
    return Digits().load().images


def colours() -> Tensor:
    """Colour images whose features hang together: the digits seen through three filters."""
    noise = torch.randint(0, 40, (600, 3, 8, 8), generator=generator("colours"))
    filters = torch.tensor([0.8, 0.5, 0.1])[:, None, None]
    return (digits()[:600] * filters + noise).round().byte()


def points() -> Tensor:
    """A narrow cloud of points (N, 2, 1, 1) in [0, 1]."""
    flat = torch.randn(500, 2, generator=generator("points")) @ torch.tensor(
        [[0.2, 0.1], [0, 0.01]]
    )
    return (flat + 0.5).clamp(0, 1)[:, :, None, None]


SETS = {"digits": digits, "colours": colours, "points": points}


@pytest.fixture(params=SETS, scope="module")
def images(request: pytest.FixtureRequest) -> Tensor:
    return SETS[request.param]()


def floats(images: Tensor) -> Tensor:
    return images.float() / 255 if images.dtype == torch.uint8 else images


def rows(images: Tensor) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The images as numpy rows (N, D) of doubles in [0, 1]."""
    flat: np.ndarray[Any, np.dtype[np.float64]] = floats(images).flatten(1).double().numpy()
    return flat


def mapped(kind: str, images: Tensor, **fields: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """What a preprocessing makes of the images it learnt from, (N, D)."""
    made = KINDS[kind](kind=kind, **fields).build(images)(floats(images))
    assert made.shape == images.shape
    assert made.dtype == torch.float32
    return rows(made)


def covariance(x: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    centred = x - x.mean(0)
    product: np.ndarray[Any, np.dtype[np.float64]] = centred.T @ centred / len(x)
    return product


@pytest.mark.parametrize("kind", ["center", "standardize"])
def test_by_channel(kind: str, images: Tensor) -> None:
    channels = rows(images).reshape(len(images), images.shape[1], -1)
    expected = channels - channels.mean((0, 2), keepdims=True)
    if kind == "standardize":
        expected /= channels.std((0, 2), keepdims=True)
    made = mapped(kind, images).reshape(channels.shape)
    np.testing.assert_allclose(made, expected, atol=2e-6)


@pytest.mark.parametrize("kind", ["center_features", "standardize_features"])
def test_by_feature(kind: str, images: Tensor) -> None:
    x = rows(images)
    expected = x - x.mean(0)
    if kind == "standardize_features":
        expected /= x.std(0).clip(1 / 255)
    np.testing.assert_allclose(mapped(kind, images), expected, atol=2e-5)


def test_by_image(images: Tensor) -> None:
    x = rows(images)
    made = mapped("center_images", images)
    np.testing.assert_allclose(made, x - x.mean(1, keepdims=True), atol=1e-6)


def test_by_constants(images: Tensor) -> None:
    x = rows(images)
    np.testing.assert_allclose(mapped("symmetric", images), 2 * x - 1, atol=1e-6)
    np.testing.assert_allclose(mapped("none", images), x)


def test_imagenet_is_what_torchvisions_weights_do() -> None:
    from torchvision.models import ResNet18_Weights

    images = colours()
    theirs = ResNet18_Weights.DEFAULT.transforms(crop_size=8, resize_size=8)(images)
    np.testing.assert_allclose(mapped("imagenet", images), rows(theirs), atol=1e-5)


def test_imagenet_takes_grey_images_as_they_are() -> None:
    made = mapped("imagenet", digits())
    np.testing.assert_allclose(made, (rows(digits()) - 0.449) / 0.226, atol=1e-5)


@pytest.mark.parametrize("kind", ["pca", "pca_whitening"])
def test_pca_decorrelates(kind: str, images: Tensor) -> None:
    made = covariance(mapped(kind, images))
    values = np.linalg.eigvalsh(covariance(rows(images)))[::-1].clip(0)
    expected = values if kind == "pca" else values / (values + 1e-5)
    scale = expected.max()
    np.testing.assert_allclose(np.diag(made), expected, rtol=1e-3, atol=1e-5 * scale)
    off = made - np.diag(np.diag(made))
    assert np.abs(off).max() < 1e-4 * scale


@pytest.mark.parametrize("kind", ["pca_whitening", "zca"])
def test_whitening_gives_identity_covariance(kind: str, images: Tensor) -> None:
    """Up to eps, and not for what never varies: of the digits' 64 pixels three are always black."""
    made = covariance(mapped(kind, images, eps=1e-8))
    x = covariance(rows(images))
    values, vectors = np.linalg.eigh(x)
    varies = values > 1e-6
    shares = np.where(varies, 1.0, 0.0)
    expected = np.diag(shares[::-1]) if kind == "pca_whitening" else vectors * shares @ vectors.T
    np.testing.assert_allclose(made, expected, atol=0.02)
    assert varies.sum() == {64: 61, 192: 192, 2: 2}[len(values)]


def test_zca_is_the_whitening_nearest_to_the_images() -> None:
    images = colours()
    values, vectors = np.linalg.eigh(covariance(rows(images)))
    matrix = vectors / np.sqrt(values + 1e-5) @ vectors.T
    x = rows(images)
    np.testing.assert_allclose(mapped("zca", images), (x - x.mean(0)) @ matrix, atol=2e-3)


def test_a_larger_eps_smooths() -> None:
    sizes = [np.abs(mapped("zca", digits(), eps=eps)).mean() for eps in (1e-6, 1e-3, 1e-1, 10)]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("kept", [0.5, 0.9, 1.0])
def test_pca_keeps_a_share_of_the_variance(kept: float) -> None:
    made = mapped("pca", digits(), variance_kept=kept)
    variances = made.var(0)
    total = rows(digits()).var(0).sum()
    axes = int((variances > 1e-12).sum())
    assert variances.sum() >= kept * total - 1e-5
    assert kept == 1 or variances[: axes - 1].sum() < kept * total
    assert axes < 62 if kept == 1 else axes < 30


@pytest.mark.parametrize("kind", LEARNING)
def test_it_knows_the_training_images_alone(kind: str) -> None:
    """The map of validation images does not hang on them, but on what it learnt from."""
    images = digits()
    first, other = (
        KINDS[kind](kind=kind).build(images[part]) for part in (slice(900), slice(900, None))
    )
    val = floats(images[900:])
    assert not torch.allclose(first(val), other(val), atol=1e-3)
    assert torch.allclose(first(val)[:5], first(val[:5]), atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_what_never_varies_stays_finite(kind: str) -> None:
    images = torch.full((40, 3, 4, 4), 17, dtype=torch.uint8)
    made = mapped(kind, images)
    assert np.isfinite(made).all()
    if kind in LEARNING:
        assert np.abs(made).max() < 1e-3


@pytest.mark.parametrize("kind", [kind for kind in KINDS if KINDS[kind].pointwise])
def test_pointwise_means_the_same_bits_in_any_batch(kind: str) -> None:
    images = colours()
    preprocess = KINDS[kind](kind=kind).build(images)
    whole = preprocess(floats(images))
    assert all(
        torch.equal(whole[i : i + n], preprocess(floats(images[i : i + n])))
        for i, n in ((0, 1), (7, 33))
    )


@pytest.mark.parametrize("kind", ["pca", "pca_whitening", "zca"])
def test_images_of_too_many_features_are_refused(kind: str) -> None:
    with pytest.raises(Problem, match=r"12,288 features is too much: .*3 x 64 x 64.*4,096"):
        KINDS[kind](kind=kind).build(torch.zeros(4, 3, 64, 64, dtype=torch.uint8))


def test_the_scripts_classes_name_no_error_of_the_lab() -> None:
    """What a script takes over is torch alone."""
    for choice in KINDS.values():
        assert "Problem" not in inspect.getsource(choice.target)
