"""A little training: a few images learnt by heart, zeros in their place, and what regularisation adds."""

import math
import time
from dataclasses import dataclass

import torch
from torch import Tensor

from trainlab.catalog.optimizers import AdamW, OptimizerChoice
from trainlab.catalog.regularizers import L1, L2
from trainlab.diagnostics.checks.base import Finding, Rule, Subject, Verdict
from trainlab.diagnostics.steps import Bench, Loss
from trainlab.engine.batches import right
from trainlab.engine.randomness import generator
from trainlab.text import _

IMAGES, STEPS, LEARNT = 20, 300, 0.05  # a tiny subset; steps at most; of chance: by heart
NO_WAY = 10  # times that: half of chance, where nothing was learnt
BASELINE_STEPS, BATCH, ASKED = (60, 240), 64, 256  # more steps only where it is not clear yet
DEALS, UNSURE = 999, 0.1  # random deals of labels; as good by luck once in ten times
SURE = 100  # images that are not of the largest class: with fewer, nothing found is no proof
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
        remedy = _("Either the network is too small to tell these images apart: try more width and depth. Or something "
                   "is broken before it is a question of tuning: look at the initialisation, the loss, the labels, and "
                   "the gradient check.")  # fmt: skip
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
    """C5: whether the answers fit their own images better than labels dealt at random; and without images."""
    inputs, labels = subject.sample(ASKED, subject.val)
    counts = labels.unique(dim=0, return_counts=True)[1].tolist()
    orders = math.prod(math.comb(sum(counts[: at + 1]), count) for at, count in enumerate(counts))
    if orders < 10 * DEALS:  # the right one would be dealt by luck
        return Finding(
            "skip", _("Too few validation images to tell: {count}.").format(count=len(labels))
        )
    bench, zeros = _bench(subject, SAFE), _bench(subject, SAFE)
    for most in BASELINE_STEPS:
        logits = _after(subject, bench, most, inputs)
        luck = _luck(subject.loss, logits, labels)
        if luck <= 1 / DEALS:
            break
    blind = _after(subject, zeros, bench.steps, inputs, seen=0.0)
    verdict: Verdict = "pass" if luck <= 1 / DEALS else "warn"
    remedy = "" if verdict == "pass" else _("Not clear yet: the network may only be slow. Look at the signal through "
        "the layers, at a few images by heart, and at the labels beside the images (panel Data).")  # fmt: skip
    if luck > UNSURE and len(labels) - max(counts) >= SURE:
        verdict = "fail"
        remedy = _("The network finds nothing in the images: look at them as they reach it (panel Data), at the labels "
                   "beside them, and at the signal through the layers.")  # fmt: skip
    return Finding(
        verdict,
        _("After {steps} steps {images:.1%} of {count} validation images are right, {zeros:.1%} after training on "
          "zeros. Labels dealt to them at random fit the answers as well in {better} of {deals} trials.").format(
            steps=bench.steps, images=_share(logits, labels), count=len(labels), zeros=_share(blind, labels),
            deals=DEALS, better=round(luck * (DEALS + 1)) - 1,
        ),
        luck,
        _("no labels dealt at random fit as well"),
        remedy,
    )  # fmt: skip


def _luck(loss: Loss, logits: Tensor, labels: Tensor) -> float:
    """A permutation test: the chance that labels dealt at random have no more loss than the right ones."""
    draws, own = generator("check", "deals"), float(loss(logits, labels))
    same = own + 1e-6 * abs(own)  # sums in another order
    deals = (torch.randperm(len(labels), generator=draws) for _deal in range(DEALS))
    worse = sum(float(loss(logits, labels[deal.to(labels.device)])) > same for deal in deals)
    return (1 + DEALS - worse) / (1 + DEALS)  # 1 where the loss is no number


def _share(logits: Tensor, labels: Tensor) -> float:
    return float(right(logits, labels).float().mean())


def _after(subject: Subject, bench: Bench, most: int, asked: Tensor, seen: float = 1.0) -> Tensor:
    """The answers after a short training, both on images times `seen`."""
    end = time.monotonic() + SECONDS
    while bench.steps < most and time.monotonic() < end:
        subject.go_on()
        draws = generator("check", "baseline", bench.steps)
        rows = torch.randperm(len(subject.train), generator=draws)[:BATCH]
        inputs, labels = subject.train.inputs(rows.to(subject.device))
        bench.step(inputs * seen, labels)
    with torch.no_grad():  # in training mode: averages of so few steps say little
        logits: Tensor = bench.model(asked * seen)
    return logits


ZERO_INPUT = Rule(
    "zero_input",
    "Better than without images",
    "A network that is shown zeros learns the classes' frequencies alone: real images must do better. "
    "Karpathy 2019, A recipe for training neural networks; Ojala & Garriga 2010, Permutation tests",
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
