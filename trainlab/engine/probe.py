"""Probe: what a training step does inside the network. It only reads: the run is the same with and without it."""

import math
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trainlab import events as ev
from trainlab.engine import fixed
from trainlab.engine.build import Parts
from trainlab.engine.layers import LENGTHS, layer_of, telling
from trainlab.text import _

LEAST = 0.1  # seconds between two looks
PICTURES = 4  # looks' time between two with pictures
NEAR_ZERO = 1e-3  # a weight of a smaller size hardly counts
SAMPLE = 2048  # values of a layer that mean, deviation and histogram are taken from
BINS = 24
FULL = 0.97  # of the way from the middle of an activation's range to its end: saturated
RANGES: dict[type[nn.Module], tuple[float, float]] = {
    nn.Tanh: (-1, 1),
    nn.Softsign: (-1, 1),
    nn.Hardtanh: (-1, 1),
    nn.Sigmoid: (0, 1),
    nn.Hardsigmoid: (0, 1),
}
MUTE = (nn.ReLU, nn.ReLU6)  # nothing gets through below zero, and no gradient


@dataclass(frozen=True)
class Tier:
    """What looking may cost: about this share of the time, the first look aside.

    `looks`: so many in a run's length so far, at most. `full`: with histograms, filters and feature maps.
    """

    share: float
    looks: int = 100
    full: bool = True


TIERS = {
    "cheap": Tier(0.003, full=False),
    "usual": Tier(0.007),
    "everything": Tier(0.06, looks=400),
}
USUAL = "usual"


class Probe:
    """Looks into a step now and then, so rarely that it costs no more than its tier allows.

    Args:
        every: look each time after so many steps instead, whatever it costs.
    """

    def __init__(self, every: int = 0) -> None:
        self.every = every
        self._tier, self._image = TIERS[USUAL], 0
        self._began = self._due = self._pictures_due = -math.inf
        # of the last looks: another program may have made one of them wait
        self._costs: deque[float] = deque(maxlen=3)
        self._classes: tuple[int, ...] = ()
        self._known: Callable[[], object] = lambda: None  # the network that is told of already
        self._seen: list[ev.Event] = []

    def inspect(self, tier: str, image: int) -> str:
        """Look at this cost from now on, with feature maps of one of the fixed images; why not, where it cannot."""
        if tier not in TIERS or not 0 <= image < fixed.IMAGES:
            return _("there is no such way to look")
        self._tier, self._image = TIERS[tier], image
        self._due = self._pictures_due = -math.inf
        return ""

    @contextmanager
    def around(self, parts: Parts, step: int) -> Iterator[None]:
        """Take the step inside; where it is time, note what it does."""
        now = time.perf_counter()
        if (step - 1) % self.every if self.every else now < self._due:
            yield
            return
        look = Look(parts)
        with look:
            yield
        self._note(look, step, now)

    def _note(self, look: "Look", step: int, now: float) -> None:
        """Keep what was seen in the step and what the network makes of the fixed images after it."""
        start = look.now()
        if self._known() is not look.parts.model:  # an edit may have put in other layers
            batch = fixed.fixed_batch(look.parts)
            self._classes, self._known = batch.classes, weakref.ref(look.parts.model)
            self._seen.append(batch)
        answers = fixed.answers(look.parts, self._classes)
        pictured = self._tier.full and (self.every or now >= self._pictures_due)
        pictures = [fixed.pictures(look.parts, step, self._image)] if pictured else []
        probed = look.event(step, self._tier.full)
        seconds = look.seconds + look.now() - start
        self._seen += [replace(probed, predictions=answers, seconds=seconds), *pictures]
        self._due = math.inf  # its cost is known once it is written down
        if pictured:
            self._pictures_due = math.inf
        if self._began < 0:  # slow, once: what it calls is called for the first time
            self._began = now
        else:
            self._costs.append(seconds)

    def found(self) -> Iterator[ev.Event]:
        """What was seen since the last call, if anything was; writing it down is part of what it costs."""
        seen, self._seen = self._seen, []
        start = time.perf_counter()
        yield from seen
        end = time.perf_counter()
        if seen and self._costs:
            self._costs[-1] += end - start
        pace = max(LEAST, (end - self._began) / self._tier.looks)
        wait = max(pace, min(self._costs, default=0.0) / self._tier.share)
        if self._due == math.inf:  # else it was asked for anew meanwhile
            self._due = end + wait
        if self._pictures_due == math.inf:
            self._pictures_due = end + PICTURES * wait


