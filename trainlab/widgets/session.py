"""Session: one lab's training. Its pump thread alone writes the run widget, in a few messages a second."""

import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from queue import Empty
from typing import Any

from trainlab import commands as cmd
from trainlab import events as ev
from trainlab.diagnostics.verdicts import Remedy
from trainlab.engine.worker import ENDED, MakeRun, Worker
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.text import _
from trainlab.views.series import decimate, packed
from trainlab.widgets.bundles import RunWidget, sound
from trainlab.widgets.live import LiveEdits
from trainlab.widgets.planted import PLANTED, TOLD
from trainlab.widgets.pulse import Pulse
from trainlab.widgets.shown import Shown
from trainlab.widgets.status import slowed

EVERY = 0.25  # seconds between two updates while training
AT_ONCE = 0.12  # seconds between two updates when something happened
MOST_ROWS = 4000  # rows of a snapshot
_STEPS = slice(1, 5)  # epoch, loss, accuracy, lr
_EPOCHS = [0, 2, 3, 4, 5]  # epoch, then the four means
_COMMANDS: dict[str, type[cmd.Command]] = {
    "pause": cmd.Pause,
    "resume": cmd.Resume,
    "step": cmd.StepOnce,
    "stop": cmd.Stop,
    "save": cmd.Save,
}
Begin = tuple[Experiment, MakeRun]  # what a run is of by then, and how it comes about


@dataclass(frozen=True)
class _Hello:
    """A view of the run appeared and wants to know everything."""

    view: str | None


@dataclass(frozen=True)
class _Reset:
    """Forget the run that is shown; if it is under way it was told to stop, and is forgotten then."""


@dataclass(frozen=True)
class _Past:
    """Show a run that is over, from its folder."""

    run: str


@dataclass(frozen=True)
class _Overlays:
    """Curves of other runs, to be drawn beside those of the run; each has a buffer of steps and one of epochs."""

    items: list[dict[str, Any]]
    buffers: list[bytes]


@dataclass(frozen=True)
class _Dismissed:
    """Say no more of a verdict."""

    verdict: str


@dataclass(frozen=True)
class _Closed:
    """The lab is gone: the pump ends."""


