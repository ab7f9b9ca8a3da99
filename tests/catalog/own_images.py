"""What the tests of one's own images share: small pictures, and what a script makes of a choice."""

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from tests.catalog import published
from trainlab.catalog.datasets.files import FileImages
from trainlab.errors import Problem


def draw(path: Path, colour: tuple[int, int, int] = (255, 0, 0), mode: str = "RGB") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (12, 9), colour).convert(mode).save(path)
    return path


def two_classes(root: Path, number: int = 1) -> Path:
    for name in ("a", "b"):
        for n in range(number):
            draw(root / name / f"{n}.png")
    return root


def scripted(choice: FileImages, where: Path) -> tuple[torch.Tensor, torch.Tensor, list[str]]:
    """What the target and the names' target give in a script of their own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a file that is left out is warned of
        images, labels = published.scripted(choice, where)
        names = published.scripted(choice, where, type(choice).names_target)
    assert images.is_contiguous()  # its strides choose the kernels, and so the last bits
    return images, labels, names


def refused(action: Callable[[], object]) -> Problem:
    """The problem that an action ends in: it says what is wrong, and what helps."""
    with pytest.raises(Problem) as caught:
        action()
    assert caught.value.what
    assert caught.value.remedy
    return caught.value
