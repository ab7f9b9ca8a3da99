"""Data sets: where images and labels come from. The menu offers them in the order imported here."""

from trainlab.catalog.datasets.base import DatasetChoice, Images
from trainlab.catalog.datasets.digits import Digits
from trainlab.catalog.datasets.famous import CIFAR10, MNIST
from trainlab.catalog.datasets.folder import ImageFolder

__all__ = ["CIFAR10", "MNIST", "DatasetChoice", "Digits", "ImageFolder", "Images"]
