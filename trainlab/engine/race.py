"""The race: torch's own optimizers on surfaces of two weights, to be watched step by step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainlab.catalog.optimizers import OptimizerChoice

Floats = NDArray[np.float32]
Pair = tuple[float, float]
FAR = 1e5  # a weight beyond this does not come back, and its gradient may not be a float32 any more


@dataclass(frozen=True)
class Surface:
    """A loss of two weights: `loss(x, y)` takes numbers and arrays, `slope(x, y)` is its gradient.

    `x` and `y` are the sides of the part that is shown. `plain_lr` suits optimizers that step along the
    gradient, `adaptive_lr` those that divide it by its size.
    """

    name: str
    loss: Callable[[Any, Any], Any]
    slope: Callable[[float, float], Pair]
    x: Pair
    y: Pair
    start: Pair
    lowest: tuple[Pair, ...]
    plain_lr: float
    adaptive_lr: float


@dataclass(frozen=True)
class Race:
    """The paths (racers, steps + 1, 2) and their losses (racers, steps + 1); NaN where a racer is gone.

    `refused` says for each racer why it cannot run on two weights, and is empty where it can.
    """

    paths: Floats
    losses: Floats
    refused: tuple[str, ...]


def _canyon(x: Any, y: Any) -> Any:
    return 0.05 * x**2 + 2.5 * y**2


def _canyon_slope(x: float, y: float) -> Pair:
    return 0.1 * x, 5 * y


def _saddle(x: Any, y: Any) -> Any:
    return 0.5 * x**2 - 0.5 * y**2 + 0.05 * y**4


def _saddle_slope(x: float, y: float) -> Pair:
    return x, -y + 0.2 * y**3


def _beale(x: Any, y: Any) -> Any:
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


def _beale_slope(x: float, y: float) -> Pair:
    a, b, c = 1.5 - x + x * y, 2.25 - x + x * y**2, 2.625 - x + x * y**3
    return (
        2 * (a * (y - 1) + b * (y**2 - 1) + c * (y**3 - 1)),
        2 * x * (a + 2 * y * b + 3 * y**2 * c),
    )


def _rosenbrock(x: Any, y: Any) -> Any:
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def _rosenbrock_slope(x: float, y: float) -> Pair:
    return 2 * (x - 1) + 400 * x * (x**2 - y), 200 * (y - x**2)


_DEEP = 5**0.5  # y where the saddle's two ways down end
SURFACES = {
    surface.name: surface
    for surface in (
        Surface(
            "Canyon", _canyon, _canyon_slope,
            (-4, 4), (-2.5, 2.5), (-3.4, 1.6), ((0, 0),), 0.3, 0.05,
        ),
        Surface(
            "Saddle", _saddle, _saddle_slope,
            (-4, 4), (-3, 3), (-3.2, 0.02), ((0, -_DEEP), (0, _DEEP)), 0.1, 0.05,
        ),
        Surface(
            "Beale", _beale, _beale_slope,
            (-4.5, 4.5), (-3, 3), (0.8, 1.6), ((3, 0.5),), 0.01, 0.05,
        ),
        Surface(
            "Rosenbrock", _rosenbrock, _rosenbrock_slope,
            (-2.2, 2.2), (-1, 3), (-1.4, 2.2), ((1, 1),), 0.001, 0.2,
        ),
    )
}  # fmt: skip


def heights(surface: Surface, across: int, up: int) -> Floats:
    """The loss on a grid from corner to corner of the picture: (up, across), the lowest y first."""
    x, y = np.meshgrid(np.linspace(*surface.x, across), np.linspace(*surface.y, up))
    return np.asarray(surface.loss(x, y), dtype=np.float32)


def race(surface: Surface, start: Pair, choices: Sequence[OptimizerChoice], steps: int) -> Race:
    """Let optimizers run down a surface from one point, each with its own settings."""
    runs = [_run(surface, start, choice, steps) for choice in choices]
    paths = np.stack([path for path, _refused in runs])
    losses = surface.loss(*torch.from_numpy(paths).unbind(-1)).numpy()  # torch overflows quietly
    return Race(paths, losses, tuple(refused for _path, refused in runs))


@lru_cache(maxsize=64)  # while one racer's settings are dragged, the others stay as they are
def _run(surface: Surface, start: Pair, choice: OptimizerChoice, steps: int) -> tuple[Floats, str]:
    """The path of one optimizer, and why there is none."""
    path = np.full((steps + 1, 2), np.nan, np.float32)
    weights = torch.tensor(start, dtype=torch.float32, requires_grad=True)
    weights.grad = torch.zeros(2)
    # the same memory as arrays: reading and writing two numbers costs next to nothing
    place, gradient = weights.detach().numpy(), weights.grad.numpy()

    def ask() -> Tensor:
        x, y = place.tolist()
        near = abs(x) < FAR and abs(y) < FAR
        gradient[:] = surface.slope(x, y) if near else np.nan
        return torch.tensor(surface.loss(x, y) if near else np.inf)

    try:
        optimizer = type(choice).target([weights], **choice.arguments())
        path[0] = place
        for step in range(steps):
            if choice.full_batch:
                optimizer.step(ask)
            else:
                gradient[:] = surface.slope(*place.tolist())
                optimizer.step()
            x, y = place.tolist()
            if not (abs(x) < FAR and abs(y) < FAR):
                break
            path[step + 1] = x, y
    except (
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:  # it takes no vector, or no dense gradient
        return np.full_like(path, np.nan), str(error)
    return path, ""
