"""Colour: changes of the light an image was taken in, each image in its own."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from trainlab.catalog.augmentations.base import AugmentationChoice
from trainlab.catalog.augmentations.draws import per_image, uniform
from trainlab.catalog.datasets.base import Cue
from trainlab.choice import Card, Knob

Factor = Annotated[float, Field(gt=0, le=4)]
SAME_COLOUR = 0.1  # of the circle of hues: red may become orange, but not green


def colour_jitter(
    images: Tensor,
    generator: torch.Generator,
    brightness: float = 0.2,
    contrast: float = 0.2,
    saturation: float = 0.2,
    hue: float = 0.05,
) -> Tensor:
    """Change brightness, contrast, saturation and hue of each image, in this order."""
    factors = [
        uniform(images, generator, 1 - most, 1 + most)
        for most in (brightness, contrast, saturation)
    ]
    turn = uniform(images, generator, -hue, hue)
    changed = jittered(images, *factors)
    if hue and images.shape[1] == 3:
        h, s, v = hsv_from_rgb(changed)
        changed = rgb_from_hsv(h + per_image(turn), s, v)
    return changed


def jittered(images: Tensor, brightness: Tensor, contrast: Tensor, saturation: Tensor) -> Tensor:
    """Each image times its brightness, then away from its mean grey, then away from grey; factors (N,)."""
    changed = (images.contiguous() * per_image(brightness)).clamp_(0, 1)  # faster colour by colour
    middle = luminance(changed.mean((2, 3), keepdim=True))
    changed = torch.lerp(middle, changed, per_image(contrast)).clamp_(0, 1)
    if images.shape[1] != 3:  # no colour to be more or less of
        return changed
    return torch.lerp(luminance(changed), changed, per_image(saturation)).clamp_(0, 1)


def luminance(images: Tensor) -> Tensor:
    """How light each pixel looks: (N, 1, H, W). Images that are not red, green, blue: their mean."""
    if images.shape[1] != 3:
        return images.mean(1, keepdim=True)
    red, green, blue = images.split(1, 1)
    light: Tensor = (0.2989 * red).add_(green, alpha=0.587)
    return light.add_(blue, alpha=0.114)


def hsv_from_rgb(images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Hue, saturation and value (N, 1, H, W) of images (N, 3, H, W); hue 1 is once around."""
    red, green, blue = (plane.contiguous() for plane in images.split(1, 1))
    value = torch.maximum(torch.maximum(red, green), blue)
    chroma = value - torch.minimum(torch.minimum(red, green), blue)
    # which is lightest, as 0 and 1: torch.where takes ten times as long as arithmetic
    at_red = (value == red).float()
    at_green = (value == green).float().mul_(1 - at_red)
    at_blue = 1 - at_red - at_green
    apart = (
        (green - blue).mul_(at_red).addcmul_(blue - red, at_green).addcmul_(red - green, at_blue)
    )
    hue = apart.div_(chroma.clamp(min=1e-12)).add_(at_green, alpha=2).add_(at_blue, alpha=4)
    return hue.div_(6), chroma / value.clamp(min=1e-12), value


def rgb_from_hsv(hue: Tensor, saturation: Tensor, value: Tensor) -> Tensor:
    """Images (N, 3, H, W) from hue (any number: 1 is once around), saturation and value (N, 1, H, W)."""
    # red, green and blue are darkest opposite on the circle: at cyan, magenta and yellow
    away = hue - torch.tensor([1 / 2, 5 / 6, 1 / 6], device=hue.device)[:, None, None]
    away.sub_(away.round()).abs_()
    dark = away.mul_(-6).add_(2).clamp_(0, 1)
    return torch.addcmul(value, value * saturation, dark, value=-1)


def hsv_jitter(
    images: Tensor,
    generator: torch.Generator,
    power: float = 4.0,
    factor: tuple[float, float] = (0.7, 1.4),
    offset: float = 0.1,
    hue: float = 0.1,
) -> Tensor:
    """Bend, stretch and move saturation and value of each image, and turn its hue."""
    saturation, value = (
        (
            power ** uniform(images, generator, -1, 1),
            uniform(images, generator, *factor),
            uniform(images, generator, -offset, offset),
        )
        for _part in range(2)
    )
    turn = uniform(images, generator, -hue, hue)
    if images.shape[1] != 3:  # a grey image is all value
        return bent(images, *value)
    h, s, v = hsv_from_rgb(images)
    return rgb_from_hsv(h + per_image(turn), bent(s, *saturation), bent(v, *value))


def bent(images: Tensor, power: Tensor, factor: Tensor, offset: Tensor) -> Tensor:
    """Each image (C, H, W) to its power, times its factor, plus its offset, within [0, 1]; numbers (N,)."""
    return (images ** per_image(power) * per_image(factor) + per_image(offset)).clamp_(0, 1)


