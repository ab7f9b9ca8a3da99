"""Policies: ready-made mixtures of changes, torchvision's own, applied to one image at a time."""

from collections.abc import Callable
from typing import ClassVar, Literal

import torch
from torch import Tensor

from trainlab.catalog.augmentations.base import AugmentationChoice
from trainlab.catalog.datasets.base import Cue
from trainlab.choice import Card, Knob
from trainlab.draws import DrawsFrom

_DOCS = "https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.v2."


def one_by_one(
    images: Tensor, generator: torch.Generator, policy: Callable[[Tensor], Tensor]
) -> Tensor:
    """The images with a policy applied to each, as bytes (C, H, W), with draws of its own."""
    seed = torch.randint(2**62, (), generator=generator, device=images.device)
    if images.shape[1] not in (1, 3):  # neither grey nor coloured: points
        return images
    draws = torch.Generator().manual_seed(int(seed))  # torchvision draws on the CPU
    pixels = images.mul(255).round().byte()
    with DrawsFrom(draws):
        changed = [policy(image) for image in pixels.unbind()]
    return torch.stack(changed).float().div(255) if changed else images


def rand_augment(
    images: Tensor,
    generator: torch.Generator,
    num_ops: int = 2,
    magnitude: int = 9,
    num_magnitude_bins: int = 31,
) -> Tensor:
    """`num_ops` changes drawn for each image, all of one magnitude."""
    from torchvision.transforms import v2

    policy = v2.RandAugment(num_ops, magnitude, num_magnitude_bins)
    return one_by_one(images, generator, policy)


def trivial_augment(
    images: Tensor, generator: torch.Generator, num_magnitude_bins: int = 31
) -> Tensor:
    """One change drawn for each image, of any magnitude."""
    from torchvision.transforms import v2

    return one_by_one(images, generator, v2.TrivialAugmentWide(num_magnitude_bins))


def auto_augment(images: Tensor, generator: torch.Generator, policy: str = "imagenet") -> Tensor:
    """Two changes for each image, in one of 25 pairings that were searched for."""
    from torchvision.transforms import v2

    return one_by_one(images, generator, v2.AutoAugment(v2.AutoAugmentPolicy(policy)))


def augmix(
    images: Tensor,
    generator: torch.Generator,
    severity: int = 3,
    mixture_width: int = 3,
    alpha: float = 1.0,
    all_ops: bool = True,
) -> Tensor:
    """Several chains of changes of each image, blended with the image itself."""
    from torchvision.transforms import v2

    policy = v2.AugMix(severity, mixture_width, alpha=alpha, all_ops=all_ops)
    return one_by_one(images, generator, policy)


class Policy(AugmentationChoice):
    """A mixture of changes that torchvision has for one image at a time."""

    slow: ClassVar[bool] = True


class RandAugment(Policy):
    """Applies a few changes drawn at random, all of one strength."""

    kind: Literal["rand_augment"] = "rand_augment"
    num_ops: int = Knob(2, ge=1, le=8, help="changes an image, one after the other")
    magnitude: int = Knob(9, ge=0, le=30, help="strength of every change, below the number of bins")
    num_magnitude_bins: int = Knob(
        31, ge=31, le=101, help="strengths between none and the greatest"
    )

    target = rand_augment
    card = Card(
        source="Cubuk et al. 2020, RandAugment: practical automated data augmentation",
        url=_DOCS + "RandAugment.html",
        use="Photographs, when crops and flips are not enough: two numbers to tune.",
        pitfalls="One image at a time: slow. It turns by up to 30 degrees and changes colours. Off while "
        "making the baseline. Not for points.",
    )


class TrivialAugmentWide(Policy):
    """Applies one change drawn at random, of any strength."""

    kind: Literal["trivial_augment"] = "trivial_augment"
    num_magnitude_bins: int = Knob(31, ge=2, le=101, help="strengths between none and the greatest")

    target = trivial_augment
    card = Card(
        source="Müller & Hutter 2021, TrivialAugment: tuning-free yet state-of-the-art",
        url=_DOCS + "TrivialAugmentWide.html",
        use="Photographs: nothing to tune, and as good as what was searched for.",
        pitfalls="One image at a time: slow. It turns by up to 135 degrees, so not for digits or text, and "
        "moves by up to 32 pixels: a smaller image may be gone. Off while making the baseline. Not for points.",
    )

    def breaks(self) -> set[Cue]:
        """It turns by up to 135 degrees."""
        return {"orientation"}


class AutoAugment(Policy):
    """Applies one of 25 pairs of changes that a search found to be good for a data set."""

    kind: Literal["auto_augment"] = "auto_augment"
    policy: Literal["imagenet", "cifar10", "svhn"] = Knob(
        "imagenet", help="the data set that the pairs were searched on; torch's default is imagenet"
    )

    target = auto_augment
    card = Card(
        source="Cubuk et al. 2019, AutoAugment: learning augmentation strategies from data",
        url=_DOCS + "AutoAugment.html",
        use="Data like ImageNet, CIFAR-10 or SVHN: take the one that was searched on its like.",
        pitfalls="One image at a time: slow. Some pairs invert the colours. Off while making the baseline. "
        "Not for points.",
    )

    def breaks(self) -> set[Cue]:
        """Some pairs invert the colours."""
        return {"colour"}


class AugMix(Policy):
    """Blends several differently changed copies of each image with the image itself."""

    kind: Literal["augmix"] = "augmix"
    severity: int = Knob(3, ge=1, le=10, help="strength of the changes")
    mixture_width: int = Knob(3, ge=1, le=10, help="copies that are blended")
    alpha: float = Knob(
        1.0, gt=0, le=10, help="evenness of the blend; small: nearly one copy alone"
    )
    all_ops: bool = Knob(True, help="also brightness, contrast, colour and sharpness")

    label = "AugMix"
    target = augmix
    card = Card(
        source="Hendrycks et al. 2020, AugMix: a simple data processing method",
        url=_DOCS + "AugMix.html",
        use="Networks that will meet blur, noise and bad weather after training.",
        pitfalls="One image at a time, several copies of each: the slowest of all. Off while making the "
        "baseline. Not for points.",
    )
