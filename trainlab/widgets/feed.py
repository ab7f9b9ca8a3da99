"""Feed: the verdicts on the run that is shown, as cards, and what becomes of their buttons."""

import time
from contextlib import suppress
from string import ascii_uppercase
from typing import Any

from trainlab.diagnostics.verdicts import Feed, Remedy
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.runs.history import History
from trainlab.runs.judged import signals
from trainlab.text import _

EVERY = 1.0  # seconds between two looks: judging a long run takes milliseconds
SURE = ((0.85, "sure"), (0.65, "fairly sure"), (0.0, "a suspicion"))


class VerdictFeed:
    """Looks at a run now and then. Used by one thread, the session's pump."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Another run is shown; what was dismissed may be said again."""
        self._feed, self._looked_at = Feed(), 0.0

    def look(self, history: History, experiment: Experiment | None, at_once: bool) -> None:
        """Judge again if it is time to, or `at_once`."""
        now = time.monotonic()
        if experiment is None or (now - self._looked_at < EVERY and not at_once):
            return
        self._looked_at = time.monotonic()
        with suppress(Problem):  # a record of settings that there are no more
            found = signals(history, experiment)
            if found is not None:
                self._feed.hear(found)

    def dismiss(self, verdict: str) -> None:
        """Say no more of this one."""
        self._feed.dismiss(verdict)

    def remedy(self, verdict: str, number: int) -> Remedy | None:
        """What button `number` of a verdict stands for; None where it is gone."""
        held = [known for known in self._feed.now if known.id == verdict]
        return held[0].remedies[number] if held and 0 <= number < len(held[0].remedies) else None

    def cards(self, history: History) -> list[dict[str, Any]]:
        """What the page shows; each has a letter, which marks where along the curves its evidence lies."""
        return [
            {
                "letter": letter,
                "span": [_place(history, step) for step in (verdict.first, verdict.last)],
                "marked": _("Seen from step {first} to {last}: {letter} on the curves.").format(
                    first=verdict.first, last=verdict.last, letter=letter
                ),
                "id": verdict.id,
                "title": _(verdict.title),
                "seen": verdict.seen,
                "rule": _(verdict.rule),
                "source": _(verdict.source),
                "sure": _(next(word for least, word in SURE if verdict.sure >= least)),
                "remedies": [remedy.label for remedy in verdict.remedies],
            }
            for letter, verdict in zip(ascii_uppercase, self._feed.now, strict=False)
        ]


def _place(history: History, step: int) -> float:
    """A step along the x axis, in epochs."""
    return min(history.position_of(step) or (history.position if step else 0.0), history.position)
