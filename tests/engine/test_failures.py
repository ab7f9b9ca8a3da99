"""What can go wrong: the run ends in a card, and the next one works."""

from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NoReturn

import pytest
import torch
from torch import Tensor, nn

from trainlab import commands as cmd
from trainlab import events as ev
from trainlab.catalog.activations import LeakyReLU
from trainlab.catalog.datasets import DatasetChoice, Digits
from trainlab.catalog.models import MLP, ConvNet
from trainlab.catalog.norms import NoNorm
from trainlab.catalog.optimizers import SGD
from trainlab.catalog.schedules import Constant
from trainlab.catalog.splits import Stratified
from trainlab.catalog.training import Training
from trainlab.engine import checkpoint, memory
from trainlab.engine.build import build_parts
from trainlab.engine.failures import guard
from trainlab.engine.trainer import Trainer
from trainlab.engine.worker import Worker
from trainlab.experiment import Experiment

TINY = Experiment(model=MLP(width=8), training=Training(epochs=1, batch_size=256, threads=1))
WILD = Experiment(
    model=ConvNet(width=8, norm=NoNorm(), activation=LeakyReLU(negative_slope=0.9)),
    optimizer=SGD(lr=10.0, momentum=0.9),
    schedule=Constant(),
    training=Training(epochs=2, batch_size=64, threads=1),
)


def with_target(target: Callable[[], Any], experiment: Experiment = TINY) -> Experiment:
    """The experiment with a data set of the user's own."""
    own = {"target": staticmethod(target), "load": DatasetChoice.load}
    dataset = type("Own", (Digits,), own)
    return experiment.model_copy(update={"dataset": dataset()})


def images_of(count: int, classes: int = 2) -> Callable[[], tuple[Tensor, Tensor]]:
    def target() -> tuple[Tensor, Tensor]:
        pixels = torch.arange(count * 64).remainder(251).to(torch.uint8).view(count, 1, 8, 8)
        return pixels, torch.arange(count) % classes

    return target


def train(experiment: Experiment, folder: Path | None = None) -> list[ev.Event]:
    return list(guard(Trainer(experiment, folder).run(SimpleQueue())))


def card(events: list[ev.Event]) -> ev.Failed:
    assert events[-1] == ev.Changed("failed")
    failed = [event for event in events if isinstance(event, ev.Failed)]
    assert len(failed) == 1
    assert all((failed[0].what, failed[0].why, failed[0].remedy))
    return failed[0]


def test_a_loss_that_is_not_finite_stops_before_the_step(tmp_path: Path) -> None:
    events = train(WILD, tmp_path / "wild")
    failed = card(events)
    assert failed.step > 1
    assert f"at step {failed.step}" in failed.what
    snapshot, problems = checkpoint.newest(tmp_path / "wild")
    assert snapshot is not None
    assert problems == []
    assert snapshot.step == failed.step - 1
    assert all(bool(weights.isfinite().all()) for weights in snapshot.weights.values())
    told = sum(len(event.loss) for event in events if isinstance(event, ev.Steps))
    assert told == snapshot.step

    # a run that was stopped one step before holds the same weights: the step was not taken
    inbox: cmd.Commands = SimpleQueue()
    for command in (cmd.Pause(), *(cmd.StepOnce() for _ in range(snapshot.step))):
        inbox.put(command)
    for event in Trainer(WILD, tmp_path / "same").run(inbox):
        if isinstance(event, ev.Steps) and event.first + len(event.loss) > snapshot.step:
            inbox.put(cmd.Stop())
    same, _problems = checkpoint.newest(tmp_path / "same")
    assert same is not None
    for name, weights in snapshot.weights.items():
        assert torch.equal(weights, same.weights[name])


def give_up() -> NoReturn:
    raise ValueError("row 7 has no label")


def fill_memory() -> NoReturn:
    raise MemoryError


def fill_gpu() -> NoReturn:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nmore")


def fill_torch() -> Tensor:
    return torch.empty(2**60, dtype=torch.uint8)


def leave() -> NoReturn:
    raise SystemExit("bye")


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (give_up, "ValueError"),
        (fill_memory, "memory"),
        (fill_gpu, "memory"),
        (fill_torch, "memory"),
        (leave, "SystemExit"),
    ],
)
def test_the_lab_survives_what_data_raises(target: Callable[[], Any], words: str) -> None:
    worker = Worker()
    assert worker.start(Trainer(with_target(target)).run)
    assert worker.join(20)
    events = []
    while not worker.events.empty():
        events.append(worker.events.get()[1])
    assert words in card(events).what
    assert worker.start(Trainer(TINY).run)
    assert worker.join(20)
    assert worker.state == "done"