class Session:
    """Starts runs, tells them what the page's buttons say, and shows what they report.

    `make` gives what Start begins: it is asked when it is pressed, and may raise Problem. So may `branch`,
    which is asked for a run that goes on from a checkpoint of the run in a folder: as the forms say, or
    as it was. `live.want(experiment)` edits the run under way.
    """

    def __init__(self, view: RunWidget, make: Callable[[], Begin]) -> None:
        self.view, self._make = view, make
        self.branch: Callable[[str, str, bool], Begin] | None = None
        # does what a verdict's button says
        self.mend: Callable[[Remedy], None] = lambda _remedy: None
        self.worker = Worker()
        self.live = LiveEdits(self.worker.send, self.say)
        self.shown = Shown()
        self.ended: Callable[[str, str], None] = lambda _folder, _words: None
        # they hear which run is shown now, or "", and what it began with
        self.opened: list[Callable[[str, Experiment | None], None]] = []
        self.edited: Callable[[], None] = lambda: None
        self.saved: Callable[[], None] = lambda: None
        self.path = ""  # of the run on the chart, or of the last one that was there
        self._sent = (0, 0, 0)  # what the page has: its number, and its rows of steps and of epochs
        self._sent_at = 0.0
        self._told: dict[str, Any] = {}  # what else the page has, by name
        self._parted = -1  # the step of the plane that the page has
        self._held = ""
        self._next: Callable[[], Begin] | None = None  # begins when the run under way has ended
        self._pulse = Pulse()
        self._shares = False  # the run trains in this process, which cells use too
        self._opened = self._ended = self._resetting = 0  # numbers of runs
        self._overlays = _Overlays([], [])
        view.on_msg(self._hear)
        # ipykernel 7.4 hands a widget's messages to the subshell that it last wrote from. Written in the
        # context of this cell it stays on the main shell; a subshell goes with the page that asked for it.
        pump = partial(copy_context().run, self._pump)
        threading.Thread(target=pump, name="trainlab-pump", daemon=True).start()

    def command(self, name: str) -> None:
        """Do what a button says. Never blocks: the run answers in its own time."""
        if name == "start" or (name == "step" and not self.under_way):
            self.begin(self._make, *((cmd.Pause(), cmd.StepOnce()) if name == "step" else ()))
        elif name == "reset":
            if self.under_way:
                self.worker.send(cmd.Stop())
            self._put(_Reset())
        elif name in _COMMANDS:
            self.worker.send(_COMMANDS[name]())

    def hold(self, why: str) -> None:
        """Pause the run that is under way, saved, and say why it waits; once, where it was not paused already."""
        if self.worker.state in ("building", "running") and not self._held:
            self._held = why
            self.worker.send(cmd.Pause())
            self.worker.send(cmd.Save())

    @property
    def under_way(self) -> bool:
        """Whether a run is being built or trained."""
        return self.worker.busy and self.worker.state not in ENDED

    def begin(self, prepare: Callable[[], Begin], *first: cmd.Command) -> None:
        """Begin a run, new or resumed, with commands it finds waiting; a Problem is shown as a card."""
        if self.under_way:
            self.say(_("a run is under way: stop it first"))
            return
        try:
            experiment, make = prepare()
        except Problem as problem:
            self.refuse(problem)
        else:
            self._shares = experiment.training.worker == "thread"
            if self.worker.start(make, *first) and self.under_way:
                self.live.begin(experiment)

    def begin_next(self, prepare: Callable[[], Begin]) -> None:
        """Begin a run; one that is under way is stopped and saved first."""
        self._put(partial(self._begin_next, prepare))

    def begin_soon(self, prepare: Callable[[], Begin]) -> None:
        """Begin a run whose preparation reads a checkpoint: not on the thread that is called from."""
        self._put(partial(self.begin, prepare))

    def show(self, folder: str) -> None:
        """Put a run that is over on the chart."""
        if self.under_way:
            self.say(_("a run is under way: stop it first"))
        else:
            self._put(_Past(folder))

    def overlay(self, items: list[dict[str, Any]], buffers: list[bytes]) -> None:
        """Draw curves of other runs beside those on the chart, instead of the ones there were."""
        self._put(_Overlays(items, buffers))

    def refuse(self, problem: Problem) -> None:
        """Show why something was not begun, as a card."""
        self._put(ev.Failed(problem.what, problem.why, problem.remedy))

    def measure(self) -> None:
        """Look again what the run on the chart is measured by."""
        self._put(partial(self.shown.look_for_baseline))

    def close(self) -> None:
        """End the run, saved, and the pump."""
        self.worker.send(cmd.Stop())
        self._put(_Closed())

    def say(self, text: str) -> None:
        """Show a sentence beside the run."""
        self._put(ev.Answered(0, False, text))

    def greet(self) -> None:
        """Tell every page all there is."""
        self._put(_Hello(None))

    def _put(self, item: Any) -> None:
        self.worker.events.put((self.worker.run, item))

    def _hear(self, _widget: object, message: Any, _buffers: object) -> None:
        """What the page sends; anything else that arrives is left alone."""
        if not sound(message):
            return
        match message:
            case {"type": "hello", **rest}:
                view = rest.get("view")
                self._put(_Hello(view if isinstance(view, str) else None))
            case {"type": "command", "name": str(name)}:
                self.command(name)
            case {"type": "branch", "checkpoint": str(name), "forms": bool(forms)} if (
                self.branch and self.shown.folder
            ):
                self.begin_soon(partial(self.branch, self.shown.folder, name, forms))
            case {"type": "mend", "id": str(card)} if card in (PLANTED, TOLD):
                self._put(partial(self.shown.planted.press, card))
            case {"type": "mend", "id": str(verdict), "number": int(number)}:
                if remedy := self.shown.feed.remedy(verdict, number):
                    self.mend(remedy)
            case {"type": "dismiss", "id": str(verdict)}:
                self._put(_Dismissed(verdict))

    def _pump(self) -> None:
        waiting = urgent = False
        while True:
            due = self._sent_at + (AT_ONCE if urgent else EVERY) - time.monotonic()
            if waiting and due <= 0:
                waiting = urgent = False
                self._attempt(self._show)
            try:
                run, item = self.worker.events.get(timeout=due if waiting else None)
            except Empty:
                continue
            if isinstance(item, _Closed):
                return
            urgent = self._attempt(partial(self._take, run, item)) or urgent
            waiting = True

    def _attempt(self, call: Callable[[], bool | None]) -> bool:
        """Do something that a strange record may spoil: the page hears of it, and of all that follows."""
        try:
            return bool(call())
        except Exception as error:  # the only thread that answers the page goes on
            self._sent_at = time.monotonic()
            self.shown.note = _("This could not be shown: {why}").format(why=str(error)[:200])
            return True

    def _take(self, run: int, item: Any) -> bool:
        """Take in one event of a run; whether the page should know at once."""
        match item:
            case _Hello():
                self._snapshot(item.view)
                if self._overlays.items:
                    self._send_overlays(item.view)
            case _Overlays():
                self._overlays = item
                self._send_overlays(None)
            case _Dismissed():
                self.shown.feed.dismiss(item.verdict)
            case partial():
                item()
            case _Past():
                self.shown.open(item.run)
                self.path = item.run
                state = self.shown.history.state
                self.shown.state = state if state in ENDED else "done"
                self._tell_opened()
            case _Reset():
                if run > self._ended:
                    self._resetting = run  # once it has ended
                else:
                    self._forget()
            case ev.Opened():
                self.shown.open(item.run)
                self._opened = run
                self.shown.history.failed = None
                self.shown.state = "building"
                self._tell_opened()
            case ev.Progress():
                first = run != self._opened and self.shown.state != "building"
                if first:  # it has no folder yet: its process starts
                    self.shown.clear()
                    self.shown.state = "building"
                self.shown.building = item
                return first
            case ev.Boundary():
                self.shown.part(item)
                return self.shown.state == "paused"
            case ev.Answered():
                self.shown.note = item.reason or self.shown.note  # to look closer is no news
                self.live.answered(item)
            case ev.Steps():
                self.shown.speed = item.images_per_second
                self.shown.history.add(item)
                return self.shown.state == "paused"
            case ev.Event():
                self._follow(run, item)
                return not isinstance(item, ev.EpochEnd)
        return True

    def _follow(self, run: int, event: ev.Event) -> None:
        """Take in what changes the run as a whole."""
        if isinstance(event, ev.Failed) and run != self._opened:
            self.shown.clear()  # it never had a chart: what is shown is of the run before
        self.shown.history.add(event)
        if isinstance(event, ev.Started):
            self.path = self.shown.folder
        if isinstance(event, ev.Started | ev.Saved | ev.Changed):
            self.shown.look_for_checkpoints()
            self.saved()
        if isinstance(event, ev.Edited):
            self.shown.note = ""
            self.live.took(event)
            self.edited()
        if isinstance(event, ev.Changed):
            self.shown.state, self.shown.note = event.state, ""
            self._held = self._held if event.state == "paused" else ""
            if event.state in ENDED:
                self._end(run)

    def _end(self, run: int) -> None:
        """A run is over."""
        self._ended = run
        if len(self.shown.history.steps):
            status = self.shown.status()
            self.ended(self.shown.folder, f"{status['state_label']}. {status['summary']}")
        if run == self.worker.run:
            self.live.end()
        if self._resetting == run:
            self._forget()
        if self._next:
            prepare, self._next = self._next, None
            self.begin(prepare)

    def _begin_next(self, prepare: Callable[[], Begin]) -> None:
        if self.under_way:
            self._next = prepare
            self.worker.send(cmd.Stop())
        else:
            self.begin(prepare)

    def _send_overlays(self, view: str | None) -> None:
        message = {"type": "overlays", "view": view, "items": self._overlays.items}
        self.view.send(message, self._overlays.buffers)

    def _tell_opened(self) -> None:
        for hear in self.opened:
            hear(self.shown.folder, self.shown.experiment)

    def _forget(self) -> None:
        self.shown.clear()
        self._tell_opened()

    def _show(self) -> None:
        """Send what is new since the last time."""
        shown, steps, epochs = self._sent
        if shown != self.shown.number:
            self._snapshot(None)
            return
        new = (
            self.shown.history.steps.rows[steps:, _STEPS],
            self.shown.history.epochs.rows[epochs:, _EPOCHS],
        )
        self._send("append", None, *new)

    def _snapshot(self, view: str | None) -> None:
        """Everything so far, for one view or for all."""
        steps = decimate(self.shown.history.steps.rows, MOST_ROWS)
        epochs = decimate(self.shown.history.epochs.rows, MOST_ROWS)
        if self._sent[0] != self.shown.number:
            view = None  # the others do not know this run yet either
        elif view is not None:
            self._show()  # the others get what is new first, so that one count serves all
        self._send("snapshot", view, steps[:, _STEPS], epochs[:, _EPOCHS])

    def _send(self, kind: str, view: str | None, steps: Any, epochs: Any) -> None:
        shown, whole = self.shown, kind == "snapshot"
        slow = shown.state == "running" and self._shares and self._pulse.lost()
        message: dict[str, Any] = {
            "type": kind,
            "run": str(shown.number),
            "view": view,
            "status": shown.status(self._held, slowed() if slow else ""),
            "n": len(steps),
            "m": len(epochs),
        }
        news = {
            "marks": shown.marks(),
            "verdicts": shown.cards(),
            "references": shown.references(),
        }
        message |= {name: new for name, new in news.items() if whole or new != self._told.get(name)}
        self._told = news
        self._parted, plane, buffers = shown.plane(whole, self._parted)
        self.view.send(message | plane, [packed(steps), packed(epochs), *buffers])
        self._sent = (shown.number, len(shown.history.steps), len(shown.history.epochs))
        self._sent_at = time.monotonic()
