"""Share: what leaves the page and comes back to it: code, the experiment as text or as a link, runs as zips.

Whoever shows runs on a page can host a `Carrier`: it answers js/share.js's makeDownload and makeOpen.
"""

import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from trainlab.catalog.datasets import Images
from trainlab.errors import Problem
from trainlab.experiment import MAX_BYTES, Experiment
from trainlab.export import bundle, from_link, notebook, script, script_of, to_link, unbundle
from trainlab.runs import Run, load_run
from trainlab.text import _
from trainlab.widgets.served import under_voila
from trainlab.widgets.upload import MOST_BYTES, PART_BYTES, Uploads

CODE, SHARE = "code", "share"
MOST_DOWNLOAD = 1_000_000_000  # bytes: a page holds all of it in memory
Spec = dict[str, Any]
Send = Callable[[Spec, list[bytes]], None]


def menus(panel: str) -> dict[str, tuple[str, dict[str, str]]]:
    """The menus of one of these panels: its label and its options, the first of which is chosen."""
    if panel == CODE:
        forms, run = _("What the forms say"), _("The run on the chart")
        return {"of": (_("Of"), {"forms": forms, "run": run})}
    kinds = {"json": "JSON", "toml": "TOML"}
    return {"as": (_("As"), kinds | ({"link": _("a link")} if under_voila() else {}))}


def code_panel(text: str, intro: str, chosen: str = "forms") -> Spec:
    """The panel of the code: a script, that can be had as a notebook too, or why there is none."""
    files = [{"name": "train.py"}, {"name": "train.ipynb", "text": notebook(text)}] if text else []
    code = {"text": text, "name": "train.py", "files": files}
    return _panel(CODE, _("The code"), intro, chosen) | {"code": code}


def share_panel(experiment: Experiment, chosen: str, sabotage: str | None = None) -> Spec:
    """The panel to share in: the experiment as text, a place to open another one, and runs as zips."""
    intro = _SHARE_INTRO
    if chosen == "link" and under_voila():
        intro = _LINK_INTRO
        code: Spec = {
            "text": f"?experiment={to_link(experiment)}",
            "name": _("a link"),
            "files": [],
        }
        code["link"] = True
    else:
        text = experiment.to_toml() if chosen == "toml" else experiment.to_json()
        name = f"experiment.{'toml' if chosen == 'toml' else 'json'}"
        code = {"text": text, "name": name, "files": [{"name": name}]}
    share = {"most_bytes": MOST_BYTES, "part_bytes": PART_BYTES, "most_text": MAX_BYTES}
    words = " ".join([_(intro), *([_(_WITHOUT_BUG)] if sabotage else [])])
    panel = _panel(SHARE, _("Share"), words, chosen)
    return panel | {"code": code, "share": share}


def written(experiment: Experiment, data: Images, sabotage: str | None) -> tuple[str, str]:
    """The script of what the forms say, and a word on it."""
    words = _(_OF_SABOTAGED) if sabotage else _(_OF_FORMS)
    return script(experiment, data=data, planted=bool(sabotage)), words


def written_of(folder: str) -> tuple[str, str]:
    """The script of a run with its edits, and a word on it. Slow: it may read the run's data."""
    if not folder:
        return "", _("No run is on the chart yet: press Start.")
    run = load_run(folder)
    words = _(_OF_RUN).format(run=run.path.name, count=len(run.edits))
    return script_of(run), _(_OF_SABOTAGED) if run.sabotage else words


def received(buffers: Any) -> Experiment:
    """The experiment that the page sent as text: JSON, TOML, or an address with a link in it. Raises Problem."""
    whole = isinstance(buffers, list) and len(buffers) == 1
    data = bytes(buffers[0]) if whole else b""
    if not 0 < len(data) <= MAX_BYTES:
        raise Problem(_("an experiment has a few kilobytes, at most 1 MB is read"))
    try:
        text = data.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise Problem(_("this is not UTF-8 text"), str(error)) from None
    link = re.search(r"[?&]experiment=([\w-]+)", text, re.ASCII)  # no address has two words
    return from_link(link[1]) if link and len(text.split()) == 1 else Experiment.from_text(text)


@dataclass
class _Parcel:
    """A zip that a page fetches."""

    view: str
    name: str
    file: IO[bytes]
    size: int


