"""Validation: what the network is worth on the images it does not learn from."""

import torch
from torch import Tensor

from trainlab.catalog.regularizers import near_zero
from trainlab.engine.batches import right
from trainlab.engine.build import Parts, autocast
from trainlab.experiment import Experiment


class Validation:
    """Sums up loss and hits, portion by portion; the model is in evaluation mode meanwhile.

    The images may lie elsewhere than the model: each portion is brought to it.
    """

    def __init__(self, parts: Parts, experiment: Experiment) -> None:
        self.parts, self.experiment = parts, experiment
        self._loss, self._hits, self._marks = 0.0, 0, 0

    def portions(self) -> tuple[Tensor, ...]:
        """The rows to add, in portions that take little time."""
        rows = torch.arange(len(self.parts.val), device=self.parts.val.labels.device)
        portions: tuple[Tensor, ...] = rows.split(2 * self.experiment.training.batch_size)
        return portions

    def add(self, index: Tensor) -> Tensor:
        """Judge the images of these rows; the logits (B, K, ...) they got."""
        parts = self.parts
        with torch.no_grad(), autocast(self.experiment, parts.device):
            inputs, labels = (part.to(parts.device) for part in parts.val.inputs(index))
            logits = parts.forward(inputs)
            self._loss += parts.loss(logits, labels).item() * len(index)
        found = right(logits, labels).view(len(index), -1)
        self._hits += int(found.all(1).sum())
        self._marks += int(found.sum())
        return logits

    @property
    def loss(self) -> float:
        """The mean loss."""
        return self._loss / len(self.parts.val)

    @property
    def accuracy(self) -> float:
        """The share of images that are wholly right."""
        return self._hits / len(self.parts.val)

    def measures(self) -> dict[str, float]:
        """Further values by name: digit_accuracy, where images have several labels; near_zero, of weights."""
        labels, found = self.parts.val.labels, {}
        if labels.ndim > 1:
            found["digit_accuracy"] = self._marks / labels.numel()
        if any(rule.shows_sparsity for rule in self.experiment.regularizers):
            found["near_zero"] = near_zero(self.parts.model.parameters())
        return found
