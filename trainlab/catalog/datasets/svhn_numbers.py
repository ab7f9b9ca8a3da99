"""Street View house numbers, whole: the published PNG files, and where their digits are."""

import json
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import torch

from trainlab.catalog.datasets.base import place
from trainlab.catalog.datasets.files import (
    FileImages,
    Listing,
    as_mode,
    as_pixels,
    open_image,
    plain_file,
    printable,
    read_files,
)
from trainlab.catalog.datasets.folder import existing_folder
from trainlab.catalog.datasets.numbers import BLANK, FORMULA, NAMES, POSITIONS
from trainlab.choice import Card, Knob
from trainlab.errors import Problem
from trainlab.text import _

MARGIN = 0.3  # the box around all digits grows by this share, as in the paper
REMEDY = "Name the folder train or test of the unpacked train.tar.gz or test.tar.gz"
EDGES = ("left", "top", "width", "height")


def boxes_in_json(path: Path) -> list[Any]:
    """What digitStruct.json lists: for each image {filename, boxes: [{label, left, top, ...}]}."""
    listed = json.loads(path.read_bytes())
    if not isinstance(listed, list):
        raise TypeError("digitStruct.json is no list")
    return listed


def boxes_in_mat(path: Path) -> list[Any]:
    """The same from digitStruct.mat, which is an HDF5 file of references."""
    h5py: Any = import_module("h5py")  # needed for this file only

    def values(file: Any, numbers: Any) -> list[float]:
        if len(numbers) == 1:
            return [float(numbers[0, 0])]
        return [float(file[reference][0, 0]) for reference in numbers[:, 0]]

    with h5py.File(path, "r") as file:
        names, boxes = file["digitStruct/name"][:, 0], file["digitStruct/bbox"][:, 0]
        listed = []
        for name, box in zip(names, boxes, strict=True):
            columns = {key: values(file, file[box][key]) for key in ("label", *EDGES)}
            rows = zip(*columns.values(), strict=True)
            listed.append(
                {
                    "filename": "".join(chr(code) for code in file[name][:, 0]),
                    "boxes": [dict(zip(columns, row, strict=True)) for row in rows],
                }
            )
    return listed


def listed_numbers(root: str) -> list[tuple[str, Any]]:
    """The file name and the entry of each image that is listed, even where the entry is broken."""
    path = Path(root, "digitStruct.json")
    listed = boxes_in_json(path) if path.exists() else boxes_in_mat(path.with_suffix(".mat"))
    names = [entry.get("filename") if isinstance(entry, dict) else None for entry in listed]
    return [
        (name if isinstance(name, str) else f"entry {row}", entry)
        for row, (name, entry) in enumerate(zip(names, listed, strict=True))
    ]


def digits_of(entry: Any) -> list[Any]:
    """The boxes of an entry; none where it is broken."""
    boxes = entry.get("boxes") if isinstance(entry, dict) else None
    return boxes if isinstance(boxes, list) else []


def number_files(root: str) -> list[tuple[str, tuple[str, Any]]]:
    """The images to read: all that are listed but the numbers of more than six digits."""
    return [
        (printable(name), (name, entry))
        for name, entry in listed_numbers(root)
        if len(digits_of(entry)) <= POSITIONS
    ]


