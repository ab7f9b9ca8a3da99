"""Timeline: what happened to a run at which moment, as marks along its curves; and the levels beside them."""

from typing import Any

from trainlab import events as ev
from trainlab.changes import in_words
from trainlab.engine.checkpoint import Kept
from trainlab.runs.baselines import Line
from trainlab.runs.history import History
from trainlab.text import _


def marks(history: History, kept: tuple[Kept, ...]) -> list[dict[str, Any]]:
    """The run's edits and its checkpoints on disk, each with its place in epochs and its words."""
    edits = [
        {"kind": "edit", "x": edit.position, "text": edit_words(edit)} for edit in history.edits
    ]
    checkpoints = [
        {
            "kind": "checkpoint",
            "x": history.position_of(each.step),
            "text": checkpoint_words(each),
            "name": each.name,
            "pinned": each.pinned,
        }
        for each in kept
    ]
    return edits + checkpoints


def checkpoint_words(kept: Kept) -> str:
    """A checkpoint as people read it."""
    words = _("checkpoint after step {step}").format(step=kept.step)
    if kept.epoch:
        words += ", " + _("epoch {epoch} with validation accuracy {score:.3f}").format(
            epoch=kept.epoch, score=kept.val_accuracy
        )
    return words + (", " + _("saved for good") if kept.pinned else "")


def edit_words(edit: ev.Edited) -> str:
    """An edit as people read it."""
    parts = [f"{path} {in_words(value)}" for path, value in edit.changes.items()]
    return _("after step {step}: {changes}").format(step=edit.step, changes=", ".join(parts))


def reference_words(line: Line) -> str:
    """A level of accuracy as people read it."""
    return f"{line.name} {100 * line.accuracy:.4g} %"
