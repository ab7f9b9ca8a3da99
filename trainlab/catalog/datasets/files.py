"""Images in files of the user's own: read with bounds, and what cannot be read is told.

What was decoded is kept in the store, under a key made of the files' names, sizes and dates.
"""

import math
import os
import re
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch

from trainlab.catalog.datasets.base import DatasetChoice, Images, Pace
from trainlab.catalog.datasets.decoded import keep, place_for, recall
from trainlab.errors import Problem
from trainlab.events import Progress
from trainlab.text import _

MAX_PIXELS = 64_000_000  # of one image; Pillow warns from 89 million on
MAX_BYTES = 4 << 30  # of the decoded images together
MAX_UNREADABLE = 0.2  # share of the files
SHOWN = 5  # files named in a problem
NOTED = 20  # files named in the notes

Label = int | tuple[int, ...]
Files = list[tuple[str, Any]]  # a name to show, and what `read` takes
Read = Callable[[Any], tuple[torch.Tensor, Label]]


def printable(name: str) -> str:
    """A name that can be shown and sent: without control characters and undecodable bytes."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]", "\ufffd", name)


def within(root: str | Path, path: Path) -> bool:
    """Whether a path stays in the folder when its links are followed."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))


def plain_file(root: str | Path, path: Path) -> Path:
    """The path of a plain file in the folder; OSError for anything else."""
    if not within(root, path):
        raise OSError("a link that leaves the folder")
    if not path.is_file():
        raise OSError("not a file")
    return path


def open_image(file: Path | IO[bytes]) -> Any:
    """An image of a common format and of no more than MAX_PIXELS, not decoded yet."""
    from PIL import Image

    formats = ("JPEG", "PNG", "BMP", "GIF", "PPM", "WEBP", "TIFF")
    image = Image.open(file, formats=formats)
    if image.width * image.height > MAX_PIXELS:
        image.close()
        raise ValueError(f"too large: {image.width} x {image.height} pixels")
    return image


def as_mode(image: Any, mode: str) -> Any:
    """The image as "L" or "RGB"; of 16 bits, which `convert` would clip, the upper eight."""
    from PIL import Image

    if image.mode == "P":  # its transparency may be of a kind that is warned of
        image = image.convert("RGBA")
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image).clip(0, 65535) >> 8).astype(np.uint8))
    return image.convert(mode)


def as_pixels(image: Any) -> torch.Tensor:
    """An image of Pillow's as (C, H, W) uint8."""
    pixels = torch.from_numpy(np.array(image, dtype=np.uint8))
    return pixels.reshape(image.height, image.width, -1).permute(2, 0, 1).contiguous()


def read_image(file: Path | IO[bytes], size: int, grey: bool) -> torch.Tensor:
    """One image as (C, size, size) uint8: shorter side resized to `size`, then the centre."""
    from PIL import Image, ImageOps

    mode = "L" if grey else "RGB"
    with open_image(file) as opened:
        opened.draft(mode, (size, size))  # a large JPEG is decoded at a fraction of its size
        image = as_mode(ImageOps.exif_transpose(opened), mode)
    return as_pixels(ImageOps.fit(image, (size, size), Image.Resampling.BILINEAR))


def readings(files: Files, read: Read) -> Iterator[tuple[str, Any, Exception | None]]:
    """Name, (pixels, label) and None of each file; or name, None and why it cannot be read."""
    for name, file in files:
        found, error = None, None
        try:
            found = read(file)
        except Exception as reason:  # Pillow raises many kinds
            error = reason
        yield name, found, error


def read_files(files: Files, read: Read) -> tuple[torch.Tensor, torch.Tensor, list[str]]:
    """Images, labels and names of all the files that can be read."""
    names, images, labels = [], [], []
    for name, found, error in readings(files, read):
        if error is None:
            names.append(name)
            images.append(found[0])
            labels.append(found[1])
        else:
            warnings.warn(f"{name} is left out: {error}", stacklevel=2)
    return torch.stack(images), torch.tensor(labels), names


@dataclass(frozen=True)
class Listing:
    """What there is to read: the files, how, into which shape (C, H, W), and what is known before."""

    files: Files
    read: Read
    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()


