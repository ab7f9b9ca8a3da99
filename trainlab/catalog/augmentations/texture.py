"""Noise, blur, holes and rubber: changes of what lies near to each other in an image."""

import math
from typing import Annotated, ClassVar, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from trainlab.catalog.augmentations.base import AugmentationChoice
from trainlab.catalog.augmentations.draws import per_image, uniform
from trainlab.catalog.augmentations.resampling import look_up, positions
from trainlab.catalog.datasets.base import Cue
from trainlab.choice import Card, Knob

Sigma = Annotated[float, Field(gt=0, le=10)]
Share = Annotated[float, Field(gt=0, le=1)]
Ratio = Annotated[float, Field(gt=0, le=10)]


def gaussian_noise(images: Tensor, generator: torch.Generator, sigma: float = 0.05) -> Tensor:
    """Add to every pixel a number from N(0, sigma)."""
    noise = torch.randn(images.shape, generator=generator, device=images.device)
    return (images + sigma * noise).clamp_(0, 1)


def gaussian_blur(
    images: Tensor,
    generator: torch.Generator,
    sigma: tuple[float, float] = (0.1, 1.0),
) -> Tensor:
    """Blur each image by a bell of its own width, `sigma` pixels."""
    widths = uniform(images, generator, *sigma)
    radius = min(math.ceil(3 * max(sigma)), *(side - 1 for side in images.shape[2:]))
    padded = F.pad(images, [radius] * 4, mode="reflect") if radius else images
    return smoothed(padded, widths, radius)


def smoothed(images: Tensor, sigma: Tensor, radius: int) -> Tensor:
    """Each image (C, H, W) under a bell of its own sigma (N,): `radius` pixels fewer on each side."""
    n, c, h, w = images.shape
    bell = torch.arange(-radius, radius + 1, device=images.device) / sigma[:, None]
    bell = (bell.square() / -2).exp()
    bell = (bell / bell.sum(1, keepdim=True)).repeat_interleave(c, 0)[:, None, None]
    rows = F.conv2d(images.reshape(1, n * c, h, w), bell, groups=n * c)
    return F.conv2d(rows, bell.mT, groups=n * c).view(n, c, h - 2 * radius, w - 2 * radius)


def elastic(
    images: Tensor,
    generator: torch.Generator,
    alpha: float = 34.0,
    sigma: float = 4.0,
) -> Tensor:
    """Move every pixel by `alpha` times a noise that is smooth over `sigma` pixels."""
    n, _, h, w = images.shape
    radius = math.ceil(3 * sigma)
    size = (n, 2, h + 2 * radius, w + 2 * radius)
    noise = torch.rand(size, generator=generator, device=images.device) * 2 - 1
    widths = torch.full((n,), sigma, device=images.device)
    return displaced(images, alpha * smoothed(noise, widths, radius))


def displaced(images: Tensor, field: Tensor) -> Tensor:
    """Each pixel taken from where the field (N, 2, H, W) says, in pixels to the right and down."""
    return look_up(images, positions(images)[:2] + field.flatten(2))


def erasing(
    images: Tensor,
    generator: torch.Generator,
    scale: tuple[float, float] = (0.02, 0.33),
    ratio: tuple[float, float] = (0.3, 3.3),
    value: float = 0.5,
) -> Tensor:
    """Cover a rectangle of each image, `scale` of its area and `ratio` high by wide, with `value`."""
    h, w = images.shape[2:]
    area = uniform(images, generator, *scale) * h * w
    shape = uniform(images, generator, *map(math.log, ratio)).exp()
    height = (area * shape).sqrt().round().clamp(1, h)
    width = (area / shape).sqrt().round().clamp(1, w)
    top = (uniform(images, generator, 0, 1) * (h - height + 1)).floor()
    left = (uniform(images, generator, 0, 1) * (w - width + 1)).floor()
    hole = rectangles(images, top, left, top + height, left + width)
    return images.masked_fill(hole, value)


