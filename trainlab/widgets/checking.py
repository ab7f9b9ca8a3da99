"""The panel Check: checks, chosen layers' gradients, the range test; in the background, one at a time, as they come."""

import hashlib
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from trainlab.catalog.datasets import Images
from trainlab.catalog.optimizers import OptimizerChoice
from trainlab.diagnostics.checks import CHECKS, Check, made, preflight
from trainlab.diagnostics.checks.base import Cancelled, Subject
from trainlab.diagnostics.checks.slopes import GRADIENTS
from trainlab.diagnostics.gradients import layer_kinds
from trainlab.diagnostics.range_test import HIGH, LOW, LRS, Point, range_test, suggest
from trainlab.diagnostics.sabotage import planted
from trainlab.engine.build import Plant, as_built
from trainlab.experiment import Experiment
from trainlab.runs import baselines
from trainlab.text import _
from trainlab.widgets.behind import data_at_hand, why_not
from trainlab.widgets.bundles import PanelsWidget, sound

EVERY = 0.15  # seconds between two looks at a growing curve
MOST_ROWS = 60  # of a check's table
Spec = dict[str, Any]


def check_spec(experiment: Experiment) -> Spec:
    """What the page needs to know of the forms: keys that change with what was checked, and lr.

    A range test chooses its learning rates itself, so that its key is the same at any.
    """
    optimizer = experiment.optimizer
    plain = experiment.but(optimizer=optimizer.model_copy(update={"lr": 1.0}))
    return {
        "checks": _key(experiment),
        "gradients": _key(experiment),
        "range": _key(plain),
        "lr": optimizer.lr,
        "total": len(CHECKS),
    }


def reference_spec(experiment: Experiment) -> Spec:
    """What the page needs to know of the data set on the forms: its key, and published results."""
    dataset = experiment.dataset
    known = [
        {"name": _(k.name), "accuracy": k.accuracy, "source": _(k.source)} for k in dataset.known
    ]
    return {"key": baselines.key_of(dataset), "known": known}


