"""The runs that verdicts are measured on: trained once, and kept below build/ to be judged again."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue

import numpy as np
import torch
from PIL import Image

from benchmarks.verdict_cases import Case
from benchmarks.verdict_settings import BUILD
from trainlab import events as ev
from trainlab.catalog.datasets.digits import digits
from trainlab.catalog.datasets.folder import ImageFolder
from trainlab.engine.failures import guard
from trainlab.engine.probe import Probe
from trainlab.engine.trainer import Trainer
from trainlab.experiment import Experiment

LOOKS = 30  # into a run, evenly: what a run of half a minute gets by time


def events_of(case: Case) -> list[ev.Event]:
    """What the run reported: trained now, or before."""
    data = case.experiment.to_json()
    path = BUILD / "runs" / f"{hashlib.sha256(data.encode()).hexdigest()[:20]}.jsonl"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [ev.to_json(event) for event in guard(train(case.experiment))]
        path.write_text("\n".join(lines), encoding="utf-8")
    return [ev.from_json(line) for line in path.read_text(encoding="utf-8").splitlines()]


def train(experiment: Experiment) -> Iterator[ev.Event]:
    """The run, looked into evenly: by time, a faster machine would look at other steps."""
    if isinstance(experiment.dataset, ImageFolder):
        spoil(Path(experiment.dataset.root))
    trainer = Trainer(experiment)
    for event in trainer.run(SimpleQueue()):
        if isinstance(event, ev.Started):
            trainer.probe = Probe(every=-(-event.epochs * event.steps_per_epoch // LOOKS))
        if not isinstance(event, ev.Progress | ev.Boundary):
            yield event


def spoil(root: Path) -> None:
    """Write the digits as files below `root`, spoilt as its name says: kind-strength-seed."""
    if root.is_dir():
        return
    kind, strength, seed = root.name.split("-")
    draws = torch.Generator().manual_seed(int(seed))
    images, labels = digits()
    order = torch.randperm(len(images), generator=draws)
    images, labels = images[order].clone(), labels[order].clone()
    late = slice(int(0.8 * len(images)), None)
    pixels = images.float() / 255
    share = float(strength)
    match kind:
        case "mixed":
            wrong = torch.rand(len(labels), generator=draws) < share
            labels[wrong] = torch.randint(10, labels.shape, generator=draws)[wrong]
        case "inverted":
            pixels[late] = (1 - pixels[late]) * share
        case "noise":
            pixels[late] += share * torch.randn(pixels[late].shape, generator=draws)
        case "turned":
            pixels[late] = pixels[late].rot90(1, (2, 3))
    for row, (image, label) in enumerate(zip(pixels, labels.tolist(), strict=True)):
        folder = root / str(label)
        folder.mkdir(parents=True, exist_ok=True)
        values = (image[0].clamp(0, 1) * 255).byte().numpy().astype(np.uint8)
        Image.fromarray(values).save(folder / f"{row:05d}.png")
