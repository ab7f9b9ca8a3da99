"""From what a run reported to what is wrong with it."""

from collections.abc import Mapping

from trainlab.changes import edited
from trainlab.diagnostics.verdicts import Signals
from trainlab.experiment import Experiment
from trainlab.runs.history import Array, History


def signals(history: History, experiment: Experiment) -> Signals | None:
    """The run so far as verdicts read it, since its last edit; None before it started.

    Args:
        history: what it reported.
        experiment: what it began as; its edits are on record.
    """
    plan = history.plan
    if plan is None:
        return None
    steps, epochs = history.steps.mapping(), history.epochs.mapping()
    now = int(steps["step"][-1]) if len(steps["step"]) else plan.first_step
    done = [edit for edit in history.edits if edit.step <= now]
    experiment = edited(experiment, done)
    since = done[-1].step if done else 0
    return Signals(
        experiment=experiment,
        plan=plan,
        steps=_after(steps, since),
        epochs=_after(epochs, since),
        probes=tuple(probe for probe in history.probes if probe.step > since),
        since=since,
        broken=history.failed.step if history.failed else 0,
    )


def _after(table: Mapping[str, Array], step: int) -> dict[str, Array]:
    mask = table["step"] > step
    return {name: column[mask] for name, column in table.items()}
