"""Pictures of numbers: matplotlib Figures drawn without pyplot, which is not made for threads."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

Array = NDArray[np.float64]
BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"  # Okabe & Ito 2008


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
