"""Sabotage: bugs that a lesson plants in a run, to be found with the checks and the verdicts.

A lesson names one: `tl.Lab(sabotage="labels_shuffled")`, `tl.train(sabotage=...)`. No experiment can, so no form,
file, link or search reaches them. A run that has one says so in its folder, see `trainlab.runs.planted`.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from trainlab.changes import changed
from trainlab.engine.build import Parts, Plant, as_built
from trainlab.engine.randomness import generator
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.refusal import nearest
from trainlab.text import _


@dataclass(frozen=True)
class Sabotage:
    """One bug: `plant` puts it in; `found_by` is the id of the verdict, or of the check, that finds it.

    `told` says what it was, once it is found; with these `changes` of an experiment it shows. An edit builds
    augmentation, loss and some others anew, and keeps the rest: then `plant` meets parts that it was in.
    """

    name: str
    told: str
    found_by: str
    plant: Plant
    changes: dict[str, Any]


def labels_shuffled(parts: Parts) -> Parts:
    """Every training image gets the label of some other one."""
    order = torch.randperm(len(parts.train), generator=generator("sabotage", "labels"))
    found, counts = parts.train.labels.unique(dim=0, return_counts=True)  # in order: the same when
    labels = found.repeat_interleave(counts, 0)[order.to(found.device)]  # it is done again
    return replace(parts, train=replace(parts.train, labels=labels))


def softmax_twice(parts: Parts) -> Parts:
    """The scores go through a softmax, and the loss has one of its own."""
    return replace(parts, loss=lambda logits, labels: parts.loss(logits.softmax(1), labels))


def zero_grad_forgotten(parts: Parts) -> Parts:
    """The gradients of all steps add up; a checkpoint keeps their sum, for a resumed run goes on with it."""
    keeping: Any = parts.optimizer
    if "zero_grad" in vars(keeping):
        return parts
    keeping.zero_grad = lambda: None

    def save(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
        sums = {
            number: torch.zeros_like(p) if p.grad is None else p.grad
            for number, p in enumerate(_parameters(optimizer))
            if p.requires_grad
        }
        state["gradients"] = sums

    def load(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
        sums = state.pop("gradients")
        for number, parameter in enumerate(_parameters(optimizer)):
            parameter.grad = sums.get(number)

    keeping.register_state_dict_post_hook(save)
    keeping.register_load_state_dict_pre_hook(load)
    return parts


def _parameters(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def loss_clipped(parts: Parts) -> Parts:
    """The loss is cut off where the gradient's norm was meant: a large loss has no slope any more."""
    return replace(parts, loss=lambda logits, labels: parts.loss(logits, labels).clamp(max=1.0))


def mirrored_in_training(parts: Parts) -> Parts:
    """The training images are mirrored, whatever else is done to them, and the validation images are not."""
    others = parts.train.augment

    def mirror(batch: Tensor, draws: torch.Generator) -> Tensor:
        return (others(batch, draws) if others else batch).flip(3)

    return replace(parts, train=replace(parts.train, augment=mirror, prepared=None))


def mean_forgotten(parts: Parts) -> Parts:
    """No image loses the mean that loaded weights were trained without."""
    train, val = (
        replace(side, preprocess=_raw, prepared=None) for side in (parts.train, parts.val)
    )
    return replace(parts, train=train, val=val)


def _raw(batch: Tensor) -> Tensor:
    return batch


def eval_forgotten(parts: Parts) -> Parts:
    """The network works in training mode when it is judged, too; what norms remember stays as it was."""
    kind, noise = type(parts.model), parts.noise

    def forward(self: nn.Module, batch: Tensor) -> Any:
        if self.training or len(batch) == 1:  # a norm has no use for one image
            return kind.forward(self, batch)
        if noise is not None:
            noise.manual_seed(generator("sabotage", "noise").initial_seed())
        norms: Any = [m for m in self.modules() if getattr(m, "track_running_stats", False)]
        modes = [(module, module.training) for module in self.modules()]
        self.train()
        for norm in norms:
            norm.track_running_stats = False
        try:
            return kind.forward(self, batch)
        finally:
            for norm in norms:
                norm.track_running_stats = True
            for module, training in modes:
                module.training = training

    parts.model.__class__ = type(kind.__name__, (kind,), {"forward": forward})
    return parts


_ALL = (
    Sabotage(
        "labels_shuffled",
        _("The training labels were shuffled: there was nothing to learn, only to know by heart."),
        "zero_input",
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
        "signal",
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
        _("The images kept their mean, but the loaded weights were trained on images without it."),
        "pretrained",
        mean_forgotten,
        {"model": {"kind": "pretrained"}, "preprocessing": "imagenet"},
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
sabotages = {each.name: each for each in _ALL}  # what a lesson can plant, by name


def named(name: str) -> Sabotage:
    """The sabotage of this name. Raises Problem where there is none."""
    if name not in sabotages:
        what = _("there is no sabotage {name!r}").format(name=name)
        raise Problem(what + nearest(str(name), [*sabotages]), "", _("`tl.sabotages` lists them"))
    return sabotages[name]


def showing(name: str | None) -> Experiment:
    """The default experiment, with what makes the sabotage of this name show."""
    return changed(Experiment(), named(name).changes) if name else Experiment()


def planted(name: str | None) -> Plant:
    """What plants the sabotage of this name, or nothing. Raises Problem where there is none such."""
    return named(name).plant if name else as_built
