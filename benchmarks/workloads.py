"""The two workloads: what is trained, by the lab and by hand, on the same images with the same network.

The images are scikit-learn's digits enlarged, so that the benchmark needs no network and still learns
something real.
"""

import time
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from trainlab.catalog.datasets.base import DatasetChoice
from trainlab.catalog.datasets.digits import digits
from trainlab.choice import Card


def enlarged(size: int, channels: int, copies: int) -> tuple[Tensor, Tensor]:
    """Digits of 8x8 enlarged to size x size, `copies` times with noise of their own: uint8 and labels."""
    images, labels = digits()
    pixels = F.interpolate(images.float(), (size, size), mode="bilinear").repeat(copies, 1, 1, 1)
    noise = torch.randn(pixels.shape, generator=torch.Generator().manual_seed(0)) * 12
    pixels = (pixels + noise).clamp(0, 255).byte().expand(-1, channels, -1, -1)
    return pixels.contiguous(), labels.repeat(copies)


class Enlarged(DatasetChoice):
    """Digits enlarged to the sizes of MNIST and CIFAR-10."""

    kind: Literal["enlarged"] = "enlarged"
    size: int = 28
    channels: int = 1
    copies: int = 4

    target = enlarged
    card = Card(source="", use="", pitfalls="")


# the family is closed when Experiment is made, so it comes after the class above
from trainlab.catalog.models import ConvNet  # noqa: E402
from trainlab.catalog.norms import NoNorm  # noqa: E402
from trainlab.catalog.optimizers import AdamW  # noqa: E402
from trainlab.catalog.schedules import Constant  # noqa: E402
from trainlab.catalog.training import Training  # noqa: E402
from trainlab.engine.build import build_model, split_rows  # noqa: E402
from trainlab.experiment import Experiment  # noqa: E402


@dataclass(frozen=True)
class Workload:
    """A named experiment, and what its ratio to the loop by hand must reach."""

    name: str
    experiment: Experiment
    goal: float | None

    def variant(self, label: str, goal: float | None, **training: object) -> "Workload":
        """The same with other training settings."""
        changed = self.experiment.training.but(**training)
        return Workload(f"{self.name} {label}", self.experiment.but(training=changed), goal)


W1 = Workload(
    "W1",
    Experiment(
        dataset=Enlarged(size=28, channels=1, copies=2),
        model=ConvNet(width=32, stages=2, convs=1, norm=NoNorm()),
        optimizer=AdamW(),
        schedule=Constant(),
        training=Training(epochs=4, batch_size=64, device="cpu"),
    ),
    goal=1.08,
)
W2 = Workload(
    "W2",
    Experiment(
        dataset=Enlarged(size=32, channels=3, copies=1),
        model=ConvNet(width=32, stages=3, convs=2),
        optimizer=AdamW(),
        schedule=Constant(),
        training=Training(epochs=3, batch_size=128, device="cpu"),
    ),
    goal=1.2,
)


@dataclass(frozen=True)
class Result:
    """Training images a second, validation included, and the last validation accuracy."""

    images_per_second: float
    val_accuracy: float


def by_hand(experiment: Experiment) -> Result:
    """The loop as a good tutorial writes it: DataLoader over tensors, `.item()` a step."""
    training = experiment.training
    data = experiment.dataset.load()
    images, labels = data.images, data.labels
    train_rows, val_rows = split_rows(experiment, data)
    pixels = images.float() / 255
    mean = pixels[train_rows].mean((0, 2, 3), keepdim=True)
    std = pixels[train_rows].std((0, 2, 3), keepdim=True)
    pixels = (pixels - mean) / std
    train_set = TensorDataset(pixels[train_rows], labels[train_rows])
    train_loader = DataLoader(train_set, batch_size=training.batch_size, shuffle=True)
    val_loader = DataLoader(
        TensorDataset(pixels[val_rows], labels[val_rows]), batch_size=2 * training.batch_size
    )
    model = build_model(experiment, data)
    optimizer = torch.optim.AdamW(model.parameters(), lr=experiment.optimizer.lr)
    ends = []
    for _epoch in range(training.epochs):
        _train_epoch(model, optimizer, train_loader)
        accuracy = _validate(model, val_loader)
        ends.append(time.perf_counter())
    return Result(rate(ends, len(train_rows)), accuracy)


def rate(ends: list[float], images: int) -> float:
    """Images a second between the ends of the first and the last epoch: the first one warms up."""
    return (len(ends) - 1) * images / (ends[-1] - ends[0])


def _train_epoch(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    loader: "DataLoader[tuple[Tensor, ...]]",
) -> tuple[float, float]:
    model.train()
    running_loss, correct, seen = 0.0, 0, 0
    for inputs, targets in loader:
        optimizer.zero_grad()
        outputs = model(inputs)
        loss = F.cross_entropy(outputs, targets)
        loss.backward()
        optimizer.step()
        running_loss += loss.item() * len(targets)
        correct += (outputs.argmax(1) == targets).sum().item()
        seen += len(targets)
    return running_loss / seen, correct / seen


@torch.no_grad()
def _validate(model: nn.Module, loader: "DataLoader[tuple[Tensor, ...]]") -> float:
    model.eval()
    correct = seen = 0
    for inputs, targets in loader:
        correct += (model(inputs).argmax(1) == targets).sum().item()
        seen += len(targets)
    return correct / seen
