"""Curves made short enough to send and to draw."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def decimate(rows: Array, most: int) -> Array:
    """At most `most` rows (n, columns) that stand for all: the mean of each stretch, at its last place.

    The first column is the place. Means keep an average over the rows what it was.
    """
    if len(rows) <= most:
        return rows
    edges = np.linspace(0, len(rows), most + 1).astype(int)
    means: Array = np.add.reduceat(rows, edges[:-1], axis=0) / np.diff(edges)[:, None]
    means[:, :2] = rows[edges[1:] - 1, :2]
    return means


def packed(rows: Array) -> bytes:
    """Rows (n, columns) as float32, one column after the other."""
    return np.ascontiguousarray(rows.T, dtype="<f4").tobytes()
