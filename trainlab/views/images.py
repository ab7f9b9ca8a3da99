"""Images as pixels: grids of them as PNG, and points of the plane drawn as images."""

import base64
import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
# Okabe & Ito 2008, in the order of js/plane.js: a class looks alike in every picture
CYCLE = ("#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#0072B2", "#D55E00", "#F0E442", "#999999")
GROUND, FAINT = 24, 0.55  # of a plane; of the points that another is shown among


def grid_png(images: Pixels, columns: int, gap: int = 1) -> str:
    """Images (N, C, H, W) uint8 in rows of `columns` with clear gaps, as base64 PNG."""
    n, c, h, w = images.shape
    rows = -(-n // columns)
    sheet = np.zeros((rows * (h + gap) - gap, columns * (w + gap) - gap, 4), np.uint8)
    colour = np.repeat(images, 3, axis=1) if c == 1 else images[:, :3]
    for i, image in enumerate(colour):
        top, left = (i // columns) * (h + gap), (i % columns) * (w + gap)
        sheet[top : top + h, left : left + w, :3] = image.transpose(1, 2, 0)
        sheet[top : top + h, left : left + w, 3] = 255
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, "PNG", compress_level=1)
    return base64.b64encode(buffer.getvalue()).decode()


def marked(
    places: NDArray[np.float64], labels: NDArray[np.int64], rows: Sequence[int], side: int
) -> Pixels:
    """Points (N, 2) of the unit square in their classes' colours, as images (R, 3, side, side) uint8.

    There is one for each of `rows`: that point is large, with a light edge, and the others are faint.
    """
    inks = np.array([[int(ink[at : at + 2], 16) for at in (1, 3, 5)] for ink in CYCLE])
    colours = inks[labels % len(inks)]
    down, across = at = np.stack([1 - places[:, 1], places[:, 0]]) * (side - 1)
    ground = np.full((side, side, 3), GROUND, np.uint8)
    dot = max(1, side // 48)
    for shift in np.ndindex(dot, dot):
        lines, columns = np.minimum(np.rint(at).T + shift, side - 1).astype(int).T
        ground[lines, columns] = FAINT * colours
    y, x = np.indices((side, side))
    tiles = np.repeat(ground[None], len(rows), 0)
    for tile, row in zip(tiles, rows, strict=True):
        apart = np.hypot(x - across[row], y - down[row]) / (3 + side / 40)
        tile[apart < 1.4] = 255
        tile[apart < 1] = colours[row]
    return tiles.transpose(0, 3, 1, 2)
