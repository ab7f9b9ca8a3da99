"""Small colour images that are published as arrays: CIFAR-10 and -100, SVHN, STL-10."""

from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch

from trainlab.catalog.datasets.archives import Archive
from trainlab.catalog.datasets.base import Known
from trainlab.catalog.datasets.famous import Famous
from trainlab.catalog.datasets.files import as_pixels
from trainlab.choice import Card, Knob


def cifar_images(data: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Images (N, 3, 32, 32) and labels of torchvision's data set."""
    images = torch.from_numpy(data.data).permute(0, 3, 1, 2).contiguous()
    return images, torch.tensor(data.targets)


def cifar10(root: str, split: str) -> tuple[torch.Tensor, torch.Tensor]:
    """One split of CIFAR-10, 32x32 in colour, from `root`; downloaded where it is not there."""
    from torchvision import datasets

    return cifar_images(datasets.CIFAR10(root, train=split == "train", download=True))


def cifar100(root: str, split: str) -> tuple[torch.Tensor, torch.Tensor]:
    """One split of CIFAR-100, 32x32 in colour, from `root`; downloaded where it is not there."""
    from torchvision import datasets

    return cifar_images(datasets.CIFAR100(root, train=split == "train", download=True))


def svhn(root: str, split: str) -> tuple[torch.Tensor, torch.Tensor]:
    """One split of SVHN's cropped digits, 32x32 in colour, read with scipy; 0 has the label 0."""
    from torchvision import datasets

    data = datasets.SVHN(root, split, download=True)
    return torch.from_numpy(data.data).contiguous(), torch.from_numpy(data.labels)


def stl10(root: str, split: str, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """One labelled split of STL-10, 96x96 in colour, resized to `size`."""
    from PIL import Image
    from torchvision import datasets

    folder = Path(root, datasets.STL10.base_folder)
    if not (folder / f"{split}_X.bin").exists():
        datasets.STL10(root, split, download=True)
    labels = np.fromfile(folder / f"{split}_y.bin", np.uint8).astype(np.int64) - 1
    pixels = np.fromfile(folder / f"{split}_X.bin", np.uint8).reshape(-1, 3, 96, 96)
    photos = [Image.fromarray(p) for p in pixels.transpose(0, 3, 2, 1)]  # columns come first
    images = [as_pixels(p.resize((size, size), Image.Resampling.BILINEAR)) for p in photos]
    return torch.stack(images), torch.from_numpy(labels)


class Cifar(Famous):
    """One archive of both parts; each file in it has a published checksum."""

    mirror = "https://www.cs.toronto.edu/~kriz/"
    published: ClassVar[str]  # torchvision's class

    def archives(self) -> tuple[Archive, ...]:
        """The one archive: the batches and the class names."""
        from torchvision import datasets

        files = getattr(datasets, self.published)
        batches = [*files.train_list, *files.test_list, (files.meta["filename"], files.meta["md5"])]
        needed = {f"{files.base_folder}/{name}": md5 for name, md5 in batches}
        return (Archive(files.filename, files.tgz_md5, needed),)

    def class_names(self, labels: torch.Tensor) -> tuple[str, ...]:
        """The published names, which are in the archive."""
        from torchvision import datasets

        data = getattr(datasets, self.published)(self.arguments()["root"], train=False)
        return tuple(data.classes)


class CIFAR10(Cifar):
    """60,000 photographs, 32x32 in colour, in ten classes: 50,000 to train on, 10,000 to test."""

    kind: Literal["cifar10"] = "cifar10"

    label = "CIFAR-10"
    target = cifar10
    published = "CIFAR10"
    known = (
        Known("human", 0.94, "Karpathy 2011, Lessons learned from manually classifying CIFAR-10"),
        Known("ResNet-20", 0.9125, "He et al. 2015, Deep residual learning for image recognition"),
    )
    card = Card(
        source="Krizhevsky 2009, Learning multiple layers of features from tiny images",
        url="https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.CIFAR10.html",
        use="The first real test of a recipe: augmentation, schedule, regularisation all show.",
        pitfalls="A 170 MB download; without augmentation a large network learns it by heart.",
    )


class CIFAR100(Cifar):
    """60,000 photographs, 32x32 in colour, in a hundred classes: 50,000 to train on, 10,000 to test."""

    kind: Literal["cifar100"] = "cifar100"

    label = "CIFAR-100"
    target = cifar100
    published = "CIFAR100"
    known = (Known("maxout network", 0.6143, "Goodfellow et al. 2013, Maxout networks"),)
    card = Card(
        source="Krizhevsky 2009, Learning multiple layers of features from tiny images",
        url="https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.CIFAR100.html",
        use="CIFAR-10's images with finer classes: what helps when there are 500 images of each.",
        pitfalls="A 169 MB download; half of the errors are between classes of one kind, as oak and maple.",
    )


class SVHN(Famous):
    """House numbers in photographs, cut into digits, 32x32 in colour: 73,257 to train on, 26,032 to test."""

    kind: Literal["svhn"] = "svhn"
    split: Literal["train", "test", "extra"] = Knob(  # type: ignore[assignment]
        "train", help="which of the published parts to use; extra has 531,131 easier images"
    )

    cues = frozenset({"handedness", "orientation"})
    label = "SVHN, cropped digits"
    target = svhn
    mirror = "https://ufldl.stanford.edu/housenumbers/"
    known = (
        Known(
            "human",
            0.98,
            "Netzer et al. 2011, Reading digits in natural images with unsupervised feature learning",
        ),
    )
    card = Card(
        source="Netzer et al. 2011, Reading digits in natural images with unsupervised feature learning",
        url="https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.SVHN.html",
        use="Digits as they are outdoors: colour, shadows and neighbours make it harder than MNIST.",
        pitfalls="Neighbouring digits are in the picture; only the middle one counts. There are three "
        "times as many 1 as 9. Mirrored digits are other signs or none: leave flips out. "
        "extra is a 1.3 GB download and takes 1.6 GB of memory, twice that while it is read.",
    )

    def archives(self) -> tuple[Archive, ...]:
        """The one file of the part, which is used as it is."""
        from torchvision import datasets

        _url, name, md5 = datasets.SVHN.split_list[self.split]
        return (Archive(name, md5, {name: md5}),)


class STL10(Famous):
    """13,000 photographs, 96x96 in colour, in ten classes: 5,000 to train on, 8,000 to test."""

    kind: Literal["stl10"] = "stl10"
    size: int = Knob(96, ge=8, le=96, unit="px", help="the images are resized to this width")

    label = "STL-10"
    target = stl10
    mirror = "https://ai.stanford.edu/~acoates/stl10/"
    card = Card(
        source="Coates et al. 2011, An analysis of single-layer networks in unsupervised feature learning",
        url="https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.STL10.html",
        use="Few labelled images of a useful size: for augmentation, and for fine-tuning.",
        pitfalls="A 2.6 GB download, most of it the 100,000 unlabelled images, which are not used. "
        "At 96 px the test part takes 221 MB, the training part 138 MB of memory.",
    )

    def class_names(self, labels: torch.Tensor) -> tuple[str, ...]:
        """The ten published names."""
        names = "airplane bird car cat deer dog horse monkey ship truck"
        return tuple(names.split())

    def archives(self) -> tuple[Archive, ...]:
        """The one archive: the labelled images of both parts."""
        from torchvision import datasets

        files = datasets.STL10
        labelled = [*files.train_list[:2], *files.test_list]
        needed = {f"{files.base_folder}/{name}": md5 for name, md5 in labelled}
        return (Archive(files.filename, files.tgz_md5, needed),)
