"""Planted: the card that says that a lesson planted a bug, tells what it is, and goes on without it."""

from collections.abc import Callable
from typing import Any

from trainlab.diagnostics.checks import CHECKS
from trainlab.diagnostics.sabotage import sabotages
from trainlab.diagnostics.verdicts import rules
from trainlab.text import _

PLANTED, TOLD = "planted", "told"  # the ids of the card: before its button is pressed, and then


class Planted:
    """The bug that the lab's next run gets, and that in the run on the chart; by name, or None.

    `without()` begins a run that has none.
    """

    def __init__(self) -> None:
        self.next: str | None = None
        self.without: Callable[[], None] = lambda: None
        self._here: str | None = None
        self._told: set[str] = set()

    def open(self, name: str | None) -> None:
        """Another run is on the chart, with this bug."""
        self._here = name

    def press(self, card: str) -> None:
        """Do what the button of the card says: tell what the bug is; once that is told, go on without it."""
        if card == TOLD:
            self.next = None
            self.without()
        elif name := self._here or self.next:
            self._told.add(name)

    def cards(self) -> list[dict[str, Any]]:
        """The card as the page shows it, among the verdicts; none where everything is sound."""
        name = self._here or self.next
        if name is None:
            return []
        told = name in self._told
        where = _("A bug is planted in this run") if self._here else _("The next run gets a bug")
        card = dict.fromkeys(("letter", "marked", "sure", "rule", "source"), "")
        return [
            card
            | {
                "id": TOLD if told else PLANTED,
                "title": where,
                "seen": _words(name) if told else _("Find it with Check and the verdicts."),
                "remedies": [_("Train without it") if told else _("Tell me")],
            }
        ]


def _words(name: str) -> str:
    """What the bug is, and what finds it."""
    sabotage = sabotages[name]
    titles = {check.id: check.title for check in CHECKS} | {rule.id: rule.title for rule in rules()}
    found = _("Found by: {what}.").format(what=_(titles[sabotage.found_by]))
    return f"{sabotage.told} {found}"
