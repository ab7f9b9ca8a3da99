"""Edits: a run that is under way, made to go on as another experiment says.

Weights stay. So does the optimizer's memory, unless another optimizer is chosen, or settings that shape
its memory; a schedule that changes goes on as if it had been chosen at the start.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from trainlab.catalog.datasets import Images
from trainlab.catalog.optimizers import OptimizerChoice
from trainlab.catalog.schedules import build_schedule
from trainlab.changes import Changes, changed, difference, refuse_fixed
from trainlab.draws import DrawsFrom
from trainlab.engine.build import Parts, augmenter, mixer, network
from trainlab.engine.progress import Progress
from trainlab.engine.randomness import key_noise
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.text import _


def taken(
    parts: Parts, old: Experiment, changes: Changes, at: Progress
) -> tuple[Parts, Experiment, Changes]:
    """Parts and experiment with these fields changed, and what differs. Raises Problem, and changes nothing then."""
    new = changed(old, changes)
    changes = difference(old, new)
    refuse_fixed(changes)
    return edited(parts, old, new, at), new, changes


def edited(parts: Parts, old: Experiment, new: Experiment, at: Progress) -> Parts:
    """The parts as the new experiment wants them. Raises Problem where that cannot be, and changes nothing."""
    _refuse_past(new, at)
    # what fails, fails on a stand-in
    build_schedule(new.schedule, _fresh(new.optimizer), new.plan(len(parts.train)))
    if old.model != new.model:
        parts = _remodelled(parts, new)
    parts = replace(
        parts,
        train=replace(
            parts.train,
            augment=augmenter(new),
            mix=mixer(new, len(parts.classes)),
            prepared=None if new.augmentations else parts.train.prepared,
        ),
        loss=partial(type(new.loss).target, **new.loss.arguments()),
    )
    if restarts(old.optimizer, new.optimizer):
        groups = type(new.optimizer).groups(parts.model.parameters())
        parts = replace(parts, optimizer=new.optimizer.build(groups))
    elif retunes(old.optimizer, new.optimizer):
        retune(parts.optimizer, _fresh(new.optimizer))
    plan = replace(parts.plan, momentum=new.optimizer.first_momentum())
    return _replanned(parts, new, at) if replans(old, new) else replace(parts, plan=plan)


def restarts(old: OptimizerChoice, new: OptimizerChoice) -> bool:
    """Whether the optimizer has to start with an empty memory: another kind, or another kind of memory."""
    if type(old) is not type(new):
        return True
    pairs = [(getattr(old, name), getattr(new, name)) for name in type(new).model_fields]
    had, has = (bool(getattr(choice, "momentum", 0)) for choice in (old, new))
    return had != has or any(one != two for one, two in pairs if isinstance(one, bool | str))


def retunes(old: OptimizerChoice, new: OptimizerChoice) -> bool:
    """Whether settings besides the learning rate differ, which is a factor on the schedule's."""
    return type(old) is type(new) and old.but(lr=new.lr) != new


def replans(old: Experiment, new: Experiment) -> bool:
    """Whether the schedule is made anew: it, its optimizer, or the length of the run is another."""
    warm = {"warmup": 0, "momentum_end": None}  # these two are read at every step
    return (
        old.schedule.but(**warm) != new.schedule.but(**warm)
        or restarts(old.optimizer, new.optimizer)
        or (old.schedule.momentum_end is not None and new.schedule.momentum_end is None)
        or old.training.epochs != new.training.epochs
        or old.training.batch_size != new.training.batch_size
    )


def retune(optimizer: torch.optim.Optimizer, fresh: torch.optim.Optimizer) -> None:
    """Take over the settings of a fresh optimizer; the schedule keeps the learning rate."""
    for group, wanted in zip(optimizer.param_groups, fresh.param_groups, strict=True):
        group |= {key: value for key, value in wanted.items() if key not in ("params", "lr")}


def rewind(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Make an optimizer ready for a schedule: at its own learning rate, unmarked by another one."""
    for group in optimizer.param_groups:
        group.pop("initial_lr", None)
        group["lr"] = lr
    optimizer._opt_called = True  # type: ignore[attr-defined]  # it steps before the next move


def adopt(model: nn.Module, other: nn.Module) -> nn.Module:
    """Give a network the very parameters and buffers of another, in order; ValueError where they do not fit."""
    pairs = list(zip(slots(model), slots(other), strict=True))
    for (kept, name), (old, old_name) in pairs:
        if kept[name].shape != old[old_name].shape:
            raise ValueError(f"{tuple(kept[name].shape)} is not {tuple(old[old_name].shape)}")
    for (kept, name), (old, old_name) in pairs:
        learns = kept[name].requires_grad  # what is frozen may change
        kept[name] = old[old_name].requires_grad_(learns)
    return model


def slots(model: nn.Module) -> Iterator[tuple[dict[str, Tensor], str]]:
    """Where a network keeps its tensors: a dictionary and a key for each, in order."""
    for module in model.modules():
        for table in (module._parameters, module._buffers):
            yield from ((table, name) for name in table if table[name] is not None)  # type: ignore[misc]


def _fresh(choice: OptimizerChoice) -> torch.optim.Optimizer:
    """The optimizer on two small tensors."""
    tensors = [nn.Parameter(torch.zeros(2, 2)), nn.Parameter(torch.zeros(2))]
    optimizer: torch.optim.Optimizer = choice.build(type(choice).groups(tensors))
    return optimizer


def _refuse_past(new: Experiment, at: Progress) -> None:
    if new.training.epochs <= at.epoch:
        raise Problem(
            _("training.epochs: {epochs} is in the past").format(epochs=new.training.epochs),
            _("epoch {epoch} is under way").format(epoch=at.epoch + 1),
            _("choose at least that, or press Stop"),
        )


def _remodelled(parts: Parts, new: Experiment) -> Parts:
    """The network with other settings, around the same weights."""
    images = parts.train.images[:1].permute(0, 3, 1, 2)
    data = Images(images, parts.train.labels[:1], parts.classes)
    with DrawsFrom(torch.Generator()):  # nothing that is drawn here is used
        model = network(new.model, data)
    try:
        model = adopt(model, parts.model)
    except ValueError as error:
        raise Problem(
            _("model: these settings need other weights"),
            str(error),
            _("start another run with them; dropout and activation can change in this one"),
        ) from None
    forward = torch.compile(model) if new.training.compile else model
    noise = key_noise(model, parts.device)
    return replace(parts, model=model, forward=forward, noise=noise)


def _replanned(parts: Parts, new: Experiment, at: Progress) -> Parts:
    plan, steps = new.plan(len(parts.train)), at.steps(new, len(parts.train))
    retune(parts.optimizer, _fresh(new.optimizer))  # the old schedule may have moved momentum
    rewind(parts.optimizer, plan.lr)
    schedule: Any = build_schedule(new.schedule, parts.optimizer, plan)
    match new.schedule.interval:
        case "step":
            for _step in range(steps):
                schedule.step()
        case "epoch":
            for _epoch in range(at.epoch):
                schedule.step()
        case "validation":
            for loss in at.val_losses:
                schedule.step(loss)
    return replace(parts, plan=replace(plan, ahead=steps - at.step), schedule=schedule)
