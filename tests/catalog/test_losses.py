"""Losses: each form of logits and labels against torch, closed forms and numerical gradients."""

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from trainlab.catalog.losses import CrossEntropy, Focal, Hinge, LossChoice, SquaredError
from trainlab.choice import choices

N, K, P = 7, 5, 3
EVERY: list[LossChoice] = [
    CrossEntropy(),
    CrossEntropy(label_smoothing=0.1),
    SquaredError(),
    Hinge(),
    Hinge(margin=0.3),
    Hinge(squared=True, margin=2.0),
    Focal(),
    Focal(gamma=0.5),
    Focal(gamma=0.0),
]
every_loss = pytest.mark.parametrize("loss", EVERY, ids=str)


def draws(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


def classes(*shape: int) -> Tensor:
    return torch.randint(K, shape, generator=torch.Generator().manual_seed(6))


def test_every_loss_is_tested_here() -> None:
    assert {type(loss) for loss in EVERY} == set(choices(LossChoice))


@every_loss
def test_positions_are_averaged(loss: LossChoice) -> None:
    logits, labels = draws(N, K, P), classes(N, P)
    alone = [loss.build(logits[:, :, p], labels[:, p]) for p in range(P)]
    assert loss.build(logits, labels).item() == pytest.approx(torch.stack(alone).mean().item())


@every_loss
@pytest.mark.parametrize("positions", [(), (P,)], ids=["one", "many"])
def test_sure_probabilities_are_labels(loss: LossChoice, positions: tuple[int, ...]) -> None:
    logits, labels = draws(N, K, *positions), classes(N, *positions)
    sure = F.one_hot(labels, K).movedim(-1, 1).double()
    torch.testing.assert_close(loss.build(logits, sure), loss.build(logits, labels))


@pytest.mark.parametrize(
    "loss", [loss for loss in EVERY if not isinstance(loss, SquaredError)], ids=str
)
@pytest.mark.parametrize("positions", [(), (P,)], ids=["one", "many"])
def test_mixed_labels_mix_the_losses(loss: LossChoice, positions: tuple[int, ...]) -> None:
    logits, one = draws(N, K, *positions), classes(N, *positions)
    other, share = (one + 1) % K, 0.3
    hot = [F.one_hot(labels, K).movedim(-1, 1).double() for labels in (one, other)]
    mixed = loss.build(logits, share * hot[0] + (1 - share) * hot[1])
    torch.testing.assert_close(
        mixed, share * loss.build(logits, one) + (1 - share) * loss.build(logits, other)
    )


@every_loss
@pytest.mark.parametrize("mixed", [False, True], ids=["classes", "probabilities"])
def test_gradient_is_that_of_the_values(loss: LossChoice, mixed: bool) -> None:
    logits = draws(N, K, P).requires_grad_()
    labels = draws(N, K, P).softmax(1) if mixed else classes(N, P)
    assert torch.autograd.gradcheck(lambda z: loss.build(z, labels), (logits,))


@pytest.mark.parametrize(("squared", "power"), [(False, 1), (True, 2)])
@pytest.mark.parametrize("margin", [0.3, 1.0, 2.0])
def test_hinge_is_torchs_without_its_division(squared: bool, power: int, margin: float) -> None:
    logits, labels = draws(N, K), classes(N)
    theirs = F.multi_margin_loss(logits, labels, p=power, margin=margin) * K
    torch.testing.assert_close(Hinge(squared=squared, margin=margin).build(logits, labels), theirs)


def test_hinge_leaves_alone_what_is_right_by_the_margin() -> None:
    logits = torch.tensor([[3.0, 2.0, -1.0]], requires_grad=True)
    loss = Hinge().build(logits, torch.tensor([0]))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


@pytest.mark.parametrize(
    ("loss", "level"),
    [
        (CrossEntropy(), math.log(10)),
        (CrossEntropy(label_smoothing=0.3), math.log(10)),
        (Hinge(), 9.0),
        (Hinge(squared=True), 9.0),
        (Hinge(margin=2.0, squared=True), 36.0),
        (Focal(), 0.81 * math.log(10)),
    ],
    ids=str,
)
def test_level_of_chance(loss: LossChoice, level: float) -> None:
    assert loss.build(torch.zeros(4, 10), torch.arange(4)).item() == pytest.approx(level)


def test_squared_error_of_always_answering_the_share() -> None:
    logits = torch.full((4, 10), 0.1)
    assert SquaredError().build(logits, torch.arange(4)).item() == pytest.approx(0.09)


def test_focal_without_focus_is_cross_entropy() -> None:
    logits, labels = draws(N, K, P), classes(N, P)
    torch.testing.assert_close(
        Focal(gamma=0.0).build(logits, labels), F.cross_entropy(logits, labels)
    )


def test_focal_is_lins_formula() -> None:
    logits, labels = draws(N, K), classes(N)
    p = logits.softmax(1)[torch.arange(N), labels]
    torch.testing.assert_close(
        Focal(gamma=1.5).build(logits, labels), (-((1 - p) ** 1.5) * p.log()).mean()
    )


def test_focal_fades_the_easy_images() -> None:
    easy = torch.tensor([[4.0, 0.0]])
    values = [Focal(gamma=gamma).build(easy, torch.tensor([0])).item() for gamma in (0.0, 1.0, 2.0)]
    assert all(later < earlier / 10 for earlier, later in pairwise(values))


@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.0, 2.0])
def test_focal_has_a_gradient_where_the_network_is_sure(gamma: float) -> None:
    logits = torch.tensor([[200.0, 0.0], [0.0, 200.0]], requires_grad=True)
    Focal(gamma=gamma).build(logits, torch.tensor([0, 0])).backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    assert logits.grad[1].abs().min() > 0.4  # sure and wrong: half the mean of two images


@every_loss
def test_bfloat16_logits_give_a_finite_loss(loss: LossChoice) -> None:
    logits: Any = draws(N, K).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        assert loss.build(logits, classes(N)).isfinite()
