"""What every data set shares: the contract, and where files are found and kept."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, ClassVar, Literal

import torch

from trainlab.choice import Choice
from trainlab.errors import Problem
from trainlab.events import Progress
from trainlab.text import _

Cue = Literal["handedness", "orientation", "colour", "parts", "coordinates"]


@dataclass(frozen=True)
class Images:
    """A data set in memory: images (N, C, H, W) uint8, or float32 in [0, 1]; a name for each class.

    Labels are (N,) int64, or (N, P) where an image has P positions. `names` are the rows' files, where
    they have any.
    """

    images: torch.Tensor
    labels: torch.Tensor
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def positions(self) -> int:
        """How many labels an image has."""
        return self.labels.shape[1] if self.labels.ndim > 1 else 1


@dataclass(frozen=True)
class Known:
    """A published result: of what, the share of the test images it got right, and where it is written."""

    name: str
    accuracy: float
    source: str


class DatasetChoice(Choice):
    """A source of images: `target(**fields)` gives (images, labels) as plain tensors.

    `names_target(**fields)` gives the file name of each row, where they have any. `cues` say what
    tells the classes apart, beyond the shape of things: augmentations that take one away are warned of.
    `known` are published results to measure oneself by, the most telling first.
    """

    cues: ClassVar[frozenset[Cue]] = frozenset()
    known: ClassVar[tuple[Known, ...]] = ()
    names_target: ClassVar[Callable[..., list[str]] | None] = None

    def at_hand(self) -> bool:
        """Whether the data can be read without the network."""
        return True

    def fetch(self) -> Iterator[Progress]:
        """Bring the data onto this machine, telling how far it is; nothing to do if it is there."""
        yield from ()

    def load(self) -> Images:
        """Read the fetched data. Raises Problem where it cannot be read."""
        images, labels = type(self).target(**self.arguments())
        return Images(images, labels, self.class_names(labels))

    def class_names(self, labels: torch.Tensor) -> tuple[str, ...]:
        """A name for each class, by label."""
        return tuple(str(label) for label in range(int(labels.max()) + 1))


def place(folder: str) -> Path:
    """The absolute path of a folder that the user named. Raises Problem if it is no path."""
    try:
        path = Path(folder).expanduser().absolute()
        if b"\0" in os.fsencode(path):
            raise ValueError(_("a path has no NUL character"))
    except (ValueError, RuntimeError, OSError) as error:
        raise Problem(
            _("{folder} is not a folder").format(folder=ascii(folder)),
            str(error),
            _("Name a folder that exists"),
        ) from error
    return path


def unwritable(path: Path, error: OSError) -> Problem:
    """The problem of a file or folder that the system does not let us write."""
    return Problem(
        _("{file} cannot be written").format(file=path),
        str(error),
        _("Free some space, or make the folder writable"),
    )


@contextmanager
def written(path: Path) -> Iterator[IO[bytes]]:
    """A file that appears under its name when it is whole, or not at all."""
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
        temporary = None
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


class Pace:
    """Says when it is time to report again: at most ten times a second."""

    def __init__(self, seconds: float = 0.1) -> None:
        self._seconds, self._next = seconds, 0.0

    def due(self) -> bool:
        """Whether enough time has passed since the last report."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self._seconds
        return True
