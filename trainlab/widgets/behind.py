"""Behind the page: what slow work of the panels begins with, and what it is told where it fails."""

from collections.abc import Callable

from trainlab.catalog.datasets import Images
from trainlab.diagnostics.checks.base import Cancelled
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.text import _


def data_at_hand(experiment: Experiment) -> Images:
    """Its images. Raises Problem where they would have to be downloaded."""
    if not experiment.dataset.at_hand():
        raise Problem(
            _("{name} is not on this machine yet").format(name=experiment.dataset.title()),
            _("There is nothing to look at before it is."),
            _("Press Start: it is downloaded first."),
        )
    return experiment.dataset.load()


def why_not(work: Callable[[], None]) -> str:
    """Do it; in words why it could not be done, or ""."""
    try:
        work()
    except Cancelled:
        return _("Cancelled.")
    except Problem as problem:
        return str(problem)
    except Exception as error:  # a network or a data set of the user's own may raise anything
        return _("It could not be made: {error}").format(error=str(error)[:300])
    return ""
