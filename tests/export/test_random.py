"""Random experiments, edited at random: the script, in a process without trainlab, gives the run's numbers."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings

from tests.conformance.playing import Result
from tests.engine.test_edits import only, trained
from tests.export.random_runs import Case, cases
from tests.export.test_edited import numbers, written
from trainlab import events as ev
from trainlab.engine.meter import NonFiniteLoss
from trainlab.engine.trainer import Trainer
from trainlab.errors import Problem

Replay = Callable[[str], Result | str]
ANY = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def repeated(case: Case, replay: Replay) -> None:
    """Train, write the script of what happened, run it, and compare every number."""
    try:
        events = trained(Trainer(case.experiment), case.edits)
    except (Problem, NonFiniteLoss):  # it does not go together, or diverges: nothing to repeat
        return
    if not only(events, ev.Finished):
        return
    assert replay(written(case.experiment, events)) == numbers(events)


@pytest.mark.filterwarnings(
    "ignore:Mismatch dtype"
)  # RMS norm in bfloat16: torch takes a slower way
@given(case=cases())
@settings(ANY, max_examples=8)
def test_a_few_random_runs_are_repeated(case: Case, replay: Replay) -> None:
    repeated(case, replay)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.filterwarnings("ignore:Mismatch dtype")
@given(case=cases())
@settings(ANY, max_examples=200)
def test_many_random_runs_are_repeated(case: Case, replay: Replay) -> None:
    repeated(case, replay)
