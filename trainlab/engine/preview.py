"""What a run would do, computed before it: nothing here disturbs one that is under way."""

from functools import lru_cache

import torch
from torch import nn

from trainlab.catalog.optimizers import OptimizerChoice
from trainlab.catalog.schedules import Plan, ScheduleChoice, build_schedule


@lru_cache(maxsize=32)
def preview_lrs(optimizer: OptimizerChoice, schedule: ScheduleChoice, plan: Plan) -> list[float]:
    """The learning rate of every step, from the very objects that a run steps.

    What depends on the run's own validation loss (plateau) is shown as if it fell for ever.
    """
    stand_in = optimizer.build([nn.Parameter(torch.zeros(1))])
    steps = build_schedule(schedule, stand_in, plan)
    lrs: list[float] = []
    for epoch in range(plan.epochs):
        for _step in range(plan.steps_per_epoch):
            lrs.append(stand_in.param_groups[0]["lr"])
            stand_in.step()  # without a gradient it does nothing, but torch wants it before the schedule
            if schedule.interval == "step":
                steps.step()
        if schedule.interval == "epoch":
            steps.step()
        elif schedule.interval == "validation":
            steps.step(-float(epoch))
    return lrs


def layer_table(model: nn.Module, shape: tuple[int, int, int]) -> list[tuple[str, str, int]]:
    """Name, output shape and number of parameters of every layer, by a pass on the meta device."""
    rows: list[tuple[str, str, int]] = []

    def note(module: nn.Module, _inputs: object, output: torch.Tensor) -> None:
        sides = " x ".join(str(side) for side in output.shape[1:])
        rows.append((type(module).__name__, sides, sum(p.numel() for p in module.parameters())))

    leaves = [module for module in model.modules() if not list(module.children())]
    hooks = [leaf.register_forward_hook(note) for leaf in leaves]
    try:
        model.eval()(torch.empty(1, *shape, device="meta"))
    finally:
        for hook in hooks:
            hook.remove()
    return rows
