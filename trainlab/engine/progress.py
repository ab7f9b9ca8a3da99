"""Progress: where a run is. With the weights, optimizer and schedule it makes a snapshot to go on from."""

import copy
import math
from dataclasses import asdict, dataclass, field
from typing import Any

from trainlab import events as ev
from trainlab.engine import checkpoint
from trainlab.engine.build import Parts
from trainlab.engine.keeper import Keeper
from trainlab.engine.meter import Meter
from trainlab.engine.refill import refuse_misfit
from trainlab.experiment import Experiment


@dataclass
class Progress:
    """What a run did so far.

    `rows` are images of the present epoch, `edited` counts edits, `last` is the last epoch's loss and
    accuracy, of training and of validation; `val_losses` and `scores` (accuracies) are of each epoch.
    """

    step: int = 0
    epoch: int = 0
    rows: int = 0
    edited: int = 0
    last: tuple[float, ...] = (math.nan,) * 4
    val_losses: list[float] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)

    def facts(self) -> dict[str, float]:
        """What a checkpoint is chosen by."""
        return {"epoch": self.epoch, "val_loss": self.last[2], "val_accuracy": self.last[3]}

    def batch_left(self, experiment: Experiment, train_images: int) -> bool:
        """Whether the epoch has one; one image in the place of several is left out: it has no variance."""
        least = min(2, experiment.batch_size(train_images))
        return self.rows == 0 or train_images - self.rows >= least

    def steps(self, experiment: Experiment, train_images: int) -> int:
        """The steps it would have done by now, had it been this experiment from the start."""
        plan = experiment.plan(train_images)
        left, size = train_images - self.rows, experiment.batch_size(train_images)
        now = left // size + (left % size > 1) if self.rows else plan.steps_per_epoch
        return max(0, plan.steps - now - (plan.epochs - self.epoch - 1) * plan.steps_per_epoch)

    def position(self, experiment: Experiment, train_images: int) -> float:
        """How many epochs are done, with a fraction."""
        size = experiment.batch_size(train_images)
        return self.epoch + self.rows / size / experiment.plan(train_images).steps_per_epoch


def snapshot(at: Progress, parts: Parts, meter: Meter, keeper: Keeper) -> checkpoint.Snapshot:
    """This moment of a run, copied: training on does not change it."""
    state = {
        **{name: value for name, value in asdict(at).items() if name != "step"},
        "optimizer": parts.optimizer.state_dict(),
        "schedule": parts.schedule.state_dict(),
        "lr": parts.plan.lr,
        "ahead": parts.plan.ahead,
        "sums": meter.sums,
        "images": meter.images,
        "seconds": meter.seconds,
        "best": keeper.state(),
    }
    weights = {name: t.detach().clone() for name, t in parts.model.state_dict().items()}
    return checkpoint.Snapshot(at.step, weights, copy.deepcopy(state), at.facts())


def progress_of(taken: checkpoint.Snapshot) -> Progress:
    """Where the run was when a snapshot was taken. Raises Problem where it does not say so."""
    state: dict[str, Any] = copy.deepcopy(taken.state)
    own = {name: value for name, value in asdict(Progress()).items() if name != "step"}
    best = {"step": 0, "facts": Progress().facts()} if state.get("best") else None
    rest = {"lr": 0.0, "ahead": 0, "sums": (0, 0.0, 0), "images": 0, "seconds": 0.0, "best": best}
    given = {name: item for name, item in state.items() if name not in ("optimizer", "schedule")}
    refuse_misfit(taken.step, own | rest, given)
    return Progress(taken.step, **{name: state[name] for name in own})


def finished(at: Progress, meter: Meter, keeper: Keeper, stopped: bool, sha256: str) -> ev.Finished:
    """What a run came to; `sha256` is of its weights."""
    return ev.Finished(
        stopped=stopped,
        epochs=at.epoch,
        steps=at.step,
        train_loss=at.last[0],
        val_loss=at.last[2],
        val_accuracy=at.last[3],
        best_val_accuracy=keeper.best_accuracy,
        seconds=meter.seconds,
        images_per_second=meter.images / meter.seconds if meter.seconds else 0.0,
        weights_sha256=sha256,
    )