def pca_colour(images: Tensor, generator: torch.Generator, std: float = 0.1) -> Tensor:
    """Add to each image a colour along the principal components of the batch's colours."""
    colours = images.transpose(0, 1).flatten(1)
    colours = colours - colours.mean(1, keepdim=True)
    spread, axes = torch.linalg.eigh(colours @ colours.T / colours.shape[1])
    draw = torch.randn(len(images), len(spread), generator=generator, device=images.device)
    added: Tensor = (draw * std * spread) @ axes.T
    return (images + added[:, :, None, None]).clamp(0, 1)


def grayscale(images: Tensor, _generator: torch.Generator) -> Tensor:
    """Take the colour out of each image."""
    return luminance(images).expand_as(images)


class ColourJitter(AugmentationChoice):
    """Changes brightness, contrast, saturation and hue of each image."""

    kind: Literal["colour_jitter"] = "colour_jitter"
    brightness: float = Knob(0.2, ge=0, le=1, help="brightness times 1 - this to 1 + this")
    contrast: float = Knob(0.2, ge=0, le=1, help="distance from the mean grey, in the same way")
    saturation: float = Knob(0.2, ge=0, le=1, help="distance of each pixel from grey")
    hue: float = Knob(0.05, ge=0, le=0.5, help="largest turn of the hues; 1 is once around")

    label = "Colour jitter"
    target = colour_jitter
    card = Card(
        source="Howard 2013, Some improvements on deep convolutional neural network based image classification",
        url="https://arxiv.org/abs/1312.5402",
        formula=r"$x' = f\,x + (1 - f)\,\bar{x}, \quad f \in [1 - b, 1 + b]$",
        use="Photographs taken in any light. Add it after crops and flips, and look whether it helps.",
        pitfalls="Where colour tells the class (flowers, signs) keep the hue. Grey images have only "
        "brightness and contrast to change. torchvision draws the order of the four; here it is fixed.",
    )

    def breaks(self) -> set[Cue]:
        """Far enough turned, another colour."""
        return {"colour"} if self.hue > SAME_COLOUR else set()


class HSVJitter(AugmentationChoice):
    """Bends, stretches and moves saturation and value of each image, and turns its hue."""

    kind: Literal["hsv_jitter"] = "hsv_jitter"
    power: float = Knob(4.0, ge=1, le=8, help="S and V to a power between 1 / this and this")
    factor: tuple[Factor, Factor] = Knob((0.7, 1.4), help="S and V are then multiplied by this")
    offset: float = Knob(0.1, ge=0, le=1, help="S and V then get up to this added or taken away")
    hue: float = Knob(
        0.1, ge=0, le=0.5, help="H gets up to this added or taken away; 1 is once around"
    )

    label = "HSV jitter"
    target = hsv_jitter
    card = Card(
        source="Wei 2015, Must know tips/tricks in deep neural networks; Dosovitskiy et al. 2014",
        url="https://arxiv.org/abs/1406.6909",
        formula=r"$S' = a\,S^k + b, \quad V' = c\,V^m + d, \quad H' = H + e$",
        use="Photographs, where strong changes of light are wanted: stronger than colour jitter.",
        pitfalls="The default is strong: look at the draws. Grey pixels of a colour image may be tinted; "
        "of a grey image only V is there to change.",
    )

    def breaks(self) -> set[Cue]:
        """Far enough turned, another colour."""
        return {"colour"} if self.hue > SAME_COLOUR else set()


class PCAColour(AugmentationChoice):
    """Shifts the colour of each image along the directions in which colours vary anyway."""

    kind: Literal["pca_colour"] = "pca_colour"
    std: float = Knob(0.1, ge=0, le=2, help="deviation of the draws; each is times an eigenvalue")

    label = "Fancy PCA colour"
    target = pca_colour
    card = Card(
        source="Krizhevsky et al. 2012, ImageNet classification with deep networks",
        formula=r"$x' = x + \sum_i \alpha_i \lambda_i v_i, \quad \alpha_i \sim N(0, 0.1)$",
        use="Photographs: it imitates a change of the colour and strength of the light.",
        pitfalls="Subtle at 0.1. The components are those of the batch at hand, where AlexNet took the "
        "training set's: the same but for the luck of the draw. Grey images become lighter or darker.",
    )


class Grayscale(AugmentationChoice):
    """Takes the colour out of some images."""

    kind: Literal["grayscale"] = "grayscale"
    p: float = Knob(0.1, ge=0, le=1, help="share of the images that loses its colour")

    target = grayscale
    card = Card(
        source="Chen et al. 2020, A simple framework for contrastive learning (SimCLR)",
        url="https://arxiv.org/abs/2002.05709",
        formula=r"$Y = 0.2989\,R + 0.587\,G + 0.114\,B$",
        use="Where the network should learn shapes and not lean on colour alone.",
        pitfalls="Does nothing to grey images; harms where colour tells the class.",
    )

    def breaks(self) -> set[Cue]:
        """No colour is left."""
        return {"colour"}
