"""What rules say nothing of: runs written down by hand, each beside one that they do speak of."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from trainlab import events as ev
from trainlab.catalog.losses import CrossEntropy, Focal, Hinge, LossChoice, SquaredError
from trainlab.catalog.models import ModelChoice
from trainlab.choice import choices
from trainlab.diagnostics.verdicts import Signals
from trainlab.diagnostics.verdicts.fit import LabelNoise, Underfitting, ValidationBetter
from trainlab.diagnostics.verdicts.inside import BadStart, Exploding, Saturated, UpdateRatio
from trainlab.diagnostics.verdicts.levels import levels
from trainlab.diagnostics.verdicts.pace import PlateauReached
from trainlab.diagnostics.verdicts.remedies import other_lr, smoothed
from trainlab.experiment import Experiment
from trainlab.runs.history import History
from trainlab.runs.judged import signals

LN10 = math.log(10)
PER_EPOCH = 20
LOSSES = [
    CrossEntropy(), CrossEntropy(label_smoothing=0.2), SquaredError(),
    Hinge(), Hinge(squared=True), Focal(),
]  # fmt: skip


def run(
    losses: Any,
    settings: dict[str, Any] | None = None,
    layer: dict[str, float] | None = None,
    lrs: Any = 0.1,
    **epochs: Any,
) -> Signals:
    """A run of these losses, one a step; `epochs` names what an epoch's end told, `layer` what looks inside saw."""
    values = tuple(float(loss) for loss in losses)
    n, history = len(values), History()
    own = {"left_out": epochs.pop("left_out", 0.0)}
    history.add(ev.Started(12, PER_EPOCH, 1437, 360, tuple("0123456789"), 5000, "cpu", 1, **own))
    rates = tuple(float(lr) for lr in np.broadcast_to(lrs, n))
    history.add(ev.Steps(1, values, (0.1,) * n, rates, 1.0))
    for epoch in range(n // PER_EPOCH):
        end = (epoch + 1) * PER_EPOCH
        plain = ev.EpochEnd(epoch + 1, end, values[end - 1], 0.5, values[end - 1], 0.5, 1.0)
        told = {name: float(np.broadcast_to(of, 12)[epoch]) for name, of in epochs.items()}
        history.add(replace(plain, **told))  # type: ignore[arg-type]
    for step in (n // 3, 2 * n // 3, n):
        history.add(ev.Probed(step, {"one": layer or {}, "other": layer or {}}, {}, 0.1))
    found = signals(history, Experiment.from_data(settings or {}))
    assert found is not None
    return found


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_levels_are_what_answers_of_those_kinds_cost(loss: LossChoice) -> None:
    import torch

    found = levels(loss, 10)
    labels = torch.arange(10)
    assert found.chance == pytest.approx(float(loss.build(torch.full((10, 10), 0.1), labels)))
    asked = np.array([0.82, *[0.02] * 9])  # of smoothed labels
    best = -(asked * np.log(asked)).sum() if loss == LOSSES[1] else 0
    assert found.floor == pytest.approx(best, abs=1e-3)
    draws = torch.randn(2000, 10, generator=torch.Generator().manual_seed(1))
    hits = torch.arange(2000) % 10
    sound, wild = (float(loss.build(spread * draws, hits)) for spread in (2.0, 8.0))
    assert found.chance < sound < found.wild < wild


@pytest.mark.parametrize(
    ("first", "settings", "speaks"),
    [
        (7.0, {}, True),
        (4.5, {}, False),
        (1.1, {"loss": "mse"}, False),  # sound logits scatter by one, whatever chance is
        (50.0, {"loss": "mse"}, True),
        (60.0, {"loss": {"kind": "hinge", "squared": True}}, False),
        (7.0, {"training": {"batch_size": 8}}, False),  # few images
        (0.5, {}, True),
        (0.5, {"init": {"kind": "kaiming_normal", "class_prior": True}}, False),
        (7.0, {"init": {"kind": "kaiming_normal", "class_prior": True}}, True),
    ],
)
def test_a_first_loss_that_sound_weights_may_draw(
    first: float, settings: dict[str, Any], speaks: bool
) -> None:
    assert (BadStart.find(run([first] * 3, settings)) is not None) == speaks


def test_a_bad_start_can_always_be_mended_and_keeps_the_prior() -> None:
    for model in choices(ModelChoice):  # type: ignore[type-abstract]
        start = Experiment.from_data({"model": model.kind_name(), "init": "kaiming_normal"})
        assert BadStart.remedies(start), model
    steep = {"kind": "small_random", "std": 1.0, "class_prior": True}
    (first, *_rest) = BadStart.remedies(Experiment.from_data({"init": steep}))
    assert first.changes["init"] == {"kind": "kaiming_normal", "class_prior": True}


@pytest.mark.parametrize(("fallen", "speaks"), [(0.39, False), (0.15, False), (0.02, True)])
def test_a_loss_that_falls_is_no_underfitting(fallen: float, speaks: bool) -> None:
    losses = np.linspace(1.2, 1.0, 240)
    ends = np.array([1.2] * 8 + [*np.linspace(1.0, 1.0 - fallen, 4)])
    known = run(losses, layer={"update_ratio": 1e-3}, train_loss=ends)
    assert (Underfitting.find(known) is not None) == speaks


@pytest.mark.parametrize(("last", "speaks"), [(0.97, True), (0.915, False)])
def test_a_loss_that_has_begun_to_fall_is_no_label_noise(last: float, speaks: bool) -> None:
    known = run(LN10 * np.linspace(1.0, last, 160), layer={"update_ratio": 1e-3})
    found = LabelNoise.find(known)
    assert (found is not None) == speaks
    if found:
        assert f"chance is {LN10:.3g}" in found.seen


@pytest.mark.parametrize(
    ("settings", "accuracy", "speaks"),
    [
        ({}, 0.9, True),
        ({}, 0.99, False),  # nearly all are right
        ({"loss": {"kind": "cross_entropy", "label_smoothing": 0.18}}, 0.9, False),  # its floor
    ],
)
def test_a_plateau_at_the_bottom_is_none(
    settings: dict[str, Any], accuracy: float, speaks: bool
) -> None:
    known = run([0.83] * 240, {"schedule": "constant", **settings}, train_accuracy=accuracy)
    assert (PlateauReached.find(known) is not None) == speaks


@pytest.mark.parametrize(("loss", "speaks"), [(1.0, True), (0.3, False)])
def test_units_may_saturate_where_the_network_has_learnt(loss: float, speaks: bool) -> None:
    known = run([loss] * 60, layer={"saturated": 0.6})
    assert (Saturated.find(known) is not None) == speaks


@pytest.mark.parametrize(("loss", "speaks"), [("cross_entropy", True), ("hinge", False)])
def test_a_steeper_loss_has_longer_gradients(loss: str, speaks: bool) -> None:
    known = run([2.0] * 60, {"loss": loss}, layer={"grad_norm": 25.0, "weight_norm": 1.0})
    assert (Exploding.find(known) is not None) == speaks


@pytest.mark.parametrize(("end", "speaks"), [(0.1, True), (1e-4, False)])
def test_steps_grow_short_at_the_end_of_a_schedule(end: float, speaks: bool) -> None:
    known = run([1.5] * 60, layer={"update_ratio": 1e-5}, lrs=np.geomspace(0.1, end, 60))
    assert (UpdateRatio.find(known) is not None) == speaks


def test_dropout_inside_a_ready_made_network_is_a_reason() -> None:
    ahead: dict[str, Any] = {
        "train_accuracy": 0.6,
        "val_accuracy": 0.9,
        "train_loss": 1.5,
        "val_loss": 1.0,
    }
    model = {"model": {"kind": "torchvision", "name": "mobilenet_v2"}}
    for share, words in ((0.2, "dropout of 0.2"), (0.0, "look for the same images")):
        found = ValidationBetter.find(run([1.0] * 120, model, left_out=share, **ahead))
        assert found is not None
        assert words in found.seen


def test_labels_are_smoothed_only_where_the_loss_can_and_does_not_yet() -> None:
    for loss, offers in zip(LOSSES, (1, 0, 0, 0, 0, 0), strict=True):
        remedies = smoothed(Experiment(loss=loss), 0.1)
        assert [remedy.changes for remedy in remedies] == [{"loss.label_smoothing": 0.1}] * offers


@pytest.mark.parametrize(("kind", "how"), [("adam", "edit"), ("rprop", "restart")])
def test_a_learning_rate_is_edited_only_where_the_run_goes_by_it(kind: str, how: str) -> None:
    (remedy,) = other_lr(Experiment.from_data({"optimizer": kind}), 0.1)
    assert remedy.how == how
