"""Numbers of several digits: an image has six positions, and each is a digit or blank."""

from collections.abc import Iterator
from typing import Any, Literal

import torch

from trainlab.catalog.datasets.base import DatasetChoice, Images
from trainlab.catalog.datasets.digits import Digits, digits
from trainlab.catalog.datasets.mnist_family import MNIST, mnist
from trainlab.choice import Card, Knob
from trainlab.events import Progress

POSITIONS = 6
BLANK = 10
PARTS = 10
NAMES = (*(str(digit) for digit in range(10)), "blank")
FORMULA = r"$L = \frac{1}{6} \sum_{p=1}^{6} -\log q_p(y_p), \quad y_p \in \{0, ..., 9, blank\}$"


def parts_of(count: int) -> torch.Tensor:
    """The part, 0..9, that each of `count` images belongs to: the first tenth, the second ..."""
    return torch.arange(count) * PARTS // count


def composed(
    images: torch.Tensor,
    labels: torch.Tensor,
    count: int,
    longest: int,
    contrast: float,
    seed: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Numbers of 1 to `longest` digits each from images (N, 1, s, s) of digits; labels (count, 6).

    A number begins anywhere in the first s columns and the first s/2 rows; each digit is then off by up
    to a column and s/4 rows. The digits are dealt into ten parts, and a number takes all from its own.
    """
    draws = torch.Generator().manual_seed(seed)
    side, shape = images.shape[-1], (count, POSITIONS)
    height, width = 3 * side // 2, (longest + 1) * side
    dealt = torch.randperm(len(images) // PARTS * PARTS, generator=draws).reshape(-1, PARTS)
    picked = dealt[torch.randint(len(dealt), shape, generator=draws), parts_of(count)[:, None]]
    length = torch.randint(1, longest + 1, (count, 1), generator=draws)
    blank = torch.arange(POSITIONS) >= length

    left = torch.rand(count, 1, generator=draws) * side
    top = torch.rand(count, 1, generator=draws) * (height - side)
    left = left + side * torch.arange(POSITIONS) + 2 * torch.rand(shape, generator=draws) - 1
    top = top + side / 4 * (2 * torch.rand(shape, generator=draws) - 1)
    corner = top.round().long().clamp(0, height - side) * width
    corner = corner + left.round().long().clamp(0, width - side)
    strength = 1 - contrast * torch.rand(count, 1, generator=draws)

    cell = (torch.arange(side)[:, None] * width + torch.arange(side)).flatten()
    canvas = torch.zeros(count, height * width, dtype=torch.uint8)
    for position in range(longest):
        pixels = images[picked[:, position]].flatten(1) * strength
        pixels = torch.where(blank[:, position, None], 0, pixels).round().to(torch.uint8)
        canvas.scatter_reduce_(1, corner[:, position, None] + cell, pixels, "amax")
    return canvas.reshape(count, 1, height, width), labels[picked].masked_fill(blank, BLANK)


def numbers(
    source: str, root: str, count: int, longest: int, contrast: float, seed: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Numbers composed of scikit-learn's digits, or of MNIST's at half their size."""
    if source == "digits":
        images, labels = digits()
    else:
        images, labels = mnist(root, source.removeprefix("mnist-"))
        images = torch.nn.functional.avg_pool2d(images.float(), 2).round().to(torch.uint8)
    return composed(images, labels, count, longest, contrast, seed)


def number_names(count: int, **_settings: Any) -> list[str]:
    """A name for each image; what stands before the `_` names the part that its digits are from."""
    return [f"part{part}_{row:05}" for row, part in enumerate(parts_of(count).tolist())]


class Numbers(DatasetChoice):
    """Numbers of one to six digits, composed of real handwritten digits: no network needed."""

    kind: Literal["numbers"] = "numbers"
    source: Literal["digits", "mnist-train", "mnist-test"] = Knob(
        "digits",
        help="whose digits: scikit-learn's 1,797 of 8x8 pixels, or MNIST's, halved to 14x14",
    )
    root: str = Knob("", help="for MNIST: the folder to look in first")
    count: int = Knob(5000, ge=100, le=60_000, scale="log", help="how many images are composed")
    longest: int = Knob(3, ge=1, le=6, unit="digits", help="an image has one digit to this many")
    contrast: float = Knob(0.5, ge=0, le=0.9, help="how much darker the faintest image may be")
    seed: int = Knob(0, ge=0, le=2**53, help="another number, other images")

    label = "Numbers"
    target = numbers
    names_target = number_names
    cues = frozenset({"handedness", "orientation", "parts"})
    card = Card(
        source="Goodfellow et al. 2014, Multi-digit number recognition from Street View imagery",
        url="https://arxiv.org/abs/1312.6082",
        use="Six answers from one image: six heads share a network, and the loss is the mean of "
        "their six cross-entropies. See the accuracy of a digit, and that of a whole number.",
        pitfalls="The same digits recur in many images. They are dealt into ten parts that share "
        "none: the grouped split holds out whole parts, any random one judges by digits seen before.",
        formula=FORMULA,
    )

    def class_names(self, labels: torch.Tensor) -> tuple[str, ...]:
        """The digits, and blank."""
        return NAMES

    def arguments(self) -> dict[str, Any]:
        """The fields, with the root that holds MNIST's files, where they are used."""
        mnist_used = self._mnist()
        return super().arguments() | {"root": mnist_used.arguments()["root"] if mnist_used else ""}

    def at_hand(self) -> bool:
        """Whether the digits are on this machine."""
        mnist_used = self._mnist()
        return mnist_used is None or mnist_used.at_hand()

    def fetch(self) -> Iterator[Progress]:
        """Bring MNIST onto this machine, where it is used. Raises Problem."""
        mnist_used = self._mnist()
        if mnist_used is not None:
            yield from mnist_used.fetch()

    def load(self) -> Images:
        """Compose the images. Raises Problem where the digits cannot be read."""
        mnist_used = self._mnist()
        if mnist_used is None:
            found = Digits().load()  # the same as `digits`, without importing scikit-learn
            given = self.count, self.longest, self.contrast, self.seed
            images, labels = composed(found.images, found.labels, *given)
        else:
            for _progress in mnist_used.fetch():
                pass
            images, labels = numbers(**self.arguments())
        return Images(images, labels, NAMES, names=tuple(number_names(self.count)))

    def _mnist(self) -> MNIST | None:
        if self.source == "digits":
            return None
        return MNIST(root=self.root, split="train" if self.source == "mnist-train" else "test")
