"""Planted: what a run's folder says of the bug that a lesson planted in it. A sound run says nothing."""

import json
from pathlib import Path

from trainlab.diagnostics.sabotage import named, planted
from trainlab.engine.build import Plant
from trainlab.errors import Problem
from trainlab.text import _

SABOTAGE = "sabotage.json"


def as_text(name: str) -> str:
    """What the folder of a run with this bug says. Raises Problem where there is no such bug."""
    return json.dumps({"sabotage": named(name).name})


def sabotage_of(folder: Path) -> str | None:
    """The name of the bug in the run in `folder`; None where it is sound. Raises Problem where that cannot be told."""
    try:
        return named(json.loads((folder / SABOTAGE).read_text(encoding="utf-8"))["sabotage"]).name
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, Problem) as error:
        raise Problem(
            _("{file}: which bug was planted in the run cannot be told").format(
                file=folder / SABOTAGE
            ),
            str(error),
            _("start the lesson's run again; this one cannot go on as it was"),
        ) from None


def plant_of(folder: Path) -> Plant:
    """What plants the bug of the run in `folder`, or nothing in a sound one. Raises Problem, as `sabotage_of`."""
    return planted(sabotage_of(folder))