def around(boxes: list[Any]) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of the box around all boxes, grown by MARGIN; ValueError for none."""
    edges = torch.tensor([[float(box[edge]) for edge in EDGES] for box in boxes])
    corner, extent = edges[:, :2], edges[:, 2:]
    if not edges.isfinite().all() or (extent <= 0).any():
        raise ValueError("a box without a size")
    first, last = corner.amin(0), (corner + extent).amax(0)
    margin = MARGIN / 2 * (last - first)
    left, top, right, bottom = torch.cat([first - margin, last + margin]).tolist()
    return left, top, right, bottom


def read_number(
    root: str, size: int, grey: bool, file: tuple[str, Any]
) -> tuple[torch.Tensor, tuple[int, ...]]:
    """The part around the digits as (C, size, size) uint8, and the six labels."""
    from PIL import Image

    name, entry = file
    boxes = digits_of(entry)
    if not boxes:
        raise ValueError("no boxes")
    values = [int(box["label"]) for box in boxes]
    if not all(0 <= value <= 10 for value in values):
        raise ValueError(f"a label that is no digit: {values}")
    left, top, right, bottom = around(boxes)
    with open_image(plain_file(root, Path(root, name))) as image:
        left, right = max(0.0, left), min(float(image.width), right)
        top, bottom = max(0.0, top), min(float(image.height), bottom)
        if right - left < 1 or bottom - top < 1:
            raise ValueError("boxes that are not in the image")
        whole = as_mode(image, "L" if grey else "RGB")
    part = whole.resize((size, size), Image.Resampling.BILINEAR, box=(left, top, right, bottom))
    labels = [value % 10 for value in values] + [BLANK] * (POSITIONS - len(values))
    return as_pixels(part), tuple(labels)


def svhn_numbers(root: str, size: int, grey: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """House numbers cut out of the images in `root`; entries that cannot be read are left out."""
    read = partial(read_number, root, size, grey)
    images, labels, _names = read_files(number_files(root), read)
    return images, labels


def house_names(root: str, size: int, grey: bool) -> list[str]:
    """The file names of the images that `svhn_numbers` gives."""
    return read_files(number_files(root), partial(read_number, root, size, grey))[2]


class SVHNNumbers(FileImages):
    """House numbers of up to six digits, as published: a folder of PNG files with their boxes."""

    kind: Literal["svhn_numbers"] = "svhn_numbers"
    root: str = Knob(
        "", help="the published folder train or test, with digitStruct.json or .mat in it"
    )
    size: int = Knob(
        64, ge=16, le=128, unit="px", help="the part around the digits is scaled to it"
    )
    grey: bool = Knob(False, help="without colour: a third of the memory")

    label = "SVHN, whole numbers"
    target = svhn_numbers
    names_target = house_names
    cues = frozenset({"handedness", "orientation", "parts"})
    card = Card(
        source="Netzer et al. 2011, Reading digits in natural images; Goodfellow et al. 2014",
        url="https://arxiv.org/abs/1312.6082",
        use="The real task behind Numbers: unpack train.tar.gz and name the folder. Six heads, and "
        "the mean of their cross-entropies; the box around the digits, 30 % larger, is cut out.",
        pitfalls="The boxes are known here, and would have to be found in a photograph. The part is "
        "squeezed into a square, so that long numbers become narrow.",
        formula=FORMULA,
    )

    def arguments(self) -> dict[str, Any]:
        """The fields, with the root as an absolute path."""
        return super().arguments() | {"root": str(place(self.root))}

    def class_names(self, labels: torch.Tensor) -> tuple[str, ...]:
        """The digits, and blank."""
        return NAMES

    def shown(self) -> str:
        """The folder, as the user wrote it."""
        return printable(self.root)

    def stamp(self) -> Iterator[str]:
        """The settings, and each file's name, size and date. Raises Problem for no folder."""
        root = existing_folder(self.root, REMEDY)
        yield f"{self.size} {self.grey} {root.resolve()}"
        for path in sorted(root.iterdir()):
            status = path.lstat()
            yield f"{path.name} {status.st_size} {status.st_mtime_ns}"

    def listing(self) -> Listing:
        """The files that are listed. Raises Problem where there is no list that can be read."""
        root = str(existing_folder(self.root, REMEDY))
        try:
            listed, files = listed_numbers(root), number_files(root)
        except Exception as error:
            raise _no_list(self.shown(), Path(root), error) from error
        long = len(listed) - len(files)
        text = _("{count} numbers of more than {most} digits are left out")
        return Listing(
            files,
            partial(read_number, root, self.size, self.grey),
            (1 if self.grey else 3, self.size, self.size),
            NAMES,
            (text.format(count=long, most=POSITIONS),) if long else (),
        )


def _no_list(shown: str, root: Path, error: Exception) -> Problem:
    """Why the boxes cannot be read: no file, no h5py, or a broken file."""
    if Path(root, "digitStruct.json").exists():
        why, remedy = (
            str(error),
            _("It is a list of {filename, boxes: [{label, left, top, width, height}]}"),
        )
    elif not Path(root, "digitStruct.mat").exists():
        why = _("It holds neither digitStruct.json nor digitStruct.mat")
        remedy = _(REMEDY)
    elif find_spec("h5py") is None:
        why = _(
            "digitStruct.mat is an HDF5 file, and h5py, which reads such files, is not installed"
        )
        remedy = _("Run `pip install h5py`, or convert the file to digitStruct.json")
    else:
        why, remedy = str(error), _("Unpack train.tar.gz or test.tar.gz anew")
    return Problem(_("The boxes in {folder} cannot be read").format(folder=shown), why, remedy)
