"""Lab: the page as one object. Running its cell again shows the same lab, with its run going on."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path

import ipywidgets
from IPython.core.getipython import get_ipython
from IPython.display import publish_display_data

from trainlab.changes import changed, difference, refuse_fixed
from trainlab.diagnostics.sabotage import planted, showing
from trainlab.diagnostics.verdicts import Remedy
from trainlab.engine.warm import warm_up
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.places import runs_folder
from trainlab.refusal import nearest
from trainlab.runs import Run, load_run, where
from trainlab.runs.branch import experiment_at
from trainlab.runs.listing import experiment_now
from trainlab.text import _
from trainlab.widgets.bundles import PanelsWidget, RunsWidget, RunWidget
from trainlab.widgets.checking import Checking
from trainlab.widgets.desk import Desk
from trainlab.widgets.editor import Editor
from trainlab.widgets.human import HumanBaseline
from trainlab.widgets.inspecting import Inspecting
from trainlab.widgets.panels import PANELS, Panel
from trainlab.widgets.results import ResultsPanel
from trainlab.widgets.runs import RunsTable
from trainlab.widgets.served import linked_experiment, under_voila
from trainlab.widgets.session import Begin, Session
from trainlab.widgets.still import Still
from trainlab.widgets.watch import watch

_open: list["_Parts"] = []  # the newest last
_calls: dict[str, tuple[int, int]] = {}  # by notebook cell: its last execution, and the labs in it


class _Parts:
    """The widgets of one notebook cell, with the forms and the training behind them."""

    def __init__(self, place: str, root: Path) -> None:
        self.place, self.root = place, root
        self.panels, self.run, self.runs = PanelsWidget(), RunWidget(), RunsWidget()
        self.desk = Desk(self.panels, Experiment())
        self.session = Session(self.run, self._next_run)
        self.planted = self.session.shown.planted
        self.planted.without = self._without
        self.desk.planted = lambda: self.planted.next
        self.checking = Checking(
            self.panels, lambda: self.desk.editor.experiment, self.desk.soon, self.desk.planted
        )
        self.human = HumanBaseline(self.panels, self.desk, self.session.measure)
        self.inspecting = Inspecting(self.panels, self.session, self.desk.soon)
        self.session.branch = self._branch
        self.desk.tell = self.session.live.want
        self.session.opened.append(lambda _folder, began: self.desk.compare(began))
        self.session.edited = lambda: self.desk.soon(self.desk.refresh)
        self.session.mend = self._mend
        self.desk.run = lambda: self.session.path
        self.results = ResultsPanel(self.panels, lambda: self.session.shown.folder, self.desk.soon)
        self.session.saved = self.results.look
        self.session.opened.append(lambda _folder, _began: self.results.look())
        self.table = RunsTable(self.runs, self.session, self.desk, root)
        self.page = ipywidgets.Box([self.panels, self.run, self.runs])
        self.page.add_class("tl-lab")
        self.labs: list[Lab] = []  # one for each cell that shows them
        self.still = Still()
        if under_voila():
            watch(_sessions)
        else:
            self.session.ended = self.still.draw
            warm_up()  # in a notebook the page is there, and Start can be pressed, once the cell ends
        threading.Thread(target=self._warm_up, name="trainlab-warm-up", daemon=True).start()

    def _warm_up(self) -> None:
        """What is slow the first time, while the page loads: Start comes first, then the pictures."""
        warm_up()
        while self.session.worker.state == "building":  # somebody was quick: the run goes first
            time.sleep(0.05)
        self.desk.prepare()

    def linked(self) -> Experiment | None:
        """The experiment that the page's address asks for; where it cannot be, the page says why."""
        try:
            return linked_experiment()
        except Problem as problem:
            self.session.refuse(problem)
            return None

    def _wanted(self) -> Experiment:
        """The experiment as the forms have it now. Raises Problem where a value on them is not valid."""
        editor = self.desk.editor
        if editor.wrong:
            path, reason = editor.wrong
            raise Problem(
                _("{path}: {reason}").format(path=path, reason=reason),
                _("A value on the forms is not valid, so nothing was started."),
                _("Mend it, or reset it to its default, and press Start again."),
            )
        return editor.experiment

    def _next_run(self) -> Begin:
        """The run that Start begins."""
        experiment, root, bug = self._wanted(), self.root, self.planted.next
        return experiment, lambda inbox: where.start(experiment, root, inbox, bug)

    def plant(self, name: str | None) -> None:
        """From now on runs that start get this bug."""
        self.planted.next = name
        self.session.greet()  # the page says so

    def _without(self) -> None:
        """The lab is sound from now on: train what the forms say, and forget what was found before."""
        self.desk.soon(self.checking.forget)
        self.desk.soon(self.desk.refresh)
        self.session.begin_next(self._next_run)

    def _branch(self, run: str, name: str, forms: bool) -> Begin:
        """The run that goes on from a checkpoint: as the forms say, or as it was."""
        folder, root = Path(run), self.root
        then = experiment_at(folder, name)
        wanted = self._wanted() if forms else then
        if not forms:
            self.desk.take(then)  # they edit the run from now on
        changes = difference(then, wanted)
        refuse_fixed(changes)
        return wanted, lambda inbox: where.branch(folder, name, root, changes, inbox)

    def _mend(self, remedy: Remedy) -> None:
        """Do what a verdict's button says: in the run on the chart, in a branch of it, or in a new run."""
        try:
            wanted = changed(experiment_now(Path(self.session.shown.folder)), remedy.changes)
        except Problem as problem:
            self.session.refuse(problem)
            return
        self.desk.take(wanted)
        if self.session.under_way and remedy.how == "edit":
            return  # it follows the forms by itself
        self.session.begin_next(self._next_run if remedy.how == "restart" else self._go_on)

    def _go_on(self) -> Begin:
        """The run that goes on from the newest checkpoint of the one on the chart; a new one where it has none."""
        folder = self.session.shown.folder
        saved = load_run(folder).checkpoints if folder else ()
        return self._branch(folder, saved[-1].name, True) if saved else self._next_run()


