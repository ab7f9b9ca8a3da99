"""Well-known sets of photographs of many sizes: each is decoded once, as a square, and then kept."""

import csv
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal

import torch

from trainlab.catalog.datasets.archives import Archive
from trainlab.catalog.datasets.base import Known
from trainlab.catalog.datasets.famous import Famous
from trainlab.catalog.datasets.files import (
    FileImages,
    Listing,
    read_files,
    read_image,
    refuse_large,
)
from trainlab.choice import Card, Knob
from trainlab.events import Progress
from trainlab.text import _

Photos = list[tuple[str, tuple[Path, int]]]  # the name of each file, its path and its label

GTSRB_MD5 = {  # torchvision has them inside of a method
    "GTSRB-Training_fixed.zip": "513f3c79a4c5141765e10e952eaa2478",
    "GTSRB_Final_Test_Images.zip": "c7e4e6327067d32654124b0fe9e82185",
    "GTSRB_Final_Test_GT.zip": "fe31e9c9270bbcd7b84b7f21a9d9d9e5",
}
SIGNS = """Speed limit 20; Speed limit 30; Speed limit 50; Speed limit 60; Speed limit 70; Speed limit 80;
End of speed limit 80; Speed limit 100; Speed limit 120; No passing; No passing for lorries;
Right of way at the next crossing; Priority road; Give way; Stop; No vehicles; No lorries; No entry;
Danger; Curve to the left; Curve to the right; Double curve; Bumpy road; Slippery road;
Road narrows on the right; Road works; Traffic signals; Pedestrians; Children; Bicycles; Ice or snow;
Wild animals; End of all limits; Turn right ahead; Turn left ahead; Ahead only; Ahead or right;
Ahead or left; Keep right; Keep left; Roundabout; End of no passing; End of no passing for lorries"""


def read_photo(size: int, photo: tuple[Path, int]) -> tuple[torch.Tensor, int]:
    """The pixels and the label of one photograph."""
    path, label = photo
    return read_image(path, size, False), label


def squares(photos: Photos, size: int) -> tuple[torch.Tensor, torch.Tensor, list[str]]:
    """The photographs as squares: shorter side resized to `size`, then the centre; labels; names."""
    return read_files(photos, partial(read_photo, size))


def in_folders(root: str, folder: Path) -> Photos:
    """The images of folder/<class>/, named by their paths below `root`."""
    from torchvision.datasets import ImageFolder

    samples = ImageFolder(folder).samples
    return [(Path(p).relative_to(root).as_posix(), (Path(p), label)) for p, label in samples]


def gtsrb_files(root: str, split: str) -> Photos:
    """The traffic signs of one split; downloaded where they are not there."""
    from torchvision.datasets import GTSRB

    GTSRB(root, split, download=True)
    folder = Path(root, "gtsrb")
    if split == "train":
        return in_folders(root, folder / "GTSRB" / "Training")
    images = folder / "GTSRB" / "Final_Test" / "Images"
    with (folder / "GT-final_test.csv").open() as table:
        rows = list(csv.DictReader(table, delimiter=";"))
    return [(r["Filename"], (images / r["Filename"], int(r["ClassId"]))) for r in rows]


