"""What is previewed is what runs: every schedule, to the last bit."""

from queue import SimpleQueue
from typing import Any

import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

from trainlab import events as ev
from trainlab.catalog.schedules import Plan, ScheduleChoice
from trainlab.choice import choices
from trainlab.engine.schedule_preview import preview
from trainlab.engine.trainer import Trainer
from trainlab.experiment import Experiment

OPTIMIZERS: dict[str, dict[str, Any]] = {
    "sgd": {"kind": "sgd", "lr": 0.05, "momentum": 0.5},
    "adamw": {"kind": "adamw", "lr": 0.01},
}
MOVED = {"warmup": 13, "momentum_end": 0.99}
EVERY: list[dict[str, Any]] = [
    *({"kind": choice.kind_name()} for choice in choices(ScheduleChoice)),
    *({"kind": kind, **MOVED} for kind in ("constant", "cosine", "step", "plateau", "onecycle")),
    {"kind": "sequential", "at": 2, "first": "inverse_time", "then": "step", **MOVED},
    {"kind": "sequential", "at": 1, "first": "constant", "then": "exponential"},
    {"kind": "chained", "first": "linear", "second": {"kind": "step", "step_size": 1}},
    {"kind": "cyclic", "step_size_up": 1, "mode": "exp_range", "gamma": 0.7},
    {"kind": "warm_restarts", "T_0": 1, "T_mult": 2},
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("schedule", EVERY, ids=lambda data: str(data["kind"]))
def test_what_is_previewed_is_what_runs(schedule: dict[str, Any], optimizer: str) -> None:
    experiment = Experiment.from_data(
        {
            "model": {"kind": "mlp", "width": 4, "depth": 1},
            "optimizer": OPTIMIZERS[optimizer],
            "schedule": schedule,
            "training": {"epochs": 4, "batch_size": 256, "threads": 1},
        }
    )
    used: list[tuple[float, float]] = []

    def note(running: torch.optim.Optimizer, *_given: Any) -> None:
        group = running.param_groups[0]
        used.append((group["lr"], group["momentum"] if "momentum" in group else group["betas"][0]))

    hook = register_optimizer_step_pre_hook(note)
    reported: list[float] = []
    plan: Plan | None = None
    try:
        trainer = Trainer(experiment)
        for event in trainer.run(SimpleQueue()):
            if isinstance(event, ev.Steps):
                reported += event.lr
        plan = trainer.parts.plan
    finally:
        hook.remove()
    found = preview(experiment.optimizer, experiment.schedule, plan)
    assert plan.epochs == 4
    assert len(found.lrs) == plan.steps > 20
    assert list(found.lrs) == [lr for lr, _momentum in used] == reported
    assert list(found.momenta) == [momentum for _lr, momentum in used]
