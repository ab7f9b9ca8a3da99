"""Sabotage: bugs that a lesson plants in a run, to be found with the checks and the verdicts.

No experiment can name them, so no form, file, link or search reaches them, and what is exported from an
experiment never holds one. A planted run is a `Sabotaged` trainer, which only code can make; it keeps no
folder, so that it cannot be taken for a real run afterwards.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from trainlab import commands as cmd
from trainlab import events as ev
from trainlab.changes import Changes
from trainlab.engine.batches import Batches
from trainlab.engine.build import Parts
from trainlab.engine.randomness import generator
from trainlab.engine.trainer import Trainer
from trainlab.experiment import Experiment
from trainlab.text import _


@dataclass(frozen=True)
class Sabotage:
    """One bug: `plant` puts it in; `found_by` is the id of the verdict, or of the check, that finds it.

    `told` says what it was, once it is found; with these `changes` of an experiment it shows.
    """

    name: str
    told: str
    found_by: str
    plant: Callable[[Parts], Parts]
    changes: dict[str, Any]


class Sabotaged(Trainer):
    """A training with a bug in it, kept nowhere; so no script, branch or resumed run can be made of it."""

    def __init__(self, experiment: Experiment, sabotage: Sabotage) -> None:
        super().__init__(experiment)
        self.sabotage = sabotage

    def _build(self, inbox: cmd.Commands) -> Iterator[ev.Event]:
        for event in super()._build(inbox):
            if isinstance(event, ev.Started):  # everything is built, and no step is done
                self._sound = self.parts
                self.parts = self.sabotage.plant(self._sound)
            yield event

    def _edit(self, changes: Changes) -> Changes:
        """Edit what is sound, and plant the bug again: an edit may build anew what it was in."""
        self.parts = self._sound
        try:
            return super()._edit(changes)
        finally:
            self._sound = self.parts
            self.parts = self.sabotage.plant(self._sound)


def labels_shuffled(parts: Parts) -> Parts:
    """Every training image gets the label of another one."""
    order = torch.randperm(len(parts.train), generator=generator("sabotage", "labels"))
    labels = parts.train.labels[order.to(parts.device)]
    return replace(parts, train=replace(parts.train, labels=labels))


def softmax_twice(parts: Parts) -> Parts:
    """The network ends in a softmax, and the loss has one of its own."""
    model = nn.Sequential(parts.model, nn.Softmax(1))
    return replace(parts, model=model, forward=model)


def zero_grad_forgotten(parts: Parts) -> Parts:
    """The gradients of all steps add up."""
    keeping: Any = parts.optimizer
    keeping.zero_grad = lambda: None
    return parts


def loss_clipped(parts: Parts) -> Parts:
    """The loss is cut off where the gradient's norm was meant: a large loss has no slope any more."""
    return replace(parts, loss=lambda logits, labels: parts.loss(logits, labels).clamp(max=1.0))


def mirrored_in_training(parts: Parts) -> Parts:
    """The training images are mirrored, and the validation images are not."""

    def mirror(batch: Tensor, _draws: torch.Generator) -> Tensor:
        return batch.flip(3)

    return replace(parts, train=replace(parts.train, augment=mirror, prepared=None))


def mean_forgotten(parts: Parts) -> Parts:
    """The validation images are not standardised as the training images are."""
    raw = Batches.make(parts.val.images.permute(0, 3, 1, 2), parts.val.labels, lambda batch: batch)
    return replace(parts, val=raw)


def eval_forgotten(parts: Parts) -> Parts:
    """The network stays in training mode when it is judged."""
    kind = type(parts.model)

    def judged(self: nn.Module) -> nn.Module:
        return self.train()

    parts.model.__class__ = type(kind.__name__, (kind,), {"eval": judged})
    return parts


SABOTAGES = (
    Sabotage(
        "labels_shuffled",
        _("The training labels were shuffled: there was nothing to learn, only to know by heart."),
        "label_noise",
        labels_shuffled,
        {},
    ),
    Sabotage(
        "softmax_twice",
        _(
            "There was a softmax before the loss, which has its own: the best answer still costs 1.46."
        ),
        "overfit",
        softmax_twice,
        {},
    ),
    Sabotage(
        "zero_grad_forgotten",
        _("Nobody called zero_grad: each step went along the sum of all gradients so far."),
        "diverging",
        zero_grad_forgotten,
        {"optimizer": {"kind": "sgd", "lr": 0.02, "momentum": 0.9}},
    ),
    Sabotage(
        "loss_clipped",
        _("The loss was clipped instead of the gradients: above the limit it has no slope."),
        "vanishing",
        loss_clipped,
        {},
    ),
    Sabotage(
        "mirrored_in_training",
        _("All training images were mirrored, labels and validation images were not."),
        "mismatch",
        mirrored_in_training,
        {},
    ),
    Sabotage(
        "mean_forgotten",
        _("The validation images kept their mean, which the training images had lost."),
        "mismatch",
        mean_forgotten,
        {"model": {"kind": "convnet", "width": 8}},
    ),
    Sabotage(
        "eval_forgotten",
        _(
            "The network was judged in training mode: its answers depended on the rest of the batch."
        ),
        "batch_dependency",
        eval_forgotten,
        {"model": {"kind": "convnet", "width": 8}},
    ),
)
