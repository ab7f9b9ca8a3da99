"""`trainlab runs`: the runs of a folder, and what can be done with one of them."""

import argparse
import json
from pathlib import Path
from typing import Any

from trainlab import events as ev
from trainlab.changes import Changes, in_words
from trainlab.cli.streams import say
from trainlab.export.bundle import unbundle
from trainlab.places import runs_folder
from trainlab.runs import Run, load_run, notes
from trainlab.runs.listing import STATES, Row, find, row, rows
from trainlab.runs.summary import from_default
from trainlab.text import _

_ROOM = 100  # characters of a line of the table
_GAP = "  "
_BARS = "▁▂▃▄▅▆▇█"


def show_all(arguments: argparse.Namespace) -> int:
    """All runs, newest first."""
    found = rows(_root(arguments))
    if arguments.json:
        say(_json([each.to_data() for each in found]))
    elif found:
        say("\n".join(_table(found)))
    else:
        say(_("no runs in {root}").format(root=_root(arguments)))
    return 0


def show_one(arguments: argparse.Namespace) -> int:
    """One run: what it was of, what became of it, what can be gone back to."""
    folder = find(arguments.run, _root(arguments))
    run, facts = load_run(folder), row(folder)
    say(_json(_data(run, facts)) if arguments.json else "\n".join(_pages(run, facts)))
    return 0


def change(arguments: argparse.Namespace) -> int:
    """Rename a run, write a note on it, pin it or let it go."""
    folder = find(arguments.run, _root(arguments))
    match arguments.action:
        case "rename":
            notes.rename(folder, arguments.text)
        case "note":
            notes.annotate(folder, arguments.text)
        case "pin" | "unpin":
            notes.pin(folder, arguments.action == "pin")
    say(_table([row(folder)])[1])
    return 0


def delete(arguments: argparse.Namespace) -> int:
    """Throw a run away."""
    folder = find(arguments.run, _root(arguments))
    notes.delete(folder)
    say(
        _("deleted; for {days} days it can be had back: trainlab runs restore {run}").format(
            days=notes.DAYS, run=folder.name
        )
    )
    return 0


def restore(arguments: argparse.Namespace) -> int:
    """Bring a run back that was thrown away."""
    say(str(notes.restore(_root(arguments), arguments.run)))
    return 0


def unpack(arguments: argparse.Namespace) -> int:
    """Open a run that was packed as a zip."""
    say(str(unbundle(Path(arguments.file), _root(arguments))))
    return 0


def _root(arguments: argparse.Namespace) -> Path:
    return Path(arguments.runs).absolute() if arguments.runs else runs_folder()


def _json(value: Any) -> str:
    return json.dumps(ev.finite(value), indent=2, ensure_ascii=False)


def _differences(changes: Changes | None) -> str:
    return ", ".join(f"{path} {in_words(value)}" for path, value in (changes or {}).items())


def _table(found: list[Row]) -> list[str]:
    """A line of column names, and one for each run, each no longer than a line may be."""
    heads = ["id", "name", "state", "epochs", "best", "curve", "differs from the default"]
    cells = [[_(head) for head in heads], *map(_cells, found)]
    widths = [min(36, max(map(len, column))) for column in zip(*cells, strict=True)]
    lines = []
    for parts in cells:
        line = _GAP.join(
            f"{_cut(part, width):<{width}}" for part, width in zip(parts, widths, strict=True)
        )
        lines.append(_cut(line.rstrip(), _ROOM))
    return lines


def _cells(each: Row) -> list[str]:
    told = each.name if not each.id.endswith(each.name) else ""
    bug = _("a bug is planted") if each.sabotage else ""
    return [
        each.id,
        _cut(("* " if each.pinned else "") + told, 16),
        _(STATES[each.state]),
        f"{each.epochs}/{each.planned}" if each.planned else "–",
        "–" if each.best is None else f"{each.best:.4f}",
        _bars(each.curve, 10),
        each.problem or ", ".join(filter(None, (bug, _differences(each.differs)))),
    ]


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _bars(curve: tuple[float | None, ...], width: int) -> str:
    """A curve in `width` characters at most."""
    count = min(width, len(curve))
    at = [round(i * (len(curve) - 1) / max(1, count - 1)) for i in range(count)]
    values = [curve[i] for i in at]
    known = [value for value in values if value is not None]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    scale = (len(_BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(" " if v is None else _BARS[round((v - low) * scale)] for v in values)


def _data(run: Run, facts: Row) -> dict[str, Any]:
    return {
        **run.summary,
        **facts.to_data(),
        "experiment": run.experiment.to_data(),
        "edits": [
            {"step": edit.step, "epoch": edit.position, "changes": edit.changes}
            for edit in run.edits
        ],
        "checkpoints": [
            {"name": k.name, "step": k.step, "epoch": k.epoch, "pinned": k.pinned}
            | {"val_loss": k.val_loss, "val_accuracy": k.val_accuracy}
            for k in run.checkpoints
        ],
        "history": {name: values.tolist() for name, values in run.epochs.items()},
    }


def _pages(run: Run, facts: Row) -> list[str]:
    """What `show` prints for people."""
    names = {
        _("name"): facts.name,
        _("note"): facts.note,
        _("state"): _(STATES[facts.state]),
        _("began as"): _differences(from_default(run.experiment)) or _("the default experiment"),
        _("branched off"): facts.parent
        and _("{run} after step {step}").format(run=facts.parent.run, step=facts.parent.step),
        _("planted bug"): facts.sabotage,
        _("best"): None if facts.best is None else f"{facts.best:.4f}",
        _("seconds"): None if facts.seconds is None else f"{facts.seconds:.1f}",
        _("folder"): str(run.path),
    }
    wide = max(map(len, names))
    pinned = ", " + _("saved for good")
    lines = [facts.id, *(f"  {name:<{wide}}  {value}" for name, value in names.items() if value)]
    edited = _("edited after step {step}: {changes}")
    saved = _("checkpoint {name}, validation accuracy {score:.4f}{pinned}")
    lines += [
        "  " + edited.format(step=edit.step, changes=_differences(edit.changes))
        for edit in run.edits
    ]
    lines += [
        "  " + saved.format(name=kept.name, score=kept.val_accuracy, pinned=pinned * kept.pinned)
        for kept in run.checkpoints
    ]
    return [*lines, "", *_epochs(run)]


def _epochs(run: Run) -> list[str]:
    heads = ("epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy")
    lines = [_GAP.join(f"{head:>{max(7, len(head))}}" for head in heads)]
    for values in zip(*(run.epochs[head] for head in heads), strict=True):
        first = f"{values[0]:>7.0f}"
        others = (
            f"{value:>{max(7, len(head))}.4f}"
            for head, value in zip(heads[1:], values[1:], strict=True)
        )
        lines.append(_GAP.join((first, *others)))
    return lines
