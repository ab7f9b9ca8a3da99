"""Pictures of data: mixes of classes, points of the plane, descents in a canyon. Words stay on the page."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from trainlab.views.images import CYCLE
from trainlab.views.ink import BLUE, INK, ORANGE, canvas, quiet

Array = NDArray[np.float64]
MARKERS = "os^Dv"
MOST_BARS = 48  # pairs; more are too thin to see


def mix_figure(train: Sequence[float], val: Sequence[float]) -> Figure:
    """Shares of the K classes side by side: training blue, validation orange, against class numbers."""
    figure = canvas(6, 1.8)
    axes = quiet(figure.subplots())
    place = np.arange(len(train))
    if len(train) <= MOST_BARS:
        axes.bar(place - 0.2, train, 0.36, color=BLUE)
        axes.bar(place + 0.2, val, 0.36, color=ORANGE)
    else:
        edges = np.arange(len(train) + 1) - 0.5
        axes.stairs(train, edges, color=BLUE, linewidth=1.5)
        axes.stairs(val, edges, color=ORANGE, linewidth=1.5, linestyle="--")
    axes.set_xlim(-0.6, len(train) - 0.4)
    axes.grid(False, axis="x")
    axes.xaxis.set_major_locator(MaxNLocator(10, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0 if max(train) > 0.02 else 1))
    return figure


def points_figure(clouds: Sequence[Array], labels: NDArray[np.int64]) -> Figure:
    """Clouds of the same points (n, 2) side by side, a colour and a marker for each class."""
    figure = canvas(6, 3.2)
    for axes, cloud in zip(
        figure.subplots(1, len(clouds), squeeze=False).flat, clouds, strict=True
    ):
        quiet(axes).set_aspect("equal", adjustable="datalim")
        for label in np.unique(labels).tolist():
            x, y = cloud[labels == label].T
            colour, marker = CYCLE[label % len(CYCLE)], MARKERS[label % len(MARKERS)]
            axes.scatter(x, y, s=10, color=colour, marker=marker, linewidths=0, alpha=0.8)
    return figure


def canyon_figure(descents: Sequence[tuple[Array, Array, Array]]) -> Figure:
    """Bowls of loss side by side, at one scale: each a hessian (2, 2), its minimum (2,) and a path (n, 2)."""
    figure = canvas(6, 3.0)
    for axes, bowl in zip(figure.subplots(1, len(descents)), descents, strict=True):
        _bowl(axes, *bowl)
    return figure


def _bowl(axes: Axes, hessian: Array, best: Array, path: Array) -> None:
    sides = np.linspace(-2.5, 8, 160)
    offsets = np.stack(np.meshgrid(sides, sides), -1) - best
    loss = np.einsum("...i,ij,...j", offsets, hessian, offsets) / 2
    start = path[0] - best
    levels = start @ hessian @ start / 2 * np.geomspace(0.01, 4, 8)
    quiet(axes).contour(sides, sides, loss, levels, colors=INK, alpha=0.35, linewidths=0.8)
    axes.plot(*path.T, "-o", color=ORANGE, markersize=3, linewidth=1.2)
    axes.plot(*best, "+", color=BLUE, markersize=12, markeredgewidth=2)
    axes.set_aspect("equal")
    axes.set_xlim(sides[0], sides[-1])
    axes.set_ylim(sides[0], sides[-1])
    axes.set_xticks([0, 5])
    axes.set_yticks([0, 5])