class Lab(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """The lab: panels to choose everything, buttons to train, live curves.

    A notebook that is saved shows the curves of the last run as a picture.

    Args:
        experiment: what the forms start from; the default experiment if None, with a bug one that shows it.
        panels: the ids of the panels to show, in order; all if None. Panels: data, augment, model,
            init, optimizer, schedule, train, check, inspect, results.
        runs: the folder that keeps runs; $TRAINLAB_RUNS or ./runs if None.
        sabotage: a bug to plant in every run that starts here, by its name in `tl.sabotages`. The page says
            that there is one, and what it is once it is asked.

    Raises:
        Problem: there is no such panel, or no such bug.
    """

    def __init__(
        self,
        experiment: Experiment | None = None,
        panels: Sequence[str] | None = None,
        runs: str | Path | None = None,
        sabotage: str | None = None,
    ) -> None:
        chosen = _chosen(panels)
        planted(sabotage)  # says so here if there is none
        root = Path(runs).absolute() if runs else runs_folder()
        place = _place()
        parts = next((parts for parts in _open if place and parts.place == place), None)
        if parts is None:
            parts = _Parts(place, root)
            _open.append(parts)
        parts.root = parts.desk.root = parts.table.root = root
        experiment = experiment or parts.linked()
        if experiment is None and sabotage != parts.planted.next:  # another lesson
            experiment = showing(sabotage)
        if experiment is not None:
            parts.desk.editor = Editor(experiment)
        parts.plant(sabotage)
        parts.desk.show(chosen)
        parts.human.show()
        self._take(parts, place)

    def _take(self, parts: _Parts, place: str) -> None:
        """Show these parts here, instead of the lab of the cell's last execution, whose output is gone."""
        super().__init__([parts.page])
        self.add_class("tl-root")
        self._parts, self._place = parts, place
        for lab in [lab for lab in parts.labs if place and lab._place == place]:
            lab._leave()
        parts.labs.append(self)

    def _leave(self) -> None:
        self._parts.labs.remove(self)
        self.layout.close()
        super().close()

    def __del__(self) -> None:
        """Not closed with the last reference to it: it is shown, or was closed when another took its place."""

    def _ipython_display_(self) -> None:
        if self.comm is None:
            raise NotImplementedError  # closed: IPython shows it as it shows anything
        publish_display_data(self._repr_mimebundle_())
        if not under_voila():
            self._parts.still.show()

    @property
    def experiment(self) -> Experiment:
        """The experiment as the forms have it now."""
        return self._parts.desk.editor.experiment

    @property
    def run(self) -> Run | None:
        """The run on the chart, or the last that was there, as far as it is recorded; None before the first."""
        path = self._parts.session.path
        return load_run(path) if path else None

    def close(self) -> None:
        """End the run, saved, and take the lab off the page."""
        parts = self._parts
        if parts in _open:
            _open.remove(parts)
            parts.session.close()
            parts.checking.close()
            parts.results.close()
            parts.table.close()
        for lab in [*parts.labs]:
            lab._leave()
        for widget in (parts.panels, parts.run, parts.runs, parts.page):
            widget.layout.close()
            widget.close()


def attach(cell: str | None = None) -> Lab:
    """Show a lab of this kernel again: in another cell, or in another notebook of the same kernel.

    Args:
        cell: the id of the cell that made it; the newest lab if None.

    Raises:
        Problem: there is no such lab.
    """
    found = [parts for parts in _open if cell in (None, parts.place.rpartition("/")[0])]
    if not found:
        cells = ", ".join(parts.place.rpartition("/")[0] for parts in _open)
        raise Problem(
            _("this kernel has no lab")
            if cell is None
            else _("cell {cell!r} made no lab").format(cell=cell),
            _("labs were made by these cells: {cells}").format(cells=cells) if cells else "",
            _("make one with tl.Lab()"),
        )
    lab = Lab.__new__(Lab)
    lab._take(found[-1], _place())
    return lab


def _sessions() -> list[Session]:
    return [parts.session for parts in _open]


def _chosen(ids: Sequence[str] | None) -> tuple[Panel, ...]:
    by_id = {panel.id: panel for panel in PANELS}
    if ids is None:
        return PANELS
    for name in ids:
        if name not in by_id:
            what = _("there is no panel {name!r}").format(name=name)
            raise Problem(what + nearest(str(name), [*by_id]))
    return tuple(by_id[name] for name in ids)


def _place() -> str:
    """The notebook cell that is running, and how many labs it made before; empty outside a notebook."""
    shell = get_ipython()
    if shell is None or not hasattr(shell, "get_parent"):
        return ""
    cell = shell.get_parent().get("metadata", {}).get("cellId")
    if not cell:
        return ""
    execution, number = _calls.get(cell, (-1, 0))
    number = number + 1 if execution == shell.execution_count else 0
    _calls[cell] = (shell.execution_count, number)
    return f"{cell}/{number}"
