"""Results: what a trained network gets right and wrong on the images that it did not learn from.

n images have P labels each, P being 1 for most data sets; each label is one of K classes.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor, nn

from trainlab.catalog.datasets import Images
from trainlab.diagnostics.saliency import Saliency, saliency
from trainlab.diagnostics.steps import as_in_a_run
from trainlab.engine.batches import Batches
from trainlab.engine.build import Plant, as_built, build_parts, resolve_device
from trainlab.engine.checkpoint import Snapshot
from trainlab.engine.randomness import key_noise
from trainlab.engine.refill import refuse_misfit
from trainlab.engine.validation import Validation
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.text import _

BINS = 15  # of the calibration curve, as in Guo et al. 2017
Z = 1.959964  # of the normal distribution, for 95 %


def wilson(share: float, n: int) -> tuple[float, float]:
    """The 95 % interval of a share of `n` (Wilson 1927): it holds for few, and where all are right, too."""
    middle = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    reach = Z / (1 + Z * Z / n) * math.sqrt(share * (1 - share) / n + (Z / (2 * n)) ** 2)
    return max(0.0, middle - reach), min(1.0, middle + reach)


@dataclass(frozen=True)
class Score:
    """How well one class is told: of `support` labels; NaN where there was nothing to measure it by."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class Bin:
    """The answers whose probability lies in one part of [0, 1]: their count, mean probability, share right."""

    count: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, eq=False)
