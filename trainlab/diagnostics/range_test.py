"""The learning rate range test: a copy is trained while the learning rate rises, until the loss explodes."""

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

import torch

from trainlab.catalog.datasets import Images
from trainlab.diagnostics.steps import Bench
from trainlab.engine.batches import epoch_order
from trainlab.engine.build import Parts, Plant, as_built, build_parts
from trainlab.engine.device import default_threads
from trainlab.experiment import Experiment

LOW, HIGH, STEPS = 1e-7, 10.0, 100
EXPLODED = 4.0  # times the best loss so far: there is nothing more to see
MEMORY = 0.7  # of the smoothed loss, from one step to the next
REACH = 4  # points on each side that the lowest loss is a mean of
DECADE = 12  # points: a fall is what comes after a point, against what came before it
CLEAR = 4.0  # standard errors: in 200 sweeps without any learning no fall was as large
FALLEN = 0.95  # of the first loss: where it never fell below, the curve suggests nothing


@dataclass(frozen=True)
class Point:
    """One step: its learning rate, its loss, and the smoothed loss so far."""

    lr: float
    loss: float
    smoothed: float


@dataclass(frozen=True)
class Suggestion:
    """What a range test advises, each None where the curve does not show it.

    Args:
        steepest: the learning rate around which the loss fell by the largest factor: usually a good choice.
        minimum_tenth: a tenth of that at which it was lowest before it rose again: the cautious choice.
        diverged: that at which the loss exploded; None where it never did.
    """

    steepest: float | None
    minimum_tenth: float | None
    diverged: float | None


def rising(low: float, high: float, steps: int) -> tuple[float, ...]:
    """Learning rates from `low` to `high`, each the same times the last."""
    return tuple(low * (high / low) ** (step / max(1, steps - 1)) for step in range(steps))


LRS = rising(LOW, HIGH, STEPS)


def range_test(
    experiment: Experiment,
    data: Images,
    cancelled: Callable[[], bool] = lambda: False,
    lrs: Sequence[float] = LRS,
    plant: Plant = as_built,
) -> Generator[Point]:
    """Train a copy, a step at each of these learning rates; `plant` puts a lesson's bug in it.

    It has the experiment's augmentations, regularisers and batches, draws from keyed generators of its own,
    and ends when the loss explodes or is no number (that point is given last), when the optimizer no longer
    goes by the learning rate, or when it is cancelled.

    Raises:
        Problem: the experiment cannot be built.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(experiment.training.threads or default_threads())
    try:
        plain = experiment.but(training=experiment.training.but(compile=False))
        parts = plant(build_parts(plain, data))
        rules, full = experiment.regularizers, experiment.optimizer.full_batch
        bench = Bench(parts.model, parts.loss, parts.optimizer, rules, "range", full)
        best = mean = weight = 0.0
        for step, lr in enumerate(lrs):
            if cancelled() or not experiment.optimizer.follows(lr, step + 1):
                return
            for group in parts.optimizer.param_groups:
                group["lr"] = lr
            loss, _logits = bench.step(*_batch(experiment, parts, step))
            mean, weight = MEMORY * mean + (1 - MEMORY) * loss, MEMORY * weight + 1 - MEMORY
            smoothed = mean / weight
            yield Point(lr, loss, smoothed)
            best = smoothed if step == 0 else min(best, smoothed)
            if not math.isfinite(loss) or smoothed > EXPLODED * best:
                return
    finally:
        torch.set_num_threads(threads)


def _batch(experiment: Experiment, parts: Parts, step: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The batch of a step, in an order of its own; the images come again where they are few."""
    count = len(parts.train)
    size = experiment.batch_size(count)
    epoch, place = divmod(step, max(1, count // size))
    order = epoch_order(count, experiment.training.seed, epoch).to(parts.device)
    return parts.train.inputs(order[place * size : (place + 1) * size], "range", step)


def suggest(points: Sequence[Point]) -> Suggestion:
    """Read the curve, where there is a decade of it on both sides; a fall must be clearly more than noise.

    The noise is that of one loss after another, up to the lowest. The steepest fall is that by the largest
    factor, as a loss has less far to fall the lower it is.
    """
    finite = [point for point in points if math.isfinite(point.loss)]
    exploded = len(finite) < len(points) or (
        finite and finite[-1].smoothed > EXPLODED * min(point.smoothed for point in finite)
    )
    diverged = rounded(points[-1].lr) if exploded else None
    losses = [point.loss for point in finite]
    around = [
        fmean(losses[at - REACH : at + REACH + 1]) for at in range(REACH, len(losses) - REACH)
    ]
    lowest = REACH + min(range(len(around)), key=around.__getitem__, default=0)
    inner = range(DECADE, min(lowest + 1, len(losses) - DECADE))
    if not inner or around[lowest - REACH] > FALLEN * around[0]:
        return Suggestion(None, None, diverged)
    steps = [after - before for before, after in pairwise(losses[: lowest + 1])]
    error = math.sqrt(fmean(step * step for step in steps) / DECADE)  # of a difference of two means
    sides = {
        at: (fmean(losses[at - DECADE : at]), fmean(losses[at + 1 : at + 1 + DECADE]))
        for at in inner
    }
    clear = {
        at: after / before
        for at, (before, after) in sides.items()
        if before - after > CLEAR * error
    }
    if not clear:
        return Suggestion(None, None, diverged)
    steepest = min(clear, key=clear.__getitem__)
    rises = lowest < len(losses) - REACH - 1
    tenth = rounded(finite[lowest].lr / 10) if rises else None
    return Suggestion(rounded(finite[steepest].lr), tenth, diverged)


def rounded(lr: float) -> float:
    """A learning rate with two digits: more would only look exact."""
    return float(f"{lr:.1e}")
