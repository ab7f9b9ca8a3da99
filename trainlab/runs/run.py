"""Run: what is left of a training, read back from its folder."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainlab import commands as cmd
from trainlab import events as ev
from trainlab.diagnostics.results import Results
from trainlab.diagnostics.sabotage import planted, showing
from trainlab.diagnostics.verdicts import Verdict, judge
from trainlab.engine.checkpoint import Kept, kept
from trainlab.engine.worker import Worker
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.places import runs_folder
from trainlab.runs import store, where
from trainlab.runs.branch import Parent, read_parent
from trainlab.runs.graded import graded
from trainlab.runs.history import Array, History
from trainlab.runs.judged import signals
from trainlab.runs.planted import sabotage_of
from trainlab.text import _

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Run:
    """One training: its experiment and what it measured.

    `steps` maps step, epoch, loss, accuracy, lr to arrays with a value a step; `epochs` maps epoch,
    train_loss, train_accuracy, val_loss, val_accuracy to arrays with a value an epoch. `sabotage` is the
    name of the bug that a lesson planted in it, None for a sound run.
    """

    def __init__(
        self, path: Path, experiment: Experiment, history: History, sabotage: str | None = None
    ) -> None:
        self.path, self.experiment, self._history = path, experiment, history
        self.sabotage = sabotage

    @property
    def state(self) -> ev.State:
        """The state the run was in when it was last heard of."""
        return self._history.state

    @cached_property
    def steps(self) -> Mapping[str, Array]:
        """The numbers of each optimizer step."""
        return self._history.steps.mapping()

    @cached_property
    def epochs(self) -> Mapping[str, Array]:
        """The means of each epoch."""
        return self._history.epochs.mapping()

    @property
    def summary(self) -> dict[str, Any]:
        """The run in one mapping, as `trainlab train --json` prints it; empty numbers are None."""
        finished = self._history.finished
        values = asdict(finished) if finished else {}
        bug = {"sabotage": self.sabotage} if self.sabotage else {}
        return {"run": str(self.path), "state": self.state, **bug, **ev.finite(values)}

    @property
    def threads(self) -> int | None:
        """How many threads torch had: part of exact replay. None for a run that never started."""
        return self._history.started.threads if self._history.started else None

    @property
    def edits(self) -> tuple[ev.Edited, ...]:
        """What was changed while it trained, in order."""
        return tuple(self._history.edits)

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """What is wrong with it and why, as it stands: three at most, the first the most important."""
        known = signals(self._history, self.experiment)
        return judge(known) if known else ()

    @property
    def parent(self) -> Parent | None:
        """Where it branched off another run; None where it began by itself."""
        return read_parent(self.path)

    @property
    def checkpoints(self) -> tuple[Kept, ...]:
        """The checkpoints on disk, oldest first."""
        return kept(self.path / store.CHECKPOINTS)

    def results(self, checkpoint: str | None = None) -> Results:
        """What its network gets right and wrong on its validation images.

        Args:
            checkpoint: the name of the one to take the weights of; the newest if None.

        Raises:
            Problem: there is no such checkpoint, it is damaged, or the data are not on this machine.
        """
        return graded(self.path, checkpoint)

    def figure(self) -> "Figure":
        """Loss, accuracy and learning rate against epochs."""
        from trainlab.views.figures import run_figure  # matplotlib is slow to import

        return run_figure(self.steps, self.epochs)

    def __repr__(self) -> str:
        score = self._history.last("val_accuracy")
        bug = f", with a planted bug: {self.sabotage}" if self.sabotage else ""
        return f"<Run {self.path.name}: {self.state}, validation accuracy {score:.4f}{bug}>"


def load_run(path: str | Path) -> Run:
    """Read a run's folder. Raises Problem where there is none, or it is damaged."""
    folder = Path(path)
    if not (folder / store.EVENTS).is_file():
        raise Problem(
            _("{path}: there is no run").format(path=folder),
            _("a run is a folder with {name} in it").format(name=store.EVENTS),
            _("look for it in the folder that was given with --runs"),
        )
    history = History()
    try:
        for event in store.read_events(folder):
            history.add(event)
    except (OSError, ValueError) as error:
        raise Problem(_("{path}: the run cannot be read").format(path=folder), str(error)) from None
    return Run(folder, Experiment.load(folder / store.EXPERIMENT), history, sabotage_of(folder))


def train(
    experiment: Experiment | None = None,
    runs: str | Path | None = None,
    *,
    resume: str | Path | None = None,
    on_event: Callable[[ev.Event], None] | None = None,
    sabotage: str | None = None,
) -> Run:
    """Train to the end and return the run.

    Args:
        experiment: what to train; the default experiment if None, with a bug one that shows it.
        runs: the folder that keeps runs; $TRAINLAB_RUNS or ./runs if None.
        resume: the folder of a run to go on with instead.
        on_event: called with each event, in this thread.
        sabotage: a bug to plant in a new run, by its name in `tl.sabotages`.

    Raises:
        Problem: the run failed, or there is no such bug.
        KeyboardInterrupt: the run was interrupted; it is saved and can be resumed.
    """
    root = Path(runs).absolute() if runs else runs_folder()
    folder = Path(resume).absolute() if resume else None
    planted(sabotage)  # says so here if there is none
    if folder:
        load_run(folder)
    if folder and sabotage:
        raise Problem(
            _("{path}: no bug can be planted in a run that is there").format(path=folder),
            _("it goes on as it began"),
            _("leave out sabotage, or resume"),
        )

    def make(inbox: cmd.Commands) -> Any:
        if folder:
            return where.resume(folder, inbox)
        return where.start(experiment or showing(sabotage), root, inbox, sabotage)

    worker = Worker()
    seen = _Seen()
    try:
        worker.start(make)
        _follow(worker, seen, on_event)
    except BaseException:  # interrupted, or `on_event` failed: the run is saved before it goes on
        worker.send(cmd.Stop())
        _follow(worker, seen, None)
        raise
    if seen.failed:
        raise Problem(seen.failed.what, seen.failed.why, seen.failed.remedy)
    return load_run(seen.path)


@dataclass
class _Seen:
    """What `train` remembers of the events that pass."""

    path: str = ""
    failed: ev.Failed | None = None


def _follow(worker: Worker, seen: _Seen, on_event: Callable[[ev.Event], None] | None) -> None:
    """Take the run's events until it has ended."""
    for event in worker.until_end():
        match event:
            case ev.Opened():
                seen.path = event.run
            case ev.Failed():
                seen.failed = event
        if on_event:
            on_event(event)
