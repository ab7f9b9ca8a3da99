"""From a checkpoint of a run to what its network gets right and wrong."""

from collections.abc import Callable
from pathlib import Path

from trainlab.diagnostics.results import Results, grade
from trainlab.engine.checkpoint import kept
from trainlab.errors import Problem
from trainlab.runs import store
from trainlab.runs.branch import moment
from trainlab.runs.planted import plant_of
from trainlab.text import _


def graded(
    folder: Path, name: str | None = None, go_on: Callable[[], None] = lambda: None
) -> Results:
    """What the network of checkpoint `name`, the newest if None, answers to the run's validation images.

    Args:
        folder: the run's.
        name: the checkpoint's.
        go_on: called now and then; may raise.

    Raises:
        Problem: there is no such checkpoint, it is damaged, or the data are not on this machine.
    """
    names = [each.name for each in kept(folder / store.CHECKPOINTS)]
    if not names or (name or names[-1]) not in names:
        raise Problem(
            _("{run} has no such checkpoint").format(run=folder.name)
            if names
            else _("{run} has no checkpoint yet").format(run=folder.name),
            _("it has {names}").format(names=", ".join(names)) if names else "",
            _("older ones go while a run trains; what is saved by hand stays"),
        )
    found, _record, experiment = moment(folder, name or names[-1])
    if not experiment.dataset.at_hand():
        raise Problem(
            _("{name} is not on this machine").format(name=experiment.dataset.title()),
            _("the run was trained on it"),
            _("train with it here first: it is downloaded then"),
        )
    go_on()
    data = experiment.dataset.load()
    go_on()
    return grade(experiment, found, data, go_on, plant_of(folder))
