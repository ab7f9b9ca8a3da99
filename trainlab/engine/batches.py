"""Batches: the data set lives on the device as one tensor, and a batch is a gather of its rows."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from trainlab.engine.randomness import generator
from trainlab.errors import Problem
from trainlab.text import _

Augment = Callable[[Tensor, torch.Generator], Tensor]
Mix = Callable[[Tensor, Tensor, torch.Generator], tuple[Tensor, Tensor]]
PREPARED_BYTES = (
    256 * 2**20
)  # past this the float copy is made batch by batch: same numbers, less memory


def epoch_order(rows: int, seed: int, epoch: int) -> Tensor:
    """The order of the training images in one epoch, the first being 0."""
    return torch.randperm(rows, generator=generator(seed, "order", epoch))


def gather(images: Tensor, index: Tensor) -> Tensor:
    """Rows of images (N, H, W, C) as floats (B, C, H, W); bytes are brought to [0, 1]."""
    batch = images.index_select(0, index).permute(0, 3, 1, 2)
    return batch.float().div(255) if batch.dtype == torch.uint8 else batch


@dataclass(frozen=True)
class Batches:
    """Images (N, H, W, C) and labels (N,) on the device, and what turns rows into the network's input.

    `prepared` holds the finished inputs (N, H, W, C) float32 where nothing random is done to them and
    they fit. `mix` gives images and probabilities (B, K, ...) from both.
    """

    images: Tensor
    labels: Tensor
    preprocess: Callable[[Tensor], Tensor]
    augment: Augment | None = None
    mix: Mix | None = None
    prepared: Tensor | None = None

    @classmethod
    def make(
        cls,
        images: Tensor,
        labels: Tensor,
        preprocess: Callable[[Tensor], Tensor],
        augment: Augment | None = None,
        mix: Mix | None = None,
        pointwise: bool = True,
    ) -> "Batches":
        """From images (N, C, H, W) on the device; inputs are prepared once where that is possible.

        Not where `preprocess` is not pointwise: portions of another size would have other last bits.
        """
        rows = images.permute(0, 2, 3, 1).contiguous()
        batches = cls(rows, labels, preprocess, augment, mix)
        if augment or mix or not pointwise or rows.numel() * 4 > PREPARED_BYTES:
            return batches
        every = torch.arange(len(rows), device=rows.device).split(4096)
        inputs = torch.cat([preprocess(gather(rows, index)) for index in every])
        prepared = inputs.permute(0, 2, 3, 1).contiguous()
        return cls(rows, labels, preprocess, prepared=prepared)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of an image."""
        _n, height, width, channels = self.images.shape
        return channels, height, width

    @property
    def commonest(self) -> float:
        """The share of the commonest answer: what is right if it is given every time."""
        counts = torch.unique(self.labels, dim=0, return_counts=True)[1]
        return float(counts.max()) / len(self)

    def inputs(self, index: Tensor, *key: int | str) -> tuple[Tensor, Tensor]:
        """The network's input (B, C, H, W) and the labels of these rows; `key` names the draws."""
        labels = self.labels.index_select(0, index)
        if self.prepared is not None:
            return self.prepared.index_select(0, index).permute(0, 3, 1, 2), labels
        batch = gather(self.images, index)
        if self.augment or self.mix:
            draws = generator(*key, device=batch.device)
            if self.augment:
                batch = self.augment(batch, draws)
            if self.mix:
                batch, labels = self.mix(batch, labels, draws)
            batch = batch.contiguous(memory_format=torch.channels_last)
        return self.preprocess(batch), labels


def probabilities(labels: Tensor, classes: int) -> Tensor:
    """Labels (N, ...) as certain probabilities (N, K, ...)."""
    return F.one_hot(labels, classes).movedim(-1, 1).float()


def right(logits: Tensor, labels: Tensor) -> Tensor:
    """Which answers are right: a bool for each label (N, ...), of logits (N, K, ...)."""
    answers = labels.argmax(1) if labels.is_floating_point() else labels
    return logits.argmax(1) == answers


def check_split(train: Tensor, val: Tensor) -> None:
    """Raise Problem where one side of the split is empty."""
    if not len(train) or not len(val):
        raise Problem(
            _("split: nothing is left to train or to validate on"),
            _("the data set has {rows} images").format(rows=len(train) + len(val)),
            _("choose a share nearer to one half, another split, or more images"),
        )
