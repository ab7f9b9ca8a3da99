"""A folder of one's own images: one sub-folder a class.

Decoding many files takes a while, so what was decoded is kept in the store, under a key made of the
files' names, sizes and dates. The kept file carries checksums (it is a zip); a damaged one is
thrown away.
"""

import contextlib
import hashlib
import json
import math
import os
import re
import warnings
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from trainlab.catalog.datasets.base import DatasetChoice, Images, Pace, place, written
from trainlab.choice import Card, Knob
from trainlab.errors import Problem
from trainlab.events import Progress
from trainlab.places import data_folder
from trainlab.text import _

MAX_BYTES = 4 << 30  # of the decoded images together
MAX_UNREADABLE = 0.2  # share of the files
KEPT = 8  # decoded folders in the store
SHOWN = 5  # files named in a problem

Files = list[tuple[Path, int]]


def in_order(folder: str | Path) -> list[Path]:
    """What a folder holds, hidden names left out, in natural order: 2.png before 10.png."""

    def key(path: Path) -> tuple[list[str | int], str]:
        parts = re.split(r"([0-9]+)", path.name.casefold())
        return [int(part) if i % 2 else part for i, part in enumerate(parts)], path.name

    return sorted((path for path in Path(folder).iterdir() if path.name[0] != "."), key=key)


def class_files(root: str | Path) -> list[tuple[Path, int]]:
    """Every file of root/<class>/ with its label; the classes count from 0 in natural order."""
    folders = [path for path in in_order(root) if path.is_dir()]
    return [(path, label) for label, folder in enumerate(folders) for path in in_order(folder)]


def read_image(path: Path, size: int, grey: bool) -> torch.Tensor:
    """One image as (C, size, size) uint8: shorter side resized to `size`, then the centre."""
    from PIL import Image, ImageOps

    if not path.is_file():
        raise OSError("not a file")
    mode, formats = "L" if grey else "RGB", ("JPEG", "PNG", "BMP", "GIF", "PPM", "WEBP", "TIFF")
    with Image.open(path, formats=formats) as opened:
        if opened.width * opened.height > 64_000_000:
            raise Image.DecompressionBombError(f"{opened.width} x {opened.height} pixels")
        opened.draft(mode, (size, size))  # a large JPEG is decoded at a fraction of its size
        image = ImageOps.exif_transpose(opened)
        if image.mode.startswith("I"):  # 16 bits, which `convert` would clip
            image = Image.fromarray((np.asarray(image).clip(0, 65535) >> 8).astype(np.uint8))
        square = ImageOps.fit(image.convert(mode), (size, size), Image.Resampling.BILINEAR)
    pixels = torch.from_numpy(np.array(square, dtype=np.uint8))
    return pixels.reshape(size, size, -1).permute(2, 0, 1).contiguous()


