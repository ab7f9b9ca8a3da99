"""Desk: the forms of a lab. It answers what the page's panels send, on the kernel's main thread."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import Any

from trainlab.catalog.datasets import DatasetChoice, Images, store_upload
from trainlab.changes import difference
from trainlab.engine.build import resolve_device
from trainlab.engine.device import default_threads
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.places import runs_folder
from trainlab.runs import Run, load_run
from trainlab.text import _
from trainlab.widgets import share
from trainlab.widgets.bundles import PanelsWidget, sound
from trainlab.widgets.editor import Editor
from trainlab.widgets.forms import draw_formulas, since_start
from trainlab.widgets.panels import Panel
from trainlab.widgets.pictures import Look, answer_race, unavailable
from trainlab.widgets.share import CODE, SHARE, Carrier
from trainlab.widgets.upload import Uploads


class Desk:
    """What the panels show, and the experiment they edit.

    An edit counts at once, in whatever thread it arrives. The main thread shows it: first the form, then
    its pictures when the kernel has nothing else to do, so that a dragged slider never waits for them.
    """

    def __init__(self, view: PanelsWidget, experiment: Experiment) -> None:
        self.view, self.editor = view, Editor(experiment)
        self.tell: Callable[[Experiment], None] = lambda _experiment: None  # hears of every change
        self.run: Callable[[], str] = lambda: ""  # the folder of the run on the chart
        self.planted: Callable[[], str | None] = lambda: None  # the bug of the next run
        self.root = runs_folder()
        self._panels: dict[str, Panel] = {}
        self._open = ""
        self._began: Experiment | None = None  # what the run on the chart began with
        self._draw = 0
        self._menus: dict[str, str] = {}  # what was chosen in the panels' own menus
        self._drawing = False
        self._data: dict[DatasetChoice, Images | Problem] = {}
        self._reading = self._writing = self._stale = False
        self._uploads = Uploads()
        self._carrier = Carrier(self._post, self._behind, self._run_on_chart, lambda: self.root)
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:  # no kernel: everything is done at once
            self._loop = None
        self._context = copy_context()  # the widget's home is this cell, see Session
        self._editing = threading.Lock()
        self._prepared = self._loop is None
        view.on_msg(self._hear)

    def show(self, panels: tuple[Panel, ...]) -> None:
        """Offer these panels, and open the first."""
        self._panels = {panel.id: panel for panel in panels}
        self.view.tabs = [{"id": panel.id, "label": _(panel.title)} for panel in panels]
        self._open = panels[0].id if panels else CODE
        self.refresh()

    def prepare(self) -> None:
        """Import what draws and read the data, in any thread; the pictures follow.

        The first form does without: the page would wait a second for it, and so would a press on Start.
        """
        if self._prepared:
            return
        import trainlab.views.figures
        import trainlab.views.formulas  # noqa: F401 (here is where it may take its time)

        choice = self.editor.experiment.dataset
        found = _read(choice)

        def arrive() -> None:
            self._data[choice] = found
            self._prepared = True
            self.refresh()

        self.soon(arrive)

    def compare(self, experiment: Experiment | None) -> None:
        """From now on show what differs from this one, which the run on the chart began with."""
        self._began = experiment
        self.soon(self.refresh)

    def take(self, experiment: Experiment) -> None:
        """Put an experiment on the forms, from any thread."""
        with self._editing:
            self.editor = Editor(experiment)
        self.tell(experiment)
        self.soon(self.refresh)

    def refresh(self) -> None:
        """Show the experiment as it is now."""
        self._show_header()
        self._show_form()
        self._show_pictures_soon()

    def _hear(self, _widget: object, message: Any, buffers: Any) -> None:
        """What the page sends; anything that makes no sense is left alone."""
        if not sound(message):
            return
        match message:
            case {"type": "race"}:
                self.soon(partial(self._race, message))
            case {"type": "upload"}:
                self._receive(message, buffers)
            case {"type": "experiment"}:
                self._open_experiment(message, buffers)
            case _ if self._carrier.hear(message, buffers):
                pass
            case _:
                self._edit(message)

    def _edit(self, message: Any) -> None:
        before = self.editor.experiment
        try:
            with self._editing:
                self._obey(message)
        except Problem:
            return
        if self.editor.experiment != before:
            self.tell(self.editor.experiment)
        self.soon(self.refresh)

    def _obey(self, message: Any) -> None:
        match message:
            case {"type": "open", "panel": str(panel)} if panel in self._panels or panel in (
                CODE,
                SHARE,
            ):
                self._open = panel
            case {"type": "set", "path": str(path), "value": value}:
                self.editor.set(path, value)
            case {"type": "add", "path": str(path), "kind": kind}:
                self.editor.add(path, kind)
            case {"type": "remove", "path": str(path)}:
                self.editor.remove(path)
            case {"type": "move", "path": str(path), "by": by}:
                self.editor.move(path, by)
            case {"type": "action", "id": "redraw"}:
                self._draw += 1
            case {"type": "menu", "id": str(name), "value": str(value)} if self._offers(
                name, value
            ):
                self._menus[name] = value
            case _:
                raise Problem(_("the page sent something unknown"))

    def _offers(self, name: str, value: str) -> bool:
        """Whether the open panel has this menu, and the menu this value."""
        menus = [menu for menu in self.view.panel.get("menus", []) if menu["id"] == name]
        return any(option["value"] == value for menu in menus for option in menu["options"])

    def _race(self, request: dict[str, Any]) -> None:
        with suppress(Problem):
            words, buffers = answer_race(self.editor.experiment, request)
            self.view.send(request | words, buffers)

    def _receive(self, part: dict[str, Any], buffers: Any) -> None:
        """Take in a part of an uploaded file; with the last one it becomes the data set."""
        answer = {"type": "upload", "view": part.get("view"), "part": part.get("part")}
        try:
            whole = self._uploads.take(part, buffers)
        except Problem as problem:
            self.soon(partial(self.view.send, answer | {"error": str(problem)}))
            return
        if whole is None:
            self.soon(partial(self.view.send, answer | {"error": None}))
        else:
            self._behind(partial(self._keep_upload, *whole, answer))

    def _keep_upload(self, name: str, data: bytes, answer: dict[str, Any]) -> None:
        """Put an uploaded file on disk, and choose it; what was chosen stays where it is no good."""
        try:
            path = store_upload(data, name)
        except Exception as error:  # a zip may be broken in any way
            answer |= {"error": str(error)}
        else:
            answer |= {"error": None, "done": True}
            with self._editing:
                self.editor.set("dataset.kind", "zip")
                self.editor.set("dataset.path", str(path))
            self.tell(self.editor.experiment)

        def arrive() -> None:
            self.refresh()
            self.view.send(answer)

        self.soon(arrive)

    def _open_experiment(self, message: dict[str, Any], buffers: Any) -> None:
        """Put an experiment that the page sent as text on the forms."""
        answer = {"type": "experiment", "view": message.get("view"), "error": None}
        try:
            experiment = share.received(buffers)
        except Problem as problem:
            self._post(answer | {"error": str(problem)}, [])
            return
        self.take(experiment)
        self._post(answer, [])

    def _run_on_chart(self, _name: str) -> Run:
        if not self.run():
            raise Problem(_("No run is on the chart yet: press Start."))
        return load_run(self.run())

    def _post(self, message: dict[str, Any], buffers: list[bytes]) -> None:
        """Send a message to the page from any thread."""
        self.soon(partial(self.view.send, message, buffers))

    def _show_header(self) -> None:
        experiment = self.editor.experiment
        parts = (experiment.dataset, experiment.model, experiment.optimizer, experiment.schedule)
        seed = _("seed {seed}").format(seed=experiment.training.seed)
        self.view.header = {
            "title": "trainlab",
            "summary": [*(_(part.title()) for part in parts), seed],
            "device": self._device(),
        }

    def _device(self) -> str:
        training = self.editor.experiment.training
        try:
            device = str(resolve_device(training.device))
        except Problem as problem:
            return problem.what
        if device != "cpu":
            return device
        threads = training.threads or default_threads()
        return _("cpu, one thread") if threads == 1 else _("cpu, {n} threads").format(n=threads)

    def _show_form(self) -> None:
        """The open panel, with the pictures it had until the new ones are drawn."""
        old = self.view.panel if self.view.panel.get("id") == self._open else {}
        if self._open == CODE:
            self.view.panel = old or self._code("", _("Writing the script …"))
            return
        if self._open == SHARE:
            chosen = self._menus.get("as", "")
            self.view.panel = share.share_panel(self.editor.experiment, chosen, self.planted())
            return
        panel = self._panels[self._open]
        self.view.panel = {
            "id": panel.id,
            "title": _(panel.title),
            "intro": _(panel.intro),
            "sections": self._sections(panel),
            "pictures": old.get("pictures", []),
            "actions": [{"id": name, "label": _(text)} for name, text in panel.actions.items()],
            "menus": [
                menu.spec(name, self._menus.get(name, "")) for name, menu in panel.menus.items()
            ],
            "code": None,
            **{name: make(self.editor.experiment) for name, make in panel.parts.items()},
        }

    def _sections(self, panel: Panel) -> list[dict[str, Any]]:
        sections = panel.sections(self.editor.experiment, self.editor.refused)
        if self._began:
            sections = since_start(sections, difference(self.editor.experiment, self._began))
        return draw_formulas(sections) if self._prepared else sections

    def _show_pictures_soon(self) -> None:
        if self._drawing or not self._prepared:
            return
        self._drawing = True
        self.soon(self._show_pictures)

    def _show_pictures(self) -> None:
        self._drawing = False
        experiment, shown = self.editor.experiment, self.view.panel.get("id")
        if shown == CODE and self._menus.get("of") == "run":
            self._stale = self._writing  # one at a time: the newest is written last
            if not self._writing:
                self._writing = True
                self._behind(self._write_run)
            return
        panel = self._panels.get(shown)
        if shown != CODE and (panel is None or panel.draw is None):
            return
        data = self._data_of(experiment.dataset)
        if data is None:  # it comes in the background, and this is called again
            return
        if panel is None:
            self.view.panel = self._code(*_written(experiment, data, self.planted()))
        else:
            drawn = _drawn(panel, experiment, data, self._draw, self._menus.get("compare", ""))
            self.view.panel = {**self.view.panel, "pictures": drawn}

    def _write_run(self) -> None:
        """Write the script of the run on the chart, which may have data of its own."""
        text = _attempt(partial(share.written_of, self.run()))

        def arrive() -> None:
            self._writing = False
            if self.view.panel.get("id") == CODE and self._menus.get("of") == "run":
                self.view.panel = self._code(*text)
            if self._stale:
                self._show_pictures_soon()

        self.soon(arrive)

    def _code(self, text: str, intro: str) -> dict[str, Any]:
        return share.code_panel(text, intro, self._menus.get("of", ""))

    def _data_of(self, choice: DatasetChoice) -> Images | Problem | None:
        """The data of this choice if it was read already; else None, and it is being read."""
        found = self._data.get(choice)
        if found is None and self._loop is None:
            found = self._data[choice] = _read(choice)
        if isinstance(found, Problem):  # said once: the next look finds what has come since
            del self._data[choice]
        elif found is None and not self._reading:  # one at a time; what is wanted then is read next
            self._reading = True
            self._behind(partial(self._read_behind, choice))
        return found

    def _read_behind(self, choice: DatasetChoice) -> None:
        found = _read(choice)

        def arrive() -> None:
            self._reading = False
            self._data = {choice: found}  # the newest alone: data sets are large
            self._show_pictures_soon()

        self.soon(arrive)

    def _behind(self, call: Callable[[], None]) -> None:
        """Do something slow while the kernel answers the page."""
        if self._loop is None:
            call()
        else:
            threading.Thread(target=call, daemon=True).start()

    def soon(self, call: Callable[[], None]) -> None:
        """Have the kernel's main thread do something when it is free."""
        if self._loop is None:
            call()
        else:
            self._loop.call_soon_threadsafe(call, context=self._context)


