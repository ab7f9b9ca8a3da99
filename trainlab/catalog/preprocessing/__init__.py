"""Preprocessing: the fixed map from pixels in [0, 1] to the network's input. The menu keeps this order."""

from trainlab.catalog.preprocessing.base import PreprocessingChoice, channel_statistics
from trainlab.catalog.preprocessing.pixelwise import RawChoice, Standardize, StandardizeChoice
from trainlab.catalog.preprocessing.rotating import (
    PCAChoice,
    PCAWhiteningChoice,
    RotatingChoice,
    ZCAChoice,
)

__all__ = [
    "PCAChoice",
    "PCAWhiteningChoice",
    "PreprocessingChoice",
    "RawChoice",
    "RotatingChoice",
    "Standardize",
    "StandardizeChoice",
    "ZCAChoice",
    "channel_statistics",
]
