"""Pictures of numbers: matplotlib Figures drawn without pyplot, which is not made for threads."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from trainlab.views.ink import BLUE, GREEN, INK, ORANGE, canvas, quiet, to_svg

Array = NDArray[np.float64]
__all__ = ["histograms", "lr_figure", "run_figure", "to_svg"]
MOST_POINTS = 2000  # a curve of a few hundred pixels shows no more


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


def lr_figure(lrs: Sequence[float], steps_per_epoch: int) -> Figure:
    """The learning rate of every step of a run, against epochs."""
    values = np.asarray(lrs)
    keep = np.unique(np.linspace(0, len(values) - 1, min(len(values), MOST_POINTS)).astype(int))
    figure = canvas(6, 2.4)
    axes = quiet(figure.subplots())
    axes.plot((keep + 1) / steps_per_epoch, values[keep], color=BLUE, linewidth=2)
    axes.set_ylim(bottom=0)
    axes.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3))
    axes.yaxis.get_offset_text().set_color(INK)
    return figure


def histograms(values: Sequence[tuple[str, Array]]) -> Figure:
    """A histogram for each named array, side by side, at most four in a row."""
    columns = min(4, len(values))
    rows = -(-len(values) // columns)
    figure = canvas(6, 1.5 * rows)
    grid = figure.subplots(rows, columns, squeeze=False).flat
    for (name, array), axes in zip(values, grid, strict=False):  # `grid` keeps what is left
        quiet(axes).hist(array, bins=41, color=BLUE)
        axes.set_yticks([])
        axes.set_title(name, fontsize=8, color=INK, parse_math=False)
        axes.locator_params(axis="x", nbins=3)
    for axes in list(grid):
        axes.set_visible(False)
    return figure
