"""Results against numbers that were counted by hand, and against what a run measured itself."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from trainlab.catalog.datasets import Images
from trainlab.diagnostics.results import Results, grade
from trainlab.engine.batches import Batches
from trainlab.engine.build import build_parts
from trainlab.engine.checkpoint import Snapshot
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.runs import Run, train

SMALL: dict[str, Any] = {
    "model": {"kind": "mlp", "width": 16},
    "training": {"epochs": 2, "batch_size": 128, "threads": 1, "device": "cpu"},
}


def results(chances: list[list[float]], labels: list[int]) -> Results:
    """Of images with one label each, whose probabilities are these."""
    found, right = torch.tensor(chances), torch.tensor(labels).unsqueeze(1)
    answers = found.argmax(1, keepdim=True)
    return Results(
        step=1,
        classes=("a", "b", "c"),
        labels=right,
        answers=answers,
        chances=found.unsqueeze(2),
        losses=-found.gather(1, right).log().squeeze(1),
        loss=0.0,
        accuracy=float((answers == right).float().mean()),
        probable=True,
        model=nn.Identity(),
        images=Batches(torch.zeros(len(right), 1, 1, 1), right[:, 0], lambda x: x),
    )


@pytest.fixture
def six() -> Results:
    """Right: 0, 1, 4. Wrong: 2 (b for a, surely), 3 (a for b, barely), 5 (b for c)."""
    chances = [
        [0.8, 0.1, 0.1],
        [0.1, 0.5, 0.4],
        [0.05, 0.9, 0.05],
        [0.4, 0.35, 0.25],
        [0.7, 0.2, 0.1],
        [0.3, 0.6, 0.1],
    ]
    return results(chances, [0, 1, 0, 1, 0, 2])


def test_counts_and_scores(six: Results) -> None:
    assert six.confusion.tolist() == [[2, 1, 0], [1, 1, 0], [0, 1, 0]]
    a, b, c = six.scores
    assert (a.precision, a.recall, a.f1, a.support) == (2 / 3, 2 / 3, 2 / 3, 3)
    assert (b.precision, b.recall, b.f1, b.support) == (1 / 3, 1 / 2, 2 / 5, 2)
    assert math.isnan(c.precision)
    assert (c.recall, c.f1, c.support) == (0, 0, 1)
    assert six.confused(9) == [(0, 1, 1), (1, 0, 1), (2, 1, 1)]
    assert six.cell(0, 0) == [0, 4]
    assert six.cell(2, 1) == [5]
    assert six.cell(1, 2) == []


def test_galleries(six: Results) -> None:
    assert six.hardest()[:3] == [2, 5, 3]
    assert six.surprising() == [1, 4, 0]
    assert six.confident_wrong() == [2, 5, 3]


def test_calibration(six: Results) -> None:
    # fifteenths: 0.4 lies in the 6th, 0.5 in the 8th, 0.6 in the 9th (its upper end), 0.7, 0.8, 0.9
    sure, share = [0.4, 0.5, 0.6, 0.7, 0.8, 0.9], [0, 1, 0, 1, 1, 0]
    assert [part.count for part in six.calibration] == [1] * 6
    assert [part.confidence for part in six.calibration] == pytest.approx(sure)
    assert [part.accuracy for part in six.calibration] == share
    expected = sum(abs(one - other) for one, other in zip(sure, share, strict=True)) / 6
    assert six.calibration_error == pytest.approx(expected)
    together = results([[0.91, 0.09, 0.0], [0.93, 0.07, 0.0]], [0, 1])
    (part,) = together.calibration
    assert (part.count, part.accuracy) == (2, 0.5)
    assert together.calibration_error == pytest.approx(0.92 - 0.5)


def test_the_interval_is_wilsons(six: Results) -> None:
    """Of 3 in 6: Wilson's own formula, with z = 1.96, gives 0.188 to 0.812; the ends are not left."""
    assert six.interval == pytest.approx((0.1876, 0.8124), abs=1e-4)
    assert results([[1.0, 0.0, 0.0]] * 4, [0] * 4).interval == pytest.approx(
        (0.5101, 1.0), abs=1e-4
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(Experiment.from_data(SMALL), tmp_path_factory.mktemp("runs"))


def test_a_run_measured_the_same(run: Run) -> None:
    newest = run.results()
    assert newest.accuracy == run.epochs["val_accuracy"][-1]
    assert newest.loss == run.epochs["val_loss"][-1]
    assert newest.step == run.checkpoints[-1].step
    assert newest.right.double().mean().item() == pytest.approx(newest.accuracy)
    assert newest.losses.double().mean().item() == pytest.approx(newest.loss, rel=1e-5)
    assert newest.confusion.sum() == len(newest)
    torch.testing.assert_close(newest.confidence, newest.chances.amax((1, 2)))
    with pytest.raises(Problem, match="no such checkpoint"):
        run.results("step-00000003")


@pytest.mark.parametrize(
    "settings",
    [
        {"loss": "hinge"},
        {"loss": "mse"},
        {"training": SMALL["training"] | {"precision": "bfloat16"}},
        {"preprocessing": "zca"},
        {"model": {"kind": "convnet", "width": 4}, "augmentations": ["mixup"]},
    ],
    ids=str,
)
def test_whatever_it_was_trained_with(settings: dict[str, Any], runs: Path) -> None:
    run = train(Experiment.from_data(SMALL | settings), runs)
    found = run.results()
    assert found.accuracy == run.epochs["val_accuracy"][-1]
    assert found.loss == run.epochs["val_loss"][-1]
    assert found.probable == (settings.get("loss") is None)
    torch.testing.assert_close(found.chances.sum(1), torch.ones(len(found), 1))


def test_several_labels_an_image(run: Run) -> None:
    data = run.experiment.dataset.load()
    images = torch.cat([data.images[:-1], data.images[1:]], 3)
    labels = torch.stack([data.labels[:-1], data.labels[1:]], 1)
    pairs = Images(images, labels, data.classes)
    experiment = run.experiment
    parts = build_parts(experiment, pairs)
    found = grade(experiment, Snapshot(0, parts.model.state_dict(), {}, {}), pairs)
    assert found.labels.shape == found.answers.shape == (len(parts.val), 2)
    assert found.confusion.sum() == 2 * len(found)
    assert found.accuracy == float(found.right.double().mean())
    marks = (found.labels == 3) & (found.answers == found.answers[0, 0])
    assert (
        sorted(found.cell(3, int(found.answers[0, 0]))) == marks.any(1).nonzero().flatten().tolist()
    )
    assert found.saliency(0, 3).heat.shape == (8, 16)
