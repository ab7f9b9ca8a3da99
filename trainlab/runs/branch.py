"""Branch: a new run that goes on from a checkpoint of another one, as it was or with changes.

Its folder holds the whole story: its parent's record up to the checkpoint, then its own.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from trainlab import commands as cmd
from trainlab import events as ev
from trainlab.changes import Changes, changed, difference, refuse_fixed
from trainlab.engine import checkpoint
from trainlab.engine.progress import progress_of
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.runs import store
from trainlab.runs.planted import sabotage_of
from trainlab.text import _


@dataclass(frozen=True)
class Parent:
    """Where a run branched off: the folder name of the other run, and the step."""

    run: str
    step: int


def branch(
    folder: Path, name: str, root: Path, changes: Changes, inbox: cmd.Commands
) -> Iterator[ev.Event]:
    """Go on from checkpoint `name` of the run in `folder`, as a new run below `root`, with these changes.

    Raises Problem where the checkpoint is damaged or gone, or a run cannot take the changes in.
    """
    experiment = Experiment.load(folder / store.EXPERIMENT)
    found, record, then = moment(folder, name)
    edited = _edited(then, record, found, changes)
    best = (found.state["best"] or {}).get("step", found.step)

    def fill(new: Path) -> None:
        for step in {found.step, best}:
            source = folder / store.CHECKPOINTS / f"step-{step:08d}"
            if step == found.step or source.is_dir():
                shutil.copytree(source, new / store.CHECKPOINTS / source.name)
        lines = [ev.to_json(event) + "\n" for event in (*record, *edited)]
        (new / store.EVENTS).write_text("".join(lines), encoding="utf-8")
        parent = asdict(Parent(folder.name, found.step))
        (new / store.PARENT).write_text(json.dumps(parent), encoding="utf-8")

    new = store.create(root, experiment, fill, sabotage_of(folder))
    trained = False
    try:
        for event in store.resume(new, inbox):
            trained = trained or isinstance(event, ev.Steps | ev.Finished)
            yield event
    finally:
        if not trained:  # what the edit met, or a Stop at once: no story worth keeping
            shutil.rmtree(new, ignore_errors=True)


def experiment_at(folder: Path, name: str) -> Experiment:
    """What the run in `folder` was of when it saved checkpoint `name`. Raises Problem where it is damaged."""
    return moment(folder, name)[2]


def read_parent(folder: Path) -> Parent | None:
    """Where the run in `folder` branched off; None where it began by itself."""
    try:
        data = json.loads((folder / store.PARENT).read_text(encoding="utf-8"))
        return Parent(str(data["run"]), int(data["step"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def moment(folder: Path, name: str) -> tuple[checkpoint.Snapshot, list[ev.Event], Experiment]:
    """A checkpoint, the record until then, and the experiment with the edits until then."""
    found = checkpoint.load(folder / store.CHECKPOINTS / Path(name).name)
    record = _record_until(folder, name, found)
    then = Experiment.load(folder / store.EXPERIMENT)
    for event in record:
        if isinstance(event, ev.Edited):
            then = changed(then, event.changes)
    return found, record, then


_PAST = (
    ev.Started | ev.Steps | ev.EpochEnd | ev.Edited | ev.Fixed | ev.Probed | ev.Pictured
)  # of a run that its branches have too


def _record_until(folder: Path, name: str, found: checkpoint.Snapshot) -> list[ev.Event]:
    """What the run reported until it saved this checkpoint, without the edits that came after its step."""
    events = [*store.read_events(folder)]
    saves = [i for i, event in enumerate(events) if isinstance(event, ev.Saved)]
    last = max((i for i in saves if events[i].name == name), default=len(events) - 1)  # type: ignore[attr-defined]
    kept: list[ev.Event] = []
    edits = 0
    for event in events[: last + 1]:
        if isinstance(event, ev.Edited):
            edits += 1
            if edits > found.state["edited"]:
                continue
        if isinstance(event, _PAST):
            kept.append(event)
    return kept


def _edited(
    then: Experiment, record: list[ev.Event], found: checkpoint.Snapshot, changes: Changes
) -> list[ev.Edited]:
    """The edit that a branch begins with, if anything differs. Raises Problem where it cannot be."""
    new = changed(then, changes)
    changes = difference(then, new)
    refuse_fixed(changes)
    if not changes:
        return []
    started = [event for event in record if isinstance(event, ev.Started)]
    if not started:
        raise Problem(
            _("{step}: the run's record does not reach this checkpoint").format(step=found.step),
            _("its beginning is missing"),
        )
    images, at = started[0].train_images, progress_of(found)
    plan = new.plan(images)
    position = at.position(new, images)
    between = at.step > 0 and not (at.rows and at.batch_left(then, images))
    return [ev.Edited(at.step, position, changes, plan.epochs, plan.steps_per_epoch, between)]
