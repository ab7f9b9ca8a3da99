"""The picture of a schedule: the learning rate over a run, and momentum where it moves."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from trainlab.views.ink import BLUE, INK, ORANGE, canvas, quiet

MOST_POINTS = 2000  # a curve of a few hundred pixels shows no more


def schedule_figure(
    lrs: Sequence[float], momenta: Sequence[float], steps_per_epoch: int, warmup: int = 0
) -> Figure:
    """The learning rate of every step against epochs; below it momentum, if it moves.

    Args:
        lrs: of every step.
        momenta: of every step; empty where there is none.
        steps_per_epoch: steps in an epoch.
        warmup: steps of warm-up, which are shaded.
    """
    moves = len(set(momenta)) > 1
    figure = canvas(6, 3.4 if moves else 2.4)
    rows = figure.subplots(
        1 + moves, 1, sharex=True, squeeze=False, height_ratios=[3, 1][: 1 + moves]
    )
    for axes, values, colour in zip(rows.flat, (lrs, momenta), (BLUE, ORANGE), strict=False):
        _curve(quiet(axes), values, steps_per_epoch, colour)
    if moves:
        rows.flat[1].locator_params(axis="y", nbins=3)
    lr = rows.flat[0]
    lr.set_ylim(bottom=0)
    lr.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3))
    lr.yaxis.get_offset_text().set_color(INK)
    if warmup:
        lr.axvspan(0, warmup / steps_per_epoch, color=ORANGE, alpha=0.15, linewidth=0)
    return figure


def _curve(axes: Axes, values: Sequence[float], steps_per_epoch: int, colour: str) -> None:
    heights = np.asarray(values)
    keep = np.unique(np.linspace(0, len(heights) - 1, min(len(heights), MOST_POINTS)).astype(int))
    axes.plot((keep + 1) / steps_per_epoch, heights[keep], color=colour, linewidth=2)