class Results:
    """What a network answered.

    Args:
        step: how many optimizer steps it had learnt for.
        classes: the names of the K classes.
        labels: (n, P) int64, what is right.
        answers: (n, P) int64.
        chances: (n, K, P) float32, the softmax of its scores.
        losses: (n,) float32, by the loss that it was trained with.
        loss: their mean, as validation measures it.
        accuracy: the share of images that are wholly right, as validation measures it.
        probable: whether the loss asks for probabilities; else they are only made of its scores.
        model: the network, in evaluation mode.
        images: what it was asked, on the CPU.
    """

    step: int
    classes: tuple[str, ...]
    labels: Tensor
    answers: Tensor
    chances: Tensor
    losses: Tensor
    loss: float
    accuracy: float
    probable: bool
    model: nn.Module
    images: Batches

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"<Results: {len(self)} images, accuracy {self.accuracy:.4f}>"

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the accuracy, for images like these."""
        return wilson(self.accuracy, len(self))

    @cached_property
    def right(self) -> Tensor:
        """Which images are wholly right, (n,) bool."""
        return (self.answers == self.labels).all(1)

    @cached_property
    def truth(self) -> Tensor:
        """The probability that the right labels of each image got, (n,)."""
        return self._chance(self.labels).prod(1)

    @cached_property
    def confidence(self) -> Tensor:
        """The probability that each image's answer got, (n,)."""
        return self._chance(self.answers).prod(1)

    @cached_property
    def confusion(self) -> Tensor:
        """How many labels of each class (row) were answered with each class (column), (K, K) int64."""
        k = len(self.classes)
        pairs = self.labels.flatten() * k + self.answers.flatten()
        return torch.bincount(pairs, minlength=k * k).view(k, k)

    @cached_property
    def scores(self) -> tuple[Score, ...]:
        """Precision, recall, F1 and support of each class."""
        hits, support = self.confusion.diagonal().tolist(), self.confusion.sum(1).tolist()
        answered = self.confusion.sum(0).tolist()
        return tuple(
            Score(name, _share(hit, said), _share(hit, real), _share(2 * hit, said + real), real)
            for name, hit, said, real in zip(self.classes, hits, answered, support, strict=True)
        )

    @cached_property
    def calibration(self) -> tuple[Bin, ...]:
        """How often the answers are right, by the probability they got, in BINS equal parts but the empty ones."""
        sure = self._chance(self.answers).flatten().double()
        right = (self.answers == self.labels).flatten().double()
        place = (sure * BINS).ceil().long().clamp(1, BINS) - 1  # a bin holds its upper end
        found = []
        for number in place.unique().tolist():
            inside = place == number
            means = float(sure[inside].mean()), float(right[inside].mean())
            found.append(Bin(int(inside.sum()), *means))
        return tuple(found)

    @property
    def calibration_error(self) -> float:
        """The expected calibration error: how far probability and share lie apart, on average (Guo et al. 2017)."""
        apart = sum(part.count * abs(part.confidence - part.accuracy) for part in self.calibration)
        return apart / self.labels.numel()

    def confused(self, most: int) -> list[tuple[int, int, int]]:
        """The pairs of classes taken for each other most often: right one, answer, count."""
        wrong = self.confusion - self.confusion.diagonal().diag()
        found = wrong.flatten().topk(min(most, wrong.numel()))
        pairs = zip(found.indices.tolist(), found.values.tolist(), strict=True)
        k = len(self.classes)
        return [(place // k, place % k, count) for place, count in pairs if count]

    def cell(self, label: int, answer: int) -> list[int]:
        """The images with this label that got this answer, the surest first."""
        marks = (self.labels == label) & (self.answers == answer)
        sure = torch.where(marks, self._chance(self.answers), -1.0).amax(1)
        return _first(sure, marks.any(1))

    def hardest(self) -> list[int]:
        """All images, those of the largest loss first."""
        return _first(self.losses, torch.ones_like(self.right))

    def surprising(self) -> list[int]:
        """The images that are right, those whose answer got the least probability first."""
        return _first(-self.confidence, self.right)

    def confident_wrong(self) -> list[int]:
        """The images that are wrong, those whose answer got the largest probability first."""
        return _first(self.confidence, ~self.right)

    def saliency(self, image: int, target: int) -> Saliency:
        """Which pixels of an image speak for a class."""
        inputs, _labels = self.images.inputs(self.images.labels.new_tensor([image]))
        return saliency(self.model, inputs.to(next(self.model.parameters()).device), target)

    def _chance(self, classes: Tensor) -> Tensor:
        """The probability of one class for each label, (n, P)."""
        return self.chances.gather(1, classes.unsqueeze(1)).squeeze(1)


def grade(
    experiment: Experiment,
    found: Snapshot,
    data: Images,
    go_on: Callable[[], None] = lambda: None,
    plant: Plant = as_built,
) -> Results:
    """Ask the network of a checkpoint about its validation images, on copies: no run is changed by it.

    It is not compiled, for that takes longer than all the rest; then the last bits may differ from the run's. The
    images stay on the CPU: a device that trains meanwhile may have no room for them.

    Args:
        experiment: what the run was of when the checkpoint was saved.
        found: the checkpoint.
        data: the experiment's.
        go_on: called between two portions of images; may raise.
        plant: puts in the bug that was planted in the run.

    Raises:
        Problem: the checkpoint does not fit, or the network's scores are no numbers.
    """
    device = resolve_device(experiment.training.device)
    plain = experiment.but(training=experiment.training.but(compile=False, device="cpu"))
    with as_in_a_run(plain):
        parts = build_parts(plain, data)
        noise = key_noise(parts.model.to(device), device)
        parts = plant(replace(parts, device=device, noise=noise))
        own = {"weights": parts.model.state_dict()}
        refuse_misfit(found.step, own, {"weights": found.weights})
        parts.model.load_state_dict(found.weights)
        parts.model.eval()
        validation = Validation(parts, plain)
        portions = []
        for index in validation.portions():
            go_on()
            portions.append(validation.add(index).cpu())
        logits, labels = torch.cat(portions), parts.val.labels
        _refuse_broken(logits)
        pairs = zip(logits.float().split(1), labels.split(1), strict=True)
        losses = torch.stack([parts.loss(*pair).detach() for pair in pairs])
    count = len(labels)
    return Results(
        step=found.step,
        classes=parts.classes,
        labels=labels.view(count, -1),
        answers=logits.argmax(1).view(count, -1),
        chances=logits.float().softmax(1).view(count, len(parts.classes), -1),
        losses=losses,
        loss=validation.loss,
        accuracy=validation.accuracy,
        probable=experiment.loss.probable,
        model=parts.model,
        images=parts.val,
    )


def _refuse_broken(logits: Tensor) -> None:
    if not bool(logits.isfinite().all()):
        raise Problem(
            _("the network's scores are no finite numbers"),
            _("its weights have grown without bound"),
            _("choose an older checkpoint, and train again with a lower learning rate"),
        )


def _first(values: Tensor, mask: Tensor) -> list[int]:
    """The places in the mask, the largest value first; equal ones in order."""
    order = values.argsort(descending=True, stable=True)
    places: list[int] = order[mask[order]].tolist()
    return places


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
