"""The Optimizer panel: a race of torch's optimizers, which the page plays, pauses and starts elsewhere."""

import math
from typing import Any

import numpy as np

from trainlab.catalog.optimizers import SGD, Adam, OptimizerChoice, RMSprop
from trainlab.engine.race import SURFACES, Floats, Race, Surface, heights, race
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.text import _
from trainlab.widgets.pictures.look import Spec

STEPS = 200
FACTORS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
ACROSS, UP, BANDS = 97, 61, 16
BRISK = 0.03  # a learning rate that crosses the surfaces in a race's time


def race_spec(experiment: Experiment) -> Spec:
    """What the page needs to offer the race; it asks for the paths itself.

    `key` changes with the optimizer's settings: then the page asks again.
    """
    return {
        "key": experiment.optimizer.model_dump_json(),
        "steps": STEPS,
        "factors": FACTORS,
        "usual": _usual_factor(experiment.optimizer),
        "surfaces": [
            {"name": s.name, "label": _(s.name), "x": s.x, "y": s.y, "start": s.start, "lowest": s.lowest}
            for s in SURFACES.values()
        ],
    }  # fmt: skip


def answer_race(experiment: Experiment, request: dict[str, Any]) -> tuple[Spec, list[bytes]]:
    """The race that the page asks for: its words, and as float32 the paths, the losses and the heights.

    Raises Problem for a request that makes no sense.
    """
    surface, start, factor = _sound(request)
    optimizer = experiment.optimizer
    factor = _usual_factor(optimizer) if factor is None else factor
    racers = _racers(optimizer, factor, surface)
    found = race(surface, start, [choice for _label, _detail, choice in racers], STEPS)
    grid = heights(surface, ACROSS, UP)
    words = {
        "racers": [
            {"label": label, "detail": detail, "refused": refused[:200]}
            for (label, detail, _choice), refused in zip(racers, found.refused, strict=True)
        ],
        "summary": _summary(found, surface, [label for label, _detail, _choice in racers]),
        "across": ACROSS,
        "up": UP,
        "levels": np.quantile(grid, np.linspace(0, 1, BANDS + 1)[1:-1] ** 1.6).tolist(),
    }
    return words, [_packed(found.paths), _packed(found.losses), _packed(grid)]


def _sound(request: dict[str, Any]) -> tuple[Surface, tuple[float, float], float | None]:
    match request:
        case {"surface": str(name), "start": [int() | float() as x, int() | float() as y], **rest}:
            surface, factor = SURFACES.get(name), rest.get("factor")
            if surface and (factor is None or factor in FACTORS):
                x, y = (
                    float(min(max(at, low), high))
                    for at, (low, high) in ((x, surface.x), (y, surface.y))
                )
                return surface, (x, y), factor
    raise Problem(_("the page sent something unknown"))


def _usual_factor(optimizer: OptimizerChoice) -> float:
    """What lifts the optimizer's default learning rate to one that gets somewhere in two dimensions."""
    default = type(optimizer).model_fields["lr"].default
    return min(FACTORS, key=lambda factor: abs(math.log(factor * min(default, BRISK) / BRISK)))


def _racers(
    optimizer: OptimizerChoice, factor: float, surface: Surface
) -> list[tuple[str, str, OptimizerChoice]]:
    """Label, detail and choice of each: the chosen one first, then those that everybody knows."""
    plain, adaptive = surface.plain_lr, surface.adaptive_lr
    known: list[tuple[str, OptimizerChoice]] = [
        (_("SGD"), SGD(lr=plain)),
        (_("SGD + momentum"), SGD(lr=plain / 3, momentum=0.9)),
        (_("RMSprop"), RMSprop(lr=adaptive / 2)),
        (_("Adam"), Adam(lr=adaptive)),
    ]
    mine = optimizer.model_copy(update={"lr": optimizer.lr * factor})
    detail = _("lr {lr:g}").format(lr=optimizer.lr) + (f" × {factor:g}" if factor != 1 else "")
    name = _("Yours: {name}").format(name=_(optimizer.title()))
    others = [(label, _("lr {lr:.2g}").format(lr=choice.lr), choice) for label, choice in known]
    return [(name, detail, mine), *others]


def _summary(found: Race, surface: Surface, labels: list[str]) -> str:
    """Who got lowest, and who is no longer to be seen."""
    last = found.losses[:, -1]
    (left, right), (bottom, top) = surface.x, surface.y
    x, y = found.paths[:, -1].T
    seen = (x >= left) & (x <= right) & (y >= bottom) & (y <= top)
    words = []
    if seen.any():
        best = int(np.argmin(np.where(seen, last, np.inf)))
        words.append(
            _("After {steps} steps {name} is lowest, at {loss:.3g}.").format(
                steps=STEPS, name=labels[best], loss=last[best]
            )
        )
    for label, inside, refused in zip(labels, seen, found.refused, strict=True):
        if refused:
            words.append(_("{name} cannot run on two weights.").format(name=label))
        elif not inside:
            words.append(_("{name} left the picture.").format(name=label))
    return " ".join(words)


def _packed(values: Floats) -> bytes:
    return np.ascontiguousarray(values, dtype="<f4").tobytes()
