"""The panel Results: a checkpoint is asked in the background, one at a time; the last few stay at hand."""

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from trainlab.diagnostics.checks.base import Cancelled
from trainlab.diagnostics.results import Results
from trainlab.engine.checkpoint import Kept, kept
from trainlab.runs import store
from trainlab.runs.graded import graded
from trainlab.text import _
from trainlab.widgets.behind import why_not
from trainlab.widgets.bundles import PanelsWidget, sound
from trainlab.widgets.pictures.results import cell_spec, image_spec, results_spec

MOST_HELD = 3  # checkpoints: each holds a network and its validation images
Spec = dict[str, Any]


class ResultsPanel:
    """Answers the panel's buttons. What was found is state of the widget; images asked for go to the view that asked.

    Args:
        view: hears the page; its `results` and `graded` are written by the main thread alone.
        folder: gives the folder of the run on the chart, or "".
        soon: has the kernel's main thread do something when it is free.
    """

    def __init__(
        self,
        view: PanelsWidget,
        folder: Callable[[], str],
        soon: Callable[[Callable[[], None]], None],
    ) -> None:
        self._view, self._folder, self._soon = view, folder, soon
        self._cancel = threading.Event()
        self._one = threading.Lock()  # asks a network: hooks of two questions would meet
        self._held: dict[str, Results] = {}  # by "run/checkpoint", the newest last
        view.results = {"run": "", "options": [], "busy": False, "error": ""}
        view.on_msg(self._hear)

    def close(self) -> None:
        """Call off what is going on, and let go of the networks and their images."""
        self._cancel.set()
        self._held.clear()

    def look(self) -> None:
        """The run on the chart, or its checkpoints, may be others now; from any thread."""
        self._soon(self._list)

    def _list(self) -> None:
        folder = self._folder()
        found = kept(Path(folder) / store.CHECKPOINTS) if folder else ()
        self._show(run=Path(folder).name, options=options(found))

    def _hear(self, _widget: object, message: Any, _buffers: object) -> None:
        """What the page sends; anything else is for others."""
        if not sound(message):
            return
        match message:
            case {"type": "results", "do": "cancel"}:
                self._cancel.set()
            case {"type": "results", "do": "grade", "checkpoint": str(name)}:
                self._soon(partial(self._start, name))
            case {"type": "results", "do": "cell", "label": int(label), "answer": int(answer)}:
                self._ask(message, lambda found: cell_spec(found, label, answer))
            case {"type": "results", "do": "image", "image": int(image), "target": int(target)}:
                self._ask(message, lambda found: image_spec(found, image, target))

    def _start(self, name: str) -> None:
        known = [option["value"] for option in self._view.results["options"]]
        if self._view.results["busy"] or name not in known:
            return
        self._cancel = threading.Event()
        self._show(busy=True, error="")
        work = partial(self._grade, Path(self._folder()), name, self._cancel)
        threading.Thread(target=work, name="trainlab-results", daemon=True).start()

    def _grade(self, folder: Path, name: str, cancel: threading.Event) -> None:
        """In the background; whatever it raises is shown."""

        def go_on() -> None:
            if cancel.is_set():
                raise Cancelled

        key = f"{folder.name}/{name}"

        def work() -> None:
            found = self._held.get(key) or graded(folder, name, go_on)
            with self._one:
                go_on()  # the panel may be closed by now
                self._held.pop(key, None)
                self._held[key] = found
                for old in [*self._held][:-MOST_HELD]:
                    del self._held[old]
            spec = results_spec(found) | {"key": key, "run": folder.name, "checkpoint": name}
            self._soon(lambda: setattr(self._view, "graded", spec))

        error = why_not(work)
        self._soon(lambda: self._show(busy=False, error=error))

    def _ask(self, message: Spec, answer: Callable[[Results], Spec]) -> None:
        """Answer a question about what is at hand to the view that asked; one that makes no sense is left alone."""

        def work() -> None:
            found = self._held.get(str(message.get("key")))
            if found is None:
                return
            try:
                with self._one:
                    said = answer(found)
            except (
                Exception
            ) as error:  # a class or an image that there is not; a network may raise anything
                said = {"error": str(error)[:300]}
            self._soon(lambda: self._view.send(message | said))

        threading.Thread(target=work, name="trainlab-results", daemon=True).start()

    def _show(self, **news: Any) -> None:
        """Put news into what is shown; on the main thread."""
        self._view.results = {**self._view.results, **news}


def options(found: tuple[Kept, ...]) -> list[Spec]:
    """Checkpoints as a menu, the newest first."""
    if not found:
        return []
    best = max(found, key=lambda each: each.val_accuracy if each.epoch else -1.0)
    words = []
    for each in reversed(found):
        marks = [
            (_("newest"), each is found[-1]),
            (_("best"), each is best),
            (_("kept"), each.pinned),
        ]
        label = _("step {step}, epoch {epoch}").format(step=each.step, epoch=each.epoch)
        named = ", ".join(word for word, is_so in marks if is_so)
        words.append({"value": each.name, "label": f"{label} ({named})" if named else label})
    return words