class Checking:
    """Answers the panel's buttons. What was found is state of the widget: a page that opens late has it too.

    Args:
        view: hears the page; its `checks` are written by the main thread alone.
        experiment: gives what is to be checked.
        soon: has the kernel's main thread do something when it is free.
        sabotage: names the bug that the next run gets: what is checked has it too.
    """

    def __init__(
        self,
        view: PanelsWidget,
        experiment: Callable[[], Experiment],
        soon: Callable[[Callable[[], None]], None],
        sabotage: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._view, self._experiment, self._soon = view, experiment, soon
        self._sabotage = sabotage
        self._plant: Plant = as_built
        self._cancel = threading.Event()
        self._busy = False
        view.on_msg(self._hear)

    def close(self) -> None:
        """Call off what is going on."""
        self._cancel.set()

    def forget(self) -> None:
        """What was found is of something else than is checked from now on."""
        self._cancel.set()
        if not self._busy:
            self._view.checks = {}

    def _hear(self, _widget: object, message: Any, _buffers: object) -> None:
        """What the page sends; anything else is for others."""
        if not sound(message):
            return
        match message:
            case {"type": "check", "do": "cancel"}:
                self._cancel.set()
            case {"type": "check", "do": "checks"}:
                self._soon(lambda: self._start("checks", {"rows": []}, self._check))
            case {"type": "check", "do": "range"}:
                empty: Spec = {"points": [], "suggestions": []}
                self._soon(lambda: self._start("range", empty, self._sweep))
            case {"type": "check", "do": "gradients", "layers": [*names]}:
                layers = tuple(str(name) for name in names)
                known = self._view.checks.get("gradients", {}).get("layers", [])
                empty = {"rows": [], "layers": known, "chosen": list(layers)}
                work = partial(self._slopes, layers)
                self._soon(lambda: self._start("gradients", empty, work))

    def _start(self, what: str, empty: Spec, work: Callable[[Experiment, Images], None]) -> None:
        if self._busy:
            return
        self._busy = True
        self._cancel = threading.Event()
        experiment, self._plant = self._experiment(), planted(self._sabotage())
        empty |= {"key": check_spec(experiment)[what], "error": "", "says": ""}
        self._view.checks = {**self._view.checks, "busy": what, what: empty}
        call = threading.Thread(target=self._guard, args=(what, work, experiment), daemon=True)
        call.start()

    def _guard(
        self, what: str, work: Callable[[Experiment, Images], None], experiment: Experiment
    ) -> None:
        """Do the work in the background; whatever it raises is shown."""
        error = why_not(lambda: work(experiment, data_at_hand(experiment)))
        self._soon(lambda: self._end(what, error))

    def _end(self, what: str, error: str) -> None:
        self._busy = False
        self._show(what, error=error)
        self._view.checks = {**self._view.checks, "busy": ""}

    def _show(self, what: str, **news: Any) -> None:
        """Put news into what is shown; on the main thread."""
        self._view.checks = {**self._view.checks, what: {**self._view.checks[what], **news}}

    def _check(self, experiment: Experiment, data: Images) -> None:
        start, rows = time.perf_counter(), list[Spec]()
        counts = dict.fromkeys(("pass", "warn", "fail", "skip"), 0)
        for found in preflight(experiment, data, self._cancel.is_set, plant=self._plant):
            rows.append(_row(found))
            counts[found.verdict] += 1
            self._soon(lambda: self._show("checks", rows=list(rows)))
        words = _(
            "{pass} passed, {warn} to look at, {fail} failed, {skip} left out, in {seconds:.1f} s"
        )
        says = words.format(**counts, seconds=time.perf_counter() - start)
        if len(rows) < len(CHECKS):
            says = _("Cancelled: {counts}").format(counts=says)
        self._soon(lambda: self._show("checks", says=says))

    def _slopes(self, layers: tuple[str, ...], experiment: Experiment, data: Images) -> None:
        subject = Subject(experiment, data, self._cancel.is_set, layers, self._plant)
        kinds = layer_kinds(subject.model())
        names = [{"name": name, "kind": kind} for name, kind in kinds.items()]
        self._soon(lambda: self._show("gradients", layers=names))
        try:
            rows = [_row(made(GRADIENTS, subject))]
        except Cancelled:
            self._soon(lambda: self._show("gradients", says=_("Cancelled.")))
        else:
            self._soon(lambda: self._show("gradients", rows=rows))

    def _sweep(self, experiment: Experiment, data: Images) -> None:
        points, sent = list[Point](), time.monotonic()
        for point in range_test(experiment, data, self._cancel.is_set, LRS, self._plant):
            points.append(point)
            if time.monotonic() > sent + EVERY:
                sent = time.monotonic()
                now = _curve(points)
                self._soon(lambda now=now: self._show("range", points=now))  # type: ignore[misc]
        if self._cancel.is_set():
            news: Spec = {"says": _("Cancelled.")}
        else:
            news = _advice(points, experiment.optimizer)
        self._soon(lambda: self._show("range", points=_curve(points), **news))


def _row(found: Check) -> Spec:
    """A check as the page takes it; of a long table the first rows."""
    return found.to_data() | {"details": [list(row) for row in found.details[: MOST_ROWS + 1]]}


def _curve(points: list[Point]) -> list[tuple[float | None, ...]]:
    """lr, loss and smoothed loss of each point, without what JSON has no word for."""
    return [
        tuple(value if abs(value) < 1e300 else None for value in (p.lr, p.loss, p.smoothed))
        for p in points
    ]


def _advice(points: list[Point], optimizer: OptimizerChoice) -> Spec:
    """What the curve suggests, and what that means; or why it suggests nothing."""
    found = suggest(points)
    offers = [
        (found.steepest, _("Steepest fall"), _("Here the loss falls fastest: usually a good choice.")),
        (found.minimum_tenth, _("A tenth of the lowest"),
         _("Ten times as much gave the lowest loss, and a little more is too much: a tenth keeps its distance.")),
    ]  # fmt: skip
    suggestions = [
        {"lr": lr, "label": label, "meaning": meaning} for lr, label, meaning in offers if lr
    ]
    done = len(points)
    if done < len(LRS) and not optimizer.follows(LRS[done], done + 1):
        says = _(
            "From step {step} on {optimizer} sets its steps itself, whatever the learning rate: there is nothing more "
            "to try."
        ).format(step=done + 1, optimizer=_(optimizer.title()))
    elif not suggestions:
        says = _(
            "No clear fall: the loss hardly changes, or no more than from one batch to the next. Try larger batches "
            "or less dropout; where that does not help, run the checks."
        )
    elif found.diverged:
        says = _("The loss exploded at {lr:g}.").format(lr=found.diverged)
    else:
        says = _("The loss did not explode up to {lr:g}.").format(lr=points[-1].lr)
    return {"suggestions": suggestions, "says": says, "low": LOW, "high": HIGH}


def _key(experiment: Experiment) -> str:
    return hashlib.sha256(experiment.model_dump_json().encode()).hexdigest()[:12]