def rectangles(images: Tensor, top: Tensor, left: Tensor, bottom: Tensor, right: Tensor) -> Tensor:
    """Where each image has its rectangle: (N, 1, H, W) bool, from sides (N,) in whole pixels."""
    y = torch.arange(images.shape[2], device=images.device)[:, None]
    x = torch.arange(images.shape[3], device=images.device)
    inside = (y >= per_image(top)) & (y < per_image(bottom))
    return inside & (x >= per_image(left)) & (x < per_image(right))


class GaussianNoise(AugmentationChoice):
    """Adds noise to every pixel."""

    kind: Literal["gaussian_noise"] = "gaussian_noise"
    sigma: float = Knob(0.05, ge=0, le=1, help="deviation of the noise; pixels run from 0 to 1")

    pixels: ClassVar[bool] = False
    label = "Gaussian noise"
    target = gaussian_noise
    card = Card(
        source="Bishop 1995, Training with noise is equivalent to Tikhonov regularization",
        formula=r"$x' = x + \epsilon, \quad \epsilon \sim N(0, \sigma^2)$",
        use="Poor cameras and sensors; a gentle regulariser for points as well.",
        pitfalls="Too much of it hides what is small; black and white are cut off at 0 and 1.",
    )


class GaussianBlur(AugmentationChoice):
    """Blurs each image by a little or by more."""

    kind: Literal["gaussian_blur"] = "gaussian_blur"
    p: float = Knob(0.5, ge=0, le=1, help="share of the images that is blurred")
    sigma: tuple[Sigma, Sigma] = Knob(
        (0.1, 1.0), help="smallest and largest width of the blur, in pixels"
    )

    label = "Gaussian blur"
    target = gaussian_blur
    card = Card(
        source="Chen et al. 2020, A simple framework for contrastive learning (SimCLR)",
        url="https://arxiv.org/abs/2002.05709",
        formula=r"$w(d) \propto e^{-d^2 / 2\sigma^2}$",
        use="Pictures out of focus; a network that leans on fine texture too much.",
        pitfalls="On images of 32 pixels and less there is little to lose: keep it below 1 pixel.",
    )


class Elastic(AugmentationChoice):
    """Pulls each image about as if it were printed on rubber."""

    kind: Literal["elastic"] = "elastic"
    p: float = Knob(0.5, ge=0, le=1, help="share of the images that is distorted")
    alpha: float = Knob(34.0, ge=0, le=500, help="strength; pixels move by about alpha / (6 sigma)")
    sigma: float = Knob(
        4.0, ge=0.5, le=20, unit="pixels", help="over how many pixels moves are alike"
    )

    target = elastic
    card = Card(
        source="Simard et al. 2003, Best practices for convolutional neural networks",
        formula=r"$x' = x + \alpha\,(G_\sigma * u), \quad u \sim U(-1, 1)$",
        use="Handwriting: the muscles of a hand do the same. The default is that for MNIST.",
        pitfalls="A small sigma with a large alpha tears strokes apart. On 8 pixels the default is little "
        "but a shift. torchvision's alpha counts half pixels.",
    )


class Erasing(AugmentationChoice):
    """Covers a rectangle of each image."""

    kind: Literal["erasing"] = "erasing"
    p: float = Knob(0.5, ge=0, le=1, help="share of the images that gets a hole")
    scale: tuple[Share, Share] = Knob((0.02, 0.33), help="share of the area that is covered")
    ratio: tuple[Ratio, Ratio] = Knob((0.3, 3.3), help="height of the rectangle by its width")
    value: float = Knob(0.5, ge=0, le=1, help="brightness of the rectangle: 0 is black")

    label = "Random erasing (cutout)"
    target = erasing
    card = Card(
        source="Zhong et al. 2020, Random erasing data augmentation; DeVries & Taylor 2017 (Cutout)",
        url="https://arxiv.org/abs/1708.04896",
        use="Photographs: the network must not lean on one part of the object alone. Cutout is a square "
        "of a quarter of the area: scale 0.25 to 0.25, ratio 1 to 1.",
        pitfalls="On a small image a digit may vanish whole, and its label is then wrong.",
    )

    def breaks(self) -> set[Cue]:
        """What is covered is gone."""
        return {"parts"}
