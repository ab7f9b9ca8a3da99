"""What the data sets share that everybody knows: published files, in torchvision's layout.

A folder that the user names is only read. What has to be downloaded or unpacked goes to trainlab's own
cache folder. Every archive is held against its published checksum before it is opened, and so are the
unpacked files that have one; of the others the reader finds out whether they are whole.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

from trainlab.catalog.datasets.archives import Archive, Contents, entries, unpack
from trainlab.catalog.datasets.base import DatasetChoice, Images, place
from trainlab.catalog.datasets.download import UnreachableError, checksum, download
from trainlab.choice import Knob
from trainlab.errors import Problem
from trainlab.events import Progress
from trainlab.places import data_folder
from trainlab.text import _


class Famous(DatasetChoice):
    """A data set of published files: found in `root`, or in the store, or downloaded into the store.

    `mirror` is where the archives are, over https even where torchvision has plain http.
    """

    mirror: ClassVar[str]

    root: str = Knob(
        "", help="folder to look in first; downloads go to trainlab's own cache folder"
    )
    split: Literal["train", "test"] = Knob("train", help="which of the two published parts to use")

    def archives(self) -> tuple[Archive, ...]:
        """What is published and needed."""
        raise NotImplementedError

    def contents(self, archive: Path) -> Contents:
        """The files in an archive: their names below its folder, and something to read each from."""
        return entries(archive)

    def arguments(self) -> dict[str, Any]:
        """The fields, with the root that holds the files, or where they will be."""
        return super().arguments() | {"root": str(self._home() or data_folder())}

    def at_hand(self) -> bool:
        """Whether every file, or the archive that holds it, is on this machine."""
        if self._home() is not None:
            return True
        return all(self._local(archive) is not None for archive in self.archives())

    def fetch(self) -> Iterator[Progress]:
        """Find the files, else download them; unpack them; check them. Raises Problem."""
        home = self._home()
        if home is None:
            home = data_folder()
            for archive in self.archives():
                if not archive.complete(home):
                    yield from self._provide(archive)
        yield Progress(_("Checking {data}").format(data=self.title()))
        for archive in self.archives():
            for path, md5 in archive.needed.items():
                if md5:
                    self._check(home / path, md5)

    def load(self) -> Images:
        """Read the data, fetched first where that is still to be done. Raises Problem."""
        for _progress in self.fetch():
            pass
        try:
            return super().load()
        except Problem:
            raise
        except Exception as error:  # whatever a damaged file makes its reader raise
            raise self.unusable(error) from error

    def unusable(self, error: Exception) -> Problem:
        """The problem of files that are there but cannot be read."""
        folder = self.arguments()["root"]
        return Problem(
            _("{data}: its files in {folder} cannot be read").format(
                data=self.title(), folder=folder
            ),
            str(error),
            _("Delete or replace them; what is missing is downloaded"),
        )

    def _home(self) -> Path | None:
        archives = self.archives()
        for folder in self._folders():
            if all(archive.complete(folder) for archive in archives):
                return folder
        return None

    def _folders(self) -> list[Path]:
        return [place(self.root), data_folder()] if self.root else [data_folder()]

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

    def _local(self, archive: Archive) -> Path | None:
        """A copy of an archive that is here: where torchvision leaves it, or in the folder itself."""
        places = [folder / sub for folder in self._folders() for sub in (archive.folder, "")]
        return next(
            (path / archive.name for path in places if (path / archive.name).is_file()), None
        )

    def _provide(self, archive: Archive) -> Iterator[Progress]:
        """Unpack an archive into the store: the user's own copy, or a downloaded one."""
        store, path = data_folder(), self._local(archive)
        mine = path is None
        if path is None:
            path = store / archive.folder / archive.name
            yield from self._download(archive, path)
        else:
            yield Progress(_("Checking {file}").format(file=archive.name))
            self._check(path, archive.md5)
        if not archive.complete(store):  # else it is published as it is used
            yield from unpack(archive, self.contents(path), store)
            if mine and not archive.keep:
                path.unlink(missing_ok=True)

    def _download(self, archive: Archive, path: Path) -> Iterator[Progress]:
        try:
            yield from download(self.mirror + archive.name, path, archive.md5)
        except UnreachableError as error:
            raise Problem(
                _("{data} could not be downloaded").format(data=self.title()),
                str(error),
                _("Put {files} in {folder}, or choose Digits, which needs no network").format(
                    files=_(" and ").join(archive.name for archive in self.archives()),
                    folder=self._folders()[0],
                ),
            ) from error
