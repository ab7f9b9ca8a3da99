"""The same experiment gives the same numbers: twice, disturbed, interrupted, and against a plain loop."""

import copy
import threading
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.optim import lr_scheduler
from torchvision.ops import StochasticDepth

from trainlab import commands as cmd
from trainlab import events as ev
from trainlab.catalog.augmentations import HorizontalFlip, Rotation, Shift
from trainlab.catalog.models import MLP, ConvNet
from trainlab.catalog.optimizers import SGD
from trainlab.catalog.preprocessing import RawChoice
from trainlab.catalog.regularizers import L2, ClipNorm
from trainlab.catalog.schedules import Constant, Plateau, Step
from trainlab.catalog.training import Training
from trainlab.draws import DrawsFrom
from trainlab.engine import checkpoint
from trainlab.engine.batches import epoch_order
from trainlab.engine.build import augmenter, build_model, split_rows
from trainlab.engine.randomness import generator, key_noise
from trainlab.engine.trainer import Trainer
from trainlab.experiment import Experiment

STEPS = 12  # an epoch of `SMALL`
SMALL = Experiment(
    augmentations=(Shift(), Rotation(), HorizontalFlip()),
    model=ConvNet(width=4, dropout=0.3),
    regularizers=(L2(), ClipNorm()),
    training=Training(epochs=3, batch_size=128, threads=1),
)


def train(experiment: Experiment, folder: Path | None = None) -> list[ev.Event]:
    return list(Trainer(experiment, folder).run(SimpleQueue()))


def finished(events: list[ev.Event]) -> ev.Finished:
    return next(event for event in events if isinstance(event, ev.Finished))


def column(events: list[ev.Event], name: str) -> list[float]:
    return [value for e in events if isinstance(e, ev.Steps) for value in getattr(e, name)]


def interrupted(experiment: Experiment, folder: Path, step: int) -> checkpoint.Snapshot:
    """The checkpoint of a run that was told to stop right after a step."""
    inbox: cmd.Commands = SimpleQueue()
    inbox.put(cmd.Pause())
    for _step in range(step):
        inbox.put(cmd.StepOnce())
    if step == 0:
        inbox.put(cmd.Stop())
    for event in Trainer(experiment, folder).run(inbox):
        if isinstance(event, ev.Steps) and event.first + len(event.loss) > step:
            inbox.put(cmd.Stop())
    snapshot, problems = checkpoint.newest(folder)
    assert snapshot is not None
    assert problems == []
    assert snapshot.step == step
    return snapshot


@pytest.fixture(scope="module")
def reference() -> list[ev.Event]:
    torch.set_num_threads(1)
    return train(SMALL)


def test_twice_the_same(reference: list[ev.Event]) -> None:
    again = train(SMALL)
    assert column(again, "loss") == column(reference, "loss")
    assert len(column(again, "loss")) == 3 * STEPS
    assert finished(again).weights_sha256 == finished(reference).weights_sha256
    assert finished(again).val_loss == finished(reference).val_loss


def test_previews_and_other_threads_do_not_disturb(reference: list[ev.Event]) -> None:
    over = threading.Event()
    augment = augmenter(SMALL)
    assert augment is not None

    def disturb() -> None:
        torch.manual_seed(7)
        dropout = nn.Dropout()
        for number in range(1_000_000):
            torch.rand(100)
            dropout(torch.ones(100))
            augment(torch.rand(32, 1, 8, 8), generator("preview", number))
            if over.wait(0.001):
                return

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        again = train(SMALL)
    finally:
        over.set()
        thread.join()
    assert column(again, "loss") == column(reference, "loss")
    assert finished(again).weights_sha256 == finished(reference).weights_sha256


def test_another_seed_is_another_run(reference: list[ev.Event]) -> None:
    other = train(SMALL.but(training=SMALL.training.but(seed=1, epochs=1)))
    assert column(other, "loss")[0] != column(reference, "loss")[0]


@pytest.mark.parametrize("step", [0, 5, STEPS, STEPS + 1, 3 * STEPS])
def test_resumed_runs_end_the_same(reference: list[ev.Event], tmp_path: Path, step: int) -> None:
    snapshot = interrupted(SMALL, tmp_path, step)
    rest = list(Trainer(SMALL, tmp_path, snapshot).run(SimpleQueue()))
    assert column(rest, "loss") == column(reference, "loss")[step:]
    assert finished(rest).weights_sha256 == finished(reference).weights_sha256
    assert finished(rest).train_loss == finished(reference).train_loss
    assert finished(rest).best_val_accuracy == finished(reference).best_val_accuracy
    assert list(tmp_path.glob(".*")) == []


@pytest.mark.parametrize("schedule", [Plateau(patience=0, threshold=1.0), Step(step_size=1)])
def test_schedules_resume(tmp_path: Path, schedule: Any) -> None:
    experiment = SMALL.but(schedule=schedule, augmentations=())
    whole = train(experiment)
    rest = list(
        Trainer(experiment, None, interrupted(experiment, tmp_path, STEPS + 3)).run(SimpleQueue())
    )
    assert column(rest, "lr") == column(whole, "lr")[STEPS + 3 :]
    assert finished(rest).weights_sha256 == finished(whole).weights_sha256


