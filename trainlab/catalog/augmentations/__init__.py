"""Augmentations: changes of an image that keep its class, drawn anew for every image and step.

The menu offers them in the order imported here. Off for validation.
"""

from trainlab.catalog.augmentations.base import AugmentationChoice, Geometric, Mixing, changes, mixes
from trainlab.catalog.augmentations.geometric import HorizontalFlip, RotateScale, Shift

__all__ = [
    "AugmentationChoice",
    "Geometric",
    "HorizontalFlip",
    "Mixing",
    "RotateScale",
    "Shift",
    "changes",
    "mixes",
]
