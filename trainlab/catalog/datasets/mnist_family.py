"""MNIST and the sets that are published in its format: 28x28 pixels, grey, one file of bytes a part."""

import gzip
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Literal

import torch

from trainlab.catalog.datasets.archives import Archive, Contents, entries
from trainlab.catalog.datasets.base import Known
from trainlab.catalog.datasets.famous import Famous
from trainlab.choice import Card, Knob

_LECUN = "LeCun et al. 1998, Gradient-based learning applied to document recognition"
UNPACKED_MD5 = {  # torchvision knows those of the .gz files only
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


def read_idx(family: Any, root: str, split: str) -> tuple[torch.Tensor, torch.Tensor]:
    """One split of a set in MNIST's format, from `root`; downloaded where it is not there."""
    from torchvision.datasets import utils
    from torchvision.datasets.mnist import read_image_file, read_label_file

    folder = Path(root, family.__name__, "raw")
    prefix = "train" if split == "train" else "t10k"
    for archive, md5 in family.resources:
        if archive.startswith(prefix) and not (folder / archive.removesuffix(".gz")).exists():
            url = family.mirrors[0] + archive
            utils.download_and_extract_archive(url, str(folder), md5=md5)
    images = read_image_file(str(folder / f"{prefix}-images-idx3-ubyte"))
    labels = read_label_file(str(folder / f"{prefix}-labels-idx1-ubyte"))
    return images.unsqueeze(1), labels


def mnist(root: str, split: str) -> tuple[torch.Tensor, torch.Tensor]:
    """One split of MNIST, 28x28 grey."""
    from torchvision.datasets import MNIST

    return read_idx(MNIST, root, split)


def fashion_mnist(root: str, split: str) -> tuple[torch.Tensor, torch.Tensor]:
    """One split of Fashion-MNIST, 28x28 grey."""
    from torchvision.datasets import FashionMNIST

    return read_idx(FashionMNIST, root, split)


def kmnist(root: str, split: str) -> tuple[torch.Tensor, torch.Tensor]:
    """One split of Kuzushiji-MNIST, 28x28 grey."""
    from torchvision.datasets import KMNIST

    return read_idx(KMNIST, root, split)


def emnist(root: str, split: str, characters: str) -> tuple[torch.Tensor, torch.Tensor]:
    """One split of EMNIST, 28x28 grey, set upright; the labels count from 0."""
    from torchvision.datasets import EMNIST

    data = EMNIST(root, characters, train=split == "train", download=True)
    images = data.data.transpose(1, 2).unsqueeze(1).contiguous()  # the files have columns first
    first = 1 if characters == "letters" else 0
    return images, data.targets - first


class IdxFiles(Famous):
    """Two files a part, images and labels, under the names that MNIST gave them."""

    published: ClassVar[str]  # torchvision's class
    sums: ClassVar[Mapping[str, str]] = {}  # MD5 of the unpacked files, where known

    def archives(self) -> tuple[Archive, ...]:
        """The images and the labels of the split."""
        from torchvision import datasets

        folder = f"{self.published}/raw"
        prefix = "train" if self.split == "train" else "t10k"
        return tuple(
            Archive(name, md5, {f"{folder}/{stem}": self.sums.get(stem, "")}, folder)
            for name, md5 in getattr(datasets, self.published).resources
            if (stem := name.removesuffix(".gz")).startswith(prefix)
        )

    def class_names(self, labels: torch.Tensor) -> tuple[str, ...]:
        """The published names."""
        from torchvision import datasets

        return tuple(getattr(datasets, self.published).classes)


class MNIST(IdxFiles):
    """70,000 handwritten digits, 28x28 grey, in ten classes: 60,000 to train on, 10,000 to test."""

    kind: Literal["mnist"] = "mnist"

    cues = frozenset({"handedness", "orientation"})
    label = "MNIST"
    target = mnist
    published = "MNIST"
    sums = UNPACKED_MD5
    known = (
        Known("LeNet-5", 0.9905, _LECUN),
        Known("linear classifier", 0.88, _LECUN),
    )
    mirror = "https://ossci-datasets.s3.amazonaws.com/mnist/"
    card = Card(
        source=_LECUN,
        url="https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.MNIST.html",
        use="The classic: large enough to compare methods, small enough for a minute on a laptop.",
        pitfalls="Easy: nearly everything reaches 98 %, so methods hardly differ. "
        "Mirrored digits are other signs or none: leave flips out.",
    )

    def class_names(self, labels: torch.Tensor) -> tuple[str, ...]:
        """The digits themselves."""
        return tuple("0123456789")


class FashionMNIST(IdxFiles):
    """70,000 pictures of clothes, 28x28 grey, in ten classes: 60,000 to train on, 10,000 to test."""

    kind: Literal["fashion_mnist"] = "fashion_mnist"

    label = "Fashion-MNIST"
    target = fashion_mnist
    published = "FashionMNIST"
    known = (Known("human", 0.835, "Xiao et al. 2017, github.com/zalandoresearch/fashion-mnist"),)
    mirror = "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"
    card = Card(
        source="Xiao et al. 2017, Fashion-MNIST: a novel image dataset for benchmarking",
        url="https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.FashionMNIST.html",
        use="In MNIST's place where MNIST is too easy: good methods stand out between 90 and 96 %.",
        pitfalls="Shirts, coats and pullovers are confused by people too; do not expect 99 %.",
    )


class KMNIST(IdxFiles):
    """70,000 cursive Japanese characters, 28x28 grey, in ten classes: 60,000 to train on, 10,000 to test."""

    kind: Literal["kmnist"] = "kmnist"

    cues = frozenset({"handedness", "orientation"})
    label = "Kuzushiji-MNIST"
    target = kmnist
    published = "KMNIST"
    known = (
        Known("PreActResNet-18", 0.9782, "Clanuwat et al. 2018, github.com/rois-codh/kmnist"),
        Known("4 nearest neighbours", 0.9156, "Clanuwat et al. 2018, github.com/rois-codh/kmnist"),
    )
    mirror = "https://codh.rois.ac.jp/kmnist/dataset/kmnist/"
    card = Card(
        source="Clanuwat et al. 2018, Deep learning for classical Japanese literature",
        url="https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.KMNIST.html",
        use="MNIST's format with classes that are written in several quite different ways.",
        pitfalls="The test part is by other hands: it comes out some per cent below validation. "
        "Mirrored characters are other signs or none: leave flips out.",
    )


class EMNIST(Famous):
    """Handwritten letters and digits, 28x28 grey: up to 814,255 in 10 to 62 classes."""

    kind: Literal["emnist"] = "emnist"
    characters: Literal["byclass", "bymerge", "balanced", "letters", "digits", "mnist"] = Knob(
        "balanced",
        help="which of the six published sets: byclass has 62 classes, bymerge and balanced 47, "
        "letters 26, digits and mnist 10",
    )

    cues = frozenset({"handedness", "orientation"})
    label = "EMNIST"
    target = emnist
    mirror = "https://biometrics.nist.gov/cs_links/EMNIST/"
    card = Card(
        source="Cohen et al. 2017, EMNIST: an extension of MNIST to handwritten letters",
        url="https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.EMNIST.html",
        use="When ten classes are too few: letters, or letters and digits, in MNIST's format.",
        pitfalls="A 536 MB download for all six sets. byclass and bymerge take 550 MB of memory, and "
        "their classes are of very different size. 0 and O, 1, I and l can hardly be told apart.",
    )

    def class_names(self, labels: torch.Tensor) -> tuple[str, ...]:
        """The characters; torchvision's first of the letters, N/A, has no image."""
        from torchvision import datasets

        names = datasets.EMNIST.classes_split_dict[self.characters]
        return tuple(name for name in names if name != "N/A")

    def archives(self) -> tuple[Archive, ...]:
        """The one archive with all six sets; it stays, for the other five."""
        from torchvision import datasets

        prefix, folder = f"emnist-{self.characters}-{self.split}", "EMNIST/raw"
        parts = ("images-idx3-ubyte", "labels-idx1-ubyte")
        needed = {f"{folder}/{prefix}-{part}": "" for part in parts}
        name = PurePosixPath(datasets.EMNIST.url).name
        return (Archive(name, datasets.EMNIST.md5, needed, folder, keep=True),)

    def contents(self, archive: Path) -> Contents:
        """What the .gz files in it hold, without the folder that they are in."""
        for name, stream in entries(archive):
            if name.endswith(".gz"):
                with gzip.open(stream) as unpacked:
                    yield PurePosixPath(name).stem, unpacked  # type: ignore[misc]