def image_folder(root: str, size: int, grey: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """The images of root/<class>/ as squares; files that are no readable image are left out."""
    from PIL import Image

    images, labels = [], []
    for path, label in class_files(root):
        try:
            images.append(read_image(path, size, grey))
            labels.append(label)
        except Image.DecompressionBombError:
            raise
        except Exception as error:  # Pillow raises many kinds
            warnings.warn(f"{path} is left out: {error}", stacklevel=2)
    return torch.stack(images), torch.tensor(labels)


class ImageFolder(DatasetChoice):
    """Your own images: a folder that holds one sub-folder for each class."""

    kind: Literal["folder"] = "folder"
    root: str = Knob("", help="the folder; each folder in it is a class, named after it")
    size: int = Knob(
        32, ge=8, le=256, unit="px", help="the shorter side is resized to it, the centre cut out"
    )
    grey: bool = Knob(False, help="without colour: a third of the memory")

    label = "Image folder"
    target = image_folder
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
        return tuple(_printable(folder.name) for folder in self._folders())

    def fetch(self) -> Iterator[Progress]:
        """Decode the images into the store, unless they are there. Raises Problem."""
        files = self._listing()
        if self._kept(files) is None:
            yield from self._decode(files)

    def load(self) -> Images:
        """The decoded images. Raises Problem where the folder cannot be used."""
        files = self._listing()
        kept = self._kept(files)
        if kept is not None:
            return kept
        decoding = self._decode(files)
        while True:
            try:
                next(decoding)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]

    def _folders(self) -> list[Path]:
        return [path for path in in_order(place(self.root)) if path.is_dir()]

    def _listing(self) -> Files:
        """The files with their labels, after every check that needs no decoding."""
        root, shown = place(self.root), _printable(self.root)
        if not self.root or not root.is_dir():
            what = _("There is no folder {folder}").format(folder=shown) if self.root else ""
            raise Problem(
                what or _("No folder is chosen"),
                remedy=_("Name a folder that holds one sub-folder of images for each class"),
            )
        try:
            folders, files = self._folders(), class_files(root)
            _refuse_links(root, [*folders, *(path for path, _label in files)])
        except OSError as error:
            raise Problem(
                _("{folder} cannot be read").format(folder=shown),
                str(error),
                _("Make it and the folders in it readable"),
            ) from error
        if len(folders) < 2:
            raise Problem(
                _("{folder} holds fewer than two classes").format(folder=shown),
                _("It holds {number} sub-folders").format(number=len(folders)),
                _("Put the images of each class into a sub-folder of its own"),
            )
        self._refuse_large(len(files))
        return files

    def _refuse_large(self, number: int) -> None:
        pixels = MAX_BYTES // max(number * (1 if self.grey else 3), 1)
        if self.size**2 > pixels:
            raise Problem(
                _("The images would need more than {limit} GiB").format(limit=MAX_BYTES >> 30),
                _("{number} images of {size} x {size} pixels").format(
                    number=number, size=self.size
                ),
                _("Choose a size of {size} or less, or a part of the images").format(
                    size=math.isqrt(pixels)
                ),
            )

    def _decode(self, files: Files) -> Generator[Progress, None, Images]:
        """Read every file, telling how far it is; keep the result in the store."""
        from PIL import Image

        key, pace = self._key(files), Pace()
        labels: list[int] = []
        bad: list[str] = []
        shape = (len(files), 1 if self.grey else 3, self.size, self.size)
        images = torch.empty(shape, dtype=torch.uint8)
        for number, (path, label) in enumerate(files):
            if pace.due():
                text = _("Reading images: {number} of {total}")
                text = text.format(number=number, total=len(files))
                yield Progress(text, number / len(files))
            try:
                images[len(labels)] = read_image(path, self.size, self.grey)
                labels.append(label)
            except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
                raise Problem(
                    _("{file} is too large").format(file=self._shown(path)),
                    _("Over 64 megapixels: {reason}").format(reason=error),
                    _("Scale it down, or take it out of the folder"),
                ) from error
            except Exception as error:
                bad.append(f"{self._shown(path)}: {_reason(error)}")
        self._judge(len(files), labels, bad)
        found = Images(
            images[: len(labels)],
            torch.tensor(labels),
            self.class_names(torch.tensor(labels)),
            (*bad, *self._empty(labels)),
        )
        with contextlib.suppress(Problem):  # a full disk costs only the time to decode again
            _keep(key, found)
        return found

    def _judge(self, number: int, labels: Sequence[int], bad: Sequence[str]) -> None:
        if labels and len(bad) <= MAX_UNREADABLE * number and len(set(labels)) > 1:
            return
        what = _("{folder}: {bad} of {number} files are not readable images")
        if labels and len(bad) <= MAX_UNREADABLE * number:
            what = _("{folder} holds images of one class only")
        elif not number:
            what = _("{folder} holds no images")
        shown = _printable(self.root)
        raise Problem(
            what.format(folder=shown, bad=len(bad), number=number),
            "; ".join([*bad[:SHOWN], *(["..."] if len(bad) > SHOWN else [])]),
            _("Put JPEG, PNG, BMP, GIF, PPM, WebP or TIFF files into each class's folder"),
        )

    def _empty(self, labels: Sequence[int]) -> list[str]:
        names, used = self.class_names(torch.tensor(labels)), set(labels)
        text = _("{name}: no readable image in this class")
        return [text.format(name=name) for label, name in enumerate(names) if label not in used]

    def _shown(self, path: Path) -> str:
        return _printable(str(path.relative_to(place(self.root))))

    def _key(self, files: Files) -> Path:
        """The kept file's path: another one when anything changes that the images depend on."""
        import PIL

        parts = [
            PIL.__version__,
            str(self.size),
            str(self.grey),
            os.path.realpath(place(self.root)),
        ]
        parts += [folder.name for folder in self._folders()]
        for path, label in files:
            status = path.stat() if path.exists() else path.lstat()
            parts.append(f"{label}/{path.name}/{status.st_size}/{status.st_mtime_ns}")
        digest = hashlib.sha256(b"\0".join(os.fsencode(part) for part in parts))
        return data_folder() / "folders" / f"{digest.hexdigest()}.npz"

    def _kept(self, files: Files) -> Images | None:
        """What was decoded before; None where that is missing, or damaged (then it is removed)."""
        path = self._key(files)
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
                images, labels = torch.from_numpy(data["images"]), torch.from_numpy(data["labels"])
                notes = json.loads(data["notes"].tobytes())
            os.utime(path)
        except FileNotFoundError:
            return None
        except Exception:  # whatever a damaged zip makes numpy and zipfile raise
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        return Images(images, labels, self.class_names(labels), tuple(notes))


def _keep(path: Path, found: Images) -> None:
    notes = np.frombuffer(json.dumps(found.notes).encode(), np.uint8)
    with written(path) as file:
        np.savez(file, images=found.images.numpy(), labels=found.labels.numpy(), notes=notes)
    with contextlib.suppress(OSError):  # another process may be tidying too
        kept = sorted(path.parent.glob("*.npz"), key=lambda old: old.stat().st_mtime)
        for old in kept[:-KEPT]:
            old.unlink()


def _refuse_links(root: Path, paths: Sequence[Path]) -> None:
    real = Path(os.path.realpath(root))
    for path in paths:
        if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(real):
            raise Problem(
                _("{file} is a link that leaves the folder").format(file=_printable(str(path))),
                _("What lies outside of the chosen folder is not read"),
                _("Copy the images into the folder, or remove the link"),
            )


def _printable(name: str) -> str:
    """A name that can be shown and sent, whatever bytes the file system holds."""
    return os.fsencode(name).decode("utf-8", "replace")


def _reason(error: Exception) -> str:
    from PIL import UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        return _("not an image")
    return " ".join(str(error).split())[:120] or type(error).__name__
