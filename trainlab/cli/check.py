"""`trainlab check`: the checks before training, as they are made."""

import argparse
import json
import shutil
import textwrap
from itertools import chain
from typing import Any

from trainlab.cli.settings import read_experiment
from trainlab.cli.streams import complain, say
from trainlab.diagnostics.checks import Check, Verdict, preflight
from trainlab.text import _

_INDENT = 6


def check(arguments: argparse.Namespace) -> int:
    """Check what the arguments name: 0 where nothing failed, 1 where something did. Problem for bad input."""
    experiment = read_experiment(arguments.experiment, arguments.set)
    told = ""
    for progress in chain(experiment.dataset.fetch(), experiment.model.fetch()):
        if progress.text != told:
            complain(progress.text)
        told = progress.text
    made = []
    for found in preflight(experiment, experiment.dataset.load(), layers=tuple(arguments.layer)):
        made.append(found)
        if not arguments.json:
            say(as_text(found))
    say(as_json(made) if arguments.json else summary(made))
    return int(any(found.verdict == "fail" for found in made))


def as_text(found: Check) -> str:
    """A check as a few lines: what was seen, and where something is to be done the rule and the remedy."""
    words: dict[Verdict, str] = {
        "pass": _("pass"), "warn": _("LOOK"), "fail": _("FAIL"), "skip": _("skip"),
    }  # fmt: skip
    parts = [found.says]
    if found.verdict in ("warn", "fail"):
        parts += [_("Expected: {what}.").format(what=found.expected)] if found.expected else []
        parts += [found.remedy, _("Rule: {reference}.").format(reference=found.reference)]
    room, indent = max(40, min(110, shutil.get_terminal_size((100, 24)).columns)), " " * _INDENT
    lines = [
        textwrap.fill(part, room, initial_indent=indent, subsequent_indent=indent)
        for part in parts
        if part
    ]
    return "\n".join([f"{words[found.verdict]:<{_INDENT}}{found.title}", *lines])


def as_json(made: list[Check]) -> str:
    """All checks as one JSON object, with how many have which verdict."""
    data: dict[str, Any] = {"checks": [found.to_data() for found in made], **_counts(made)}
    data["seconds"] = sum(found.seconds for found in made)
    return json.dumps(data, indent=2, ensure_ascii=False)


def summary(made: list[Check]) -> str:
    """How many have which verdict."""
    counts = _counts(made)
    return "\n" + _(
        "{passed} passed, {warn} to look at, {fail} failed, {skip} left out, in {seconds:.1f} s"
    ).format(
        passed=counts["pass"],
        warn=counts["warn"],
        fail=counts["fail"],
        skip=counts["skip"],
        seconds=sum(found.seconds for found in made),
    )


def _counts(made: list[Check]) -> dict[str, int]:
    verdicts = ("pass", "warn", "fail", "skip")
    return {name: sum(found.verdict == name for found in made) for name in verdicts}
