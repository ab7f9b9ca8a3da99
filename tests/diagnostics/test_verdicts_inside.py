"""Rules on the looks inside, on runs that are written down by hand: only what they ask about differs."""

import numpy as np
import pytest

from trainlab import events as ev
from trainlab.diagnostics.verdicts.inside import UpdateRatio
from trainlab.experiment import Experiment
from trainlab.runs.history import History
from trainlab.runs.judged import signals


@pytest.mark.parametrize(
    ("ratio", "first", "last", "speaks"),
    [
        (0.015, 2.3, 2.3, True),  # ten times too long, and in vain
        (0.015, 2.3, 1.0, False),  # the loss falls
        (0.015, 0.2, 0.2, False),  # it has fallen
        (0.005, 2.3, 2.3, False),  # not ten times
        (0.03, 2.3, 1.0, True),  # far too long, whatever the loss does for now
        (1e-5, 2.3, 1.0, True),  # far too short for a loss that is still high
        (1e-5, 0.2, 0.2, False),  # the end of a schedule
    ],
)
def test_steps_that_do_not_fit_the_weights(
    ratio: float, first: float, last: float, speaks: bool
) -> None:
    noise = np.random.default_rng(0).normal(0, 0.05, 60)
    losses = tuple(np.linspace(first, last, 60) + noise)
    history = History()
    history.add(ev.Started(2, 30, 1437, 360, tuple("0123456789"), 1, "cpu", 1))
    history.add(ev.Steps(1, losses, (0.1,) * 60, (0.1,) * 60, 1.0))
    for step in (20, 40, 60):
        history.add(ev.Probed(step, {"layer": {"update_ratio": ratio}}, {}, 0.1))
    known = signals(history, Experiment())
    assert known is not None
    found = UpdateRatio.find(known)
    assert (found is not None) == speaks
    if found is not None:
        assert f"{ratio:.1e}" in found.seen
