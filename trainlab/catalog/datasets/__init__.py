"""Data sets: where images and labels come from. The menu offers them in the order imported here."""

# isort: off
from trainlab.catalog.datasets.base import DatasetChoice, Images, Known
from trainlab.catalog.datasets.digits import Digits
from trainlab.catalog.datasets.mnist_family import EMNIST, KMNIST, MNIST, FashionMNIST
from trainlab.catalog.datasets.colour import CIFAR10, CIFAR100, STL10, SVHN
from trainlab.catalog.datasets.photographs import GTSRB, Flowers102, Imagenette, OxfordIIITPet
from trainlab.catalog.datasets.folder import ImageFolder
from trainlab.catalog.datasets.zipped import ZipFolder, store_upload
from trainlab.catalog.datasets.toy import Circles, Moons, Spiral, Xor, is_plane
from trainlab.catalog.datasets.numbers import Numbers
from trainlab.catalog.datasets.svhn_numbers import SVHNNumbers

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "EMNIST",
    "GTSRB",
    "KMNIST",
    "MNIST",
    "STL10",
    "SVHN",
    "Circles",
    "DatasetChoice",
    "Digits",
    "FashionMNIST",
    "Flowers102",
    "ImageFolder",
    "Imagenette",
    "Images",
    "Known",
    "Moons",
    "Numbers",
    "OxfordIIITPet",
    "SVHNNumbers",
    "Spiral",
    "Xor",
    "ZipFolder",
    "is_plane",
    "store_upload",
]
