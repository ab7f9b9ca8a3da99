"""A little training: a few images learnt by heart, zeros in their place, and what regularisation adds."""

import math
import time
from dataclasses import dataclass

import torch
from torch import Tensor

from trainlab.catalog.optimizers import AdamW, OptimizerChoice
from trainlab.catalog.regularizers import L1, L2
from trainlab.diagnostics.checks.base import Finding, Rule, Subject, Verdict
from trainlab.diagnostics.steps import Bench
from trainlab.engine.batches import right
from trainlab.engine.randomness import generator
from trainlab.text import _

IMAGES, STEPS, LEARNT = 20, 300, 0.05  # a tiny subset; steps at most; of chance: by heart
NO_WAY = 10  # times that: half of chance, where nothing was learnt
BASELINE_STEPS, BATCH, ASKED = 60, 64, 256
SECONDS = 10.0  # that one training may take
SAFE = AdamW(lr=1e-3, weight_decay=0.0)  # learns almost anything, if slowly


def _bench(subject: Subject, choice: OptimizerChoice) -> Bench:
    """A fresh copy of the network, its dropout silent, and an optimizer without weight decay."""
    model = subject.model()
    for module in model.modules():
        if "Drop" in type(module).__name__ or type(module).__name__ == "StochasticDepth":
            module.p = 0.0  # type: ignore[assignment]
    plain = _plain(choice)
    optimizer = plain.build(type(plain).groups(model.parameters()))
    return Bench(model, subject.loss, optimizer, key="check", full_batch=plain.full_batch)


def _plain(choice: OptimizerChoice) -> OptimizerChoice:
    """An optimizer without weight decay."""
    return choice.but(weight_decay=0.0) if hasattr(choice, "weight_decay") else choice


@dataclass(frozen=True)
class _Fit:
    """How far a few images were learnt: the last loss, the share right, the steps, and if time was over."""

    loss: float
    share: float
    steps: int
    enough: bool
    late: bool

    def words(self) -> str:
        return _("loss {loss:.3g}, {share:.0%} right after {steps} steps").format(
            loss=self.loss, share=self.share, steps=self.steps
        )


def _overfit(subject: Subject) -> Finding:
    """C3: the experiment's own optimizer on a few images; where it fails, a safe one tells why."""
    inputs, labels = subject.sample(IMAGES)
    enough = LEARNT * subject.chance(labels)
    own, optimizer = subject.experiment.optimizer, _(subject.experiment.optimizer.title())
    fit = _by_heart(subject, own, inputs, labels, enough)
    says = _("{count} images with {optimizer} at {lr:g}: {fit}.").format(
        count=len(labels), optimizer=optimizer, lr=own.lr, fit=fit.words()
    )
    expected = _("all right, and a loss below {enough:.2g}").format(enough=enough)
    if fit.enough:
        return Finding("pass", says, fit.loss, expected)
    safe = fit
    if _plain(own) != SAFE:
        safe = _by_heart(subject, SAFE, inputs, labels, enough)
        says += " " + _("AdamW at {lr:g}: {fit}.").format(lr=SAFE.lr, fit=safe.words())
    verdict: Verdict = "warn"
    if fit.late or safe.late:
        remedy = _("There was no time to tell: try a narrower network first.")
    elif safe.enough:
        remedy = _("The network can, but not so soon with this learning rate: make the range test.")
    elif safe.loss < NO_WAY * enough:
        remedy = _("It learns, if slowly: a wider network has it easier.")
    else:
        verdict = "fail"
        remedy = _("Something is broken before it is a question of tuning: look at the initialisation, the loss, the "
                   "labels, and the gradient check.")  # fmt: skip
    return Finding(verdict, says, fit.loss, expected, remedy)


def _by_heart(
    subject: Subject, choice: OptimizerChoice, inputs: Tensor, labels: Tensor, enough: float
) -> _Fit:
    """Train on these images until the loss is below `enough`, not finite, or steps or time are over."""
    bench, end = _bench(subject, choice), time.monotonic() + SECONDS
    step = 0
    while True:
        subject.go_on()
        loss, logits = bench.step(inputs, labels)
        share = float(right(logits, labels).float().mean())
        done, late = loss <= enough and share == 1, time.monotonic() > end
        if done or late or step == STEPS or not math.isfinite(loss):
            return _Fit(loss, share, step, done, late)
        step += 1


OVERFIT = Rule(
    "overfit",
    "A few images by heart",
    "Without regularisation a sound network learns about 20 images by heart: the loss goes to 0. Passing is "
    "no proof. CS231n notes, Sanity checks",
    _overfit,
)


