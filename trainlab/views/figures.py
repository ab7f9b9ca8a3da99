"""Pictures of numbers: matplotlib Figures drawn without pyplot, which is not made for threads."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from trainlab.views.ink import BLUE, GREEN, INK, ORANGE, canvas, to_svg

Array = NDArray[np.float64]
__all__ = ["histograms", "run_figure", "to_svg"]


def run_figure(steps: Mapping[str, Array], epochs: Mapping[str, Array]) -> Figure:
    """Loss, accuracy and learning rate of a run against epochs."""
    figure = Figure(figsize=(7, 7), layout="constrained")
    loss, accuracy, lr = figure.subplots(3, 1, sharex=True, height_ratios=[3, 3, 1])
    for axes, column, train, val in (
        (loss, "loss", "train_loss", "val_loss"),
        (accuracy, "accuracy", "train_accuracy", "val_accuracy"),
    ):
        axes.plot(steps["epoch"], steps[column], color=BLUE, alpha=0.25, linewidth=0.8)
        axes.plot(epochs["epoch"], epochs[train], color=BLUE, label="train")
        axes.plot(
            epochs["epoch"], epochs[val], "--o", color=ORANGE, label="validation", markersize=3
        )
        axes.set_ylabel(column)
        axes.grid(alpha=0.3)
    loss.legend()
    lr.plot(steps["epoch"], steps["lr"], color=GREEN)
    lr.set_ylabel("lr")
    lr.set_xlabel("epoch")
    lr.grid(alpha=0.3)
    return figure


def histograms(values: Sequence[tuple[str, Array]], others: Sequence[Array] = ()) -> Figure:
    """A histogram for each named array, side by side, at most four in a row; `others` outlined over them.

    All stand in one pair of axes: a pair for each would take matplotlib ten times as long.
    """
    columns = min(4, len(values))
    rows = -(-len(values) // columns)
    figure = canvas(6, 1.25 * rows + 0.1, arrange=False)
    axes = figure.add_axes((0.01, 0, 0.98, 1))
    axes.set_axis_off()
    axes.set_xlim(0, columns * 1.1 - 0.1)
    axes.set_ylim(-1.5 * rows + 1.15, 1.25)
    filled, outlined = [], []
    for place, (name, array) in enumerate(values):
        x, y = corner = np.array([1.1 * (place % columns), -1.5 * (place // columns)])
        over = others[place] if place < len(others) else array[:0]
        low, high = _range(np.concatenate([array, over]))
        filled.append(_steps(array, low, high) + corner)
        if len(over):
            outlined.append(_steps(over, low, high) + corner)
        words: dict[str, Any] = {"fontsize": 8, "color": INK, "parse_math": False}
        axes.text(x + 0.5, y + 1.06, name, ha="center", **words)
        axes.text(x, y - 0.04, f"{low:.2g}", va="top", alpha=0.7, **words)
        axes.text(x + 1, y - 0.04, f"{high:.2g}", va="top", ha="right", alpha=0.7, **words)
    axes.add_collection(PolyCollection(filled, color=BLUE, linewidth=0), autolim=False)
    axes.add_collection(LineCollection(outlined, color=ORANGE, linewidth=1.2), autolim=False)
    return figure


def _steps(array: Array, low: float, high: float) -> Array:
    """The outline (P, 2) of a histogram one wide and one high, from the left end of its base to the right."""
    counts, edges = np.histogram(array, 41, (low, high))
    x = np.repeat((edges - low) / (high - low), 2)
    y = np.concatenate([[0], np.repeat(counts / counts.max(), 2), [0]])
    return np.stack([x, y], axis=1)


def _range(values: Array) -> tuple[float, float]:
    """The least and the greatest; half a unit to each side where they are one."""
    low, high = float(values.min()), float(values.max())
    return (low, high) if low < high else (low - 0.5, high + 0.5)
