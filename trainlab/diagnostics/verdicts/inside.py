"""Rules on what happens inside the network: they need looks into single steps, and are silent without."""

import math

import numpy as np

from trainlab.diagnostics.verdicts.base import Finding, Remedy, Rule
from trainlab.diagnostics.verdicts.pace import fallen
from trainlab.diagnostics.verdicts.remedies import (
    activated,
    clipped,
    initialised,
    normalised,
    other_lr,
    scaled,
    shorter,
    sized,
    without,
)
from trainlab.diagnostics.verdicts.signals import Signals, falls
from trainlab.experiment import Experiment
from trainlab.text import _

ACCURATE = (
    0.3  # of chance: a loss below it says that the network learns, whatever its layers look like
)

FEW = 16  # images in a batch: of fewer, one unit may rightly be silent for all


class BadStart(Rule):
    """The first loss is far from that of chance."""

    id = "bad_start"
    title = _("The first loss is wrong")
    rule = _("A network that knows nothing yet should answer at chance: ln K with a softmax. A first loss far "
             "above it means that the first weights, or the inputs, are too large.")  # fmt: skip
    source = "CS231n notes, Sanity checks: look for the correct loss at chance performance"
    rank = 6

    @classmethod
    def find(cls, signals: Signals) -> Finding | None:
        """The first step's loss, before anything was learnt: beyond a wild guess, or far below chance.

        A batch of few images says little.
        """
        if signals.since or not len(signals.loss) or signals.first_step != 1:
            return None
        first, experiment = float(signals.steps["loss"][0]), signals.experiment
        # a bias at the classes' frequencies knows something
        low = 0.0 if experiment.init.class_prior else 0.4 * signals.chance
        if low <= first <= signals.levels.wild or experiment.training.batch_size < FEW:
            return None
        seen = _("The first loss was {loss:.3g}; chance is {chance:.3g}.")
        return Finding(seen.format(loss=first, chance=signals.chance), 1, 1, 0.9)

    @classmethod
    def remedies(cls, experiment: Experiment) -> tuple[Remedy, ...]:
        """Smaller first weights, standardised inputs, or what makes up for them."""
        standard = Remedy(_("Standardise the inputs"), {"preprocessing": "standardize"}, "restart")
        raw = experiment.preprocessing.kind == "none"
        return (
            *initialised(experiment),
            *((standard,) if raw else ()),
            *normalised(experiment),
            *scaled(experiment),
        )


class Vanishing(Rule):
    """Hardly any gradient reaches the first layers."""

    id = "vanishing"
    title = _("The gradients vanish")
    rule = _("Each layer multiplies the gradient on its way back; where each makes it smaller, the first "
             "layers get next to nothing and do not learn.")  # fmt: skip
    source = "Glorot & Bengio 2010; He et al. 2015"
    rank = 4

    @classmethod
    def find(cls, signals: Signals) -> Finding | None:
        """A thousandth of the largest gradient, or less, in the first two layers, or none at all; a high loss."""
        norms = list(signals.layers("grad_norm").values())
        stuck = len(signals.loss) > 4 and signals.parts(4)[-1] > ACCURATE
        if stuck and norms and max(norms) == 0:
            seen = _(
                "The loss is {loss:.3g}, and its gradient is 0 in all {count} layers: it has no slope here."
            )
            seen = seen.format(loss=signals.steps["loss"][-1], count=len(norms))
            return Finding(seen, *signals.looked(), 0.9)
        if not stuck or len(norms) < 4 or max(norms[:2]) > 1e-3 * max(norms):
            return None
        seen = _(
            "The gradient's norm is {first:.1e} in the first layer and {last:.1e} in the last."
        )
        seen = seen.format(first=norms[0], last=norms[-1])
        return Finding(seen, *signals.looked(), 0.9)

    @classmethod
    def remedies(cls, experiment: Experiment) -> tuple[Remedy, ...]:
        """Units and weights that let it through, and shorter ways."""
        return (
            *activated(experiment, "relu", _("Use ReLU")),
            *initialised(experiment),
            *normalised(experiment),
            *sized(experiment, "depth", 2, _("Two hidden layers")),
            *shorter(experiment, "restart"),
        )


class Exploding(Rule):
    """The gradient grows on its way back, or is huge altogether."""

    id = "exploding"
    title = _("The gradients explode")
    rule = _(
        "Where each layer makes the gradient larger on its way back, a step tears the weights apart."
    )
    source = "Pascanu et al. 2013; He et al. 2015"
    rank = 4

    @classmethod
    def find(cls, signals: Signals) -> Finding | None:
        """A gradient ten times as long as the weights in most layers; more, where the loss itself is steeper."""
        norms, weights = signals.layers("grad_norm"), signals.layers("weight_norm")
        shares = [norms[name] / weights[name] for name in norms if weights.get(name)]
        steep = max(1.0, signals.span / math.log(len(signals.plan.classes)))  # a hinge's: 9 / ln 10
        if not shares or np.median(shares) < 10 * steep:
            return None
        largest = max(norms.values())
        seen = _("The gradient of a layer has a norm of {norm:.1e}: {times:.0f} times its weights.")
        seen = seen.format(norm=largest, times=float(np.median(shares)))
        return Finding(seen, *signals.looked(), 0.9)

    @classmethod
    def remedies(cls, experiment: Experiment) -> tuple[Remedy, ...]:
        """Shorten it now; begin with smaller weights next time."""
        return (*clipped(experiment), *initialised(experiment), *normalised(experiment))


