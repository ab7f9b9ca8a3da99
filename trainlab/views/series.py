"""Curves made short enough to send and to draw."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def decimate(rows: Array, most: int, column: int) -> Array:
    """At most `most` of the rows (n, columns): of each stretch those with the least and the greatest `column`.

    Peaks stay visible, and every row that is kept is a real one.
    """
    if len(rows) <= most:
        return rows
    edges = np.linspace(0, len(rows), most // 2 + 1).astype(int)
    keep = set()
    for start, end in pairwise(edges):
        stretch = rows[start:end, column]
        keep |= {start + int(np.argmin(stretch)), start + int(np.argmax(stretch))}
    return rows[sorted(keep)]


def packed(rows: Array) -> bytes:
    """Rows (n, columns) as float32, one column after the other."""
    return np.ascontiguousarray(rows.T, dtype="<f4").tobytes()
