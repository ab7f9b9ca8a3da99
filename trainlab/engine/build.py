"""From an experiment and its data to everything the loop needs."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from trainlab.catalog.datasets import Images
from trainlab.catalog.inits import InitChoice
from trainlab.catalog.models import ModelChoice
from trainlab.catalog.optimizers import decay_groups
from trainlab.catalog.schedules import Plan, build_schedule
from trainlab.engine.batches import Batches, check_split, stratified_split
from trainlab.engine.randomness import generator, key_dropout
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.text import _


@dataclass(frozen=True)
class Parts:
    """What the loop works with. `forward` is the model, compiled where that was chosen."""

    plan: Plan
    device: torch.device
    train: Batches
    val: Batches
    classes: tuple[str, ...]
    model: nn.Module
    forward: Callable[[Tensor], Tensor]
    loss: Callable[[Tensor, Tensor], Tensor]
    optimizer: torch.optim.Optimizer
    schedule: Any
    dropout: torch.Generator | None


def resolve_device(name: str) -> torch.device:
    """The device that `training.device` names. Raises Problem where this machine has none such."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(name)
    missing = (device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count()) or (
        device.type == "mps" and not torch.backends.mps.is_available()
    )
    if missing:
        raise Problem(
            _("training.device: there is no {name} here").format(name=name),
            _("torch finds no such device on this machine"),
            _("choose auto or cpu; `trainlab doctor` says why a GPU cannot be used"),
        )
    return device


def build_model(
    choice: ModelChoice, init: InitChoice, shape: tuple[int, int, int], classes: int, seed: int
) -> nn.Module:
    """The network on the CPU with its first weights, without touching torch's shared generator.

    Layers are laid out on the meta device, where their constructors draw nothing.
    """
    with torch.device("meta"):
        model = choice.make(shape, classes)
    model.to_empty(device="cpu")
    for module in model.modules():
        reset = getattr(module, "reset_parameters", None)
        if reset is not None and not isinstance(module, nn.Conv2d | nn.Linear):
            reset()  # norms: ones and zeros
    init.build(model, generator(seed, "init"))
    return model


def augmenter(experiment: Experiment) -> Callable[[Tensor, torch.Generator], Tensor] | None:
    """The augmentations one after the other, or None where there are none."""
    steps = experiment.augmentations
    if not steps:
        return None

    def augment(batch: Tensor, draws: torch.Generator) -> Tensor:
        for step in steps:
            batch = step.build(batch, draws)
        return batch

    return augment


def build_parts(experiment: Experiment, data: Images) -> Parts:
    """Split, preprocess and move the data; make the network, its optimizer and its schedule."""
    training = experiment.training
    device = resolve_device(training.device)
    train_rows, val_rows = stratified_split(data.labels, training.validation_share, training.seed)
    check_split(train_rows, val_rows)
    images, labels = data.images.to(device), data.labels.to(device)
    train_rows, val_rows = train_rows.to(device), val_rows.to(device)
    train_images = images[train_rows]
    preprocess = experiment.preprocessing.build(train_images)
    train = Batches.make(train_images, labels[train_rows], preprocess, augmenter(experiment))
    val = Batches.make(images[val_rows], labels[val_rows], preprocess, None)

    _n, channels, height, width = images.shape
    shape = (channels, height, width)
    model = build_model(
        experiment.model, experiment.init, shape, len(data.classes), training.seed
    ).to(memory_format=torch.channels_last)
    model.to(device)
    if training.compile:
        torch._dynamo.reset()  # else it gives up compiling after eight networks in one process
    plan = experiment.plan(len(train))
    optimizer = experiment.optimizer.build(decay_groups(model.parameters()))
    return Parts(
        plan=plan,
        device=device,
        train=train,
        val=val,
        classes=data.classes,
        model=model,
        forward=torch.compile(model) if training.compile else model,
        loss=partial(type(experiment.loss).target, **experiment.loss.arguments()),
        optimizer=optimizer,
        schedule=build_schedule(experiment.schedule, optimizer, plan),
        dropout=key_dropout(model, device),
    )
