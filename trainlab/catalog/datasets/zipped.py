"""A zip of class folders, small enough to be uploaded in the page.

Members are read in memory and never written to disk; their paths are text, and nothing else.
"""

import hashlib
import io
import re
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch

from trainlab.catalog.datasets.base import place, written
from trainlab.catalog.datasets.files import (
    FileImages,
    Listing,
    printable,
    read_files,
    read_image,
)
from trainlab.catalog.datasets.folder import refuse_one_class
from trainlab.catalog.splits import natural
from trainlab.choice import Card, Knob
from trainlab.errors import Problem
from trainlab.places import data_folder
from trainlab.text import _

MAX_PACKED = 100_000_000  # bytes of the zip
MAX_UNPACKED = 500_000_000  # bytes of its files together
MAX_MEMBERS = 20_000
MAX_RATIO = 200  # of a member of a megabyte or more
MAX_NAME = 1000  # characters of a path in it

Member = tuple[zipfile.ZipInfo, int]


def visible_members(archive: zipfile.ZipFile) -> list[tuple[list[str], zipfile.ZipInfo]]:
    """Every member's path in parts, hidden ones left out, and a folder left out that holds all."""
    listed = [(re.split(r"[/\\]+", info.filename), info) for info in archive.infolist()]
    listed = [([part for part in parts if part not in ("", ".")], info) for parts, info in listed]
    seen = [
        (parts, info)
        for parts, info in listed
        if parts and not any(part[0] == "." or part == "__MACOSX" for part in parts)
    ]
    while len({parts[0] for parts, _info in seen}) == 1:
        seen = [(parts[1:], info) for parts, info in seen if len(parts) > 1]
    return sorted(seen, key=lambda member: [(natural(part), part) for part in member[0]])


def member_classes(archive: zipfile.ZipFile) -> list[str]:
    """The folders in a zip, in natural order."""
    members = visible_members(archive)
    folders = [parts[0] for parts, info in members if len(parts) > 1 or info.is_dir()]
    return list(dict.fromkeys(folders))


def class_members(archive: zipfile.ZipFile) -> list[tuple[str, Member]]:
    """Every file in a zip's <class>/: its path, its member and its label; zips in it are left out."""
    labels = {name: label for label, name in enumerate(member_classes(archive))}
    return [
        (printable("/".join(parts)), (info, labels[parts[0]]))
        for parts, info in visible_members(archive)
        if len(parts) > 1 and not info.is_dir() and not parts[-1].lower().endswith(".zip")
    ]


def read_member(
    archive: zipfile.ZipFile, size: int, grey: bool, file: Member
) -> tuple[torch.Tensor, int]:
    """The pixels and the label of one member."""
    info, label = file
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError("packed in an uncommon way")  # the others unpack without bound
    with archive.open(info) as packed:  # no more than it claims to hold, whatever it unpacks to
        return read_image(io.BytesIO(packed.read(info.file_size)), size, grey), label


