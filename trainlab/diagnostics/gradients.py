"""The gradient check: autograd's derivative of a loss against its centred differences, a few entries a tensor."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, pairwise

import torch
from torch import Tensor, nn

from trainlab.diagnostics.steps import Bench
from trainlab.engine.randomness import generator, key_seed

H = 1e-5  # of the centred difference
CLOSER = (1.0, 0.1, 0.01)  # times H: where the two disagree the points move nearer, past a kink
ROUNDING = 1e-15  # of a loss in float64, as a share of it
RIGHT = (
    1e-6  # smaller errors are none; slopes too small to be known so well count as just large enough
)
KINK = 1e-2  # slopes on both sides that still differ by more, as near as can be, have a kink between them


@dataclass(frozen=True)
class Slope:
    """One tensor of parameters: the relative errors of its derivatives.

    Args:
        name: of the parameter.
        kind: the layer's class and the parameter's own name, as Conv2d.weight.
        points: entries that were compared.
        median: of their relative errors.
        worst: the largest of them.
        kinks: entries at which a kink lay between the two points.
    """

    name: str
    kind: str
    points: int
    median: float
    worst: float
    kinks: int


class GradientCheck:
    """Compares the derivatives of a network's loss on one batch, in training mode.

    Dropout draws the same in every pass, and buffers start from the same values.

    Args:
        bench: the network in float64, and its loss; it is left with gradients, its weights as they were.
        inputs: (N, ...) float64.
        labels: of the inputs.
        points: entries of each tensor: the one with the largest derivative, the others at random.
    """

    def __init__(self, bench: Bench, inputs: Tensor, labels: Tensor, points: int = 4) -> None:
        self.model, self.points = bench.model, points
        for module in self.model.modules():
            if type(module).__name__ == "_SpectralNorm":
                module.eval()  # a step of its iteration in each pass would be another function
        self._pass: Callable[[], Tensor] = lambda: bench.loss(bench.model(inputs), labels)
        self._noise = bench.noise
        self._buffers = [(buffer, buffer.clone()) for buffer in self.model.buffers()]
        self.passes = 0

    def run(
        self,
        layers: tuple[str, ...] = (),
        seconds: float = float("inf"),
        go_on: Callable[[], None] = lambda: None,
    ) -> Iterator[Slope]:
        """The tensors one after the other, those of different kinds first; none is begun when time is over.

        Args:
            layers: only the parameters in these parts of the network, by name; all if empty.
            seconds: how long it may take.
            go_on: called before every tensor; may raise.
        """
        end = time.monotonic() + seconds
        self.model.zero_grad()
        with torch.enable_grad():
            self._value().backward()
        for name, kind, parameter in _ordered(self.model):
            if not within(name, layers):
                continue
            if time.monotonic() > end:
                return
            go_on()
            yield self._slope(name, kind, parameter)

    def _value(self) -> Tensor:
        """The loss, with every draw and every buffer as in the pass before."""
        if self._noise is not None:
            self._noise.manual_seed(key_seed("gradients"))
        for buffer, value in self._buffers:
            buffer.copy_(value)
        self.passes += 1
        return self._pass()

    @torch.no_grad()
    def _slope(self, name: str, kind: str, parameter: nn.Parameter) -> Slope:
        values = parameter.detach()
        gradient = torch.zeros_like(values) if parameter.grad is None else parameter.grad
        draws = torch.randperm(values.numel(), generator=generator("gradients", name))
        chosen = [int(gradient.abs().argmax()), *draws[: self.points].tolist()]
        center = float(self._value())
        results = []
        for flat in list(dict.fromkeys(chosen))[: self.points]:
            at = tuple(int(i) for i in torch.unravel_index(torch.tensor(flat), values.shape))
            results.append(self._error(values, at, float(gradient[at]), center))
        errors = torch.tensor([e for e, _kink in results if e is not None], dtype=torch.float64)
        kinks = sum(kink for _error, kink in results)
        if not len(errors):
            return Slope(name, kind, 0, 0.0, 0.0, kinks)
        return Slope(name, kind, len(errors), float(errors.median()), float(errors.max()), kinks)

    def _error(
        self, values: Tensor, at: tuple[int, ...], slope: float, center: float
    ) -> tuple[float | None, bool]:
        """The relative error at one entry, None where kinks leave none; whether a kink was crossed."""
        held = values[at].clone()
        bends, errors = list[float](), list[float]()
        for factor in CLOSER:
            h = H * factor
            sides = []
            for sign in (1, -1):
                values[at] = held + sign * h
                sides.append(float(self._value()))
            values[at] = held
            right, left = (sides[0] - center) / h, (center - sides[1]) / h
            numeric = (left + right) / 2
            least = ROUNDING * max(1.0, abs(center)) / h / RIGHT
            bends.append(abs(right - left) / max(least, abs(left), abs(right)))
            errors.append(abs(slope - numeric) / max(least, abs(slope), abs(numeric)))
            if errors[-1] <= RIGHT:
                break
        # where the slope is smooth its change shrinks with the distance; at a kink it vanishes or stays
        kink = any(a > RIGHT and not 0.05 < b / a < 0.2 for a, b in pairwise(bends))
        # and a slope between those of both sides is all that can be known there
        unknown = kink and (bends[-1] > KINK or RIGHT < errors[-1] <= bends[-1])
        return (None if unknown else min(errors)), kink


def within(name: str, layers: tuple[str, ...]) -> bool:
    """Whether a parameter is one of these, or in one of these parts of a network; in any if there are none."""
    return not layers or any(f"{name}.".startswith(f"{layer}.") for layer in layers)


def layer_kinds(model: nn.Module) -> dict[str, str]:
    """The layers that learn, by name, with their classes: what can be chosen."""
    names = (name.rpartition(".")[0] for name, p in model.named_parameters() if p.requires_grad)
    return {name: _kind(model, name) for name in names}


def _ordered(model: nn.Module) -> list[tuple[str, str, nn.Parameter]]:
    """Name, kind and tensor of what learns: one of each kind first, then the others in the model's order."""
    by_kind: dict[str, list[tuple[str, str, nn.Parameter]]] = {}
    for prefix, module in model.named_modules():
        for own, parameter in module.named_parameters(recurse=False):
            if parameter.requires_grad:
                kind = f"{_kind(model, prefix)}.{own}"
                name = f"{prefix}.{own}" if prefix else own
                by_kind.setdefault(kind, []).append((name, kind, parameter))
    firsts = [group[0] for group in by_kind.values()]
    return [*firsts, *chain.from_iterable(group[1:] for group in by_kind.values())]


def _kind(model: nn.Module, prefix: str) -> str:
    """The class of a layer; of the layer whose weight it is, for a parametrised one."""
    owner = model.get_submodule(prefix.split(".parametrizations", maxsplit=1)[0])
    return type(owner).__name__.removeprefix("Parametrized")
