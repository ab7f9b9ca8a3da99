"""`trainlab train`: a run with a progress bar, which Ctrl-C ends and saves."""

import argparse
import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from tqdm import tqdm

from trainlab import events as ev
from trainlab.cli.settings import read_experiment
from trainlab.cli.streams import complain, say
from trainlab.errors import Problem
from trainlab.places import runs_folder
from trainlab.runs import load_run
from trainlab.runs import train as train_run
from trainlab.runs.listing import find
from trainlab.text import _


def train(arguments: argparse.Namespace) -> int:
    """Train what the arguments name. 0 finished, 1 failed, 130 interrupted; Problem for bad input."""
    if arguments.resume and (arguments.experiment or arguments.set):
        raise Problem(
            _("--resume goes on with the run's own experiment"), _("leave out EXPERIMENT and --set")
        )
    with interruptible():
        experiment = resume = None
        if arguments.resume:
            resume = find(arguments.resume, arguments.runs or runs_folder())
        else:
            experiment = read_experiment(arguments.experiment, arguments.set)
        progress = Progress(sys.stderr.isatty())
        try:
            with closing(progress):
                run = train_run(experiment, arguments.runs, resume=resume, on_event=progress)
        except Problem as problem:
            if not progress.started:
                raise
            return _failed(problem, progress.path)
        except KeyboardInterrupt:
            return _interrupted(progress.path, arguments.json)
    _report(run.summary, arguments.json)
    return 0


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGINT and SIGTERM interrupt the run; a second one ends the process at once."""
    caught: list[int] = []

    def handle(number: int, _frame: Any) -> None:
        if caught:
            os._exit(130)
        caught.append(number)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Progress:
    """Shows a run's events on stderr: a bar in a terminal, else a line an epoch."""

    def __init__(self, terminal: bool) -> None:
        self.terminal, self.started, self.path = terminal, False, ""
        self._bar: tqdm[Any] | None = None
        self._epochs = 0
        self._text = ""
        self._shown: dict[str, str] = {}

    def __call__(self, event: ev.Event) -> None:
        """Take in one event. A terminal that went away must not end the run."""
        with suppress(OSError, ValueError):
            self._show(event)

    def close(self) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            with suppress(OSError, ValueError):
                self._bar.close()

    def _show(self, event: ev.Event) -> None:
        match event:
            case ev.Opened():
                self.path = event.run
            case ev.Progress():
                if event.text != self._text:
                    complain(event.text)
                self._text = event.text
            case ev.Warned():
                complain(event.text)
            case ev.Started():
                self._start(event)
            case ev.Steps() if self._bar is not None:
                self._shown["loss"] = f"{event.loss[-1]:.4f}"
                self._bar.set_postfix(self._shown, refresh=False)
                self._bar.update(event.first + len(event.loss) - 1 - self._bar.n)
            case ev.EpochEnd():
                self._shown["val acc"] = f"{event.val_accuracy:.4f}"
                if not self.terminal:
                    complain(self._epoch_line(event))

    def _start(self, event: ev.Started) -> None:
        self.started, self._epochs = True, event.epochs
        if self.terminal:
            steps = event.epochs * event.steps_per_epoch
            columns, rows = shutil.get_terminal_size()  # tqdm shows nothing where it finds 0
            self._bar = tqdm(
                total=steps,
                initial=event.first_step,
                unit=_("step"),
                ncols=columns,
                nrows=rows,
            )

    def _epoch_line(self, event: ev.EpochEnd) -> str:
        return _(
            "epoch {epoch}/{epochs}  train loss {loss:.4f}  val loss {val:.4f}  val acc {score:.4f}"
        ).format(
            epoch=event.epoch,
            epochs=self._epochs,
            loss=event.train_loss,
            val=event.val_loss,
            score=event.val_accuracy,
        )


def _failed(problem: Problem, path: str) -> int:
    lines = (_("the run failed: {what}").format(what=problem.what), problem.why, problem.remedy)
    complain("trainlab: " + "\n  ".join(line for line in lines if line))
    complain("  " + _("its record is in {run}").format(run=path))
    return 1


def _interrupted(path: str, as_json: bool) -> int:
    """Say what was saved, and how to go on."""
    if not path or not Path(path).is_dir():  # it never came to train
        complain(_("interrupted before the first step: nothing was kept"))
        return 130
    summary = load_run(path).summary
    _report(summary, as_json)
    if summary.get("stopped"):
        complain(_("interrupted and saved; go on with: trainlab train --resume {run}").format(
            run=path
        ))  # fmt: skip
    return 130


def _report(summary: dict[str, Any], as_json: bool) -> None:
    if as_json:
        say(json.dumps(summary))
        return
    score, best = _percent(summary, "val_accuracy"), _percent(summary, "best_val_accuracy")
    say(
        _(
            "{epochs} epochs, {steps} steps in {seconds:.1f} s ({speed:.0f} images/s)\n"
            "validation accuracy {score}, best {best}\n"
            "run {run}"
        ).format(
            epochs=summary.get("epochs"),
            steps=summary.get("steps"),
            seconds=summary.get("seconds") or 0.0,
            speed=summary.get("images_per_second") or 0.0,
            score=score,
            best=best,
            run=summary["run"],
        )
    )


def _percent(summary: dict[str, Any], key: str) -> str:
    value = summary.get(key)
    return "–" if value is None else f"{value:.2%}"