@dataclass
class Carrier:
    """Takes runs to a page as zips, and from it, in parts; each part is asked for, or answered.

    Args:
        send: sends a message with its buffers; called in any thread.
        behind: does something slow in a thread of its own.
        find: the run that the page means by a name. May raise Problem.
        root: the folder that keeps runs.
        opened: told the folder of a run that came from the page.
    """

    send: Send
    behind: Callable[[Callable[[], None]], None]
    find: Callable[[str], Run]
    root: Callable[[], Path]
    opened: Callable[[Path], None] = lambda _folder: None
    _parcel: _Parcel | None = None
    _uploads: Uploads = field(default_factory=Uploads)

    def hear(self, message: Spec, buffers: Any) -> bool:
        """Answer a message about a run's zip; whether it was one."""
        match message:
            case {"type": "download", "view": str(view), "run": str(run), "part": int(part)}:
                if part == 0:
                    self.behind(lambda: self._pack(view, run))
                else:
                    self._hand_over(view, run, part)
            case {"type": "openrun"}:
                self._receive(message, buffers)
            case _:
                return False
        return True

    def _pack(self, view: str, run: str) -> None:
        file = tempfile.TemporaryFile()  # noqa: SIM115 (it stays open until the page has it all)
        try:
            found = self.find(run)
            bundle(found, file)
            size = file.tell()
            if size > MOST_DOWNLOAD:
                raise Problem(
                    _("the run is larger than {most} MB").format(most=MOST_DOWNLOAD // 1_000_000),
                    "",
                    f"trainlab export {found.path} -o run.zip",
                )
        except Exception as error:  # a run may be broken in any way
            file.close()
            self.send({"type": "download", "view": view, "run": run, "error": str(error)}, [])
            return
        self._drop()
        self._parcel = _Parcel(view, f"{found.path.name}.zip", file, size)
        self._hand_over(view, run, 0)

    def _hand_over(self, view: str, run: str, part: int) -> None:
        parcel = self._parcel
        answer: Spec = {"type": "download", "view": view, "run": run, "part": part}
        if parcel is None or parcel.view != view or not 0 <= part * PART_BYTES < parcel.size:
            self.send(answer | {"error": _("another download began: try again")}, [])
            return
        parcel.file.seek(part * PART_BYTES)
        data = parcel.file.read(PART_BYTES)
        if (part + 1) * PART_BYTES >= parcel.size:
            self._drop()
        self.send(answer | {"error": None, "name": parcel.name, "size": parcel.size}, [data])

    def _drop(self) -> None:
        if self._parcel:
            self._parcel.file.close()
        self._parcel = None

    def _receive(self, part: Spec, buffers: Any) -> None:
        answer = {"type": "openrun", "view": part.get("view"), "part": part.get("part")}
        try:
            whole = self._uploads.take(part, buffers)
        except Problem as problem:
            self.send(answer | {"error": str(problem)}, [])
            return
        if whole is None:
            self.send(answer | {"error": None}, [])
        else:
            self.behind(lambda: self._open(whole[1], answer))

    def _open(self, data: bytes, answer: Spec) -> None:
        try:
            folder = unbundle(BytesIO(data), self.root())
        except Exception as error:  # a zip may be broken in any way
            self.send(answer | {"error": str(error)}, [])
            return
        self.opened(folder)
        self.send(answer | {"error": None, "done": True, "name": folder.name}, [])


_OF_FORMS = "What the forms say, in plain PyTorch: on the CPU it gives the same numbers."
_OF_RUN = "The run {run}, edits included ({count}), in plain PyTorch: on the CPU it gives the same numbers."
_OF_SABOTAGED = (
    "In plain PyTorch, without the bug that is planted in the run: it gives other numbers."
)
_WITHOUT_BUG = "The bug that is planted in this lab's runs is not part of it."
_SHARE_INTRO = "The experiment as the forms have it, to send, to keep, or to open elsewhere."
_LINK_INTRO = (
    "Opens this lab with what the forms say. It names no files: who opens it chooses their own."
)


def _panel(id: str, title: str, intro: str, chosen: str) -> Spec:
    """A panel without forms."""
    specs = [
        {
            "id": name,
            "label": label,
            "value": chosen if chosen in options else next(iter(options)),
            "options": [{"value": value, "label": words} for value, words in options.items()],
        }
        for name, (label, options) in menus(id).items()
    ]
    empty: Spec = {"sections": [], "pictures": [], "actions": []}
    return {"id": id, "title": title, "intro": intro, "menus": specs, **empty}