class Look:
    """A context around one training step; afterwards `event` tells what happened in it."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.seconds = 0.0  # spent on looking
        self._measures: dict[str, dict[str, Tensor]] = {}
        self._samples: dict[str, Tensor] = {}
        self._hooks: list[Any] = []

    def __enter__(self) -> None:
        start = self.now()
        model = self.parts.model
        named = model.named_parameters()
        self._weights = {
            layer_of(name): p
            for name, p in named
            if p.ndim > 1 and p.requires_grad and not name.endswith(LENGTHS)
        }
        self._before = {name: p.detach().clone() for name, p in self._weights.items()}
        if self.parts.forward is model:  # a compiled network is looked at from outside
            self._hook(model)
        if isinstance(self.parts.forward, nn.Module):
            self._hooks.append(self.parts.forward.register_forward_pre_hook(self._data_ready))
        self._momentum = momentum(self.parts.optimizer)
        self._began = self._forward = self.now()
        self.seconds = self._before_step = self._began - start

    def __exit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        for hook in self._hooks:
            hook.remove()
        end = self.now()
        if kind is None:
            whole = max(end - self._began - (self.seconds - self._before_step), 1e-9)
            self._data_share = min(1.0, (self._forward - self._began) / whole)
            self._weigh()
            self.seconds += time.perf_counter() - end

    def event(self, step: int, histograms: bool) -> ev.Probed:
        """What was seen, as plain numbers; `step` is the number of the step."""
        flat = [(name, key, v) for name, row in self._measures.items() for key, v in row.items()]
        values = torch.stack([value for _name, _key, value in flat]).tolist() if flat else []
        rows: dict[str, dict[str, float]] = {}
        for (name, key, _value), value in zip(flat, values, strict=True):
            rows.setdefault(name, {})[key] = value
        samples = self._samples.items() if histograms else ()
        drawn = {name: histogram(sample) for name, sample in samples}
        return ev.Probed(step, rows, drawn, self._data_share, self._momentum)

    def _hook(self, model: nn.Module) -> None:
        for name, module in telling(model):
            self._hooks.append(module.register_forward_hook(self._noting(name)))

    def _noting(self, name: str) -> Any:
        def note(module: nn.Module, _inputs: object, output: Any) -> None:
            start = time.perf_counter()
            if isinstance(output, Tensor):  # attention gives a pair
                self._note(name, module, output.detach())
            self.seconds += time.perf_counter() - start

        return note

    def _note(self, name: str, module: nn.Module, output: Tensor) -> None:
        sample = sampled(output)
        row = self._measures.setdefault(name, {})
        row["mean"], row["std"] = sample.mean(), sample.std(correction=0)
        self._samples[name] = sample
        if isinstance(module, MUTE):
            row["dead"] = dead_share(output)
        if type(module) in RANGES:
            row["saturated"] = saturated_share(sample, *RANGES[type(module)])

    def _data_ready(self, _module: nn.Module, _inputs: object) -> None:
        if self._forward == self._began:  # the first pass of the step
            self._forward = self.now()
            self._momentum = momentum(self.parts.optimizer)  # the schedule has moved it by now

    def _weigh(self) -> None:
        """Compare the weights with those before the step."""
        for name, weight in self._weights.items():
            row = self._measures.setdefault(name, {})
            before = self._before[name]
            row["weight_norm"] = norm(before)
            row["near_zero"] = (weight.detach().abs() < NEAR_ZERO).float().mean()
            row["update_ratio"] = norm(weight.detach() - before) / norm(before)
            if weight.grad is not None:
                row["grad_norm"] = norm(weight.grad)
                self._samples[f"{name} gradient"] = sampled(weight.grad)

    def now(self) -> float:
        """The time when the device has done all it was given."""
        if self.parts.device.type != "cpu":  # else the clock would stop before the work does
            torch.accelerator.synchronize(self.parts.device)
        return time.perf_counter()


def momentum(optimizer: torch.optim.Optimizer) -> float:
    """The share of the last step that the next one keeps; 0 where there is none."""
    group = optimizer.param_groups[0]
    return float(group.get("momentum", group.get("betas", (0.0,))[0]))


def norm(values: Tensor) -> Tensor:
    """The length of all values as one vector."""
    length: Tensor = torch.linalg.vector_norm(values.float())
    return length


def sampled(values: Tensor, most: int = SAMPLE) -> Tensor:
    """About `most` of the values (N, ...) as floats: those of the first rows."""
    rows = max(1, math.ceil(most * len(values) / max(1, values.numel())))
    return values[:rows].flatten()[:most].float().clone()  # the next layer may write in its place


def dead_share(output: Tensor) -> Tensor:
    """The share of units, features (N, F) or channels (N, C, H, W), that are silent for the whole batch."""
    feature = 1 if output.ndim in (2, 4) else output.ndim - 1  # tokens (N, T, F) have them last
    others = [axis for axis in range(output.ndim) if axis != feature]
    return (output.amax(others) <= 0).float().mean()


def saturated_share(output: Tensor, low: float, high: float) -> Tensor:
    """The share of values near an end of the range, where an activation has no slope."""
    middle, half = (low + high) / 2, (high - low) / 2
    return ((output - middle).abs() >= FULL * half).float().mean()


def histogram(values: Tensor) -> tuple[float, ...]:
    """The least and the largest value, then how many lie in each of 24 bins between them."""
    finite = values.cpu().double().numpy()
    finite = finite[np.isfinite(finite)]
    if not len(finite):
        return ()
    low, high = float(finite.min()), float(finite.max())
    place = (finite - low) * (BINS / max(high - low, 1e-300))
    counts = np.bincount(place.astype(np.int64).clip(max=BINS - 1), minlength=BINS)
    return (low, high, *map(float, counts))
