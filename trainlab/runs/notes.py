"""Notes: what the user says of runs (a name, a note, a pin), and which were thrown away.

A run that is deleted goes to `.trash` below the runs, with all it has, and can be restored. What has
been there for DAYS is removed for good when the next one comes.
"""

import json
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path

from pydantic import TypeAdapter

from trainlab.errors import Problem
from trainlab.runs import store
from trainlab.text import _

NOTES, TRASH = "notes.json", ".trash"
LONGEST_NAME, LONGEST_NOTE = 80, 2000  # characters
DAYS = 30


@dataclass(frozen=True)
class Notes:
    """The user's words on a run."""

    name: str = ""
    note: str = ""
    pinned: bool = False


_plain = TypeAdapter(Notes)


def read(folder: Path) -> Notes:
    """The notes on a run; none where they are damaged."""
    try:
        notes = _plain.validate_json((folder / NOTES).read_bytes())
    except (OSError, ValueError):
        return Notes()
    return replace(notes, name=_line(notes.name), note=_line(notes.note, LONGEST_NOTE))


def rename(folder: Path, name: str) -> None:
    """Give a run a name; an empty one takes it back."""
    _change(folder, lambda notes: replace(notes, name=_line(name)))


def annotate(folder: Path, note: str) -> None:
    """Write a note on a run; an empty one removes it."""
    _change(folder, lambda notes: replace(notes, note=_line(note, LONGEST_NOTE)))


def pin(folder: Path, pinned: bool = True) -> None:
    """Have a run at the top of the table, or let it go."""
    _change(folder, lambda notes: replace(notes, pinned=pinned))


def delete(folder: Path) -> None:
    """Throw a run away; `restore` brings it back. Raises Problem for one that is under way."""
    trash = folder.parent / TRASH
    if store.held(folder):
        raise Problem(
            _("{run}: the run is under way").format(run=folder.name),
            _("what is being trained cannot be deleted"),
            _("stop it first"),
        )
    try:
        trash.mkdir(exist_ok=True)
        _purge(trash)
        os.utime(folder)  # since when it is there
        _make_way(trash / folder.name)
        folder.rename(trash / folder.name)
    except OSError as error:
        raise _refused(folder, error) from None


def restore(root: Path, name: str) -> Path:
    """Bring back the run of this id. Raises Problem where it is not in the trash."""
    source = root / TRASH / name
    if name not in deleted(root):
        raise Problem(
            _("{run}: there is no such run in the trash").format(run=name),
            _("it was not deleted, or more than {days} days ago").format(days=DAYS),
        )
    try:
        return source.rename(root / source.name)
    except OSError as error:
        raise _refused(source, error) from None


def deleted(root: Path) -> list[str]:
    """The ids of the runs in the trash."""
    with suppress(OSError):
        return sorted(entry.name for entry in (root / TRASH).iterdir())
    return []


def _make_way(place: Path) -> None:
    """Number what is in the trash under this name: the newest has the plain one."""
    if place.exists():
        numbers = (place.with_name(f"{place.name}~{n}") for n in count(2))
        place.rename(next(free for free in numbers if not free.exists()))


def _purge(trash: Path) -> None:
    for entry in trash.iterdir():
        if time.time() - entry.stat().st_mtime > DAYS * 24 * 3600:
            shutil.rmtree(entry, ignore_errors=True)


def _line(text: str, longest: int = LONGEST_NAME) -> str:
    """One line of bearable length, of characters that can be shown."""
    shown = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(shown.split())[:longest].rstrip()


def _change(folder: Path, change: Callable[[Notes], Notes]) -> None:
    notes = change(read(folder))
    draft = folder / f".{NOTES}"
    try:
        draft.write_text(json.dumps(asdict(notes)), encoding="utf-8")
        draft.replace(folder / NOTES)
    except OSError as error:
        raise _refused(folder, error) from None


def _refused(folder: Path, error: OSError) -> Problem:
    return Problem(
        _("{run}: cannot be changed").format(run=folder), error.strerror or str(error), ""
    )