class _Greedy(MLP):
    """A network whose device has room for passes of 32 images."""

    def make(self, shape: tuple[int, int, int], classes: int) -> nn.Sequential:
        """A network that asks for more memory than there is when its batch is large."""
        network = super().make(shape, classes)
        network.register_forward_pre_hook(self._limited)
        return network

    @staticmethod
    def _limited(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if len(inputs[0]) > 32:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nmore")


def test_a_batch_that_does_not_fit_is_told_with_one_that_should() -> None:
    greedy = TINY.model_copy(update={"model": _Greedy(width=8)})
    failed = card(train(greedy))
    assert "batches of 256 images" in failed.what
    assert failed.why == "CUDA out of memory. Tried to allocate 2.00 GiB."
    assert "batch size to 128, which should fit" in failed.remedy


@pytest.mark.parametrize(
    ("batch", "image", "spare", "fits"),
    [(256, 10, 10**9, 128), (256, 10, 999, 64), (256, 10, 640, 64), (257, 1, 10**9, 256),
     (256, 10, 9, 0), (1, 1, 10**9, 0), (64, 10, -5, 0)],
)  # fmt: skip
def test_the_largest_batch_is_a_power_of_two_that_fits(
    batch: int, image: int, spare: int, fits: int
) -> None:
    assert memory.largest_batch(batch, image, spare) == fits


def test_what_an_image_takes_is_what_its_pass_holds() -> None:
    """Measured: what autograd keeps of a batch, against what is foretold of one."""
    experiment = TINY.but(model=ConvNet(width=16))
    parts = build_parts(experiment, experiment.dataset.load())
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    inputs, _labels = parts.train.inputs(torch.arange(64), 0, "augment", 1)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        parts.model(inputs)
    weights = sum(p.numel() * 4 for p in parts.model.parameters())
    told = memory.image_bytes(experiment, parts) * 64
    assert told / 3 < sum(kept.values()) - weights <= told  # the way back takes as much again
    assert memory.lasting_bytes(parts) >= 2 * weights + parts.train.images.numel()


def test_the_reason_is_told() -> None:
    assert card(train(with_target(give_up))).why == "row 7 has no label"


def test_threads_are_given_back() -> None:
    before = torch.get_num_threads()
    card(train(with_target(give_up)))
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(
    ("count", "batch", "steps"),
    [
        (100, 4096, 1),  # a batch larger than the data
        (81, 64, 1),  # 65 to train on: the last batch of one image is left out
        (82, 64, 2),
        (10, 1, 8),
    ],
)
def test_batches_of_odd_sizes(count: int, batch: int, steps: int) -> None:
    training = Training(epochs=2, batch_size=batch, threads=1)
    model = ConvNet(width=4)
    odd = TINY.but(training=training, model=model)
    events = train(with_target(images_of(count), odd))
    started = next(event for event in events if isinstance(event, ev.Started))
    assert started.train_images + started.val_images == count
    assert started.steps_per_epoch == steps
    assert isinstance(events[-2], ev.Finished)
    assert events[-2].steps == 2 * steps


@pytest.mark.parametrize("share", [1e-9, 0.001])
def test_nothing_to_validate_on_is_a_problem(share: float) -> None:
    split = Stratified(validation_share=share)
    failed = card(train(with_target(images_of(20), TINY.but(split=split))))
    assert failed.what.startswith("split: ")


def test_a_share_near_one_leaves_an_image_a_class() -> None:
    split = Stratified(validation_share=0.9999)
    events = train(with_target(images_of(60, classes=3), TINY.but(split=split)))
    started = next(event for event in events if isinstance(event, ev.Started))
    assert (started.train_images, started.val_images) == (3, 57)
    assert events[-1] == ev.Changed("done")


def test_a_device_that_is_not_there_is_a_problem() -> None:
    elsewhere = TINY.but(training=TINY.training.but(device="cuda:77"))
    assert card(train(elsewhere)).what.startswith("training.device: ")


def test_a_disk_that_refuses_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").write_text("a file, where a folder should be")
    assert "could not be saved" in card(train(TINY, tmp_path / "checkpoints")).what
