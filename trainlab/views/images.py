"""Grids of images as PNG."""

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]


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
