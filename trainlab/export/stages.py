"""Stages: a run that was edited, as a script has it: one loop, with what differs chosen by the stage."""

from collections.abc import Callable, Sequence
from itertools import groupby

from trainlab import events as ev
from trainlab.catalog.datasets import Images
from trainlab.changes import changed
from trainlab.engine.build import split_rows
from trainlab.engine.edits import replans
from trainlab.engine.progress import Progress
from trainlab.experiment import Experiment
from trainlab.export.writer import Lines, Writer, indented


class Stages:
    """The experiment from each edit to the next: `writers[0]` before the first one.

    `steps` are those after which the edits happened, `positions` where the run was, and `lrs` the
    learning rate that each stage's schedule was made for.
    """

    def __init__(
        self, experiment: Experiment, data: Images, edits: Sequence[ev.Edited] = ()
    ) -> None:
        self.writers = [Writer(experiment, data)]
        self.edits = sorted(edits, key=lambda edit: edit.step)
        for edit in self.edits:
            last = self.writers[-1]
            self.writers.append(Writer(changed(last.experiment, edit.changes), data, last.sources))
        self.train_images = len(split_rows(experiment, data)[0])
        self.positions = self._positions()
        pairs = zip(self.writers, self.writers[1:], self.positions, strict=False)
        for old, new, position in pairs:
            new.ahead = old.ahead
            if replans(old.experiment, new.experiment):
                new.ahead = position.steps(new.experiment, self.train_images) - position.step

    @property
    def first(self) -> Writer:
        """The run as it was started."""
        return self.writers[0]

    def vary(self, of: Callable[[Experiment], object]) -> bool:
        """Whether something differs between the stages."""
        values = [of(writer.experiment) for writer in self.writers]
        return any(value != values[0] for value in values)

    def lines(self, of: Callable[[Writer], Lines]) -> Lines:
        """The lines of every stage: once where they agree, else chosen by `stage`."""
        written = [of(writer) for writer in self.writers]
        groups = [[*group] for _lines, group in groupby(enumerate(written), lambda entry: entry[1])]
        if len(groups) == 1:
            return written[0]
        chosen: Lines = []
        for number, group in enumerate(groups):
            last, lines = group[-1]
            test = f"if stage <= {last}:" if number == 0 else f"elif stage <= {last}:"
            chosen.append("else:" if number == len(groups) - 1 else test)
            chosen += indented(lines or ["pass"])
        return chosen

    def _positions(self) -> list[Progress]:
        """Where the run was at each edit, by walking through its steps."""
        found: list[Progress] = []
        step = epoch = rows = 0
        for writer, edit in zip(self.writers, self.edits, strict=False):
            size = writer.experiment.batch_size(self.train_images)
            while step < edit.step:
                step, rows = step + 1, min(rows + size, self.train_images)
                if self.train_images - rows < min(2, size):
                    epoch, rows = epoch + 1, 0
            found.append(Progress(step, epoch, rows))
        return found
