"""The signal of a fresh network, layer by layer."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator
from numpy.typing import NDArray

from trainlab.views.ink import BLUE, ORANGE, canvas, quiet

Array = NDArray[np.float64]
STYLES = ((BLUE, "-", "o"), (ORANGE, "--", "s"))


def signal_figure(networks: Sequence[tuple[Array, Array]]) -> Figure:
    """Standard deviations of outputs (left) and gradients (right) by layer, on log axes; at most two networks.

    Zeros have no place on a log axis and are left out.
    """
    figure = canvas(6, 2.2, arrange=False)  # laying out takes as long as all the rest
    for side in (0, 1):
        axes = quiet(figure.add_axes((0.08 + 0.5 * side, 0.1, 0.41, 0.85)))
        axes.set_yscale("log")
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter("{x:.0e}")
        layers = max(len(pair[side]) for pair in networks)
        axes.set_xlim(1 - 0.05 * layers, layers + 0.05 * layers)  # also where nothing can be drawn
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, min_n_ticks=1))
        for pair, (colour, line, marker) in zip(networks, STYLES, strict=False):
            values = np.where(pair[side] > 0, pair[side], np.nan)
            places = np.arange(1, len(values) + 1)
            axes.plot(places, values, line, marker=marker, color=colour, markersize=4)
        _open_up(axes, np.concatenate([pair[side] for pair in networks]))
    return figure


def _open_up(axes: Axes, values: Array) -> None:
    """At least two decades: small differences must not look large."""
    positive = values[(values > 0) & np.isfinite(values)]
    low, high = (positive.min(), positive.max()) if len(positive) else (1.0, 1.0)
    middle = np.sqrt(low * high)
    axes.set_ylim(min(low / 1.5, middle / 10), max(high * 1.5, middle * 10))
