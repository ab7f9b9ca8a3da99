"""Still: what a saved notebook shows where the lab's widgets are gone: the run that ended last, in curves and words.

It stands below the live lab in outputs of its own: a new text or picture in the lab's own output would draw the
lab anew. Its style hides it while the lab is there, and JupyterLab's complaint about a lost widget while it is not.
"""

import base64
import io
import threading
from contextvars import copy_context
from functools import partial
from html import escape
from typing import Any
from uuid import uuid4

from IPython.display import publish_display_data

from trainlab.errors import Problem
from trainlab.runs import load_run
from trainlab.text import _

_STYLE = """<style>
.jp-OutputArea-child:has(.tl-lab) + .jp-OutputArea-child:has(.tl-still),
.jp-OutputArea-child:has(.tl-lab) + .jp-OutputArea-child:has(.tl-still) + .jp-OutputArea-child,
.jp-OutputArea-child:has(+ .jp-OutputArea-child .tl-still):not(:has(.tl-lab)) { display: none; }
</style>"""


class Still:
    """A text and a picture with a place in the output of each cell that shows the lab."""

    def __init__(self) -> None:
        self._text, self._picture = uuid4().hex, uuid4().hex  # names that the page knows them by
        self._shown = {self._text: _caption(""), self._picture: {"text/plain": ""}}

    def show(self) -> None:
        """Take a place in the output of the cell that is running."""
        self._display(update=False)

    def draw(self, folder: str, words: str) -> None:
        """Show the run in `folder`, and say `words` of it, everywhere; in a thread, it takes a while."""
        draw = partial(copy_context().run, self._draw, folder, words)  # a message belongs to a cell
        threading.Thread(target=draw, name="trainlab-still", daemon=True).start()

    def _draw(self, folder: str, words: str) -> None:
        picture = io.BytesIO()
        try:
            load_run(folder).figure().savefig(picture, format="png")
        except Problem:  # its folder is gone already
            return
        png = base64.b64encode(picture.getvalue()).decode()
        self._shown = {
            self._text: _caption(words),
            self._picture: {"image/png": png, "text/plain": words},
        }
        self._display(update=True)

    def _display(self, update: bool) -> None:
        for name, data in self._shown.items():
            publish_display_data(data, transient={"display_id": name}, update=update)


def _caption(words: str) -> dict[str, Any]:
    words = f"{words} {_('Run this cell to open the lab.')}".strip()
    return {"text/html": f'{_STYLE}<p class="tl-still">{escape(words)}</p>', "text/plain": words}
