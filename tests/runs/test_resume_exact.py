"""Exact resume: wherever a run was stopped, it ends with the numbers of one that never was."""

import functools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from trainlab import commands as cmd
from trainlab import events as ev
from trainlab.engine import checkpoint
from trainlab.engine.trainer import Trainer
from trainlab.experiment import Experiment

EPOCHS, BATCH = 3, 5
SCHEDULES: list[dict[str, Any]] = [
    {"kind": "constant"},
    {"kind": "onecycle"},
    {"kind": "plateau", "patience": 0, "threshold": 0.9, "factor": 0.5},
]
# when it is stopped, by what the trainer has done
MOMENTS: dict[str, Callable[[Trainer], bool]] = {
    "first step": lambda trainer: trainer.at.step == 1,
    "mid-epoch": lambda trainer: trainer.at.epoch == 1 and trainer.at.rows == 2 * BATCH,
    "epoch end": lambda trainer: trainer.at.epoch == 2 and trainer.at.rows == 0,
    "during validation": lambda trainer: trainer.at.epoch == 1 and not trainer.parts.model.training,
}


class When(cmd.Commands):
    """A command that arrives at a moment, and others after it."""

    def __init__(self, moment: Callable[[], bool], *commands: cmd.Command) -> None:
        super().__init__()
        self.moment, self.commands = moment, [*commands]

    def empty(self) -> bool:
        return not self.commands or not self.moment()

    def get(self, block: bool = True, timeout: float | None = None) -> cmd.Command:
        self.moment = lambda: True
        return self.commands.pop(0)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of fifteen small pictures, some of them alike enough to learn."""
    root, draw = tmp_path_factory.mktemp("photographs"), np.random.default_rng(0)
    for label, name in enumerate(("a", "b")):
        (root / name).mkdir()
        for number in range(15):
            pixels = draw.integers(60 * label, 160 + 60 * label, (8, 8), np.uint8)
            Image.fromarray(pixels).save(root / name / f"{number}.png")
    return root


@pytest.fixture(params=["memory", "folder"])
def dataset(request: pytest.FixtureRequest, photographs: Path) -> dict[str, Any]:
    if request.param == "memory":
        return {"kind": "moons", "points": 40}
    return {"kind": "folder", "root": str(photographs), "size": 8, "grey": True}


def experiment(dataset: dict[str, Any], schedule: int, precision: str) -> Experiment:
    return Experiment.from_data(
        {
            "dataset": dataset,
            "augmentations": ["shift"] if dataset["kind"] == "folder" else [],
            "model": {"kind": "mlp", "width": 8, "depth": 1, "dropout": 0.2},
            "optimizer": {"kind": "adamw", "lr": 0.01},
            "schedule": SCHEDULES[schedule],
            "training": {
                "epochs": EPOCHS,
                "batch_size": BATCH,
                "threads": 1,
                "precision": precision,
            },
        }
    )


def ended(events: Iterator[ev.Event]) -> ev.Finished:
    (end,) = [event for event in events if isinstance(event, ev.Finished)]
    return end


@functools.cache
def uninterrupted(text: str) -> ev.Finished:
    """The end of a run that nobody stops; `text` is its experiment."""
    trainer = Trainer(Experiment.from_data(json.loads(text)))
    return ended(trainer.run(When(lambda: False)))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("schedule", range(3), ids=[each["kind"] for each in SCHEDULES])
@pytest.mark.parametrize("moment", MOMENTS)
def test_it_ends_as_if_it_had_never_been_stopped(
    dataset: dict[str, Any], moment: str, schedule: int, precision: str, tmp_path: Path
) -> None:
    what = experiment(dataset, schedule, precision)
    whole = uninterrupted(what.to_json())
    trainer = Trainer(what, tmp_path)
    half = ended(trainer.run(When(lambda: MOMENTS[moment](trainer), cmd.Stop())))
    assert half.stopped
    assert 0 < half.steps < whole.steps
    snapshot, problems = checkpoint.newest(tmp_path)
    assert snapshot is not None
    assert problems == []
    assert snapshot.step == half.steps
    rest = ended(Trainer(what, resume=snapshot).run(When(lambda: False)))
    assert (rest.steps, rest.epochs) == (whole.steps, whole.epochs)
    assert rest.weights_sha256 == whole.weights_sha256 != half.weights_sha256
    assert (rest.val_loss, rest.train_loss) == (whole.val_loss, whole.train_loss)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_pause_and_a_save_change_nothing(
    dataset: dict[str, Any], moment: str, tmp_path: Path
) -> None:
    what = experiment(dataset, 1, "float32")
    trainer = Trainer(what, tmp_path)
    commands = (cmd.Pause(), cmd.Save(), cmd.StepOnce(), cmd.Resume())
    end = ended(trainer.run(When(lambda: MOMENTS[moment](trainer), *commands)))
    assert end.weights_sha256 == uninterrupted(what.to_json()).weights_sha256
    assert any(kept.pinned for kept in checkpoint.kept(tmp_path))
