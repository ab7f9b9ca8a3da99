"""A run goes on from a checkpoint as if it had never stopped, with every optimizer and schedule."""

from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from trainlab import commands as cmd
from trainlab import events as ev
from trainlab.catalog.optimizers import OptimizerChoice
from trainlab.catalog.schedules import ScheduleChoice
from trainlab.choice import choices
from trainlab.engine import checkpoint
from trainlab.engine.trainer import Trainer
from trainlab.experiment import Experiment

MOVED: dict[str, Any] = {
    "kind": "sequential",
    "at": 1,
    "first": "cosine",
    "then": "step",
    "warmup": 9,
}
CASES: list[dict[str, Any]] = [
    *({"optimizer": choice.kind_name(), "schedule": MOVED} for choice in choices(OptimizerChoice)),
    *({"schedule": choice.kind_name()} for choice in choices(ScheduleChoice)),
    {"schedule": MOVED | {"momentum_end": 0.5}},
    {"regularizers": [{"kind": "early_stopping", "patience": 1}], "optimizer": {"kind": "sgd", "lr": 2.0}},
]  # fmt: skip


def played(trainer: Trainer, inbox: cmd.Commands, stop_at: int = 0) -> ev.Finished:
    """The end of a run, which is stopped after `stop_at` epochs if that is not 0."""
    for event in trainer.run(inbox):
        if isinstance(event, ev.EpochEnd) and event.epoch == stop_at:
            inbox.put(cmd.Stop())
        if isinstance(event, ev.Finished):
            return event
    raise AssertionError("no end")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_ends_as_if_it_had_never_stopped(case: dict[str, Any], tmp_path: Path) -> None:
    experiment = Experiment.from_data(
        {
            "model": {"kind": "mlp", "width": 8, "depth": 2},
            "optimizer": {"kind": "adamw", "lr": 0.01},
            "training": {"epochs": 4, "batch_size": 256, "threads": 1},
        }
        | case
    )
    whole = played(Trainer(experiment), SimpleQueue())
    half = played(Trainer(experiment, tmp_path), SimpleQueue(), stop_at=2)
    assert half.stopped
    snapshot, problems = checkpoint.newest(tmp_path)
    assert not problems
    rest = played(Trainer(experiment, resume=snapshot), SimpleQueue())
    assert rest.steps == whole.steps
    assert rest.epochs == whole.epochs
    assert rest.weights_sha256 == whole.weights_sha256
    assert rest.weights_sha256 != half.weights_sha256
