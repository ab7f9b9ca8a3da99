"""Changes: what differs between two experiments, by the path of each field, and what may change in a run."""

import copy
from collections.abc import Iterable
from typing import Any

from trainlab.errors import Problem
from trainlab.events import Edited
from trainlab.experiment import Experiment
from trainlab.text import _

Changes = dict[str, Any]  # path -> new value, as JSON has it: {"optimizer.lr": 0.01}

# everything else decides what the run has already done
LIVE = (
    "augmentations",
    "loss",
    "model",
    "optimizer",
    "regularizers",
    "schedule",
    "training.batch_size",
    "training.epochs",
)


def difference(old: Experiment, new: Experiment) -> Changes:
    """The fields whose values differ; a choice of another kind, or a list, as a whole."""
    return _difference(old.model_dump(mode="json"), new.model_dump(mode="json"), "")


def _difference(old: Any, new: Any, path: str) -> Changes:
    if old == new:
        return {}
    tables = isinstance(old, dict) and isinstance(new, dict)
    if not tables or old.get("kind") != new.get("kind"):
        return {path: new}
    prefix = f"{path}." if path else ""
    found: Changes = {}
    for name in new:
        found |= _difference(old[name], new[name], prefix + name)
    return found


def changed(experiment: Experiment, changes: Changes) -> Experiment:
    """The experiment with these fields changed. Raises Problem naming the first that is wrong."""
    data = experiment.model_dump(mode="json")
    for path, value in changes.items():
        *parents, name = path.split(".")
        owner: Any = data
        for part in parents:
            owner = owner.get(part) if isinstance(owner, dict) else None
        if not isinstance(owner, dict) or name not in owner:
            raise Problem(_("{path}: there is no such setting").format(path=path[:80]))
        owner[name] = copy.deepcopy(value)
    return Experiment.from_data(data)


def edited(experiment: Experiment, edits: Iterable[Edited]) -> Experiment:
    """The experiment after these edits, in order. Raises Problem naming the first field that is wrong."""
    for edit in edits:
        experiment = changed(experiment, edit.changes)
    return experiment


def refuse_fixed(changes: Changes) -> None:
    """Raise Problem for a change that a run under way cannot take in."""
    for path in changes:
        if not any(path == live or path.startswith(f"{live}.") for live in LIVE):
            raise Problem(
                _("{path} cannot change while the run is under way").format(path=path),
                _("it decides what the run has already done"),
                _("start another run with it"),
            )


def in_words(value: Any) -> str:
    """A setting's value as people read it: of a choice its kind."""
    if isinstance(value, list):
        return ", ".join(map(in_words, value)) or _("none")
    if value is None:
        return _("auto")
    return str(value.get("kind", value)) if isinstance(value, dict) else str(value)
