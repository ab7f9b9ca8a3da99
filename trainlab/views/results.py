"""Pictures of results: how far probabilities can be believed, and where in an image a network looks."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from trainlab.views.ink import BLUE, INK, ORANGE, canvas, quiet

Pixels = NDArray[np.uint8]
GLOW = 0.6  # of a heat over its image


def calibration_figure(bins: Sequence[tuple[int, float, float]]) -> Figure:
    """Shares right against probabilities, from bins of count, mean probability and share right.

    The diagonal is what to hope for; grey bars are the bins' shares of all answers.
    """
    counts, sure, right = (np.asarray(column, np.float64) for column in zip(*bins, strict=True))
    figure = canvas(4, 3.2)
    axes = quiet(figure.subplots())
    axes.bar(sure, counts / counts.sum(), 0.03, color=INK, alpha=0.25, linewidth=0)
    axes.plot([0, 1], [0, 1], "--", color=ORANGE, linewidth=1.2)
    axes.plot(sure, right, "-o", color=BLUE, markersize=5, linewidth=1.5)
    axes.set_xlim(0, 1.02)
    axes.set_ylim(0, 1.02)
    axes.set_aspect("equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0))
    return figure


def coloured(heat: Pixels) -> Pixels:
    """A heat (H, W) uint8 in colours from black over orange to light yellow, (3, H, W) uint8."""
    shades = mpl.colormaps["inferno"](heat, bytes=True)[..., :3]
    pixels: Pixels = shades.transpose(2, 0, 1)
    return pixels


def glowing(image: Pixels, heat: Pixels) -> Pixels:
    """A heat (H, W) uint8 over the grey of its image (C, H, W) uint8: (3, H, W) uint8."""
    grey = image.mean(0, keepdims=True)
    pixels: Pixels = (GLOW * coloured(heat) + (1 - GLOW) * grey).astype(np.uint8)
    return pixels