class DeadUnits(Rule):
    """Units that are silent whatever they are shown."""

    measure, limit = "dead", 0.5  # share of a layer's units from which on it is sick
    id = "dead_units"
    title = _("Units are dead")
    rule = _("A ReLU unit whose input is below zero for every image gets no gradient and stays so. Up to "
             "two in five can die where the learning rate is too high.")  # fmt: skip
    source = "CS231n notes, Commonly used activation functions"
    rank = 5

    @classmethod
    def find(cls, signals: Signals) -> Finding | None:
        """Half of a layer's units or more silent in three looks in a row."""
        shares = signals.layers(cls.measure)
        if not shares or signals.experiment.training.batch_size < FEW:
            return None
        name = max(shares, key=shares.__getitem__)
        if shares[name] < cls.limit:
            return None
        seen = _("{share:.0%} of the units of layer {name} were silent for whole batches.")
        seen = seen.format(share=shares[name], name=name)
        return Finding(seen, *signals.looked(), 0.9)

    @classmethod
    def remedies(cls, experiment: Experiment) -> tuple[Remedy, ...]:
        """Units that cannot die, sound first weights, shorter steps."""
        leaky = activated(experiment, "leaky_relu", _("Use leaky ReLU"))
        return (*leaky, *initialised(experiment), *shorter(experiment, "restart"))


class Saturated(Rule):
    """Tanh or sigmoid units that sit at an end of their range."""

    measure, limit = "saturated", 0.4  # share of a layer's values, as above
    id = "saturated"
    title = _("Units are saturated")
    rule = _("At the ends of its range a tanh or sigmoid has no slope: the unit passes no gradient on. "
             "Its values should fill the range, not sit at its ends.")  # fmt: skip
    source = "Glorot & Bengio 2010; CS231n notes, Sanity checks: activation histograms"
    rank = 5

    @classmethod
    def find(cls, signals: Signals) -> Finding | None:
        """Two fifths of a layer's values at an end in three looks in a row, and a loss that is still high."""
        shares = signals.layers(cls.measure)
        if not shares or signals.parts(4)[-1] < ACCURATE:
            return None
        name = max(shares, key=shares.__getitem__)
        if shares[name] < cls.limit:
            return None
        seen = _("{share:.0%} of the values of layer {name} lie at an end of the range.")
        seen = seen.format(share=shares[name], name=name)
        return Finding(seen, *signals.looked(), 0.9)

    @classmethod
    def remedies(cls, experiment: Experiment) -> tuple[Remedy, ...]:
        """Smaller first weights, normalised inputs of the units, units that do not saturate."""
        relu = activated(experiment, "relu", _("Use ReLU"))
        return (*initialised(experiment), *normalised(experiment), *relu)


class UpdateRatio(Rule):
    """The steps are out of proportion to the weights."""

    id = "update_ratio"
    title = _("The steps do not fit the weights")
    rule = _("A step should change the weights by about a thousandth of their length: much less, and the "
             "learning rate is low; much more, and it is high.")  # fmt: skip
    source = "CS231n notes, Ratio of weights to updates"
    rank = 12

    @classmethod
    def find(cls, signals: Signals) -> Finding | None:
        """Of most layers, in the middle of three looks: a factor of 25 above; or of 10 above, or 30 below, in vain.

        In vain: the loss is still high, and with the longer steps it does not fall.
        """
        ratios = [ratio for ratio in signals.layers("update_ratio").values() if ratio]
        if len(signals.loss) < 20 or not ratios:
            return None
        ratio = float(np.median(ratios))
        high = signals.parts(4)[-1] > ACCURATE
        stands = falls(signals.loss[len(signals.loss) // 2 :]) < 2
        short = high and ratio < 3e-5 and not fallen(signals)
        if not (short or ratio > 2.5e-2 or (high and stands and ratio > 1e-2)):
            return None
        seen = _("A step changes the weights by {ratio:.1e} of their length; about 1e-3 is sound.")
        seen = seen.format(ratio=ratio)
        helps = other_lr(signals.experiment, 10.0) if short else ()
        return Finding(seen, *signals.looked(), 0.8, helps)

    @classmethod
    def remedies(cls, experiment: Experiment) -> tuple[Remedy, ...]:
        """Shorter steps."""
        return shorter(experiment)


class Starved(Rule):
    """Most of the time goes into making batches."""

    id = "starved"
    title = _("The device waits for its data")
    rule = _(
        "Where making a batch takes longer than training on it, even the fastest device could not "
        "halve the time of a step."
    )
    source = "PyTorch performance tuning guide: data loading"
    rank = 18

    @classmethod
    def find(cls, signals: Signals) -> Finding | None:
        """More than half of the step's time, in so many of the last 24 looks that no coin would: two standard errors.

        One look says little: another program may have made either part of its step wait.
        """
        shares = np.array([probe.data_share for probe in signals.probes[-24:]])
        looks, longer = len(shares), int((shares > 0.5).sum())
        if looks < 8 or longer < looks / 2 + math.sqrt(looks):
            return None
        seen = _("{share:.0%} of a step's time went into making its batch.")
        seen = seen.format(share=float(np.median(shares)))
        return Finding(seen, *signals.looked(looks), 0.9)

    @classmethod
    def remedies(cls, experiment: Experiment) -> tuple[Remedy, ...]:
        """Fewer augmentations: the slow one first."""
        if not experiment.augmentations:
            return ()
        return (without(_("Train without augmentation"), "augmentations"),)
