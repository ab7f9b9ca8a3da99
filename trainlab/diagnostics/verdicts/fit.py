"""Rules on what is learnt: too much by heart, too little, or something else than what is asked."""

import math
from collections.abc import Mapping

import numpy as np

from trainlab.catalog.regularizers import L1, L2
from trainlab.diagnostics.verdicts.base import Finding, Remedy, Rule
from trainlab.diagnostics.verdicts.pace import rising
from trainlab.diagnostics.verdicts.remedies import (
    dropped,
    other_lr,
    regularised,
    sized,
    smoothed,
    without,
)
from trainlab.diagnostics.verdicts.signals import Array, Signals, fall
from trainlab.experiment import Experiment
from trainlab.text import _

LIGHT = 0.2  # share of dropout that asks for no less of it
STILL = 0.1  # share of the loss: what falls by less in a third of the run has nearly stopped


class Overfitting(Rule):
    """Validation gets worse while training gets better."""

    id = "overfitting"
    title = _("The network overfits")
    rule = _("A wide gap between training and validation, and a validation loss that rises from its lowest "
             "point, or stays while training gets better: what is learnt now is learnt by heart.")  # fmt: skip
    source = "CS231n notes, Train/Val accuracy; Prechelt 1998"
    rank = 10

    @classmethod
    def find(cls, signals: Signals) -> Finding | None:
        """A validation loss a tenth above its least and a gap of a twentieth, or no better and a gap of a tenth."""
        epochs = signals.epochs
        if len(epochs["epoch"]) < 5:
            return None
        least, rises = int(epochs["val_loss"].argmin()), risen(epochs)
        gap = (epochs["train_accuracy"] - epochs["val_accuracy"])[-3:].min()
        error = error_of(epochs["val_accuracy"][-1], signals.plan.val_images)
        if gap < max(0.05 if rises else 0.1, 3 * error):
            return None
        if epochs["train_loss"][-1] > 0.95 * epochs["train_loss"][least]:
            return None
        if not (rises or stayed(epochs["val_loss"])):
            return None
        seen = _("Validation loss was {least:.3g} after epoch {epoch} and is {now:.3g}; accuracy is "
                 "{train:.0%} in training and {val:.0%} in validation.").format(
            least=epochs["val_loss"][least], epoch=int(epochs["epoch"][least]), now=epochs["val_loss"][-1],
            train=epochs["train_accuracy"][-1], val=epochs["val_accuracy"][-1],
        )  # fmt: skip
        return Finding(seen, int(epochs["step"][least]), signals.last_epoch, 0.9)

    @classmethod
    def remedies(cls, experiment: Experiment) -> tuple[Remedy, ...]:
        """Regularise, one thing at a time."""
        stop = {"kind": "early_stopping", "patience": 5}
        return (
            *dropped(experiment, 0.5),
            *regularised(experiment, _("Add L2 of 0.001"), {"kind": "l2", "strength": 1e-3}),
            *regularised(experiment, _("Stop early: after 5 epochs without a best"), stop),
        )