def _read(choice: DatasetChoice) -> Images | Problem:
    try:
        if not choice.at_hand():
            return Problem(
                _("{name} is not on this machine yet").format(name=choice.title()),
                _("There is nothing to show before it is."),
                _("Press Start: it is downloaded first."),
            )
        return choice.load()
    except Problem as problem:
        return problem
    except Exception as error:  # a data set of the user's own may raise anything
        return Problem(_("{name} cannot be read").format(name=choice.title()), str(error))


def _drawn(
    panel: Panel, experiment: Experiment, data: Images | Problem, draw: int, compare: str = ""
) -> list[dict[str, Any]]:
    """The panel's pictures, or why there are none."""
    if isinstance(data, Problem):
        return unavailable(data)
    try:
        return panel.draw(Look(experiment, data, draw, compare)) if panel.draw else []
    except Problem as problem:
        return unavailable(problem)
    except Exception as error:  # a picture of other settings would be a lie
        return unavailable(Problem(_("There is no picture of this"), str(error)))


def _written(experiment: Experiment, data: Images | Problem, bug: str | None) -> tuple[str, str]:
    """The exported script and a word on it, or why there is none."""
    if isinstance(data, Problem):
        return "", str(data)
    return _attempt(partial(share.written, experiment, data, bug))


def _attempt(write: Callable[[], tuple[str, str]]) -> tuple[str, str]:
    """What it gives, or why it gives nothing: an old script would be a lie."""
    try:
        return write()
    except Exception as error:  # data and runs may be broken in any way
        return "", str(error)
