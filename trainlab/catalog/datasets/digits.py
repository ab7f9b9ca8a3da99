"""scikit-learn's handwritten digits: real, small, and always at hand."""

from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from trainlab.catalog.datasets.base import DatasetChoice, Images
from trainlab.choice import Card


def digits() -> tuple[torch.Tensor, torch.Tensor]:
    """1,797 handwritten digits of 8x8 pixels; 0..16 becomes 0..255."""
    from sklearn.datasets import load_digits

    data = load_digits()
    pixels = np.rint(data.images * (255 / 16)).astype(np.uint8)
    return torch.from_numpy(pixels).unsqueeze(1), torch.from_numpy(data.target).long()


class Digits(DatasetChoice):
    """1,797 handwritten digits of 8x8 pixels that come with scikit-learn: no network needed."""

    kind: Literal["digits"] = "digits"

    cues = frozenset({"handedness", "orientation"})
    label = "Digits"
    target = digits
    card = Card(
        source="Alpaydin & Kaynak 1998, Optical recognition of handwritten digits (UCI)",
        url="https://scikit-learn.org/stable/modules/generated/sklearn.datasets.load_digits.html",
        use="The first thing to try: real images, offline, and learnt within seconds.",
        pitfalls="So small that validation accuracy moves by 0.3 % with each image; "
        "crops and rotations that suit larger images destroy these.",
    )

    def load(self) -> Images:
        """The same numbers as `digits`, from scikit-learn's file: importing it takes over a second."""
        package = find_spec("sklearn")
        path = Path(package.origin or "") if package else Path()
        path = path.parent / "datasets" / "data" / "digits.csv.gz"
        if not path.is_file():
            return super().load()
        rows = np.loadtxt(path, delimiter=",")
        pixels = np.rint(rows[:, :-1] * (255 / 16)).astype(np.uint8).reshape(-1, 1, 8, 8)
        labels = torch.from_numpy(rows[:, -1]).long()
        return Images(torch.from_numpy(pixels), labels, self.class_names(labels))
