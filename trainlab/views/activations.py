"""An activation and its slope."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from trainlab.views.ink import BLUE, INK, ORANGE, canvas, quiet

Array = NDArray[np.float64]


def activation_figure(
    x: Array, y: Array, slope: Array, zones: Sequence[tuple[float, float, bool]]
) -> Figure:
    """Values (solid) and slopes (dashed) in one picture; dead zones shaded dark, saturated ones lightly.

    Args:
        x: inputs (P,).
        y: the values there.
        slope: the slopes there.
        zones: start, end, and whether the slope is exactly zero in between.
    """
    figure = canvas(6, 2.4, arrange=False)
    axes = quiet(figure.add_axes((0.075, 0.1, 0.91, 0.87)))
    for start, end, dead in zones:
        axes.axvspan(start, end, color=INK, alpha=0.16 if dead else 0.07, linewidth=0)
    axes.axhline(0, color=INK, alpha=0.4, linewidth=0.8)
    axes.axvline(0, color=INK, alpha=0.4, linewidth=0.8)
    axes.plot(x, y, color=BLUE, linewidth=2)
    axes.plot(x, slope, "--", color=ORANGE, linewidth=1.6)
    values = np.concatenate([y, slope])
    axes.set_ylim(max(-2.2, values.min() - 0.2), min(3.2, values.max() + 0.2))
    axes.set_xlim(x[0], x[-1])
    return figure
