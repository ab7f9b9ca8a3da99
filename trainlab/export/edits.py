"""Edits: what a script does at the step at which a run was edited; the lab does it in engine/edits.py."""

from dataclasses import replace
from typing import Any

from trainlab.catalog.schedules import Plan
from trainlab.engine.edits import adopt, replans, restarts, retune, retunes, rewind
from trainlab.engine.progress import Progress
from trainlab.engine.randomness import key_noise
from trainlab.export.module_code import module_code
from trainlab.export.names import Named, literal
from trainlab.export.stages import Stages
from trainlab.export.writer import Lines, Writer, indented


def edit_lines(stages: Stages, between: bool) -> Lines:
    """The edits between two epochs, or those between two steps, each where it happened."""
    lines: Lines = []
    lr = stages.first.experiment.optimizer.lr
    for number, edit in enumerate(stages.edits):
        old, new = stages.writers[number : number + 2]
        what = ", ".join(f"{path} {_brief(value)}" for path, value in edit.changes.items())
        done = [f"stage = {number + 1}  # {what}", *_remodelled(old, new), *_retuned(old, new)]
        if replans(old.experiment, new.experiment):
            done += _replanned(old, new, stages.positions[number], stages.train_images)
            lr = new.experiment.optimizer.lr
        if scaled(stages):
            done.append(f"lr_factor = {new.value(new.experiment.optimizer.lr / lr)}")
        if edit.between == between:
            lines += [f"if stage == {number} and step == {edit.step}:", *indented(done)]
    return lines


def scaled(stages: Stages) -> bool:
    """Whether the learning rate was edited apart from its schedule."""
    pairs = zip(stages.writers, stages.writers[1:], strict=False)
    return any(
        old.experiment.optimizer.lr != new.experiment.optimizer.lr
        and not replans(old.experiment, new.experiment)
        for old, new in pairs
    )


def plan_of(w: Writer, train_images: int) -> Plan:
    """The run's plan, in numbers that are printed as the script's own names."""
    plan = w.experiment.plan(train_images)
    steps = Named(plan.steps_per_epoch, "steps_per_epoch")
    return replace(plan, epochs=Named(plan.epochs, "EPOCHS"), steps_per_epoch=steps)


def length_lines(w: Writer) -> Lines:
    """How many steps an epoch has."""
    if w.experiment.optimizer.full_batch:
        return ["steps_per_epoch = 1"]
    return [
        "batches, rest = divmod(len(train_rows), BATCH_SIZE)",
        "steps_per_epoch = max(1, batches + (rest > 1))",
    ]


def optimizer_call(w: Writer) -> str:
    """The optimizer of this stage's settings."""
    groups = w.name(type(w.experiment.optimizer).groups)
    return w.call(w.experiment.optimizer, f"{groups}(model.parameters())")


def _brief(value: Any) -> str:
    """A changed value in a comment: a choice by its kind."""
    if isinstance(value, list):
        return f"[{', '.join(map(_brief, value))}]"
    return str(value["kind"]) if isinstance(value, dict) else literal(value)


def _remodelled(old: Writer, new: Writer) -> Lines:
    if old.experiment.model == new.experiment.model:
        return []
    lines = [f"model = {new.name(adopt)}({module_code(new.model, new.name)}, model)"]
    if new.experiment.training.compile:
        if new.noisy:
            lines.append(f"noise = {new.name(key_noise)}(model, device)")
        lines.append("forward = torch.compile(model)")
    return lines


def _retuned(old: Writer, new: Writer) -> Lines:
    if restarts(old.experiment.optimizer, new.experiment.optimizer):
        return [f"optimizer = {optimizer_call(new)}"]
    if retunes(old.experiment.optimizer, new.experiment.optimizer) or replans(
        old.experiment, new.experiment
    ):
        return [f"{new.name(retune)}(optimizer, {optimizer_call(new)})"]
    return []


def _replanned(old: Writer, new: Writer, position: Progress, train_images: int) -> Lines:
    x, lines = new.experiment, []
    if old.experiment.training.epochs != x.training.epochs:
        lines.append(f"EPOCHS = {x.training.epochs}")
    if old.experiment.training.batch_size != x.training.batch_size:
        lines.append(f"BATCH_SIZE = {x.training.batch_size}")
    if length_lines(old) != length_lines(new) or f"BATCH_SIZE = {x.training.batch_size}" in lines:
        lines += length_lines(new)
    plan = plan_of(new, train_images)
    moves = {
        "step": [f"for _ in range({position.steps(x, train_images)}):", "    schedule.step()"],
        "epoch": [f"for _ in range({position.epoch}):", "    schedule.step()"],
        "validation": ['for loss in history["val_loss"]:', "    schedule.step(loss)"],
    }
    return [
        *lines,
        f"{new.name(rewind)}(optimizer, {new.value(x.optimizer.lr)})",
        f"schedule = {new.call(x.schedule, 'optimizer', **x.schedule.derived(plan))}",
        *moves[x.schedule.interval],
    ]