def zip_folder(path: str, size: int, grey: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """The images of <class>/ in a zip as squares; members that are no readable image are left out."""
    with zipfile.ZipFile(path) as archive:
        read = partial(read_member, archive, size, grey)
        images, labels, _names = read_files(class_members(archive), read)
    return images, labels


def zip_names(path: str, size: int, grey: bool) -> list[str]:
    """The paths in the zip of the images that `zip_folder` gives."""
    with zipfile.ZipFile(path) as archive:
        read = partial(read_member, archive, size, grey)
        return read_files(class_members(archive), read)[2]


class ZipFolder(FileImages):
    """Your own images in a zip that holds one folder for each class; it can be uploaded in the page."""

    kind: Literal["zip"] = "zip"
    path: str = Knob("", help="the zip; each folder in it is a class, named after it")
    size: int = Knob(
        32, ge=8, le=256, unit="px", help="the shorter side is resized to it, the centre cut out"
    )
    grey: bool = Knob(False, help="without colour: a third of the memory")

    label = "Zip of image folders"
    target = zip_folder
    names_target = zip_names
    card = Card(
        source="The layout of torchvision's ImageFolder, packed: <class>/<file>",
        url="https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.ImageFolder.html",
        use="Your own images where the lab runs on another machine: up to 100 MB, read in memory, "
        "never unpacked to disk.",
        pitfalls="What is outside the centre square is lost; near-duplicates on both sides of the "
        "validation split make results look better than they are.",
    )

    def arguments(self) -> dict[str, Any]:
        """The fields, with the path as an absolute one."""
        return super().arguments() | {"path": str(place(self.path))}

    def class_names(self, labels: torch.Tensor) -> tuple[str, ...]:
        """The folders' names."""
        with open_zip(self._bytes(), self.shown()) as archive:
            return tuple(printable(name) for name in member_classes(archive))

    def shown(self) -> str:
        """The zip, as the user wrote it."""
        return printable(self.path)

    def stamp(self) -> Iterator[str]:
        """The settings, and the zip's SHA-256. Raises Problem for no zip."""
        yield f"{self.size} {self.grey} {hashlib.sha256(self._bytes()).hexdigest()}"

    def listing(self) -> Listing:
        """The files of the classes. Raises Problem for fewer than two, or for a zip not to be trusted."""
        archive = open_zip(self._bytes(), self.shown())
        classes = tuple(printable(name) for name in member_classes(archive))
        refuse_one_class(self.shown(), len(classes))
        return Listing(
            class_members(archive),
            partial(read_member, archive, self.size, self.grey),
            (1 if self.grey else 3, self.size, self.size),
            classes,
            tuple(_not_opened(archive)),
        )

    def _bytes(self) -> bytes:
        path = place(self.path)
        if not self.path or not path.is_file():
            what = _("There is no file {file}").format(file=self.shown()) if self.path else ""
            raise Problem(
                what or _("No zip is chosen"),
                remedy=_("Name a .zip that holds one folder of images for each class"),
            )
        if path.stat().st_size > MAX_PACKED:
            raise _refusal(self.shown(), _too_large())
        return path.read_bytes()


def store_upload(data: bytes, name: str) -> Path:
    """Keep a zip that came from the page, under its checksum; the path to give to `zip`.

    `name` is what the page calls it, for messages only. Raises Problem for what is no zip, or one that
    is too large or not to be trusted.
    """
    with open_zip(data, printable(name)) as archive:
        refuse_one_class(printable(name), len(member_classes(archive)))
    path = data_folder() / "uploads" / f"{hashlib.sha256(data).hexdigest()[:16]}.zip"
    if not path.is_file() or path.read_bytes() != data:
        with written(path) as file:
            file.write(data)
    return path


def open_zip(data: bytes, shown: str) -> zipfile.ZipFile:
    """A zip in memory whose members may be read. Raises Problem where they may not."""
    if len(data) > MAX_PACKED:
        raise _refusal(shown, _too_large())
    if data.count(b"PK\1\2") > MAX_MEMBERS:  # counted before Python makes an object of each
        raise _refusal(shown, _("it holds more than {most:,} files").format(most=MAX_MEMBERS))
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except Exception as error:  # whatever damage makes zipfile raise
        raise _refusal(shown, printable(str(error))) from error
    why = next(filter(None, map(_fault, archive.infolist())), None)
    unpacked = sum(info.file_size for info in archive.infolist())
    if why is None and unpacked > MAX_UNPACKED:
        text = _("its files take {size:,.0f} MB, and at most {most:,.0f} MB are read")
        why = text.format(size=unpacked / 1e6, most=MAX_UNPACKED / 1e6)
    if why is not None:
        raise _refusal(shown, why)
    return archive


def _fault(info: zipfile.ZipInfo) -> str | None:
    """Why a member makes the whole zip one not to be read; None for a good one."""
    name, parts = info.filename, re.split(r"[/\\]", info.filename)
    if info.flag_bits & 1:
        return _("it is encrypted")
    if len(name) > MAX_NAME or ".." in parts or parts[0] == "" or re.match(r"[A-Za-z]:[/\\]", name):
        return _("the name {name} leaves the zip").format(name=printable(name)[:60])
    if info.file_size > max(1_000_000, MAX_RATIO * info.compress_size):
        return _("{name} unpacks to over {most} times its size").format(
            name=printable(name)[:60], most=MAX_RATIO
        )
    return None


def _too_large() -> str:
    return _("it is larger than {most:,.0f} MB").format(most=MAX_PACKED / 1e6)


def _refusal(shown: str, why: str) -> Problem:
    return Problem(
        _("{file} cannot be used").format(file=shown),
        why,
        _("Pack the class folders anew as a plain zip, or unpack it and use Image folder"),
    )


def _not_opened(archive: zipfile.ZipFile) -> Iterator[str]:
    for parts, info in visible_members(archive):
        if not info.is_dir() and parts[-1].lower().endswith(".zip"):
            text = _("{name}: a zip in the zip is not opened")
            yield text.format(name=printable("/".join(parts)))
