"""Runs: the table of all runs below the chart, and what the page asks to be done with them.

One thread reads the disk; the kernel's main thread alone writes the widget.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from trainlab.changes import difference, edited, in_words
from trainlab.engine.checkpoint import kept
from trainlab.errors import Problem
from trainlab.runs import Run, load_run, notes, store, where
from trainlab.runs.branch import read_parent
from trainlab.runs.listing import STATES, Row, experiment_now, folders, row, rows
from trainlab.runs.summary import outline
from trainlab.text import _
from trainlab.views.series import decimate, packed
from trainlab.widgets.bundles import RunsWidget, sound
from trainlab.widgets.desk import Desk
from trainlab.widgets.session import Begin, Session
from trainlab.widgets.share import Carrier
from trainlab.widgets.timeline import checkpoint_words, edit_words

EVERY = 1.0  # seconds between two looks at the folder
MOST_OVERLAYS = 6
MOST_ROWS = 1000  # of an overlaid curve
_LIVE = ("building", "running", "paused", "stopping")
_MEASURES = ("epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy")
_STEPS = ("epoch", "loss", "accuracy", "lr")
Message = dict[str, Any]
Curves = tuple[Message, list[bytes]]


class RunsTable:
    """Answers what the table sends, and tells it what changes on disk, at most once a second.

    `root` is the folder of the runs, and may be given another value.
    """

    def __init__(self, view: RunsWidget, session: Session, desk: Desk, root: Path) -> None:
        self.view, self.root = view, root
        self._session, self._desk = session, desk
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._rows: dict[str, Row] | None = None  # that the page has; None before it asked
        self._stamps: dict[str, int] = {}
        self._selected: tuple[str, ...] = ()  # drawn beside the run on the chart
        self._shown = ""  # the run on the chart
        self._curves: dict[str, Curves] = {}  # of those that are selected and over
        self._carrier = Carrier(self._send, self._jobs.put, self._run, lambda: self.root)
        session.opened.append(lambda folder, _: self._jobs.put(partial(self._opened, folder)))
        view.on_msg(self._hear)
        threading.Thread(target=self._work, name="trainlab-runs", daemon=True).start()

    def close(self) -> None:
        """End its thread."""
        self._jobs.put(None)

    def _send(self, message: Message, buffers: list[bytes] | None = None) -> None:
        self._desk.soon(partial(self.view.send, message, buffers or []))

    def _hear(self, _widget: object, message: Any, buffers: Any) -> None:
        """What the page sends; anything that makes no sense is left alone."""
        if (
            sound(message)
            and isinstance(message, dict)
            and not self._carrier.hear(message, buffers)
        ):
            self._jobs.put(partial(self._obey, message))

    def _work(self) -> None:
        while True:
            try:
                job = self._jobs.get(timeout=EVERY)
            except Empty:
                job = self._look
            if job is None:
                return
            try:
                job()
            except Exception as error:  # a run's folder may be broken in any way
                self._send({"type": "error", "text": str(error)})

    def _obey(self, message: Message) -> None:
        match message:
            case {"type": "hello", "view": str(view)}:
                self._greet(view)
            case {"type": "compare", "ids": [str(one), str(other)]}:
                self._compare(one, other)
            case {"type": "restore", "id": str(name)}:
                notes.restore(self.root, name)
            case {"type": str(kind), "id": str(name), **rest}:
                self._do(kind, self._folder(name), rest)
        self._look()

    def _do(self, kind: str, folder: Path, rest: Message) -> None:
        """Do what is asked for with one run."""
        session = self._session
        match kind, rest:
            case "rename", {"text": str(text)}:
                notes.rename(folder, text)
                self._renew(folder)
                if self._curves.pop(folder.name, None):
                    self._select(self._selected)
            case "note", {"text": str(text)}:
                notes.annotate(folder, text)
                self._renew(folder)
            case "pin", {"on": bool(on)}:
                notes.pin(folder, on)
                self._renew(folder)
            case "tick", {"on": bool(on)}:
                self._select((*self._but(folder.name), *([folder.name] if on else [])))
            case "delete", _:
                name = row(folder).name
                notes.delete(folder)
                self._select(self._but(folder.name))
                self._send({"type": "deleted", "id": folder.name, "name": name})
            case "details", {"view": str(view)}:
                self._send({"type": "details", "view": view, "id": folder.name, **_details(folder)})
            case "show", _:
                load_run(folder)  # says so here if it cannot be
                self._on_main(partial(session.show, str(folder)))
            case "settings", _:
                self._on_main(partial(self._desk.take, experiment_now(folder)))
            case "resume", _:
                self._on_main(partial(session.begin_soon, partial(self._resume, folder)))
            case "branch", {"checkpoint": str(name), "forms": bool(forms)} if session.branch:
                prepare = partial(session.branch, str(folder), name, forms)
                self._on_main(partial(session.begin_soon, prepare))

    def _on_main(self, call: Callable[[], None]) -> None:
        if self._session.under_way:
            raise Problem(_("a run is under way: stop it first"))
        self._desk.soon(call)

    def _resume(self, folder: Path) -> Begin:
        """The rest of a run; the forms follow it, as they are what edits it."""
        experiment = experiment_now(folder)
        self._desk.take(experiment)
        return experiment, lambda inbox: where.resume(folder, inbox)

    def _folder(self, name: str) -> Path:
        """The run that the page means. Raises Problem for whatever is none."""
        folder = self.root / name
        plain = bool(name) and Path(name).name == name and not name.startswith(".")
        if not plain or not (folder / store.EVENTS).is_file():
            raise Problem(_("{run}: there is no run").format(run=name[:80]))
        return folder

    def _run(self, name: str) -> Run:
        return load_run(self._folder(name))

    def _greet(self, view: str) -> None:
        """Tell a view that appeared everything."""
        self._stamps = {folder.name: stamp for folder, stamp in folders(self.root).items()}
        self._rows = {each.id: each for each in rows(self.root)}
        self._send({
            "type": "rows", "view": view, "whole": True, "gone": [],
            "rows": [*map(spec, self._rows.values())],
            "selected": self._selected, "shown": self._shown,
        })  # fmt: skip

    def _look(self) -> None:
        """Tell all views what changed on disk."""
        if self._rows is None:
            return
        here = folders(self.root)
        stamps = {folder.name: stamp for folder, stamp in here.items()}
        gone = [name for name in self._rows if name not in stamps]
        new = {
            folder.name: row(folder)
            for folder in here
            if self._stamps.get(folder.name) != stamps[folder.name]
            or self._rows[folder.name].state in _LIVE  # one that is killed writes nothing
        }
        self._stamps = stamps
        self._tell([each for each in new.values() if self._rows.get(each.id) != each], gone)

    def _renew(self, folder: Path) -> None:
        self._tell([row(folder)], [])

    def _tell(self, changed_rows: list[Row], gone: list[str]) -> None:
        if self._rows is None or not (changed_rows or gone):
            return
        self._rows |= {each.id: each for each in changed_rows}
        for name in gone:
            del self._rows[name]
        specs = [*map(spec, changed_rows)]
        self._send({"type": "rows", "view": None, "whole": False, "rows": specs, "gone": gone})

    def _opened(self, folder: str) -> None:
        """Another run is on the chart; its parent, if it has one, is drawn behind it."""
        self._shown = Path(folder).name
        parent = read_parent(Path(folder)) if folder else None
        if parent is not None and (self.root / parent.run / store.EVENTS).is_file():
            self._select((*self._but(parent.run), parent.run))
        self._send({"type": "shown", "id": self._shown})
        self._look()

    def _but(self, name: str) -> tuple[str, ...]:
        """The selected runs without this one."""
        return tuple(each for each in self._selected if each != name)

    def _select(self, names: tuple[str, ...]) -> None:
        """Draw these runs beside the one on the chart: the last ones, where they are too many."""
        chosen = {}
        for name in names[-MOST_OVERLAYS:]:
            with suppress(Problem):  # it is gone
                chosen[name] = self._curves.get(name) or _curves(self._run(name))
        self._selected = tuple(chosen)
        over = [name for name in chosen if row(self.root / name).state not in _LIVE]
        self._curves = {name: chosen[name] for name in over}
        buffers = [buffer for _item, pair in chosen.values() for buffer in pair]
        self._session.overlay([item for item, _pair in chosen.values()], buffers)
        self._send({"type": "selected", "ids": self._selected})

    def _compare(self, one: str, other: str) -> None:
        runs = [self._run(name) for name in (one, other)]
        old, new = (edited(run.experiment, run.edits) for run in runs)
        there, back = difference(old, new), difference(new, old)
        items = [_outcome(run) for run in runs]
        self._send(
            {
                "type": "compare",
                "runs": items,
                "settings": [
                    {"path": path, "values": [in_words(back[path]), in_words(there[path])]}
                    for path in there
                ],
            },
            [packed(_columns(run.epochs, _MEASURES)) for run in runs],
        )


def spec(each: Row) -> Message:
    """A row as the page shows it."""
    parent = each.parent and {"run": each.parent.run, "step": each.parent.step}
    return {
        "id": each.id,
        "name": each.name,
        "note": each.note,
        "pinned": each.pinned,
        "created": each.created,
        "when": _when(each.created),
        "state": each.state,
        "state_label": _(STATES[each.state]),
        "epochs": f"{each.epochs}/{each.planned}" if each.planned else "–",
        "best": each.best,
        "curve": each.curve,
        "measure": _(each.measure.replace("_", " ")),
        "differs": [
            *([_("a bug is planted")] if each.sabotage else []),
            *(f"{path} {in_words(value)}" for path, value in (each.differs or {}).items()),
        ],
        "parent": parent,
        "problem": each.problem,
        "resumable": each.state in ("stopped", "interrupted", "failed"),
    }


def _when(created: str) -> str:
    """ "20261121-120852" as "2026-11-21 12:08"."""
    day, _dash, time = created.partition("-")
    return f"{day[:4]}-{day[4:6]}-{day[6:]} {time[:2]}:{time[2:4]}" if created else ""


def _details(folder: Path) -> Message:
    found = kept(folder / store.CHECKPOINTS)[::-1]
    edits = outline(folder / store.EVENTS).edits
    return {
        "checkpoints": [{"name": each.name, "text": checkpoint_words(each)} for each in found],
        "edits": [*map(edit_words, edits)],
    }


def _columns(table: Any, names: tuple[str, ...]) -> Any:
    """Rows (n, columns) of at most MOST_ROWS, of a run's mapping of columns."""
    import numpy as np

    return decimate(np.column_stack([table[name] for name in names]), MOST_ROWS)


def _curves(run: Run) -> Curves:
    """A run's curves as the chart takes them: what they are, and a buffer of steps and one of epochs."""
    steps, epochs = _columns(run.steps, _STEPS), _columns(run.epochs, _MEASURES)
    found, position = row(run.path), run.steps["epoch"]
    per_epoch = round(len(position) / position[-1]) if len(position) else 1
    item = {"id": found.id, "name": found.name, "n": len(steps), "m": len(epochs)}
    return item | {"steps_per_epoch": per_epoch}, [packed(steps), packed(epochs)]


def _outcome(run: Run) -> Message:
    found = row(run.path)
    return {
        "id": found.id,
        "name": found.name,
        "m": min(MOST_ROWS, len(run.epochs["epoch"])),
        "best": found.best,
        "epochs": found.epochs,
    }
