"""Listing: all runs of a folder, a row each; and the one that somebody means by a word."""

import re
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trainlab.changes import Changes, edited
from trainlab.engine.worker import ENDED
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.runs import notes, store
from trainlab.runs.branch import Parent, read_parent
from trainlab.runs.planted import sabotage_of
from trainlab.runs.summary import SUMMARY, Summary, outline, read_summary, summarise, write_summary
from trainlab.text import _

STATES = {  # how the page and the command line call them
    "idle": "Ready",
    "building": "Building",
    "running": "Running",
    "paused": "Paused",
    "stopping": "Stopping",
    "done": "Done",
    "stopped": "Stopped",
    "interrupted": "Interrupted",
    "failed": "Failed",
    "damaged": "Damaged",
}
_NAME = re.compile(r"(\d{8}-\d{6})-(.+)")  # what `store.create` calls a folder


@dataclass(frozen=True)
class Row:
    """A run in a table.

    `id` is its folder's name; `name` the user's, else one made of the id; `created` as "20261121-120852",
    empty where the folder does not say. `state` is one of events.State, or stopped, interrupted (the
    record ends in the middle, and nobody trains it), or damaged, for the reason `problem`. `curve` has a
    value for an epoch, of `measure`. `best` is the best validation accuracy, `edited` the number of edits,
    `seconds` are of training. `sabotage` is the name of a bug that a lesson planted in it.
    """

    id: str
    name: str
    note: str
    pinned: bool
    created: str
    state: str
    epochs: int = 0
    planned: int = 0
    best: float | None = None
    measure: str = ""
    curve: tuple[float | None, ...] = ()
    differs: Changes | None = None
    edited: int = 0
    seconds: float | None = None
    parent: Parent | None = None
    sabotage: str | None = None
    problem: str = ""

    def to_data(self) -> dict[str, Any]:
        """The row as JSON has it."""
        return asdict(self)


def rows(root: Path) -> list[Row]:
    """The runs below a folder, newest first. What is no run is left out; a damaged one says so."""
    return [row(folder) for folder in folders(root)]


def folders(root: Path) -> dict[Path, int]:
    """The folders of the runs below `root`, newest first, each with the time of its record in nanoseconds."""
    found = {}
    with suppress(OSError):
        for folder in root.iterdir():
            if not folder.name.startswith("."):  # those are not for the table
                with suppress(OSError):
                    found[folder] = (folder / store.EVENTS).stat().st_mtime_ns
    return {folder: found[folder] for folder in sorted(found, key=_age, reverse=True)}


def row(folder: Path) -> Row:
    """One run, whatever state its folder is in."""
    words = notes.read(folder)
    parts = _NAME.fullmatch(folder.name)
    created, generated = parts.groups() if parts else ("", folder.name)
    name = words.name or generated
    try:
        summary, sabotage = _summary(folder), sabotage_of(folder)
    except (OSError, ValueError, Problem) as error:
        damaged = Row(folder.name, name, words.note, words.pinned, created, "damaged")
        return Row(**vars(damaged) | {"problem": str(error)})
    values = {key: value for key, value in vars(summary).items() if key not in ("state", "stopped")}
    return Row(
        folder.name,
        name,
        words.note,
        words.pinned,
        created,
        _state(folder, summary),
        **values,
        parent=read_parent(folder),
        sabotage=sabotage,
    )


def find(word: str, root: Path) -> Path:
    """The run that is meant: by a path, or below `root` by an id, by the name it was given, or by how its id begins.

    Raises Problem where there is none, or more than one.
    """
    for path in (Path(word), root / word):
        if word and (path / store.EVENTS).is_file():
            return path
    here = [*folders(root)] if word else []
    named = [folder for folder in here if notes.read(folder).name == word]
    found = named or [folder for folder in here if folder.name.startswith(word)]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(folder.name for folder in found[:5])
        raise Problem(
            _("{word}: {n} runs are meant").format(word=word, n=len(found)),
            ids + (", …" if len(found) > 5 else ""),
            _("write more of the id"),
        )
    raise Problem(
        _("{word}: there is no run").format(word=word),
        _("a run is a folder with {name} in it, below {root}").format(name=store.EVENTS, root=root),
        _("see `trainlab runs`; name another folder with --runs"),
    )


def _age(folder: Path) -> tuple[str, int, str]:
    """What sorts runs by age: names begin with the moment, and of one second the tenth is longer."""
    parts = _NAME.fullmatch(folder.name)
    return (parts[1] if parts else "", len(folder.name), folder.name)


def experiment_now(folder: Path) -> Experiment:
    """What a run is of, with all its edits. Raises Problem where it cannot be read."""
    experiment = Experiment.load(folder / store.EXPERIMENT)
    try:
        edits = outline(folder / store.EVENTS).edits
    except (OSError, ValueError) as error:
        raise Problem(_("{path}: the run cannot be read").format(path=folder), str(error)) from None
    return edited(experiment, edits)


def _state(folder: Path, summary: Summary) -> str:
    if summary.state not in ENDED:
        return summary.state if store.held(folder) else "interrupted"
    return "stopped" if summary.state == "done" and summary.stopped else summary.state


def _summary(folder: Path) -> Summary:
    """As it was kept beside the record, or read from the record where that is newer and nobody writes it."""
    record = folder / store.EVENTS
    try:
        kept = read_summary(folder)
        fresh = (folder / SUMMARY).stat().st_mtime_ns >= record.stat().st_mtime_ns
        if fresh or store.held(folder):
            return kept
    except (OSError, ValueError):
        pass
    summary = summarise(Experiment.load(folder / store.EXPERIMENT), outline(record))
    if not store.held(folder):
        write_summary(folder, summary)
    return summary
