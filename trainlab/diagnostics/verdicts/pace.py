"""Rules on how fast the loss falls: the learning rate, and what ends a run."""

import numpy as np

from trainlab.diagnostics.verdicts.base import Finding, Remedy, Rule
from trainlab.diagnostics.verdicts.remedies import batched, clipped, decaying, other_lr, shorter
from trainlab.diagnostics.verdicts.signals import Array, Signals, fall, falls
from trainlab.experiment import Experiment
from trainlab.text import _

EARLY = 40  # steps: fewer say nothing about a trend
LEARNT = 0.98  # of the training images: shorter steps have little to add


class NotFinite(Rule):
    """The loss has left what floats can hold, or is about to."""

    id = "nan"
    title = _("The numbers explode: NaN ahead")
    rule = _(
        "A loss that grows several times over at each step ends in NaN: the steps are too long."
    )
    source = "CS231n notes, Babysitting the learning process"
    rank = 0

    @classmethod
    def find(cls, signals: Signals) -> Finding | None:
        """Three steps in a row that double the loss, to ten times that of chance; or the end itself."""
        if signals.broken:
            seen = _("The loss of step {step} was not finite.").format(step=signals.broken)
            return Finding(seen, max(signals.first_step, signals.broken - 5), signals.broken, 1.0)
        recent = signals.loss[-4:]
        if len(recent) < 3 or recent[-1] < 10 or (recent[1:] < 2 * recent[:-1]).any():
            return None
        seen = _("The loss grew from {low:.3g} to {high:.3g} in {steps} steps.").format(
            low=signals.told(recent[0]), high=signals.told(recent[-1]), steps=len(recent) - 1
        )
        return Finding(seen, signals.last_step - len(recent) + 1, signals.last_step, 0.9)

    @classmethod
    def remedies(cls, experiment: Experiment) -> tuple[Remedy, ...]:
        """Shorter steps, in a new run: these weights are spoilt."""
        return (*shorter(experiment, "restart"), *clipped(experiment, "restart"))


