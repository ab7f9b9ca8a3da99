"""How good are you? The user labels a few validation images; the score is a line on the accuracy chart.

They are shown as they are in the data set, before preprocessing and augmentation: what a standardised image
looks like depends on how it is drawn. A label reaches the page when all are answered.
"""

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor

from trainlab.catalog.datasets import is_plane
from trainlab.diagnostics.results import wilson
from trainlab.engine.build import split_rows
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.runs import baselines
from trainlab.runs.baselines import Baseline, Line
from trainlab.text import _
from trainlab.views.images import grid_png
from trainlab.widgets.behind import data_at_hand, why_not
from trainlab.widgets.bundles import PanelsWidget, sound
from trainlab.widgets.desk import Desk
from trainlab.widgets.pictures.look import Spec, thumbnails

ASKED = 20  # images; fewer where validation has fewer
SIDE = 256  # pixels of the longest side


@dataclass
class Quiz:
    """Images (N, C, H, W) with their labels, and what was answered so far."""

    key: str  # of the data set
    classes: tuple[str, ...]
    images: Tensor
    labels: list[int]
    answers: list[int] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """Whether all are answered."""
        return len(self.answers) == len(self.labels)

    @property
    def right(self) -> int:
        """How many answers are right."""
        return sum(a == b for a, b in zip(self.answers, self.labels, strict=False))


class HumanBaseline:
    """Asks, and keeps what came out. What the page shows is state of the widget `view.human`.

    Args:
        view: hears the page; its `human` is written by the main thread alone.
        desk: the forms, the folder of the runs, and the main thread.
        kept: called when something was written down.
    """

    def __init__(self, view: PanelsWidget, desk: Desk, kept: Callable[[], None]) -> None:
        self._view, self._desk, self._kept = view, desk, kept
        self._quiz: Quiz | None = None
        self._round = 0
        view.on_msg(self._hear)

    def show(self, **news: Any) -> None:
        """Show what is on record, and this news."""
        try:
            known, error = baselines.read(self._desk.root), ""
        except Problem as problem:
            known, error = {}, str(problem)
        entries = {key: _entry(baseline) for key, baseline in known.items()}
        self._view.human = {"entries": entries, "error": error, "quiz": self._page(), **news}

    def _hear(self, _widget: object, message: Any, _buffers: object) -> None:
        """What the page sends; anything else is for others."""
        if not sound(message):
            return
        match message:
            case {"type": "human", "do": "start"}:
                self._desk.soon(self._start)
            case {"type": "human", "do": "answer", "at": int(at), "answer": int(answer)}:
                self._desk.soon(partial(self._answer, at, answer))
            case {"type": "human", "do": "undo"}:
                self._desk.soon(self._undo)
            case {"type": "human", "do": "cancel"}:
                self._desk.soon(self._cancel)
            case {
                "type": "human",
                "do": "line",
                "name": str(name),
                "accuracy": float() | int() as y,
            }:
                self._desk.soon(partial(self._draw_line, name, y))
            case {"type": "human", "do": "line", "name": None}:
                self._desk.soon(partial(self._draw_line, "", 0.0))

    def _start(self) -> None:
        self._cancel()
        experiment, number = self._desk.editor.experiment, self._round
        self.show(quiz={"state": "loading"})
        threading.Thread(target=self._load, args=(experiment, number), daemon=True).start()

    def _load(self, experiment: Experiment, number: int) -> None:
        """Draw the images in the background; what was called off meanwhile is dropped."""
        found: list[Quiz] = []
        error = why_not(lambda: found.append(drawn(experiment)))

        def arrive() -> None:
            if number == self._round:
                self._quiz = found[0] if found else None
                self.show(**({"error": error} if error else {}))

        self._desk.soon(arrive)

    def _answer(self, at: int, answer: int) -> None:
        """Take an answer to image number `at`; another one was meant for an image that is gone."""
        quiz = self._quiz
        if quiz is None or quiz.over or at != len(quiz.answers):
            return
        if not 0 <= answer < len(quiz.classes):
            return
        quiz.answers.append(answer)
        if quiz.over:
            self._keep(quiz.key, right=quiz.right, asked=len(quiz.labels))
        else:
            self.show()

    def _undo(self) -> None:
        if self._quiz and self._quiz.answers and not self._quiz.over:
            self._quiz.answers.pop()
            self.show()

    def _cancel(self) -> None:
        self._quiz = None
        self._round += 1
        self.show()

    def _draw_line(self, name: str, accuracy: float) -> None:
        """Measure the data set's runs by this, or by no known result where it has no name."""
        name = " ".join(name.split())[: baselines.LONGEST_NAME]
        if 0 <= accuracy <= 1:
            line = Line(name, float(accuracy)) if name else None
            self._keep(baselines.key_of(self._desk.editor.experiment.dataset), line=line)

    def _keep(self, key: str, **news: Any) -> None:
        try:
            baselines.keep(self._desk.root, key, **news)
        except Problem as problem:
            self.show(error=str(problem))
            return
        self.show()
        self._kept()

    def _page(self) -> Spec:
        """The quiz as the page takes it: no label before the end."""
        quiz = self._quiz
        if quiz is None:
            return {}
        if not quiz.over:
            at = len(quiz.answers)
            alt = _("Image {at} of {count}").format(at=at + 1, count=len(quiz.labels))
            known = {"at": at, "png": _png(quiz.images[at : at + 1]), "alt": alt}
            return {"state": "asking", **known, "classes": list(quiz.classes)}
        pairs = enumerate(zip(quiz.labels, quiz.answers, strict=True))
        wrong = [
            {
                "png": _png(quiz.images[row : row + 1]),
                "alt": _("It is {truth}, you said {answer}").format(
                    truth=quiz.classes[label], answer=quiz.classes[answer]
                ),
            }
            for row, (label, answer) in pairs
            if label != answer
        ]
        return {"state": "done", "says": score_words(quiz.right, len(quiz.labels)), "wrong": wrong}


def drawn(experiment: Experiment) -> Quiz:
    """Some of the validation images, never the same. Raises Problem where they cannot be labelled by looking."""
    data = data_at_hand(experiment)
    if data.positions > 1 or is_plane(data.images.shape[1:]):
        raise Problem(
            _("{data} is nothing to label at a glance").format(data=_(experiment.dataset.title())),
            _("Each image has one class to be named, and must be an image."),
            _("Choose another data set on the panel Data."),
        )
    _train_rows, val_rows = split_rows(experiment, data)
    draws = torch.Generator().manual_seed(secrets.randbits(62))
    rows = val_rows[torch.randperm(len(val_rows), generator=draws)[:ASKED]]
    key = baselines.key_of(experiment.dataset)
    return Quiz(key, data.classes, data.images[rows], data.labels[rows].tolist())


def score_words(right: int, asked: int) -> str:
    """How good somebody is, and how sure that is."""
    value = right / asked
    low, high = wilson(value, asked)
    return _("{right} of {asked} right: {value:.0%}; for all images {low:.0%} to {high:.0%} (95% interval).").format(
        right=right, asked=asked, value=value, low=low, high=high
    )  # fmt: skip


def _entry(baseline: Baseline) -> Spec:
    """A baseline as the page takes it."""
    line = baseline.line
    says = score_words(baseline.right, baseline.asked) if baseline.asked else ""
    chosen = {"name": line.name, "accuracy": line.accuracy} if isinstance(line, Line) else line
    return {"says": says, "line": chosen}


def _png(images: Tensor) -> str:
    return grid_png(thumbnails(images, SIDE), 1)