class Underfitting(Rule):
    """Both curves are flat, close, and bad: more capacity is needed."""

    id = "underfitting"
    title = _("The network underfits")
    rule = _("Training and validation close together and both bad, with a loss that no longer falls: the "
             "network is too small for this, or held back.")  # fmt: skip
    source = "CS231n notes, Train/Val accuracy: increase the model's capacity"
    rank = 11

    @classmethod
    def find(cls, signals: Signals) -> Finding | None:
        """A tenth of the images still wrong, hardly any fall in the last third, no gap, the steps of a sound size.

        Where no unit of a layer answers, short steps are not the learning rate's doing.
        """
        epochs = signals.epochs
        n = len(epochs["epoch"])
        if n < 6 or len(signals.loss) < 100 or rising(signals):
            return None
        count = max(3, n // 3)
        train, val = epochs["train_accuracy"][-count:], epochs["val_accuracy"][-count:]
        losses = epochs["train_loss"][-count:]
        shares = signals.share(losses)
        slow = fall(shares)[0] < STILL * shares.mean()
        wide = abs(train.mean() - val.mean()) > 0.05
        ratios = list(signals.layers("update_ratio").values())
        shut = max(signals.layers("dead").values(), default=0) > 0.9
        sound = not ratios or (0 if shut else 1e-4) <= np.median(ratios) < 3e-2
        if train.max() > 0.9 or not slow or wide or not sound:
            return None
        seen = _("In the last {count} epochs the loss went from {first:.3g} to {now:.3g}; {train:.0%} are right "
                 "in training, {val:.0%} in validation.").format(
            count=count, first=losses[0], now=losses[-1], train=train.mean(), val=val.mean()
        )  # fmt: skip
        return Finding(seen, signals.epoch_at(-count), signals.last_epoch, 0.7)

    @classmethod
    def remedies(cls, experiment: Experiment) -> tuple[Remedy, ...]:
        """More units, more layers, less that holds back."""
        model = experiment.model
        width, depth = getattr(model, "width", 0), getattr(model, "depth", 0)
        wider = min(512, max(16, 4 * width))
        loose = (without(_("Take all regularisers away"), "regularizers"),)
        return (
            *sized(experiment, "width", wider, _("Set the width to {width}").format(width=wider)),
            *(sized(experiment, "depth", 2, _("Two hidden layers")) if depth < 2 else ()),
            *(loose if experiment.regularizers else ()),
        )


class LabelNoise(Rule):
    """Validation was best early and then lost ground while the network learnt the rest by heart."""

    id = "label_noise"
    title = _("Some labels may be wrong")
    rule = _("Networks learn what is regular first and wrong labels last, by heart: validation accuracy "
             "peaks before training reaches it, then falls.")  # fmt: skip
    source = "Arpit et al. 2017, A closer look at memorization in deep networks; Zhang et al. 2017"
    rank = 9

    @classmethod
    def find(cls, signals: Signals) -> Finding | None:
        """Best while training was no better, then a loss a tenth above; or nothing learnt with sound steps."""
        epochs = signals.epochs
        if len(epochs["epoch"]) < 6:
            return None
        if at_chance(signals):
            seen = _(
                "After {steps} steps of a sound size the loss is {loss:.3g}, and chance is {chance:.3g}."
            )
            seen = seen.format(
                steps=len(signals.loss),
                loss=signals.told(signals.parts(4)[-1]),
                chance=signals.chance,
            )
            return Finding(seen, signals.first_step, signals.last_step, 0.5)
        val, train = smooth(epochs["val_accuracy"]), smooth(epochs["train_accuracy"])
        peak = int(smooth(epochs["val_loss"]).argmin())
        if not risen(epochs) or val[-1] > val[peak] or val[peak] > 0.9:
            return None
        if train[peak] > val[peak] + 0.1 or train[-1] < train[peak] + 0.03:
            return None
        seen = _("Validation accuracy was {best:.0%} after epoch {epoch}, when training had {then:.0%}; it is "
                 "{now:.0%} now, with {train:.0%} in training.").format(
            best=val[peak], epoch=int(epochs["epoch"][peak]), then=train[peak], now=val[-1], train=train[-1],
        )  # fmt: skip
        return Finding(seen, int(epochs["step"][peak]), signals.last_epoch, 0.6)

    @classmethod
    def remedies(cls, experiment: Experiment) -> tuple[Remedy, ...]:
        """Look at the hardest images; meanwhile, trust labels less and stop early."""
        stop = {"kind": "early_stopping", "patience": 3}
        rest = regularised(experiment, _("Stop early: after 3 epochs without a best"), stop)
        return (*smoothed(experiment, 0.1), *rest)


class Mismatch(Rule):
    """Validation is far behind from the very beginning: these are other images."""

    id = "mismatch"
    title = _("Validation images differ from training images")
    rule = _("A network that has hardly begun cannot have learnt by heart: a gap that is wide from the first "
             "epochs on comes from the images themselves.")  # fmt: skip
    source = "Ng 2018, Machine Learning Yearning: data mismatch"
    rank = 7

    @classmethod
    def find(cls, signals: Signals) -> Finding | None:
        """Far behind at two epochs in a row at which the training accuracy was still rising."""
        epochs = signals.epochs
        if signals.since or len(epochs["epoch"]) < 3 or len(signals.loss) < 60:
            return None
        train, val = epochs["train_accuracy"][:6], epochs["val_accuracy"][:6]
        ready = (epochs["step"][:6] >= 60) & (train > 0.5)  # norms' averages; it has learnt
        young = (train < 0.97) & ready
        error = error_of(float(val.mean()), signals.plan.val_images)
        apart = train - val > max(0.12, 4 * error)
        if not (apart & young).any() or not apart[ready].all() or apart[ready].sum() < 2:
            return None
        place = int((apart & young).argmax())
        seen = _(
            "After epoch {epoch} {train:.0%} were right in training and {val:.0%} in validation."
        )
        seen = seen.format(epoch=int(epochs["epoch"][place]), train=train[place], val=val[place])
        return Finding(seen, signals.first_step, int(epochs["step"][:6][-1]), 0.7)

    @classmethod
    def remedies(cls, experiment: Experiment) -> tuple[Remedy, ...]:
        """Hold out a random part of every class instead."""
        if experiment.split.kind == "stratified":
            return ()
        label = _("Hold out a random part of each class")
        return (Remedy(label, {"split": {"kind": "stratified"}}, "restart"),)


class ValidationBetter(Rule):
    """Validation looks better than training: mostly for innocent reasons."""

    id = "val_better"
    title = _("Validation is better than training")
    rule = _("Dropout, augmentation and mixing make training harder and are off in validation; the training "
             "value is also a mean over the epoch, from before its end. Without them, look for images on "
             "both sides of the split.")  # fmt: skip
    source = "CS231n notes; PyImageSearch, Why is my validation loss lower than my training loss?"
    rank = 17

    @classmethod
    def find(cls, signals: Signals) -> Finding | None:
        """Ahead even of the training of the epoch that follows, which starts where it stands; the last few epochs.

        By more than light dropout explains: half its share.
        """
        epochs = signals.epochs
        if len(epochs["epoch"]) < 3:
            return None
        light = min(dropping(signals), LIGHT) / 2
        train, val = epochs["train_accuracy"][1:][-3:], epochs["val_accuracy"][:-1][-3:]
        losses = epochs["train_loss"][1:][-3:], epochs["val_loss"][:-1][-3:]
        error = error_of(float(val[-1]), signals.plan.val_images)
        ahead = val - train
        if ahead.min() < 0.02 or ahead.mean() < max(0.03, 2 * error, light):
            return None
        if (losses[1] > 0.9 * losses[0]).any():
            return None
        seen = _("{val:.0%} are right in validation and {train:.0%} in training.")
        seen = seen.format(val=val[-1], train=train[-1]) + " " + cls._reasons(signals)
        return Finding(seen, int(epochs["step"][:-1][-3:][0]), signals.last_epoch, 0.9)

    @staticmethod
    def _reasons(signals: Signals) -> str:
        dropout = dropping(signals)
        reasons = [_("dropout of {share:g}").format(share=dropout)] if dropout else []
        reasons += [choice.title() for choice in signals.experiment.augmentations]
        if not reasons:
            return _("Nothing here explains it: look for the same images in both parts.")
        return _("An innocent reason: {reasons}.").format(reasons=", ".join(reasons))

    @classmethod
    def remedies(cls, experiment: Experiment) -> tuple[Remedy, ...]:
        """Less of what makes training harder."""
        gentle = (without(_("Train without augmentation"), "augmentations"),)
        now = getattr(experiment.model, "dropout", 0)
        return (
            *(dropped(experiment, LIGHT) if now > LIGHT else ()),
            *(gentle if experiment.augmentations else ()),
        )


class Drowned(Rule):
    """The weights are pulled to zero harder than the data can hold them."""

    id = "regularised"
    title = _("Regularisation drowns the data")
    rule = _("Where the penalty's pull is stronger than the data's, the weights shrink towards zero and the "
             "loss stays near that of chance.")  # fmt: skip
    source = "CS231n notes, Regularization; Babysitting: the loss of the data against that of the penalty"
    rank = 3

    @classmethod
    def find(cls, signals: Signals) -> Finding | None:
        """A penalty, weights half as long as at the start, and a loss that stays high."""
        if not pulled(signals.experiment) or len(signals.loss) < 40 or not signals.probes:
            return None
        now = signals.layers("weight_norm")
        first = signals.probes[0].layers
        shares = [norm / first[name]["weight_norm"] for name, norm in now.items() if name in first]
        recent = float(signals.parts(4)[-1])
        if not shares or np.median(shares) > 0.6 or recent < 0.5:
            return None
        seen = _(
            "The weights shrank to {share:.0%} of their length, and the loss stays at {loss:.3g}."
        )
        seen = seen.format(share=float(np.median(shares)), loss=signals.told(recent))
        return Finding(seen, signals.first_step, signals.last_step, 0.8)

    @classmethod
    def remedies(cls, experiment: Experiment) -> tuple[Remedy, ...]:
        """A hundredth of the penalty."""
        decay = getattr(experiment.optimizer, "weight_decay", 0)
        label = _("Set weight decay to {value:g}")
        less = Remedy(
            label.format(value=decay / 100), {"optimizer.weight_decay": decay / 100}, "edit"
        )
        loose = without(_("Take all regularisers away"), "regularizers")
        return (
            *((loose,) if experiment.regularizers else ()),
            *((less,) if decay else ()),
            *other_lr(experiment, 0.3),
        )


def dropping(signals: Signals) -> float:
    """The share of dropout: as the forms have it now, or as the network was built with."""
    now = getattr(signals.experiment.model, "dropout", None)
    return now if now is not None and signals.since else max(now or 0.0, signals.plan.left_out)


def at_chance(signals: Signals) -> bool:
    """Whether steps of a sound size, along gradients that reach every layer, have led nowhere, and lead nowhere now."""
    ratios, shut = (
        signals.layers("update_ratio"),
        signals.layers("dead") | signals.layers("saturated"),
    )
    sound = bool(ratios) and min(ratios.values()) > 3e-4 and np.median(list(ratios.values())) < 2e-2
    long = len(signals.loss) >= 100 and not rising(signals)
    able = signals.plan.parameters > 1000  # a smaller network may not be able to learn it
    parts = signals.parts(4)
    stands = parts[-1] > 0.9 and parts[1] - parts[-1] < 0.03
    return able and long and sound and stands and max(shut.values(), default=0) < 0.3


def pulled(experiment: Experiment) -> bool:
    """Whether a penalty or the optimizer's weight decay is strong enough to be felt."""
    rules = [rule.strength for rule in experiment.regularizers if isinstance(rule, L1 | L2)]
    return max(rules, default=0) >= 1e-3 or getattr(experiment.optimizer, "weight_decay", 0) > 0.03


def risen(epochs: Mapping[str, Array]) -> bool:
    """Whether the validation loss of the last three epochs is a tenth above its least."""
    loss = epochs["val_loss"]
    return bool(loss.argmin() < len(loss) - 3 and loss[-3:].min() > 1.1 * loss.min())


def stayed(loss: Array) -> bool:
    """Whether the best of the last third of the epochs is hardly better than the best before."""
    late = max(4, len(loss) // 3)
    return len(loss) >= 2 * late and bool(loss[-late:].min() > 0.97 * loss[:-late].min())


def error_of(accuracy: float, images: int) -> float:
    """The standard error of an accuracy that was measured on so many images."""
    return math.sqrt(max(accuracy * (1 - accuracy), 1 / images) / images)


def smooth(values: Array) -> Array:
    """The running mean of three, shorter at the ends."""
    padded = np.concatenate([values[:1], values, values[-1:]])
    means: Array = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
    return means