class FileImages(DatasetChoice):
    """A data set of image files of the user's own."""

    def shown(self) -> str:
        """The name of the folder or file that holds the images, for messages."""
        raise NotImplementedError

    def stamp(self) -> Iterator[str]:
        """Everything that the images depend on, quickly found. Raises Problem where nothing is there."""
        raise NotImplementedError

    def listing(self) -> Listing:
        """What there is to read, after every check that needs no decoding. Raises Problem."""
        raise NotImplementedError

    def fetch(self) -> Iterator[Progress]:
        """Decode the images into the store, unless they are there. Raises Problem."""
        key = self._key()
        if recall(key) is None:
            yield from self._decode(key)

    def load(self) -> Images:
        """The decoded images. Raises Problem where the files cannot be used."""
        key = self._key()
        kept = recall(key)
        if kept is not None:
            return kept
        decoding = self._decode(key)
        while True:
            try:
                next(decoding)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]

    def _key(self) -> Path:
        """The kept file's path: another one when anything changes that the images depend on."""
        try:
            return place_for("folders", [self.kind, *self.stamp()])
        except OSError as error:
            raise unreadable(self.shown(), error) from error

    def _decode(self, key: Path) -> Generator[Progress, None, Images]:
        """Read every file, telling how far it is; keep the result in the store."""
        try:
            listing = self.listing()
        except OSError as error:
            raise unreadable(self.shown(), error) from error
        total, pace = len(listing.files), Pace()
        refuse_large(total, listing.shape)
        images = torch.empty((total, *listing.shape), dtype=torch.uint8)
        names: list[str] = []
        labels: list[Label] = []
        bad: list[str] = []
        for number, (name, read, reason) in enumerate(readings(listing.files, listing.read)):
            if pace.due():
                text = _("Reading images: {number} of {total}")
                yield Progress(text.format(number=number, total=total), number / total)
            if reason is None:
                images[len(names)], label = read
                names.append(name)
                labels.append(label)
            else:
                bad.append(f"{name}: {_reason(reason)}")
        self._judge(total, labels, bad)
        answers = torch.tensor(labels)
        notes = (*listing.notes, *_unseen(listing.classes, answers), *_left_out(bad, total))
        found = Images(images[: len(labels)], answers, listing.classes, notes, tuple(names))
        keep(key, found)
        return found

    def _judge(self, number: int, labels: Sequence[Label], bad: Sequence[str]) -> None:
        if labels and len(bad) <= MAX_UNREADABLE * number and len(set(labels)) > 1:
            return
        what = _("{folder}: {bad} of {number} files are not readable images")
        if labels and len(bad) <= MAX_UNREADABLE * number:
            what = _("{folder} holds images of one class only")
        elif not number:
            what = _("{folder} holds no images")
        raise Problem(
            what.format(folder=self.shown(), bad=len(bad), number=number),
            "; ".join([*bad[:SHOWN], *(["..."] if len(bad) > SHOWN else [])]),
            _("Put whole JPEG, PNG, BMP, GIF, PPM, WebP or TIFF files there"),
        )


def refuse_large(number: int, shape: tuple[int, int, int]) -> None:
    """Raise Problem where this many images would not fit into the memory that is meant for them."""
    channels, height, width = shape
    pixels = MAX_BYTES // max(number * channels, 1)
    if height * width > pixels:
        text = _("{number} images of {height} x {width} pixels")
        raise Problem(
            _("The images would need more than {limit} GiB").format(limit=MAX_BYTES >> 30),
            text.format(number=number, height=height, width=width),
            _("Choose a size of {size} or less, or a part of the images").format(
                size=math.isqrt(pixels)
            ),
        )


def unreadable(shown: str, error: OSError) -> Problem:
    """The problem of a folder or file that the system does not let us read."""
    return Problem(
        _("{folder} cannot be read").format(folder=shown),
        printable(str(error)),
        _("Make it, and what is in it, readable"),
    )


def _unseen(classes: Sequence[str], labels: torch.Tensor) -> list[str]:
    used = set(labels.flatten().tolist())
    names = [name for label, name in enumerate(classes) if label not in used]
    return [_("Classes without images: {names}").format(names=", ".join(names))] if names else []


def _left_out(bad: Sequence[str], total: int) -> list[str]:
    if not bad:
        return []
    count = _("{bad} of {number} files are left out:").format(bad=len(bad), number=total)
    return [count, *bad[:NOTED], *(["..."] if len(bad) > NOTED else [])]


def _reason(error: Exception) -> str:
    from PIL import UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        return _("not an image")
    return printable(" ".join(str(error).split()))[:120] or type(error).__name__
