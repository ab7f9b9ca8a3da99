"""Checks before training: each looks at one thing, on copies, and says what it saw and by which rule.

To add one, write a function of a Subject that gives a Finding, wrap it in a Rule, and list it here.
"""

import time
from collections.abc import Callable, Iterator

from trainlab.catalog.datasets import Images
from trainlab.diagnostics.checks.base import Cancelled, Check, Finding, Rule, Subject, Verdict
from trainlab.diagnostics.checks.data import CLASSES, DISTRIBUTION, DUPLICATES, LABEL_SAFETY
from trainlab.diagnostics.checks.fitting import OVERFIT, PENALTY, ZERO_INPUT
from trainlab.diagnostics.checks.slopes import GRADIENTS
from trainlab.diagnostics.checks.start import BATCH_DEPENDENCY, CHANCE_LOSS, PRETRAINED, SIGNAL
from trainlab.diagnostics.sabotage import planted, showing
from trainlab.diagnostics.steps import as_in_a_run
from trainlab.engine.build import Plant, as_built
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.text import _

__all__ = ["CHECKS", "Check", "Verdict", "check", "preflight"]

# quick ones first: what is wrong with the data explains what goes wrong later
CHECKS: tuple[Rule, ...] = (
    CLASSES,
    DISTRIBUTION,
    DUPLICATES,
    LABEL_SAFETY,
    PRETRAINED,
    CHANCE_LOSS,
    SIGNAL,
    BATCH_DEPENDENCY,
    PENALTY,
    OVERFIT,
    ZERO_INPUT,
    GRADIENTS,
)


def check(
    experiment: Experiment | None = None,
    layers: tuple[str, ...] = (),
    *,
    sabotage: str | None = None,
) -> list[Check]:
    """Every check on an experiment, the default one if None: what was seen, expected, and what to do.

    Args:
        experiment: what would be trained; with a bug, and None, one that shows it.
        layers: the gradient check looks at these parts of the network, by name, at all if empty.
        sabotage: a bug to be found, by its name in `tl.sabotages`.

    Raises:
        Problem: the data cannot be read, the experiment cannot be built, or there is no such bug.
    """
    experiment, plant = experiment or showing(sabotage), planted(sabotage)
    for _progress in experiment.dataset.fetch():
        pass
    for _progress in experiment.model.fetch():
        pass
    return list(preflight(experiment, experiment.dataset.load(), layers=layers, plant=plant))


def preflight(
    experiment: Experiment,
    data: Images,
    cancelled: Callable[[], bool] = lambda: False,
    layers: tuple[str, ...] = (),
    plant: Plant = as_built,
) -> Iterator[Check]:
    """The checks one after the other, each as it was made; they end where `cancelled` says so.

    See `Subject` for the rest.

    Raises Problem where the experiment cannot be built.
    """
    subject = Subject(experiment, data, cancelled, layers, plant)
    for rule in CHECKS:
        try:
            subject.go_on()
            yield made(rule, subject)
        except Cancelled:
            return


def made(rule: Rule, subject: Subject) -> Check:
    """One check, made as in a run."""
    start = time.perf_counter()
    try:
        with as_in_a_run(subject.experiment):
            found = rule.look(subject)
    except (Cancelled, Problem):
        raise
    except Exception as error:  # a network may raise anything: the others still say something
        found = Finding("fail", _("It could not be made: {error}").format(error=str(error)[:300]))
    return Check(
        id=rule.id,
        title=_(rule.title),
        verdict=found.verdict,
        says=found.says,
        value=found.value,
        expected=found.expected,
        reference=_(rule.reference),
        remedy=found.remedy,
        seconds=time.perf_counter() - start,
        details=found.details,
    )
