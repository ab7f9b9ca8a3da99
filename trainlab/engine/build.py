"""From an experiment and its data to everything the loop needs."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from trainlab.catalog.augmentations import changes, mixes
from trainlab.catalog.datasets import Images
from trainlab.catalog.inits import class_prior
from trainlab.catalog.models import ModelChoice
from trainlab.catalog.schedules import Plan, build_schedule
from trainlab.draws import DrawsFrom
from trainlab.engine.batches import Augment, Batches, Mix, check_split, gather, probabilities
from trainlab.engine.randomness import generator, key_noise
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
    noise: torch.Generator | None


Plant = Callable[[Parts], Parts]


def as_built(parts: Parts) -> Parts:
    """No bug is planted: what all trains with that no lesson spoils."""
    return parts


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


def autocast(experiment: Experiment, device: torch.device) -> AbstractContextManager[object]:
    """The precision of the forward pass."""
    if experiment.training.precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)


def split_rows(experiment: Experiment, data: Images) -> tuple[Tensor, Tensor]:
    """The rows to train on and to validate on. Raises Problem where the split does not suit the data."""
    split = experiment.split
    given: list[Any] = [data.labels, generator(experiment.training.seed, "split")]
    if split.needs_names:
        if type(experiment.dataset).names_target is None:
            raise Problem(
                _("split: {split} needs file names").format(split=split.title()),
                _("{data} has none").format(data=experiment.dataset.title()),
                _("choose another split, or an image folder"),
            )
        given.append(list(data.names))
    train_rows, val_rows = split.build(*given)
    check_split(train_rows, val_rows)
    return train_rows, val_rows


def network(choice: ModelChoice, data: Images) -> nn.Module:
    """The network for these data, with a head for each position of an image's labels."""
    _n, channels, height, width = data.images.shape
    classes, positions = len(data.classes), data.positions
    model = choice.make((channels, height, width), classes * positions)
    if positions == 1:
        return model
    return nn.Sequential(model, nn.Unflatten(1, (classes, positions)))


def build_model(experiment: Experiment, data: Images, train: Batches | None = None) -> nn.Module:
    """The network on the CPU with its first weights, without touching torch's shared generator.

    Args:
        experiment: what to train.
        data: its images.
        train: the training batches, where they are made already.
    """
    seed, init = experiment.training.seed, experiment.init
    with DrawsFrom(generator(seed, "model")):
        model = network(experiment.model, data)
    given: list[Tensor] = []
    if init.needs or init.class_prior:
        train = train or build_batches(experiment, data, torch.device("cpu"))[0]
        needed = {"inputs": first_inputs, "labels": _labels}
        given = [needed[name](train) for name in init.needs]
    # a network around loaded weights: only what is new is filled
    inner = model[0] if data.positions > 1 else model  # type: ignore[index]
    part = experiment.model.fresh(inner)
    if part and "inputs" in init.needs:
        raise Problem(
            _("init: {rule} fills whole networks alone").format(rule=init.title()),
            _("it looks at images, and only {part} of this network is new").format(part=part),
            _("choose another initialisation, or a network without trained weights"),
        )
    fresh = inner.get_submodule(part)
    init.build(fresh, generator(seed, "init"), *given)
    if init.class_prior and train is not None:
        class_prior(fresh, _labels(train), len(data.classes))
    return model


def first_inputs(train: Batches, most: int = 256) -> Tensor:
    """The first training images as the network gets them, unaugmented, on the CPU."""
    rows = torch.arange(min(most, len(train)), device=train.images.device)
    return train.preprocess(gather(train.images, rows)).cpu()


def _labels(train: Batches) -> Tensor:
    return train.labels.cpu()


def augmenter(experiment: Experiment) -> Augment | None:
    """The augmentations one after the other, or None where there are none."""
    calls = changes(experiment.augmentations)
    if not calls:
        return None

    def augment(batch: Tensor, draws: torch.Generator) -> Tensor:
        for call in calls:
            batch = call(batch, draws)
        return batch

    return augment


def mixer(experiment: Experiment, classes: int) -> Mix | None:
    """What mixes images and their labels, or None where nothing does."""
    calls = mixes(experiment.augmentations)
    if not calls:
        return None

    def mix(batch: Tensor, labels: Tensor, draws: torch.Generator) -> tuple[Tensor, Tensor]:
        labels = probabilities(labels, classes)
        for call in calls:
            batch, labels = call(batch, labels, draws)
        return batch, labels

    return mix


def build_batches(
    experiment: Experiment, data: Images, device: torch.device
) -> tuple[Batches, Batches]:
    """Split, preprocess and move the data: batches to train on and to validate on."""
    train_rows, val_rows = (rows.to(device) for rows in split_rows(experiment, data))
    images, labels = data.images.to(device), data.labels.to(device)
    train_images = images[train_rows]
    preprocess = experiment.preprocessing.build(train_images)
    pointwise = experiment.preprocessing.pointwise
    mix = mixer(experiment, len(data.classes))
    augment = augmenter(experiment)
    train = Batches.make(
        train_images, labels[train_rows], preprocess, augment, mix, pointwise=pointwise
    )
    val_images, val_labels = images[val_rows], labels[val_rows]
    return train, Batches.make(val_images, val_labels, preprocess, pointwise=pointwise)


def build_parts(experiment: Experiment, data: Images) -> Parts:
    """Make the batches, the network, its optimizer and its schedule."""
    training = experiment.training
    device = resolve_device(training.device)
    train, val = build_batches(experiment, data, device)
    model = build_model(experiment, data, train).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if training.compile:
        torch._dynamo.reset()  # else it gives up compiling after eight networks in one process
    plan = experiment.plan(len(train))
    optimizer = experiment.optimizer.build(type(experiment.optimizer).groups(model.parameters()))
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
        noise=key_noise(model, device),
    )
