"""Batches: the data set lives on the device as one tensor, and a batch is a gather of its rows."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from trainlab.engine.randomness import generator
from trainlab.errors import Problem
from trainlab.text import _

PREPARED_BYTES = (
    256 * 2**20
)  # past this the float copy is made batch by batch: same numbers, less memory


def stratified_split(labels: Tensor, share: float, seed: int) -> tuple[Tensor, Tensor]:
    """Rows to train and to validate on: `share` of every class is held out."""
    held = torch.zeros(len(labels), dtype=torch.bool)
    for label in labels.unique().tolist():
        members = (labels == label).nonzero().flatten()
        order = torch.randperm(len(members), generator=generator(seed, "split", label))
        held[members[order[: min(round(share * len(members)), len(members) - 1)]]] = True
    return (~held).nonzero().flatten(), held.nonzero().flatten()


def epoch_order(rows: int, seed: int, epoch: int) -> Tensor:
    """The order of the training images in one epoch, the first being 0."""
    return torch.randperm(rows, generator=generator(seed, "order", epoch))


def gather(images: Tensor, index: Tensor) -> Tensor:
    """Rows of uint8 images (N, H, W, C) as floats (B, C, H, W) in [0, 1]."""
    return images.index_select(0, index).permute(0, 3, 1, 2).float().div(255)


@dataclass(frozen=True)
class Batches:
    """Images (N, H, W, C) and labels (N,) on the device, and what turns rows into the network's input.

    `prepared` holds the finished inputs (N, H, W, C) float32 where nothing random is done to them and
    they fit.
    """

    images: Tensor
    labels: Tensor
    preprocess: Callable[[Tensor], Tensor]
    augment: Callable[[Tensor, torch.Generator], Tensor] | None = None
    prepared: Tensor | None = None

    @classmethod
    def make(
        cls,
        images: Tensor,
        labels: Tensor,
        preprocess: Callable[[Tensor], Tensor],
        augment: Callable[[Tensor, torch.Generator], Tensor] | None,
    ) -> "Batches":
        """From images (N, C, H, W) uint8 on the device; inputs are prepared once where that is possible."""
        rows = images.permute(0, 2, 3, 1).contiguous()
        batches = cls(rows, labels, preprocess, augment)
        if augment or rows.numel() * 4 > PREPARED_BYTES:
            return batches
        every = torch.arange(len(rows), device=rows.device).split(4096)
        inputs = torch.cat([preprocess(gather(rows, index)) for index in every])
        prepared = inputs.permute(0, 2, 3, 1).contiguous()
        return cls(rows, labels, preprocess, augment, prepared)

    def __len__(self) -> int:
        return len(self.labels)

    def inputs(self, index: Tensor, *key: int | str) -> tuple[Tensor, Tensor]:
        """The network's input (B, C, H, W) and labels (B,) of these rows; `key` names the augmentation's draws."""
        labels = self.labels.index_select(0, index)
        if self.prepared is not None:
            return self.prepared.index_select(0, index).permute(0, 3, 1, 2), labels
        batch = gather(self.images, index)
        if self.augment:
            draws = generator(*key, device=batch.device)
            batch = self.augment(batch, draws).contiguous(memory_format=torch.channels_last)
        return self.preprocess(batch), labels


def check_split(train: Tensor, val: Tensor) -> None:
    """Raise Problem where one side of the split is empty."""
    if not len(train) or not len(val):
        raise Problem(
            _("training.validation_share: nothing is left to train or to validate on"),
            _("the data set has {rows} images").format(rows=len(train) + len(val)),
            _("choose a share nearer to one half, or more images"),
        )