class Diverging(Rule):
    """The loss rises far above where it began."""

    id = "diverging"
    title = _("The loss diverges")
    rule = _("A loss that climbs above its first value: each step overshoots the valley by more.")
    source = "CS231n notes, Learning rates: very high"
    rank = 1

    @classmethod
    def find(cls, signals: Signals) -> Finding | None:
        """The last steps lie well above the first ones and chance, or three times above the best that was reached."""
        n = len(signals.loss)
        if n < 6:
            return None
        count = max(4, n // 20)
        start, recent = signals.loss[:3].mean(), np.median(signals.loss[-count:])
        least = float(signals.parts(10).min()) if n >= EARLY else start
        if recent < 2 * max(1.0, start) and recent < max(0.5, 3 * least):
            return None
        seen = _(
            "The loss began at {first:.3g}, was {least:.3g} at best, and is now around {now:.3g}."
        )
        seen = seen.format(
            first=signals.told(start), least=signals.told(least), now=signals.told(recent)
        )
        return Finding(seen, signals.first_step, signals.last_step, 0.9)

    @classmethod
    def remedies(cls, experiment: Experiment) -> tuple[Remedy, ...]:
        """Shorter steps, in a new run: these weights are spoilt."""
        return (*shorter(experiment, "restart"), *clipped(experiment, "restart"))


class TooHigh(Rule):
    """Fast, then stuck: the steps are too long to get further down."""

    id = "lr_high"
    title = _("The learning rate is too high")
    rule = _("A loss that stops early at a high level, or jumps about, while the weights move by more "
             "than a hundredth of themselves a step: they are thrown from side to side. What was thrown far "
             "above chance may never come back, however short the later steps.")  # fmt: skip
    source = "CS231n notes, Learning rates: high; update ratio about 1e-3"
    rank = 2

    @classmethod
    def find(cls, signals: Signals) -> Finding | None:
        """Flat for the last two thirds of the steps, above a quarter of chance, after a jump or with long steps.

        Or thrown far above chance for a tenth of the steps, and at chance ever since.
        """
        n = len(signals.loss)
        if n < EARLY:
            return None
        if lost := thrown(signals):
            return lost
        late = signals.loss[n // 3 :]
        before, now = np.array_split(late, 2)
        if now.mean() < max(0.25, 0.9 * before.mean()) or falls(late) > 2.5:
            return None
        jumped = signals.loss[: max(12, n // 4)].max() > 2.5 * max(1.0, signals.loss[0])
        ratios = list(signals.layers("update_ratio").values())
        long = bool(ratios) and np.median(ratios) > 0.01
        if not (jumped or long):
            return None
        seen = _("The loss has stayed around {loss:.3g} since step {step}.").format(
            loss=signals.told(late.mean()), step=signals.step_at(1 / 3)
        )
        if long:
            ratio = _("A step moves the weights by {ratio:.1%} of their length.")
            seen += " " + ratio.format(ratio=float(np.median(ratios)))
        return Finding(seen, signals.step_at(1 / 3), signals.last_step, 0.9 if long else 0.6)

    @classmethod
    def remedies(cls, experiment: Experiment) -> tuple[Remedy, ...]:
        """Shorter steps."""
        return (*shorter(experiment), *decaying(experiment))


class TooLow(Rule):
    """A nearly straight loss: it falls, but would need many times the run."""

    id = "lr_low"
    title = _("The learning rate is too low")
    rule = _("A loss that falls in a nearly straight line is still at the very beginning of its curve: "
             "longer steps would get down faster.")  # fmt: skip
    source = "CS231n notes, Learning rates: low"
    rank = 8

    @classmethod
    def find(cls, signals: Signals) -> Finding | None:
        """Straight, and at this pace still above half of where it began when the run ends."""
        n = len(signals.loss)
        if n < 2 * EARLY or signals.done < 0.1 or rising(signals) or fallen(signals):
            return None
        means = signals.parts(8)
        whole, late = means[0] - means[-1], means[3] - means[-1]
        ratios = list(signals.layers("update_ratio").values())
        tiny = bool(ratios) and 0 < np.median(ratios) < 1e-4
        if ratios and np.median(ratios) > 6e-4:
            return None
        straight = falls(means, signals.band / np.sqrt(n / 8)) > 4 and late > 0.4 * whole
        left = (1 - signals.done) / signals.done * n / 8
        pace = late / 4 / (n / 8) * 8 if straight else 0.0
        end = means[-1] - pace * left
        if not (straight or tiny) or end < 0.5 * means[0] or means[-1] < 0.5:
            return None
        seen = _("In {steps} steps the loss went from {first:.3g} to {now:.3g}, nearly in a line.")
        seen = seen.format(steps=n, first=signals.told(means[0]), now=signals.told(means[-1]))
        return Finding(seen, signals.first_step, signals.last_step, 0.9 if tiny else 0.7)

    @classmethod
    def remedies(cls, experiment: Experiment) -> tuple[Remedy, ...]:
        """Longer steps."""
        return other_lr(experiment, 10.0)


class PlateauReached(Rule):
    """Nothing has become better for a long while, and the learning rate stayed the same."""

    id = "plateau"
    title = _("A plateau is reached")
    rule = _("Training and validation loss have both stopped falling while the learning rate stayed: "
             "lower it, or stop here.")  # fmt: skip
    source = "torch: ReduceLROnPlateau; He et al. 2016 (divide by ten when the error plateaus)"
    rank = 14

    @classmethod
    def find(cls, signals: Signals) -> Finding | None:
        """Neither loss falls in the last eight epochs and third of the run, at one learning rate; images are wrong."""
        epochs = signals.epochs
        count = max(8, len(epochs["epoch"]) // 3)
        if len(epochs["epoch"]) < count + 4 or rising(signals):
            return None
        train, val = epochs["train_loss"][-count:], epochs["val_loss"][-count:]
        rates = signals.steps["lr"][signals.steps["step"] >= signals.epoch_at(-count)]
        learnt = epochs["train_accuracy"][-count:].mean() > LEARNT
        level = float(signals.share(train).mean())
        if rates.min() < 0.7 * rates.max() or level < 0.05 or learnt:
            return None
        if not (flat(train) and flat(val)):
            return None
        seen = _(
            "For {count} epochs the training loss has stayed near {train:.3g}, validation near {val:.3g}."
        )
        seen = seen.format(count=count, train=train.mean(), val=val.mean())
        return Finding(seen, signals.epoch_at(-count), signals.last_epoch, 0.8)

    @classmethod
    def remedies(cls, experiment: Experiment) -> tuple[Remedy, ...]:
        """Shorter steps now."""
        return (*other_lr(experiment, 0.1), *decaying(experiment))


class Noisy(Rule):
    """The loss of single batches says little: they are too small."""

    id = "noisy"
    title = _("The curve is noisy: the batch is small")
    rule = _("The width of the loss band shows how unlike the batches are. Larger ones average more; "
             "small ones also regularise, so this is a choice.")  # fmt: skip
    source = "CS231n notes, Loss function: noise and batch size; Masters & Luschi 2018"
    rank = 16

    @classmethod
    def find(cls, signals: Signals) -> Finding | None:
        """A band as wide as the loss itself, with batches of at most eight images."""
        size = signals.experiment.training.batch_size
        n = len(signals.loss)
        if n < 2 * EARLY or size > 8:
            return None
        level = float(signals.loss[-max(3, n // 3) :].mean())
        if signals.band < 0.5 * level or signals.band < 0.05:
            return None
        seen = _(
            "Losses of single batches of {size} scatter by {band:.2g} around {loss:.2g}."
        ).format(size=size, band=signals.band * signals.span, loss=signals.told(level))
        return Finding(seen, signals.step_at(2 / 3), signals.last_step, 0.8)

    @classmethod
    def remedies(cls, experiment: Experiment) -> tuple[Remedy, ...]:
        """Larger batches, or shorter steps."""
        return (batched(32), *other_lr(experiment, 0.3))


def thrown(signals: Signals) -> Finding | None:
    """Whether long steps have thrown the weights to where no later step finds a way: only a new run helps."""
    means = signals.parts(10)
    peak = int(means.argmax())
    if means[peak] < 1.5 * max(1.0, signals.loss[0]) or means[peak:].min() < 0.75 or peak == 9:
        return None
    seen = _(
        "The loss rose to {high:.3g} around step {step} and was never below {least:.3g} since; chance is {chance:.3g}."
    )
    step = signals.step_at((peak + 0.5) / 10)
    high, least = signals.told(means[peak]), signals.told(means[peak:].min())
    seen = seen.format(high=high, step=step, least=least, chance=signals.chance)
    remedies = shorter(signals.experiment, "restart")
    return Finding(seen, signals.step_at(peak / 10), signals.last_step, 0.9, remedies)


def flat(losses: Array) -> bool:
    """Whether a line through the losses falls by less than a twentieth, as far as two standard errors tell."""
    fell, error = fall(losses)
    return bool(fell - 2 * error < 0.05 * losses.mean())


def rising(signals: Signals) -> bool:
    """Whether the schedule is still warming up: the learning rate is the largest so far, and was lower."""
    rates = signals.steps["lr"]
    return bool(rates[-1] >= 0.999 * rates.max() > 1.1 * rates.min())


def fallen(signals: Signals) -> bool:
    """Whether the schedule has let the learning rate fall far below its largest: its own ratio says little now."""
    rates = signals.steps["lr"]
    return bool(rates[-1] < 0.3 * rates.max())
