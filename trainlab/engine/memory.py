"""Memory: what a run takes, and the largest batch that fits where there was not enough."""

import os
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from trainlab.engine.build import Parts
from trainlab.engine.failures import first_line
from trainlab.engine.layers import FLOAT, measure
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.text import _

# Of the outputs that a pass keeps for the way back: they, and as much again for gradients and copies.
COPIES = 2


def too_large(experiment: Experiment, parts: Parts, error: BaseException) -> Problem:
    """The problem of a training step that found no memory, with the batch size that would fit."""
    batch, spare = experiment.batch_size(len(parts.train)), spare_bytes(parts)
    fits = None if spare is None else largest_batch(batch, image_bytes(experiment, parts), spare)
    if fits:
        remedy = _("Set the batch size to {fits}, which should fit, and start again.")
    elif fits == 0:
        remedy = _("Not even one image fits: choose a narrower model or smaller images.")
    else:
        remedy = _("Halve the batch size, choose a narrower model or smaller images.")
    return Problem(
        _("There was not enough memory for batches of {batch} images").format(batch=batch),
        first_line(error) or _("The machine has no more to give."),
        remedy.format(fits=fits),
    )


def largest_batch(batch: int, image: int, spare: int) -> int:
    """The largest power of two below `batch` whose images, of `image` bytes each, fit; 0 where none does."""
    most = min(batch - 1, spare // image)
    return 1 << (most.bit_length() - 1) if most > 0 else 0


def image_bytes(experiment: Experiment, parts: Parts) -> int:
    """What training keeps of one image, by the outputs of the network's layers."""
    _n, height, width, channels = parts.train.images.shape
    outputs = len(parts.classes) * parts.train.labels.shape[1:].numel()
    with torch.device("meta"):
        network = experiment.model.make((channels, height, width), outputs)
    whole = measure(network, (channels, height, width))[0]
    return COPIES * (whole.memory + FLOAT * channels * height * width)


def spare_bytes(parts: Parts) -> int | None:
    """What is left for batches on the run's device, beside data, weights and optimizer; None if unknown."""
    if parts.device.type == "cuda":
        free, _total = torch.cuda.mem_get_info(parts.device)
        return free + torch.cuda.memory_reserved(parts.device) - lasting_bytes(parts)
    if parts.device.type == "cpu" and "SC_AVPHYS_PAGES" in getattr(os, "sysconf_names", ()):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    return None


def lasting_bytes(parts: Parts) -> int:
    """What a run holds on its device from one step to the next."""
    weights = [*parts.model.parameters()]
    tensors = [*weights, *weights, *parts.model.buffers(), *_tensors(dict(parts.optimizer.state))]
    for batches in (parts.train, parts.val):
        tensors += [batches.images, batches.labels]
        tensors += [] if batches.prepared is None else [batches.prepared]
    return sum(t.numel() * t.element_size() for t in tensors)  # weights twice: their gradients


def _tensors(value: Any) -> Iterator[Tensor]:
    """All tensors in nested state."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict | list | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _tensors(item)