def test_the_best_checkpoint_knows_that_it_is_the_best(tmp_path: Path) -> None:
    trainer = Trainer(SMALL, tmp_path)
    for _event in trainer.run(SimpleQueue()):
        pass
    assert trainer.keeper.best is not None
    best = checkpoint.load(tmp_path / f"step-{trainer.keeper.best.step:08d}")
    assert best.facts["val_accuracy"] == trainer.keeper.best.facts["val_accuracy"]
    resumed = Trainer(SMALL, None, best)
    next(e for e in resumed.run(SimpleQueue()) if isinstance(e, ev.Started))
    assert resumed.keeper.best is not None
    assert resumed.keeper.best.facts == trainer.keeper.best.facts


def test_plateau_follows_the_validation_loss() -> None:
    plateau = Plateau(patience=0, threshold=0.5)
    experiment = Experiment(
        model=MLP(width=4), optimizer=SGD(lr=0.08), schedule=plateau, training=SMALL.training
    )
    events = train(experiment)
    alone = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.08)
    scheduler = lr_scheduler.ReduceLROnPlateau(alone, factor=0.5, patience=0, threshold=0.5)
    expected = []
    for end in (event for event in events if isinstance(event, ev.EpochEnd)):
        expected.append(alone.param_groups[0]["lr"])
        scheduler.step(end.val_loss)
    assert column(events, "lr")[::STEPS] == expected
    assert expected[-1] < 0.08


def test_numbers_are_those_of_a_plain_loop() -> None:
    experiment = Experiment(
        preprocessing=RawChoice(),
        model=MLP(width=16, depth=1),
        optimizer=SGD(lr=0.1),
        schedule=Constant(),
        training=Training(epochs=2, batch_size=100, threads=1),
    )
    events = train(experiment)
    data = experiment.dataset.load()
    pixels, labels = data.images.numpy().astype(np.float32) / np.float32(255), data.labels
    rows, held = split_rows(experiment, data)
    model = build_model(experiment, data)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    inputs = torch.from_numpy(pixels)
    for epoch in range(2):
        sums = np.zeros(3)
        for index in epoch_order(len(rows), 0, epoch).split(100):
            logits = model(inputs[rows[index]])
            loss = nn.functional.cross_entropy(logits, labels[rows[index]])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            hits = (logits.argmax(1) == labels[rows[index]]).sum().item()
            sums += loss.item() * len(index), hits, len(index)
        with torch.no_grad():
            logits = model(inputs[held])
        end = [event for event in events if isinstance(event, ev.EpochEnd)][epoch]
        assert end.train_loss == pytest.approx(sums[0] / sums[2], rel=1e-5)
        assert end.train_accuracy == sums[1] / sums[2]
        assert end.val_loss == pytest.approx(
            nn.functional.cross_entropy(logits, labels[held]).item(), rel=1e-5
        )
        assert end.val_accuracy == (logits.argmax(1) == labels[held]).double().mean().item()


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(
    "layer",
    [
        nn.Dropout(0.1),
        nn.Dropout(0.9),
        nn.Dropout2d(0.4),
        nn.AlphaDropout(0.3),
        nn.RReLU(0.1, 0.4),
        StochasticDepth(0.5, "row"),
        StochasticDepth(0.5, "batch"),
    ],
    ids=repr,
)
def test_keyed_noise_is_torchs_own(layer: nn.Module, layout: torch.memory_format) -> None:
    def through(module: nn.Module) -> tuple[Tensor, Tensor]:
        inputs = torch.linspace(-3, 3, 4 * 6 * 25).reshape(4, 6, 5, 5)
        inputs = inputs.to(memory_format=layout).requires_grad_()
        output = module(inputs)
        output.square().sum().backward()
        assert inputs.grad is not None
        return output, inputs.grad

    torch.manual_seed(5)
    expected = through(layer)
    keyed = nn.Sequential(copy.deepcopy(layer))
    common = key_noise(keyed, torch.device("cpu"))
    assert common is not None
    common.manual_seed(5)
    torch.manual_seed(6)  # the shared generator is not asked
    for ours, theirs in zip(through(keyed), expected, strict=True):
        assert torch.equal(ours, theirs)
    keyed.eval()
    layer.eval()
    assert torch.equal(keyed(-torch.ones(1, 1, 1, 1)), layer(-torch.ones(1, 1, 1, 1)))


@pytest.mark.parametrize("name", ["resnet18", "swin_t", "mobilenet_v3_small"])
def test_draws_from_a_generator_of_ones_own_are_the_shared_ones(name: str) -> None:
    def weights() -> Tensor:
        model = torchvision.models.get_model(name, weights=None, num_classes=3)
        return torch.cat([p.detach().flatten() for p in model.parameters()])

    torch.manual_seed(8)
    expected = weights()
    torch.manual_seed(9)
    before = torch.get_rng_state()
    with DrawsFrom(torch.Generator().manual_seed(8)):
        assert torch.equal(weights(), expected)
        for draw in (torch.rand, torch.randn, partial(torch.randint, 2, 9)):
            draw((5,))
        torch.randperm(5)
    assert torch.equal(torch.get_rng_state(), before)
