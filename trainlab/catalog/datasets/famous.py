"""The data sets that everybody knows, in torchvision's files: MNIST and CIFAR-10.

A folder that the user names is only read. What has to be downloaded or unpacked goes to trainlab's
own cache folder, and every file is held against a known checksum before it is used.
"""

import gzip
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Literal

import torch

from trainlab.catalog.datasets.base import DatasetChoice, Images, place, written
from trainlab.catalog.datasets.download import UnreachableError, checksum, download
from trainlab.choice import Card, Knob
from trainlab.errors import Problem
from trainlab.events import Progress
from trainlab.places import data_folder
from trainlab.text import _

MIRRORS = {
    "mnist": "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "cifar10": "https://www.cs.toronto.edu/~kriz/",
}
UNPACKED_MD5 = {  # torchvision knows those of the .gz files only
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


def mnist(root: str, split: str) -> tuple[torch.Tensor, torch.Tensor]:
    """One split of MNIST, 28x28 grey, from `root`; downloaded where it is not there."""
    from torchvision.datasets import MNIST, utils
    from torchvision.datasets.mnist import read_image_file, read_label_file

    folder, prefix = Path(root, "MNIST", "raw"), "train" if split == "train" else "t10k"
    for archive, md5 in MNIST.resources:
        if archive.startswith(prefix) and not (folder / archive.removesuffix(".gz")).exists():
            url = MNIST.mirrors[0] + archive
            utils.download_and_extract_archive(url, str(folder), md5=md5)
    images = read_image_file(str(folder / f"{prefix}-images-idx3-ubyte"))
    labels = read_label_file(str(folder / f"{prefix}-labels-idx1-ubyte"))
    return images.unsqueeze(1), labels


def cifar10(root: str, split: str) -> tuple[torch.Tensor, torch.Tensor]:
    """One split of CIFAR-10, 32x32 in colour, from `root`; downloaded where it is not there."""
    from torchvision import datasets

    data = datasets.CIFAR10(root, train=split == "train", download=True)
    images = torch.from_numpy(data.data).permute(0, 3, 1, 2).contiguous()
    return images, torch.tensor(data.targets)


class Famous(DatasetChoice):
    """A data set of known files: found in `root`, or in the store, or downloaded into the store."""

    root: str = Knob(
        "", help="folder to look in first; downloads go to trainlab's own cache folder"
    )
    split: Literal["train", "test"] = Knob("train", help="which of the two published parts to use")

    def archives(self) -> dict[str, str]:
        """The files that are published, with their MD5."""
        raise NotImplementedError

    def members(self, archive: str) -> dict[str, str]:
        """The files that an archive unpacks to, as paths below the root, with their MD5."""
        raise NotImplementedError

    def contents(self, archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
        """The files in an archive: their paths below the root, and something to read each from."""
        raise NotImplementedError

    def arguments(self) -> dict[str, Any]:
        """The fields, with the root that holds the files, or where they will be."""
        return super().arguments() | {"root": str(self._home() or data_folder())}

    def fetch(self) -> Iterator[Progress]:
        """Find the files, else download them; unpack them; check them. Raises Problem."""
        home = self._home()
        if home is None:
            home = data_folder()
            for archive in self.archives():
                if not self._holds(home, archive):
                    yield from self._provide(archive)
        yield Progress(_("Checking {data}").format(data=self.title()))
        for archive in self.archives():
            for name, md5 in self.members(archive).items():
                self._check(home / name, md5)

    def load(self) -> Images:
        """Read the data, fetched first where that is still to be done. Raises Problem."""
        for _progress in self.fetch():
            pass
        return super().load()

    def _home(self) -> Path | None:
        for folder in self._folders():
            if all(self._holds(folder, archive) for archive in self.archives()):
                return folder
        return None

    def _folders(self) -> list[Path]:
        return [place(self.root), data_folder()] if self.root else [data_folder()]

    def _holds(self, folder: Path, archive: str) -> bool:
        return all((folder / name).is_file() for name in self.members(archive))

    def _check(self, path: Path, md5: str) -> None:
        try:
            if checksum(path) == md5:
                return
            why = _("Its checksum is not the expected one: it is damaged, or another data set's")
        except OSError as error:
            why = str(error)
        raise Problem(
            _("{data}: {file} cannot be used").format(data=self.title(), file=path),
            why,
            _("Delete or replace it; what is missing is downloaded"),
        )

    def at_hand(self) -> bool:
        """Whether every file, or the archive that holds it, is on this machine."""
        if self._home() is not None:
            return True
        return all(self._local(archive) is not None for archive in self.archives())

    def _local(self, archive: str) -> Path | None:
        """The user's own copy of an archive, in its folder or where torchvision leaves it."""
        places = [folder / sub for folder in self._folders() for sub in ("", "MNIST/raw")]
        return next((path / archive for path in places if (path / archive).is_file()), None)

    def _provide(self, archive: str) -> Iterator[Progress]:
        """Unpack an archive into the store: the user's own copy, or a downloaded one."""
        md5 = self.archives()[archive]
        local = self._local(archive)
        if local is not None:
            self._check(local, md5)
            yield from self._unpack(local, self.members(archive))
            return
        path = data_folder() / archive
        try:
            yield from download(MIRRORS[self.kind] + archive, path, md5)
        except UnreachableError as error:
            raise Problem(
                _("{data} could not be downloaded").format(data=self.title()),
                str(error),
                _("Put {files} in {folder}, or choose Digits, which needs no network").format(
                    files=_(" and ").join(self.archives()), folder=self._folders()[0]
                ),
            ) from error
        yield from self._unpack(path, self.members(archive))
        path.unlink(missing_ok=True)

    def _unpack(self, archive: Path, members: dict[str, str]) -> Iterator[Progress]:
        text, done = _("Unpacking {file}").format(file=archive.name), 0
        for name, stream in self.contents(archive):
            if name in members:  # and nothing else, wherever it might point
                yield Progress(text, done / len(members))
                with written(data_folder() / name) as file:
                    shutil.copyfileobj(stream, file)
                done += 1
        yield Progress(text, 1.0)


class MNIST(Famous):
    """70,000 handwritten digits, 28x28 grey, in ten classes: 60,000 to train on, 10,000 to test."""

    kind: Literal["mnist"] = "mnist"

    label = "MNIST"
    target = mnist
    card = Card(
        source="LeCun et al. 1998, Gradient-based learning applied to document recognition",
        url="https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.MNIST.html",
        use="The classic: large enough to compare methods, small enough for a minute on a laptop.",
        pitfalls="Easy: nearly everything reaches 98 %, so methods hardly differ. "
        "Mirrored digits are other signs or none: leave flips out.",
    )

    def archives(self) -> dict[str, str]:
        """The images and the labels of the split."""
        from torchvision import datasets

        prefix = "train" if self.split == "train" else "t10k"
        return {name: md5 for name, md5 in datasets.MNIST.resources if name.startswith(prefix)}

    def members(self, archive: str) -> dict[str, str]:
        """The one file in it, where torchvision has it."""
        name = archive.removesuffix(".gz")
        return {f"MNIST/raw/{name}": UNPACKED_MD5[name]}

    def contents(self, archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
        """The one file in it."""
        stream: Any
        with gzip.open(archive) as stream:
            yield f"MNIST/raw/{archive.name.removesuffix('.gz')}", stream


class CIFAR10(Famous):
    """60,000 photographs, 32x32 in colour, in ten classes: 50,000 to train on, 10,000 to test."""

    kind: Literal["cifar10"] = "cifar10"

    label = "CIFAR-10"
    target = cifar10
    card = Card(
        source="Krizhevsky 2009, Learning multiple layers of features from tiny images",
        url="https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.CIFAR10.html",
        use="The first real test of a recipe: augmentation, schedule, regularisation all show.",
        pitfalls="A 170 MB download; without augmentation a large network learns it by heart.",
    )

    def class_names(self, labels: torch.Tensor) -> tuple[str, ...]:
        """The ten published names."""
        names = "airplane automobile bird cat deer dog frog horse ship truck"
        return tuple(names.split())

    def archives(self) -> dict[str, str]:
        """The one archive."""
        from torchvision import datasets

        return {datasets.CIFAR10.filename: datasets.CIFAR10.tgz_md5}

    def members(self, archive: str) -> dict[str, str]:
        """The batches and the class names."""
        from torchvision import datasets

        files = datasets.CIFAR10
        batches = [*files.train_list, *files.test_list, (files.meta["filename"], files.meta["md5"])]
        return {f"{files.base_folder}/{name}": md5 for name, md5 in batches}

    def contents(self, archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
        """Its plain files; links and the like are left out."""
        with tarfile.open(archive) as tar:
            for item in tar:
                stream = tar.extractfile(item) if item.isfile() else None
                if stream is not None:
                    yield item.name, stream
