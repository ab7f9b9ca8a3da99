"""Augmentations: changes of an image that keep its class, drawn anew for every image and step.

The menu offers them in the order imported here. Off for validation.
"""

# ruff: noqa: I001 (the order is that of the menu)
from trainlab.catalog.augmentations.base import (
    AugmentationChoice,
    Geometric,
    Mixing,
    changes,
    mixes,
)
from trainlab.catalog.augmentations.geometric import (
    HorizontalFlip,
    Rotation,
    Scale,
    Shear,
    Shift,
    VerticalFlip,
)
from trainlab.catalog.augmentations.projective import Perspective, RandomResizedCrop
from trainlab.catalog.augmentations.colour import ColourJitter, Grayscale, HSVJitter, PCAColour
from trainlab.catalog.augmentations.texture import Elastic, Erasing, GaussianBlur, GaussianNoise
from trainlab.catalog.augmentations.mixing import CutMix, MixUp
from trainlab.catalog.augmentations.policies import (
    AugMix,
    AutoAugment,
    RandAugment,
    TrivialAugmentWide,
)
from trainlab.catalog.augmentations.safety import label_warnings

__all__ = [
    "AugMix",
    "AugmentationChoice",
    "AutoAugment",
    "ColourJitter",
    "CutMix",
    "Elastic",
    "Erasing",
    "GaussianBlur",
    "GaussianNoise",
    "Geometric",
    "Grayscale",
    "HSVJitter",
    "HorizontalFlip",
    "MixUp",
    "Mixing",
    "PCAColour",
    "Perspective",
    "RandAugment",
    "RandomResizedCrop",
    "Rotation",
    "Scale",
    "Shear",
    "Shift",
    "TrivialAugmentWide",
    "VerticalFlip",
    "changes",
    "label_warnings",
    "mixes",
]
