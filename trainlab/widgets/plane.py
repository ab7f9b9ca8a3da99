"""The plane of two-dimensional data: the points a net learns from, for the page to draw under its decision."""

import numpy as np

from trainlab.engine.build import split_rows
from trainlab.experiment import Experiment

MOST_POINTS = 2000  # more hide what is behind them


def plane_points(experiment: Experiment) -> tuple[tuple[str, ...], bytes]:
    """The classes' names, and float32 rows of x, y, label, and 1 for a training point (0: validation)."""
    data = experiment.dataset.load()
    train_rows, val_rows = split_rows(experiment, data)
    parts = []
    for every, learnt in ((train_rows, 1), (val_rows, 0)):
        rows = every[:: -(-len(every) * 2 // MOST_POINTS)]
        places = data.images[rows].reshape(-1, 2).numpy()
        labels = data.labels[rows].numpy()
        parts.append(np.column_stack([places, labels, np.full(len(rows), learnt)]))
    return data.classes, np.vstack(parts).astype("<f4").tobytes()