def gtsrb(root: str, split: str, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """One split of the German traffic signs as squares."""
    images, labels, _names = squares(gtsrb_files(root, split), size)
    return images, labels


def gtsrb_names(root: str, split: str, size: int) -> list[str]:
    """The names of the images that `gtsrb` gives: the class, the sign and the number of the picture."""
    return squares(gtsrb_files(root, split), size)[2]


def flowers102_files(root: str, split: str) -> Photos:
    """The flowers of one split, listed with scipy; downloaded where they are not there."""
    from torchvision.datasets import Flowers102

    data = Flowers102(root, split, download=True, loader=Path)
    return [(data[n][0].name, data[n]) for n in range(len(data))]


def flowers102(root: str, split: str, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """One split of the 102 flowers as squares."""
    images, labels, _names = squares(flowers102_files(root, split), size)
    return images, labels


def oxford_pets_files(root: str, split: str) -> Photos:
    """The cats and dogs of one split; downloaded where they are not there."""
    from torchvision.datasets import OxfordIIITPet

    OxfordIIITPet(root, split, download=True)
    folder = Path(root, "oxford-iiit-pet")
    lines = (folder / "annotations" / f"{split}.txt").read_text().splitlines()
    rows = [line.split() for line in lines]  # name, breed from 1 on, cat or dog, number
    return [(r[0], (folder / "images" / f"{r[0]}.jpg", int(r[1]) - 1)) for r in rows]


def oxford_pets(root: str, split: str, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """One split of the 37 breeds of cats and dogs as squares."""
    images, labels, _names = squares(oxford_pets_files(root, split), size)
    return images, labels


def imagenette_files(root: str, split: str, published: str) -> Photos:
    """The photographs of one split of Imagenette; downloaded where they are not there."""
    from torchvision.datasets import Imagenette

    Imagenette(root, split, published, download=True)
    name = "imagenette2" if published == "full" else f"imagenette2-{published.removesuffix('px')}"
    return in_folders(root, Path(root, name, split))


def imagenette(
    root: str, split: str, published: str, size: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """One split of Imagenette as squares."""
    images, labels, _names = squares(imagenette_files(root, split, published), size)
    return images, labels


class Photographs(Famous, FileImages):
    """A data set of photographs: fetched, then decoded to squares of one size, which are kept."""

    counts: ClassVar[Mapping[str, int]]  # images of each split
    files: ClassVar[Callable[..., Photos]]  # lists them

    size: int = Knob(
        64, ge=8, le=256, unit="px", help="the shorter side is resized to it, the centre cut out"
    )

    def fetch(self) -> Iterator[Progress]:
        """Find or download the files, and decode them unless they are kept. Raises Problem."""
        refuse_large(self.counts[self.split], (3, self.size, self.size))
        yield from super().fetch()
        yield from FileImages.fetch(self)

    def shown(self) -> str:
        """The set's name."""
        return self.title()

    def stamp(self) -> Iterator[str]:
        """The settings with the folder, and the dates of what lies in it."""
        fields = self.arguments()
        yield repr(fields)
        for archive in self.archives():
            for path in archive.needed:
                yield f"{path} {Path(fields['root'], path).stat().st_mtime_ns}"

    def listing(self) -> Listing:
        """The photographs of the split. Raises Problem where the lists of them cannot be read."""
        fields = self.arguments()
        size, expected = fields.pop("size"), self.counts[self.split]
        try:
            photos = type(self).files(**fields)
            classes = self.class_names(torch.empty(0))
        except Exception as error:  # whatever a damaged file makes torchvision raise
            raise self.unusable(error) from error
        text = _("{number} of {total} images: the folder is not complete")
        missing = [text.format(number=len(photos), total=expected)] * (len(photos) < expected)
        read = partial(read_photo, size)
        return Listing(list(photos), read, (3, size, size), classes, tuple(missing))


class GTSRB(Photographs):
    """39,270 German traffic signs of 43 kinds, cut out of pictures taken while driving."""

    kind: Literal["gtsrb"] = "gtsrb"
    size: int = Knob(
        32, ge=8, le=256, unit="px", help="the shorter side is resized to it, the centre cut out"
    )

    cues = frozenset({"handedness", "orientation", "colour"})
    label = "GTSRB, traffic signs"
    known = (Known("human", 0.9884, "Stallkamp et al. 2012, Man vs. computer"),)
    target = gtsrb
    names_target = gtsrb_names
    files = gtsrb_files
    counts: ClassVar[Mapping[str, int]] = {"train": 26_640, "test": 12_630}
    mirror = "https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370/"
    card = Card(
        source="Stallkamp et al. 2012, Man vs. computer: benchmarking machine learning for traffic sign recognition",
        url="https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.GTSRB.html",
        use="Signs in rain, blur and low sun; colour and shape both count.",
        pitfalls="Every sign was taken 30 times while nearing it: split by groups, or pictures of one "
        "sign are on both sides. Mirrored or turned signs are other signs. A 188 MB download (test 89 MB); "
        "26,640 images take 82 MB of memory at 32 px, 1.3 GB at 128 px.",
    )

    def class_names(self, labels: torch.Tensor) -> tuple[str, ...]:
        """What the signs say."""
        return tuple(name.strip() for name in SIGNS.split(";"))

    def archives(self) -> tuple[Archive, ...]:
        """The images, and for the test part the table of their classes."""
        train, images, table = GTSRB_MD5.items()
        if self.split == "train":
            return (Archive(*train, {"gtsrb/GTSRB/Training/": ""}, "gtsrb"),)
        return (
            Archive(*images, {"gtsrb/GTSRB/Final_Test/Images/": ""}, "gtsrb"),
            Archive(*table, {"gtsrb/GT-final_test.csv": ""}, "gtsrb"),
        )


class Flowers102(Photographs):
    """8,189 photographs of 102 kinds of flowers: 1,020 to train on, 1,020 to validate, 6,149 to test."""

    kind: Literal["flowers102"] = "flowers102"
    split: Literal["train", "val", "test"] = Knob(  # type: ignore[assignment]
        "train", help="which of the three published parts to use"
    )

    cues = frozenset({"colour"})
    label = "Flowers-102"
    target = flowers102
    files = flowers102_files
    counts: ClassVar[Mapping[str, int]] = {"train": 1_020, "val": 1_020, "test": 6_149}
    mirror = "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/"
    card = Card(
        source="Nilsback and Zisserman 2008, Automated flower classification over many classes",
        url="https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.Flowers102.html",
        use="For fine-tuning: ten images of each class are too few for a network without pretraining.",
        pitfalls="A 345 MB download. 1,020 images take 50 MB of memory at 128 px, 200 MB at 256 px; the "
        "test part six times as much. Colour tells the kinds apart: keep colour jitter small.",
    )

    def class_names(self, labels: torch.Tensor) -> tuple[str, ...]:
        """The published names."""
        from torchvision import datasets

        return tuple(datasets.Flowers102.classes)

    def archives(self) -> tuple[Archive, ...]:
        """The images, their labels, and who belongs to which part."""
        from torchvision import datasets

        files, folder = datasets.Flowers102._file_dict, "flowers-102"
        (images, md5), *lists = (files[name] for name in ("image", "label", "setid"))
        return (
            Archive(images, md5, {f"{folder}/jpg/": ""}, folder),
            *(Archive(name, md5, {f"{folder}/{name}": md5}, folder) for name, md5 in lists),
        )


class OxfordIIITPet(Photographs):
    """7,349 photographs of 37 breeds of cats and dogs: 3,680 to train on, 3,669 to test."""

    kind: Literal["oxford_pets"] = "oxford_pets"
    split: Literal["trainval", "test"] = Knob(  # type: ignore[assignment]
        "trainval", help="which of the two published parts to use"
    )

    label = "Oxford-IIIT Pets"
    target = oxford_pets
    files = oxford_pets_files
    counts: ClassVar[Mapping[str, int]] = {"trainval": 3_680, "test": 3_669}
    mirror = "https://www.robots.ox.ac.uk/~vgg/data/pets/data/"
    card = Card(
        source="Parkhi et al. 2012, Cats and dogs",
        url="https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.OxfordIIITPet.html",
        use="For fine-tuning: a hundred images of each breed, and breeds that differ in details.",
        pitfalls="An 811 MB download. Each part takes 180 MB of memory at 128 px, 720 MB at 256 px. In "
        "tall and wide pictures the centre square may miss the animal's head.",
    )

    def class_names(self, labels: torch.Tensor) -> tuple[str, ...]:
        """The breeds, which are in the list of images."""
        from torchvision import datasets

        data = datasets.OxfordIIITPet(self.arguments()["root"], self.split)
        return tuple(data.classes)

    def archives(self) -> tuple[Archive, ...]:
        """The images, and the lists of both parts."""
        from torchvision import datasets

        folder = "oxford-iiit-pet"
        images, lists = ((Path(url).name, md5) for url, md5 in datasets.OxfordIIITPet._RESOURCES)
        parts = {f"{folder}/annotations/{part}.txt": "" for part in self.counts}
        return (
            Archive(*images, {f"{folder}/images/": ""}, folder),
            Archive(*lists, parts, folder),
        )


class Imagenette(Photographs):
    """13,394 photographs of ten easily told classes of ImageNet: 9,469 to train on, 3,925 to validate."""

    kind: Literal["imagenette"] = "imagenette"
    split: Literal["train", "val"] = Knob(  # type: ignore[assignment]
        "train", help="which of the two published parts to use"
    )
    published: Literal["160px", "320px", "full"] = Knob(
        "160px",
        help="which of the published archives: shorter sides of 160 px (94 MB), 320 px (326 MB) or "
        "as they were taken (1.5 GB)",
    )

    target = imagenette
    files = imagenette_files
    counts: ClassVar[Mapping[str, int]] = {"train": 9_469, "val": 3_925}
    mirror = "https://s3.amazonaws.com/fast-ai-imageclas/"
    card = Card(
        source="Howard 2019, Imagenette: a smaller subset of ten easily classified classes from ImageNet",
        url="https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.Imagenette.html",
        use="ImageNet's photographs at a hundredth of the time: for larger images and deeper networks.",
        pitfalls="Ten easy classes: what helps here need not help with a thousand. The training part takes "
        "116 MB of memory at 64 px, 470 MB at 128 px, 1.9 GB at 256 px. Networks pretrained on ImageNet "
        "have seen these very images.",
    )

    def class_names(self, labels: torch.Tensor) -> tuple[str, ...]:
        """The first of each class's published names."""
        from torchvision import datasets

        data = datasets.Imagenette(self.arguments()["root"], self.split, self.published)
        return tuple(names[0] for names in data.classes)

    def archives(self) -> tuple[Archive, ...]:
        """The one archive of both parts."""
        from torchvision import datasets

        url, md5 = datasets.Imagenette._ARCHIVES[self.published]
        return (Archive(Path(url).name, md5, {f"{Path(url).stem}/": ""}),)
