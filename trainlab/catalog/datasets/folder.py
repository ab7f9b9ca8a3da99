"""A folder of one's own images: one sub-folder a class."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch

from trainlab.catalog.datasets.base import place
from trainlab.catalog.datasets.files import (
    FileImages,
    Listing,
    plain_file,
    printable,
    read_files,
    read_image,
    within,
)
from trainlab.catalog.splits import natural
from trainlab.choice import Card, Knob
from trainlab.errors import Problem
from trainlab.text import _

REMEDY = "Name a folder that holds one sub-folder of images for each class"


def in_order(folder: str | Path) -> list[Path]:
    """What a folder holds, hidden names left out, in natural order."""
    shown = (path for path in Path(folder).iterdir() if path.name[0] != ".")
    return sorted(shown, key=lambda path: (natural(path.name), path.name))


def class_folders(root: str | Path) -> list[Path]:
    """The folders in `root`, but no link that leaves it."""
    return [path for path in in_order(root) if path.is_dir() and within(root, path)]


def files_below(folder: Path) -> list[Path]:
    """The files in a folder and in its sub-folders; a link is taken as a file."""
    found = []
    for path in in_order(folder):
        is_folder = path.is_dir() and not path.is_symlink()
        found += files_below(path) if is_folder else [path]
    return found


def class_files(root: str | Path) -> list[tuple[str, tuple[Path, int]]]:
    """Every file below root/<class>/: its name below the root, its path and its label, from 0 on."""
    return [
        (printable(path.relative_to(root).as_posix()), (path, label))
        for label, folder in enumerate(class_folders(root))
        for path in files_below(folder)
    ]


def read_classed(
    root: str | Path, size: int, grey: bool, file: tuple[Path, int]
) -> tuple[torch.Tensor, int]:
    """The pixels and the label of one file of a class."""
    path, label = file
    return read_image(plain_file(root, path), size, grey), label


def image_folder(root: str, size: int, grey: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """The images of root/<class>/ as squares; files that are no readable image are left out."""
    read = partial(read_classed, root, size, grey)
    images, labels, _names = read_files(class_files(root), read)
    return images, labels


def image_names(root: str, size: int, grey: bool) -> list[str]:
    """The names below the root of the images that `image_folder` gives."""
    return read_files(class_files(root), partial(read_classed, root, size, grey))[2]


class ImageFolder(FileImages):
    """Your own images: a folder that holds one sub-folder for each class."""

    kind: Literal["folder"] = "folder"
    root: str = Knob("", help="the folder; each folder in it is a class, named after it")
    size: int = Knob(
        32, ge=8, le=256, unit="px", help="the shorter side is resized to it, the centre cut out"
    )
    grey: bool = Knob(False, help="without colour: a third of the memory")

    label = "Image folder"
    target = image_folder
    names_target = image_names
    card = Card(
        source="The layout of torchvision's ImageFolder: root/<class>/<file>",
        url="https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.ImageFolder.html",
        use="Your own question: two folders of a hundred photographs are enough to begin with.",
        pitfalls="What is outside the centre square is lost; near-duplicates on both sides of the "
        "validation split make results look better than they are.",
    )

    def arguments(self) -> dict[str, Any]:
        """The fields, with the root as an absolute path."""
        return super().arguments() | {"root": str(place(self.root))}

    def class_names(self, labels: torch.Tensor) -> tuple[str, ...]:
        """The folders' names."""
        return tuple(printable(folder.name) for folder in class_folders(place(self.root)))

    def shown(self) -> str:
        """The folder, as the user wrote it."""
        return printable(self.root)

    def stamp(self) -> Iterator[str]:
        """The settings, and each file's name, label, size and date. Raises Problem for no folder."""
        root = existing_folder(self.root)
        yield f"{self.size} {self.grey} {root.resolve()}"
        yield from (folder.name for folder in in_order(root))
        for name, (path, label) in class_files(root):
            status = path.stat() if path.exists() else path.lstat()
            yield f"{label} {name} {path.name} {status.st_size} {status.st_mtime_ns}"

    def listing(self) -> Listing:
        """The files of the classes. Raises Problem for fewer than two classes."""
        root = existing_folder(self.root)
        classes = self.class_names(torch.empty(0))
        refuse_one_class(self.shown(), len(classes))
        gone = [path for path in in_order(root) if path.is_dir() and not within(root, path)]
        text = _("{name}: a link that leaves the folder; it is not read")
        links = [text.format(name=printable(path.name)) for path in gone]
        return Listing(
            class_files(root),
            partial(read_classed, root, self.size, self.grey),
            (1 if self.grey else 3, self.size, self.size),
            classes,
            tuple(links),
        )


def existing_folder(root: str, remedy: str = REMEDY) -> Path:
    """The absolute path of a folder that the user named. Raises Problem where there is none."""
    if root and place(root).is_dir():
        return place(root)
    what = _("There is no folder {folder}").format(folder=printable(root)) if root else ""
    raise Problem(
        what or _("No folder is chosen"),
        remedy=_(remedy),
    )


def refuse_one_class(shown: str, classes: int) -> None:
    """Raise Problem for fewer than two classes."""
    if classes < 2:
        raise Problem(
            _("{folder} holds fewer than two classes").format(folder=shown),
            _("It holds {number} sub-folders").format(number=classes),
            _("Put the images of each class into a sub-folder of its own"),
        )
