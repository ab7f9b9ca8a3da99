"""Regularisers: closed forms on real parameters."""

import math

import pytest
import torch
from torch import Tensor, nn

from trainlab.catalog.regularizers import (
    L1,
    L2,
    ClipNorm,
    ClipValue,
    EarlyStopping,
    MaxNorm,
    RegularizerChoice,
    near_zero,
)
from trainlab.choice import choices


def network() -> nn.Sequential:
    """Filters, a norm and a matrix, every gradient 1."""
    torch.manual_seed(1)
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(12, 5)).to(
        memory_format=torch.channels_last
    )
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    return model


def grad(p: nn.Parameter) -> Tensor:
    assert p.grad is not None
    return p.grad


@pytest.mark.parametrize("strength", [1e-4, 0.3])
def test_l2_adds_lambda_w_and_spares_biases_and_norms(strength: float) -> None:
    model = network()
    L2(strength=strength).build(model.parameters())
    for p in model.parameters():
        expected = 1 + strength * p.detach() if p.ndim > 1 else torch.ones_like(p)
        torch.testing.assert_close(grad(p), expected)


@pytest.mark.parametrize("strength", [1e-4, 0.3])
def test_l1_adds_lambda_times_the_sign_and_spares_biases_and_norms(strength: float) -> None:
    model = network()
    L1(strength=strength).build(model.parameters())
    for p in model.parameters():
        expected = 1 + strength * p.detach().sign() if p.ndim > 1 else torch.ones_like(p)
        torch.testing.assert_close(grad(p), expected, rtol=0, atol=0)


def test_l1_has_no_pull_at_zero() -> None:
    weight = nn.Parameter(torch.tensor([[0.0, -2.0, 1e-30]]))
    weight.grad = torch.zeros_like(weight)
    L1(strength=0.5).build([weight])
    assert grad(weight).tolist() == [[0.0, -0.5, 0.5]]


def test_elastic_net_is_both_in_either_order() -> None:
    rules: list[RegularizerChoice] = [L1(strength=0.25), L2(strength=0.5)]
    found = []
    for order in (rules, rules[::-1]):
        model = network()
        for rule in order:
            rule.build(model.parameters())
        found.append([grad(p) for p in model.parameters()])
    for p, one, other in zip(network().parameters(), *found, strict=True):
        torch.testing.assert_close(one, other)
        if p.ndim > 1:
            torch.testing.assert_close(one, 1 + 0.5 * p.detach() + 0.25 * p.detach().sign())


@pytest.mark.parametrize("rule", [L1(), L2()], ids=str)
def test_penalties_are_gradients_of_the_formulas(rule: RegularizerChoice) -> None:
    weight = nn.Parameter(torch.tensor([[0.3, -1.2], [2.0, -0.1]]))
    weight.grad = torch.zeros_like(weight)
    rule.build([weight])
    copy = weight.detach().clone().requires_grad_()
    strength = rule.strength  # type: ignore[attr-defined]
    penalty = copy.abs().sum() if isinstance(rule, L1) else copy.square().sum() / 2
    (strength * penalty).backward()
    torch.testing.assert_close(grad(weight), copy.grad)


@pytest.mark.parametrize("limit", [0.5, 3.0])
def test_max_norm_projects_each_unit(limit: float) -> None:
    model = network()
    with torch.no_grad():
        for p in model.parameters():
            p.select(0, 1).mul_(50)
    before = [p.detach().clone() for p in model.parameters()]
    MaxNorm(limit=limit).build(model.parameters())
    for p, was in zip(model.parameters(), before, strict=True):
        if p.ndim == 1:
            assert torch.equal(p, was)
            continue
        norms = was.flatten(1).norm(dim=1)
        factor = (limit / norms).clamp(max=1).view(-1, *[1] * (p.ndim - 1))
        torch.testing.assert_close(p.detach(), was * factor)
        kept = norms <= limit
        assert torch.equal(p.detach()[kept], was[kept])
        assert not kept.all()


def test_max_norm_leaves_the_gradients_and_the_layout() -> None:
    model = network()
    MaxNorm(limit=0.1).build(model.parameters())
    assert all((grad(p) == 1).all() for p in model.parameters())
    assert next(model.parameters()).is_contiguous(memory_format=torch.channels_last)


def test_clipping_the_norm_keeps_the_direction() -> None:
    model = network()
    count = sum(p.numel() for p in model.parameters())
    ClipNorm(max_norm=0.5).build(model.parameters())
    flat = torch.cat([grad(p).flatten() for p in model.parameters()])
    torch.testing.assert_close(flat, torch.full((count,), 0.5 / math.sqrt(count)))


def test_clipping_values_cuts_each_one() -> None:
    weight = nn.Parameter(torch.zeros(1, 3))
    weight.grad = torch.tensor([[-9.0, 0.2, 0.9]])
    ClipValue(clip_value=0.5).build([weight])
    assert grad(weight).tolist() == [[-0.5, pytest.approx(0.2), 0.5]]


@pytest.mark.parametrize(
    ("scores", "patience", "ends"),
    [
        ([], 1, False),
        ([0.5], 1, False),
        ([0.5, 0.5], 1, True),  # as good is no new best
        ([0.5, 0.6], 1, False),
        ([0.5, 0.6, 0.4, 0.5], 2, True),
        ([0.5, 0.6, 0.4, 0.5], 3, False),
        ([0.9, *[0.8] * 9], 10, False),
        ([0.9, *[0.8] * 10], 10, True),
        ([0.9, *[0.8] * 9, 0.91], 10, False),
    ],
)
def test_early_stopping(scores: list[float], patience: int, ends: bool) -> None:
    assert EarlyStopping(patience=patience).build(scores) is ends


def test_early_stopping_waits_ten_epochs() -> None:
    assert EarlyStopping().patience == 10


def test_share_of_weights_near_zero() -> None:
    weight = nn.Parameter(torch.tensor([[0.0, 5e-4, -5e-4, 0.1]]))
    assert near_zero([weight, nn.Parameter(torch.zeros(7))]) == 0.75


def test_moments() -> None:
    moments = {choice.kind_name(): choice.moment for choice in choices(RegularizerChoice)}
    assert moments == {
        "l2": "gradient",
        "l1": "gradient",
        "max_norm": "weights",
        "clip_norm": "gradient",
        "clip_value": "gradient",
        "early_stopping": "epoch",
    }
    assert [c.kind_name() for c in choices(RegularizerChoice) if c.shows_sparsity] == ["l1"]
