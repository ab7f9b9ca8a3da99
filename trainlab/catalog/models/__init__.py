"""Models: the networks, from images to logits. The menu offers them in the order imported here."""

from trainlab.catalog.models.base import ModelChoice
from trainlab.catalog.models.simple import MLP, ConvNet

__all__ = ["MLP", "ConvNet", "ModelChoice"]
