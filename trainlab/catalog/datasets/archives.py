"""Published archives: what is needed of one, and unpacking that brings all of it or nothing."""

import gzip
import os
import shutil
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from trainlab.catalog.datasets.base import Pace, unwritable
from trainlab.errors import Problem
from trainlab.events import Progress
from trainlab.text import _

BESIDE = ".unpacking-"  # what the folders are called in which archives are unpacked
DAY = 24 * 3600  # seconds

Contents = Generator[
    tuple[str, IO[bytes]], None, None
]  # names in an archive, and something to read each from


@dataclass(frozen=True)
class Archive:
    """A published file, and what is needed of it.

    Args:
        name: its name, where it is published and where people keep it.
        md5: its checksum.
        needed: paths below the root, with their MD5, "" where none is published; one that ends in "/"
            is a whole folder.
        folder: where torchvision puts the archive and unpacks it, below the root.
        keep: whether a downloaded one stays, since other settings need other parts of it.
    """

    name: str
    md5: str
    needed: Mapping[str, str]
    folder: str = ""
    keep: bool = False

    def complete(self, root: Path) -> bool:
        """Whether all that is needed of it is below `root`."""
        return all((root / path).exists() for path in self.needed)

    def wants(self, name: str) -> str | None:
        """Where below the root a file of the archive belongs; None where it is not needed."""
        path = PurePosixPath(self.folder, name)
        if ".." in path.parts:
            return None
        for needed in self.needed:
            if str(path) == needed or (needed.endswith("/") and str(path).startswith(needed)):
                return str(path)
        return None


def entries(archive: Path) -> Contents:
    """The plain files in a tar, zip or gz archive, links and the like left out; or the file itself."""
    stream: Any
    if archive.name.endswith((".tar.gz", ".tgz")):
        with tarfile.open(archive) as tar:
            for item in tar:
                stream = tar.extractfile(item) if item.isfile() else None
                if stream is not None:
                    yield item.name, stream
    elif archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as zipped:
            for info in zipped.infolist():
                if not info.is_dir():
                    with zipped.open(info) as stream:
                        yield info.filename, stream
    elif archive.suffix == ".gz":
        with gzip.open(archive) as stream:
            yield archive.stem, stream
    else:
        with archive.open("rb") as stream:
            yield archive.name, stream


def unpack(archive: Archive, contents: Contents, store: Path) -> Iterator[Progress]:
    """Bring what is needed of an archive below `store`. Raises Problem where that cannot be written.

    Everything is unpacked beside its place and then renamed, a folder of thousands of files at once:
    a half unpacked one is never used.
    """
    try:
        store.mkdir(parents=True, exist_ok=True)
        _tidy(store)
        with closing(contents), tempfile.TemporaryDirectory(dir=store, prefix=BESIDE) as beside:
            yield from _write(archive, contents, Path(beside))
            for path in archive.needed:
                _move(archive, Path(beside, path), store / path)
    except OSError as error:
        raise unwritable(store, error) from error


def _tidy(store: Path) -> None:
    """Remove what a process left that was killed while it unpacked."""
    for left in store.glob(f"{BESIDE}*"):
        if time.time() - left.stat().st_mtime > DAY:
            shutil.rmtree(left, ignore_errors=True)


def _write(archive: Archive, contents: Contents, folder: Path) -> Iterator[Progress]:
    """Write what is needed of an archive below `folder`."""
    text, number, missing, pace = _("Unpacking {file}"), 0, set(archive.needed), Pace()
    text = text.format(file=archive.name)
    yield Progress(text)
    for name, stream in contents:
        if pace.due():
            yield Progress(_("{text}: {number} files").format(text=text, number=number))
        path = archive.wants(name)
        if path is None:
            continue
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        with (folder / path).open("wb") as file:
            shutil.copyfileobj(stream, file, 1 << 20)
        number += 1
        missing.discard(path)
        if not missing:  # the rest may be long
            break
    if hasattr(os, "sync"):  # the files before the rename that says they are whole
        os.sync()


def _move(archive: Archive, unpacked: Path, path: Path) -> None:
    if not unpacked.exists():
        raise Problem(
            _("{file} lacks {part}").format(file=archive.name, part=path.name),
            remedy=_("Report this: the archive is published in another form now"),
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_dir():  # another process may have been faster
        unpacked.replace(path)
