"""What helps: changes of an experiment that the page turns into buttons. Each is a valid experiment."""

from typing import Any

from trainlab.changes import Changes
from trainlab.diagnostics.verdicts.base import How, Remedy
from trainlab.experiment import Experiment
from trainlab.text import _

MOST_LR = 10.0  # what every optimizer accepts


def other_lr(experiment: Experiment, factor: float, how: How = "edit") -> tuple[Remedy, ...]:
    """The learning rate times a factor, where it is not at its limit yet; anew where a run no longer goes by it."""
    lr = min(MOST_LR, float(f"{experiment.optimizer.lr * factor:.3g}"))
    how = how if experiment.optimizer.follows(lr, step=2) else "restart"
    label = _("Set the learning rate to {lr:g}").format(lr=lr)
    return (Remedy(label, {"optimizer.lr": lr}, how),) if lr != experiment.optimizer.lr else ()


def shorter(experiment: Experiment, how: How = "edit") -> tuple[Remedy, ...]:
    """Shorter steps: a tenth; from far beyond what is usual, back near it in a new run, with sound weights."""
    lr, usual = (
        experiment.optimizer.lr,
        float(type(experiment.optimizer).model_fields["lr"].default),
    )
    if lr < 100 * usual:
        return other_lr(experiment, 0.1, how)
    return other_lr(experiment, 10 * usual / lr, "restart")


def decaying(experiment: Experiment) -> tuple[Remedy, ...]:
    """A learning rate that falls to the end of the run, where it does not yet."""
    if experiment.schedule.kind != "constant":
        return ()
    label = _("Let the learning rate fall: cosine schedule")
    return (Remedy(label, {"schedule": {"kind": "cosine"}}, "edit"),)


def clipped(experiment: Experiment, how: How = "edit") -> tuple[Remedy, ...]:
    """The gradient's norm clipped, where it is not yet."""
    return regularised(experiment, _("Clip the gradient norm at 1"), {"kind": "clip_norm"}, how)


def regularised(
    experiment: Experiment, label: str, rule: dict[str, Any], how: How = "edit"
) -> tuple[Remedy, ...]:
    """One more regulariser, where there is none of its kind yet."""
    if any(present.kind == rule["kind"] for present in experiment.regularizers):
        return ()
    rules = [*experiment.model_dump(mode="json")["regularizers"], rule]
    return (Remedy(label, {"regularizers": rules}, how),)


def dropped(experiment: Experiment, share: float) -> tuple[Remedy, ...]:
    """Another share of dropout, where the model has any and it goes the right way."""
    now = getattr(experiment.model, "dropout", None)
    if now is None or now == share:
        return ()
    label = _("Set dropout to {share:g}").format(share=share)
    return (Remedy(label, {"model.dropout": share}, "edit"),)


def sized(experiment: Experiment, name: str, value: int, label: str) -> tuple[Remedy, ...]:
    """Another size of the model, where it has that setting and it differs: a new run."""
    if getattr(experiment.model, name, value) == value:
        return ()
    return (Remedy(label, {f"model.{name}": value}, "restart"),)


def normalised(experiment: Experiment) -> tuple[Remedy, ...]:
    """Batch normalisation, where the model has none."""
    norm = getattr(experiment.model, "norm", None)
    if norm is None or norm.kind != "none":
        return ()
    return (Remedy(_("Add batch norm"), {"model.norm": "batch"}, "restart"),)


def activated(experiment: Experiment, kind: str, label: str) -> tuple[Remedy, ...]:
    """Another activation, where the model has a choice and another one."""
    bend = getattr(experiment.model, "activation", None)
    if bend is None or bend.kind == kind:
        return ()
    return (Remedy(label, {"model.activation": kind}, "restart"),)


def initialised(experiment: Experiment) -> tuple[Remedy, ...]:
    """The initialisation that suits the activation, where it is another one."""
    bend = getattr(experiment.model, "activation", None)
    kind = "xavier_normal" if getattr(bend, "kind", "") in ("tanh", "sigmoid") else "kaiming_normal"
    prior = {"class_prior": True} if experiment.init.class_prior else {}
    if experiment.init.kind == kind and experiment.init.model_dump(exclude_defaults=True) == prior:
        return ()
    label = _("Initialise with {kind}").format(kind=kind.replace("_", " "))
    return (Remedy(label, {"init": {"kind": kind, **prior}}, "restart"),)


def smoothed(experiment: Experiment, share: float) -> tuple[Remedy, ...]:
    """Labels that are trusted less, where the loss can and does not yet."""
    now = getattr(experiment.loss, "label_smoothing", share)
    if now >= share:
        return ()
    label = _("Smooth the labels by {share:g}").format(share=share)
    return (Remedy(label, {"loss.label_smoothing": share}, "edit"),)


def scaled(experiment: Experiment) -> tuple[Remedy, ...]:
    """First weights of the size that the data ask for, where they are not measured yet."""
    if experiment.init.kind == "lsuv":
        return ()
    label = _("Scale the first weights by the data: LSUV")
    return (Remedy(label, {"init": {"kind": "lsuv"}}, "restart"),)


def batched(size: int) -> Remedy:
    """Another batch size."""
    label = _("Set the batch size to {size}").format(size=size)
    return Remedy(label, {"training.batch_size": size}, "edit")


def without(label: str, path: str, value: Any = ()) -> Remedy:
    """Something switched off in the run under way."""
    changes: Changes = {path: [] if value == () else value}
    return Remedy(label, changes, "edit")
