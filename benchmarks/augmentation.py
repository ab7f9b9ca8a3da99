"""Crop, flip and colour jitter of batches: trainlab's, against torchvision's v2 on one image at a time.

Both get the same bytes and give float batches ready for preprocessing. The peer is a DataLoader with
as many workers as there are cores, and one without workers: the faster of the two counts.
"""

import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from trainlab.catalog.augmentations import ColourJitter, HorizontalFlip, Shift
from trainlab.engine.batches import Batches
from trainlab.engine.build import augmenter
from trainlab.engine.device import available_cores, default_threads
from trainlab.experiment import Experiment

RESULTS = Path(__file__).with_name("augmentation.md")
GOAL = 8.0
BATCH, BATCHES, SIDE = 128, 20, 32
PIPELINE = (
    Shift(padding=4),
    HorizontalFlip(),
    ColourJitter(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1),
)
Pass = Callable[[], None]


class OneByOne(Dataset[Tensor]):
    """The images, each through torchvision's own transforms when it is asked for."""

    def __init__(self, images: Tensor) -> None:
        self.images = images
        self.change = v2.Compose(
            [
                v2.RandomCrop(SIDE, padding=4),
                v2.RandomHorizontalFlip(),
                v2.ColorJitter(0.4, 0.4, 0.4, 0.1),
                v2.ToDtype(torch.float32, scale=True),
            ]
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, row: int) -> Tensor:
        changed: Tensor = self.change(self.images[row])
        return changed


def measure(rounds: int) -> str:
    """Every pipeline in turn, `rounds` times: the table in Markdown, which is written down as well."""
    torch.set_num_threads(default_threads())
    images = photographs(BATCH * BATCHES)
    passes = {
        "v2, an image at a time, no worker": loaded(images, 0),
        f"v2, an image at a time, {available_cores()} workers": loaded(images, available_cores()),
        "v2, the batch at once: one draw for all": at_once(images),
        "trainlab: batched, a draw an image": batched(images),
    }
    for run in passes.values():
        run()
    times: dict[str, list[float]] = {name: [] for name in passes}
    for _round in range(rounds):
        for name, run in passes.items():
            start = time.perf_counter()
            run()
            times[name].append(1000 * (time.perf_counter() - start) / BATCHES)
    table = render(times)
    RESULTS.write_text(table, encoding="utf-8")
    return table


def render(times: dict[str, list[float]]) -> str:
    """Medians of milliseconds a batch, and how many times as fast trainlab is, round by round."""
    *_others, ours = times
    peers = [name for name in times if "an image at a time" in name]
    fastest = [min(row) for row in zip(*(times[name] for name in peers), strict=True)]
    ratios = [peer / own for peer, own in zip(fastest, times[ours], strict=True)]
    machine = (
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, torch "
        f"{torch.__version__}, {torch.get_num_threads()} intra-op thread(s), {len(ratios)} rounds."
    )
    verdict = (
        f"trainlab is {statistics.median(ratios):.1f} times as fast ({min(ratios):.1f} .. "
        f"{max(ratios):.1f}); the goal is {GOAL:.0f}."
    )
    lines = [
        "# Speed: crop, flip and colour jitter of a batch",
        "",
        "`python -m benchmarks --augmentation`: milliseconds for a batch of 128 images of 3x32x32, from",
        "bytes to floats; each pipeline in turn, medians over the rounds. The ratio is to the faster of",
        "the two DataLoaders of the same round, on the same cores.",
        "",
        machine,
        "",
        "| pipeline | ms a batch | least .. most |",
        "|---|---|---|",
        *(
            f"| {name} | {statistics.median(found):.1f} | {min(found):.1f} .. {max(found):.1f} |"
            for name, found in times.items()
        ),
        "",
        verdict,
    ]
    return "\n".join(lines) + "\n"


def photographs(count: int) -> Tensor:
    """Pieces (count, 3, 32, 32) uint8 of scikit-learn's two photographs, as often as needed."""
    from sklearn.datasets import load_sample_images

    whole = torch.from_numpy(np.stack(load_sample_images().images)).permute(0, 3, 1, 2)
    pieces = whole.unfold(2, SIDE, SIDE).unfold(3, SIDE, SIDE).permute(0, 2, 3, 1, 4, 5)
    pieces = pieces.flatten(0, 2)
    return pieces[torch.arange(count) % len(pieces)].contiguous()


def loaded(images: Tensor, workers: int) -> Pass:
    """A pass over the images by a DataLoader whose workers, if any, are running already."""
    loader = DataLoader(
        OneByOne(images), BATCH, shuffle=True, num_workers=workers, persistent_workers=workers > 0
    )

    def run() -> None:
        for batch in loader:
            assert batch.shape[1:] == images.shape[1:]

    return run


def at_once(images: Tensor) -> Pass:
    """A pass where v2 gets whole batches, for which it draws once."""
    data = OneByOne(images)

    def run() -> None:
        for index in order(images):
            assert data.change(images[index]).dtype == torch.float32

    return run


def batched(images: Tensor) -> Pass:
    """A pass by the engine's own batches."""
    augment = augmenter(Experiment(augmentations=PIPELINE))
    labels = torch.zeros(len(images), dtype=torch.int64)
    batches = Batches.make(images, labels, lambda batch: batch, augment)

    def run() -> None:
        for step, index in enumerate(order(images)):
            inputs, _labels = batches.inputs(index, "benchmark", step)
            assert inputs.dtype == torch.float32

    return run


def order(images: Tensor) -> Iterator[Tensor]:
    """The rows of each batch of a pass."""
    return iter(torch.randperm(len(images)).split(BATCH))
