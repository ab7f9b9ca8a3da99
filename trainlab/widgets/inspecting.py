"""The panel Inspect: a page that has it open asks for what it lacks, in its own time, and nothing else is sent."""

import json
from collections.abc import Callable
from typing import Any

from trainlab import commands as cmd
from trainlab.engine.fixed import IMAGES
from trainlab.engine.probe import TIERS, USUAL
from trainlab.experiment import Experiment
from trainlab.text import _
from trainlab.widgets.bundles import PanelsWidget, sound
from trainlab.widgets.inspected import answer
from trainlab.widgets.session import Session

RATE = 40_000  # bytes a second that a page may ask for


def inspect_spec(_experiment: Experiment) -> dict[str, Any]:
    """The tiers, with what each costs."""
    words = {
        "cheap": (_("cheap: under 1 %"), _("Ratios, norms and predictions.")),
        "usual": (_("usual: under 2 %"), _("Histograms, filters and feature maps as well.")),
        "everything": (
            _("everything: up to 10 %"),
            _(
                "The same, four times as often. The run is slower by as much; its numbers stay the same."
            ),
        ),
    }
    tiers = [{"value": tier, "label": words[tier][0], "help": words[tier][1]} for tier in TIERS]
    return {"tiers": tiers, "images": IMAGES}


class Inspecting:
    """Answers the pages that have the panel open.

    Args:
        view: hears the pages; written by the main thread alone.
        session: its run on the chart is looked at. The record of a run only grows, so it may be read here.
        soon: has the kernel's main thread do something when it is free.
    """

    def __init__(
        self, view: PanelsWidget, session: Session, soon: Callable[[Callable[[], None]], None]
    ) -> None:
        self._view, self._session, self._soon = view, session, soon
        self._tier, self._image = USUAL, 0
        session.opened.append(lambda _folder, _began: self._tell())
        view.on_msg(self._hear)

    def _hear(self, _widget: object, message: Any, _buffers: object) -> None:
        """What the page sends; anything else is for others."""
        if not sound(message):
            return
        match message:
            case {"type": "inspect", "tier": str(tier), "image": int(image)} if (
                tier in TIERS and 0 <= image < IMAGES
            ):
                self._tier, self._image = tier, image
                self._tell(chosen=True)
            case {
                "type": "inspect", "view": str(), "step": int() | None, "layer": str(),
                "known": dict(),
            }:  # fmt: skip
                self._soon(lambda: self._answer(message))

    def _tell(self, chosen: bool = False) -> None:
        """Have the run under way looked at as was chosen; one that begins does the usual by itself."""
        if self._session.under_way and (chosen or (self._tier, self._image) != (USUAL, 0)):
            self._session.worker.send(cmd.Inspect(self._tier, self._image))

    def _answer(self, asked: dict[str, Any]) -> None:
        shown = self._session.shown
        words, buffers = answer(
            shown.number, shown.history, asked["step"], asked["layer"], asked["known"]
        )
        words |= {
            "type": "inspect",
            "view": asked["view"],
            "tier": self._tier,
            "image": self._image,
            "state": shown.state,
            "buffers": [*buffers],
        }
        size = len(json.dumps(words)) + sum(map(len, buffers.values()))
        words["wait"] = round(1000 * size / RATE)  # ms until the next question
        self._view.send(words, [*buffers.values()])