def _zero_input(subject: Subject) -> Finding:
    """C5: validation accuracy after a short training on the images, and on zeros in their place."""
    hits, steps = _after(subject, 1.0, BASELINE_STEPS)
    with_images, with_zeros = float(hits.mean()), float(_after(subject, 0.0, steps)[0].mean())
    mean, count = (with_images + with_zeros) / 2, len(hits)
    error = math.sqrt(max(mean * (1 - mean), 1 / count) * 2 / count)
    sure = (with_images - with_zeros) / error
    verdict: Verdict = "pass" if sure > 3 else "warn" if sure > 1 else "fail"
    return Finding(
        verdict,
        _("After {steps} steps {images:.1%} of validation is right with the images, {zeros:.1%} with zeros.").format(
            steps=steps, images=with_images, zeros=with_zeros
        ),
        with_images - with_zeros,
        _("better with the images, by more than {least:.1%}").format(least=3 * error),
        "" if verdict == "pass" else _("The network finds nothing in the images: look at them as they reach it (panel "
        "Data), at the labels beside them, and at the signal through the layers."),
    )  # fmt: skip


def _after(subject: Subject, seen: float, most: int) -> tuple[Tensor, int]:
    """Which validation answers are right after a short training on images times `seen`; and its steps."""
    bench, end = _bench(subject, SAFE), time.monotonic() + SECONDS
    while bench.steps < most and time.monotonic() < end:
        subject.go_on()
        draws = generator("check", "baseline", bench.steps)
        rows = torch.randperm(len(subject.train), generator=draws)[:BATCH]
        inputs, labels = subject.train.inputs(rows.to(subject.device))
        bench.step(inputs * seen, labels)
    inputs, labels = subject.sample(ASKED, subject.val)
    with torch.no_grad():  # in training mode: averages of so few steps say little
        hits = right(bench.model(inputs * seen), labels).flatten().float()
    return hits, bench.steps


ZERO_INPUT = Rule(
    "zero_input",
    "Better than without images",
    "A network that is shown zeros learns the classes' frequencies alone: real images must do better. "
    "Karpathy 2019, A recipe for training neural networks",
    _zero_input,
)


def _penalty(subject: Subject) -> Finding:
    """C2: what L2 and L1 add to the loss, at their strength and at ten times as much."""
    rules = [rule for rule in subject.experiment.regularizers if isinstance(rule, L1 | L2)]
    beside = _beside(subject.experiment.optimizer)
    if not rules:
        return Finding("skip", _("No L1 and no L2: nothing is added to the loss.") + beside)
    weights = [p.detach() for p in subject.model().parameters() if p.ndim > 1]
    data_loss = subject.chance(subject.sample(ASKED)[1])
    added = sum(penalty(rule, weights) for rule in rules)
    tenfold = sum(
        penalty(rule.model_copy(update={"strength": 10 * rule.strength}), weights) for rule in rules
    )
    share = added / data_loss
    verdict: Verdict = "pass" if tenfold > added and share < 1 else "warn"
    return Finding(
        verdict,
        _("Chance costs {chance:.3g}; the weights add {added:.3g}, {tenfold:.3g} at ten times the strength.").format(
            chance=data_loss, added=added, tenfold=tenfold
        ) + beside,
        share,
        _("more with more strength, and less than the loss itself"),
        "" if verdict == "pass" else _("Make it weaker (panel Optimizer): nothing but the weights would shrink."),
    )  # fmt: skip


def _beside(optimizer: OptimizerChoice) -> str:
    """A word on weight decay, which pulls at the weights without being a part of the loss."""
    decay = getattr(optimizer, "weight_decay", 0.0)
    if not decay:
        return ""
    words = _(
        "{optimizer}'s weight decay of {decay:g} acts in its step, not in the loss: it is not counted here."
    )
    return " " + words.format(optimizer=_(optimizer.title()), decay=decay)


def penalty(rule: L1 | L2, weights: list[Tensor]) -> float:
    """What a regulariser adds to the loss: (strength / 2) * w^2, or strength * |w|, of all weights."""
    if isinstance(rule, L2):
        return rule.strength / 2 * sum(float(w.square().sum()) for w in weights)
    return rule.strength * sum(float(w.abs().sum()) for w in weights)


PENALTY = Rule(
    "penalty",
    "More regularisation, more loss",
    "A stronger penalty raises the loss, and does not drown it. CS231n notes, Sanity checks",
    _penalty,
)
