"""The three widgets of the page. What they show is plain data; how it looks is in the committed bundle."""

import json
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from trainlab.widgets.words import page_words

_STATIC = Path(__file__).parent / "static"
_LONGEST = 10_000  # bytes of a message from the page: longer than any path or number that is typed


class PanelsWidget(anywidget.AnyWidget):
    """Header, tabs and the open panel. Written by the kernel's main thread alone."""

    _esm = _STATIC / "panels.js"
    _css = _STATIC / "style.css"
    words: Any = traitlets.Dict().tag(sync=True)
    header: Any = traitlets.Dict().tag(sync=True)
    tabs: Any = traitlets.List().tag(sync=True)
    panel: Any = traitlets.Dict().tag(sync=True)
    human: Any = traitlets.Dict().tag(sync=True)  # see trainlab/widgets/human.py
    checks: Any = traitlets.Dict().tag(sync=True)  # see trainlab/widgets/checking.py
    results: Any = traitlets.Dict().tag(sync=True)  # see trainlab/widgets/results.py
    graded: Any = traitlets.Dict().tag(sync=True)  # the same

    @traitlets.default("words")
    def _default_words(self) -> dict[str, str]:
        return page_words()


class RunWidget(anywidget.AnyWidget):
    """Buttons, status and the live chart. Written by the pump thread alone, in messages."""

    _esm = _STATIC / "run.js"
    _css = _STATIC / "style.css"
    words: Any = traitlets.Dict().tag(sync=True)

    @traitlets.default("words")
    def _default_words(self) -> dict[str, str]:
        return page_words()


class RunsWidget(anywidget.AnyWidget):
    """The table of all runs. Written by the kernel's main thread alone, in messages."""

    _esm = _STATIC / "runs.js"
    _css = _STATIC / "style.css"
    words: Any = traitlets.Dict().tag(sync=True)

    @traitlets.default("words")
    def _default_words(self) -> dict[str, str]:
        return page_words()


def sound(message: Any) -> bool:
    """Whether what the page sent is short, and JSON that can be sent back: no NaN, no half characters."""
    try:
        text = json.dumps(message, allow_nan=False, ensure_ascii=False)
        return len(text.encode()) <= _LONGEST
    except (TypeError, ValueError, RecursionError):
        return False
