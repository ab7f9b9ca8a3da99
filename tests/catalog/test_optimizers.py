"""Optimizers: each takes the very steps of torch's own class, and every class of torch is accounted for."""

import copy
import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainlab.catalog import optimizers
from trainlab.catalog.optimizers import (
    ASGD,
    EXCLUDED,
    LBFGS,
    SGD,
    Adagrad,
    Muon,
    NAdam,
    OptimizerChoice,
    RAdam,
    Rprop,
    decay_groups,
)
from trainlab.choice import choices

EVERY: list[OptimizerChoice] = [
    *(choice.model_validate({}) for choice in choices(OptimizerChoice)),
    SGD(lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-3),
    ASGD(lr=0.1, lambd=0.01, t0=5.0),
    Adagrad(lr_decay=0.1, initial_accumulator_value=0.1),
    LBFGS(line_search_fn="strong_wolfe", max_iter=5, history_size=3),
    Muon(nesterov=False, ns_steps=3, momentum=0.8, weight_decay=0.01, lr=0.01),
    NAdam(decoupled_weight_decay=True, weight_decay=0.1),
    RAdam(decoupled_weight_decay=True, weight_decay=0.1),
    Rprop(etas=(0.4, 1.3), step_sizes=(1e-4, 1.0)),
]
every_optimizer = pytest.mark.parametrize("choice", EVERY, ids=str)


def network() -> nn.Sequential:
    """A net with every kind of parameter: filters, norms, matrices, biases."""
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, bias=False),
        nn.BatchNorm2d(4),
        nn.Flatten(),
        nn.Linear(144, 12),
        nn.ReLU(),
        nn.Linear(12, 8),
        nn.ReLU(),
        nn.Linear(8, 3),
    )


Closure = Callable[[], float]


def batches(same: bool) -> list[tuple[Tensor, Tensor]]:
    """Twenty batches; L-BFGS wants the same one each time."""
    draws = torch.Generator().manual_seed(4)
    drawn = [
        (torch.randn(16, 1, 8, 8, generator=draws), torch.randint(3, (16,), generator=draws))
        for _step in range(20)
    ]
    return drawn[:1] * 20 if same else drawn


def train(
    model: nn.Module, step: Callable[[Closure], Any], data: list[tuple[Tensor, Tensor]]
) -> None:
    """One step a batch."""
    for inputs, labels in data:

        def closure(inputs: Tensor = inputs, labels: Tensor = labels) -> Any:
            model.zero_grad()
            loss = F.cross_entropy(model(inputs), labels)
            loss.backward()
            return loss

        step(closure)


def assert_equal(one: nn.Module, other: nn.Module) -> None:
    for (name, mine), theirs in zip(
        one.state_dict().items(), other.state_dict().values(), strict=True
    ):
        assert torch.equal(mine, theirs), name


def torchs_own(choice: OptimizerChoice, model: nn.Module) -> list[torch.optim.Optimizer]:
    """What a person would write with torch alone: biases and norms are not decayed."""
    fields = {name: getattr(choice, name) for name in type(choice).model_fields if name != "kind"}
    weights = [p for p in model.parameters() if p.ndim > 1]
    rest = {"params": [p for p in model.parameters() if p.ndim <= 1], "weight_decay": 0.0}
    if isinstance(choice, LBFGS):
        return [torch.optim.LBFGS(model.parameters(), **fields)]
    if isinstance(choice, Muon):
        filters, first, second, last = weights
        both = {"lr": choice.lr, "weight_decay": choice.weight_decay}
        adamw: Any = torch.optim.AdamW
        return [
            torch.optim.Muon([first, second], **fields, adjust_lr_fn="match_rms_adamw"),
            adamw([{"params": [filters, last]}, rest], **both, fused=True),
        ]
    target: Any = getattr(torch.optim, type(choice).__name__)
    if "fused" in inspect.signature(target).parameters:
        fields["fused"] = True
    return [target([{"params": weights}, rest], **fields)]


@every_optimizer
def test_its_steps_are_torchs_own(choice: OptimizerChoice) -> None:
    mine, theirs = network(), network()
    optimizer = choice.build(type(choice).groups(mine.parameters()))
    others = torchs_own(choice, theirs)

    def step_theirs(closure: Closure) -> None:
        if choice.full_batch:
            others[0].step(closure)
            return
        closure()
        for other in others:
            other.step()

    data = batches(choice.full_batch)
    train(mine, optimizer.step, data)
    train(theirs, step_theirs, data)
    assert_equal(mine, theirs)
    assert all(
        not torch.equal(a, b)
        for a, b in zip(mine.parameters(), network().parameters(), strict=True)
    )


@every_optimizer
def test_it_goes_on_from_its_saved_state(choice: OptimizerChoice) -> None:
    groups, data = type(choice).groups, batches(choice.full_batch)
    whole, model = network(), network()
    train(whole, choice.build(groups(whole.parameters())).step, data)

    first = choice.build(groups(model.parameters()))
    train(model, first.step, data[:9])
    second = choice.build(groups(model.parameters()))
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    train(model, second.step, data[9:])
    assert_equal(model, whole)


@every_optimizer
def test_a_schedule_can_move_it(choice: OptimizerChoice) -> None:
    optimizer = choice.build(type(choice).groups(network().parameters()))
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    optimizer.step(lambda: 0.0)
    schedule.step()
    assert {group["lr"] for group in optimizer.param_groups} == {choice.lr / 2}


def test_lbfgs_wants_the_same_images_at_every_step() -> None:
    """Its card says that it does not scale to mini-batches: here is what happens."""

    def last_loss(same: bool) -> float:
        model, losses = network(), [0.0]
        optimizer = LBFGS().build(list(model.parameters()))
        train(model, lambda closure: losses.append(optimizer.step(closure).item()), batches(same))
        return losses[-1]

    assert last_loss(same=True) < 1e-3
    assert not last_loss(same=False) < 1  # not a number, or near where it began


def test_every_class_of_torch_is_offered_or_excluded_with_a_reason() -> None:
    theirs = {
        name
        for name, value in vars(torch.optim).items()
        if inspect.isclass(value) and issubclass(value, torch.optim.Optimizer)
    }
    mine = {type(choice).__name__ for choice in EVERY}
    assert mine | set(EXCLUDED) == theirs
    assert not mine & set(EXCLUDED)
    assert all(len(reason) > 20 for reason in EXCLUDED.values())


def test_names_are_handed_on() -> None:
    for choice in choices(OptimizerChoice):
        assert getattr(optimizers, choice.__name__) is choice
        assert choice.__name__ in optimizers.__all__


def test_muon_gets_the_hidden_matrices() -> None:
    model = network()
    matrices, others, biases = Muon.groups(model.parameters())
    assert [tuple(p.shape) for p in matrices["params"]] == [(12, 144), (8, 12)]
    assert [tuple(p.shape) for p in others["params"]] == [(4, 1, 3, 3), (3, 8)]
    assert all(p.ndim == 1 for p in biases["params"])
    assert len([*matrices["params"], *others["params"], *biases["params"]]) == len(
        list(model.parameters())
    )


def test_biases_and_norms_are_not_decayed() -> None:
    weights, rest = decay_groups(network().parameters())
    assert {p.ndim for p in weights["params"]} == {2, 4}
    assert {p.ndim for p in rest["params"]} == {1}
    assert rest["weight_decay"] == 0
