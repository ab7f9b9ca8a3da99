"""Schedules: against torch's classes stepped alone, closed forms, and torch's own listing."""

import inspect
import io
import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import nn
from torch.optim import Optimizer, lr_scheduler, swa_utils

from trainlab.catalog.optimizers import SGD, Adagrad, AdamW, Muon, OptimizerChoice, RMSprop
from trainlab.catalog.schedules import (
    EXCLUDED,
    SWA,
    Chained,
    Constant,
    Cosine,
    Cyclic,
    Exponential,
    ExponentialTime,
    InverseTime,
    Linear,
    Multiplicative,
    MultiStep,
    OneCycle,
    Plan,
    Plateau,
    Polynomial,
    ScheduleChoice,
    Sequential,
    Step,
    WarmRestarts,
    anneal_momentum,
    build_schedule,
    warmed_up,
)
from trainlab.catalog.schedules.base import FactorSchedule, PartSchedule
from trainlab.choice import choices
from trainlab.engine.schedule_preview import preview
from trainlab.errors import Problem
from trainlab.experiment import Experiment

EPOCHS, STEPS, LR = 20, 7, 0.1  # steps in an epoch
ALL = EPOCHS * STEPS
Made = Callable[[Optimizer], Any]


def _chained(optimizer: Optimizer) -> Any:
    parts = [
        lr_scheduler.CosineAnnealingLR(optimizer, ALL),
        lr_scheduler.StepLR(optimizer, 4 * STEPS, 0.3),
    ]
    return lr_scheduler.ChainedScheduler(parts)


def _sequential(optimizer: Optimizer) -> Any:
    parts = [
        lr_scheduler.LinearLR(optimizer, 0.2, 1.0, 5 * STEPS),
        lr_scheduler.MultiStepLR(optimizer, [3 * STEPS, 8 * STEPS], 0.5),
    ]
    return lr_scheduler.SequentialLR(optimizer, parts, [5 * STEPS])


def _sequential_by_epoch(optimizer: Optimizer) -> Any:
    parts = [
        lr_scheduler.ConstantLR(optimizer, 0.1, 3),
        lr_scheduler.ExponentialLR(optimizer, 0.8),
    ]
    return lr_scheduler.SequentialLR(optimizer, parts, [3])


# each choice beside what a person would write with torch alone
PAIRS: list[tuple[ScheduleChoice, Made]] = [
    (Constant(), lambda o: lr_scheduler.ConstantLR(o, 1.0, 5)),
    (Constant(factor=0.3, total_iters=4), lambda o: lr_scheduler.ConstantLR(o, 0.3, 4)),
    (Step(), lambda o: lr_scheduler.StepLR(o, 5, 0.5)),
    (Step(step_size=3, gamma=0.1), lambda o: lr_scheduler.StepLR(o, 3, 0.1)),
    (MultiStep(), lambda o: lr_scheduler.MultiStepLR(o, [10, 15], 0.1)),
    (Exponential(), lambda o: lr_scheduler.ExponentialLR(o, 0.9)),
    (Multiplicative(), lambda o: lr_scheduler.MultiplicativeLR(o, lambda _: 0.95)),
    (InverseTime(), lambda o: lr_scheduler.LambdaLR(o, lambda t: 1 / (1 + 0.5 / STEPS * t))),
    (
        ExponentialTime(),
        lambda o: lr_scheduler.LambdaLR(o, lambda t: math.exp(-0.1 / STEPS * t)),
    ),
    (Linear(), lambda o: lr_scheduler.LinearLR(o, 1.0, 0.0, ALL)),
    (Polynomial(power=2.0), lambda o: lr_scheduler.PolynomialLR(o, ALL, 2.0)),
    (Cosine(eta_min=0.01), lambda o: lr_scheduler.CosineAnnealingLR(o, ALL, 0.01)),
    (
        WarmRestarts(T_0=3, T_mult=2),
        lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 3 * STEPS, 2),
    ),
    (SWA(swa_lr=0.02), lambda o: swa_utils.SWALR(o, 0.02, 10 * STEPS)),
    (OneCycle(), lambda o: lr_scheduler.OneCycleLR(o, LR, ALL)),
    (
        OneCycle(three_phase=True, cycle_momentum=False, anneal_strategy="linear"),
        lambda o: lr_scheduler.OneCycleLR(
            o, LR, ALL, three_phase=True, cycle_momentum=False, anneal_strategy="linear"
        ),
    ),
    (Cyclic(), lambda o: lr_scheduler.CyclicLR(o, 1e-4, LR, 2 * STEPS)),
    (
        Cyclic(mode="exp_range", gamma=0.9),
        lambda o: lr_scheduler.CyclicLR(
            o, 1e-4, LR, 2 * STEPS, mode="exp_range", gamma=0.9 ** (1 / STEPS)
        ),
    ),
    (Chained(first=Cosine(), second=Step(step_size=4, gamma=0.3)), _chained),
    (
        Sequential(
            first=Linear(start_factor=0.2, end_factor=1.0),
            then=MultiStep(milestones=(3, 8), gamma=0.5),
        ),
        _sequential,
    ),
    (
        Sequential(first=Constant(factor=0.1, total_iters=3), then=Exponential(gamma=0.8), at=3),
        _sequential_by_epoch,
    ),
    (
        Plateau(patience=0, factor=0.2),
        lambda o: lr_scheduler.ReduceLROnPlateau(o, factor=0.2, patience=0),
    ),
]
OPTIMIZERS: list[OptimizerChoice] = [SGD(lr=LR, momentum=0.9), AdamW(lr=LR)]


def plan(optimizer: OptimizerChoice, epochs: int = EPOCHS) -> Plan:
    return Plan(epochs, STEPS, optimizer.lr, optimizer.first_momentum())


def stand_in(optimizer: OptimizerChoice) -> Optimizer:
    made: Optimizer = optimizer.build(
        type(optimizer).groups([nn.Parameter(torch.ones(2, 2)), nn.Parameter(torch.ones(2))])
    )
    made.step(lambda: 0.0)
    return made


def moved(
    optimizer: Optimizer, schedule: Any, interval: str, begin: int = 0, end: int = ALL
) -> list[tuple[Any, ...]]:
    """lr, momentum and betas of every group at each of these steps."""
    found = []
    for step in range(begin, end):
        groups = optimizer.param_groups
        found.append(tuple((g["lr"], g.get("momentum"), g.get("betas")) for g in groups))
        optimizer.step(lambda: 0.0)
        epoch, rest = divmod(step + 1, STEPS)
        if interval == "step":
            schedule.step()
        elif rest == 0:
            schedule.step(*([1 / min(epoch, 6)] if interval == "validation" else []))  # stalls
    return found


def lrs(schedule: ScheduleChoice, epochs: int = EPOCHS) -> Sequence[float]:
    sgd = SGD(lr=LR)
    return preview(sgd, schedule, plan(sgd, epochs)).lrs


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: o.kind)
@pytest.mark.parametrize(
    ("schedule", "torchs"), PAIRS, ids=lambda x: getattr(x, "__name__", str(x)[:60])
)
def test_it_is_torchs_own_stepped_alone(
    schedule: ScheduleChoice, torchs: Made, optimizer: OptimizerChoice
) -> None:
    mine, theirs = stand_in(optimizer), stand_in(optimizer)
    built = build_schedule(schedule, mine, plan(optimizer))
    found = moved(mine, built, schedule.interval)
    assert found == moved(theirs, torchs(theirs), schedule.interval)
    still = isinstance(schedule, Constant) and schedule.factor == 1
    assert (len(set(found)) == 1) == still


@pytest.mark.parametrize("schedule", [schedule for schedule, _torchs in PAIRS], ids=str)
def test_it_goes_on_from_its_saved_state(schedule: ScheduleChoice) -> None:
    optimizer, half = OPTIMIZERS[1], 9 * STEPS
    whole = stand_in(optimizer)
    expected = moved(whole, build_schedule(schedule, whole, plan(optimizer)), schedule.interval)

    first = stand_in(optimizer)
    built = build_schedule(schedule, first, plan(optimizer))
    moved(first, built, schedule.interval, end=half)
    file = io.BytesIO()
    torch.save({"optimizer": first.state_dict(), "schedule": built.state_dict()}, file)
    file.seek(0)
    state = torch.load(file, weights_only=True)

    second = stand_in(optimizer)
    again = build_schedule(schedule, second, plan(optimizer))
    second.load_state_dict(state["optimizer"])
    again.load_state_dict(state["schedule"])
    assert moved(second, again, schedule.interval, half) == expected[half:]


def test_every_class_of_torch_is_offered_or_excluded_with_a_reason() -> None:
    theirs = {
        name
        for module in (lr_scheduler, swa_utils)
        for name, value in vars(module).items()
        if inspect.isclass(value) and issubclass(value, lr_scheduler.LRScheduler)
    }
    sgd = SGD(lr=LR, momentum=0.9)
    mine = {
        type(build_schedule(choice.model_validate({}), stand_in(sgd), plan(sgd))).__name__
        for choice in choices(ScheduleChoice)
    }
    assert mine | set(EXCLUDED) == theirs
    assert not mine & set(EXCLUDED)
    assert all(len(reason) > 20 for reason in EXCLUDED.values())
    assert {type(schedule) for schedule, _torchs in PAIRS} == set(choices(ScheduleChoice))


@pytest.mark.parametrize(
    ("schedule", "share"),
    [
        (Step(), lambda t: 0.5 ** (int(t) // 5)),
        (Step(step_size=20, gamma=0.1), lambda _t: 1.0),
        (InverseTime(k=0.25), lambda t: 1 / (1 + 0.25 * t)),
        (ExponentialTime(k=0.3), lambda t: math.exp(-0.3 * t)),
        (Exponential(gamma=0.7), lambda t: 0.7 ** int(t)),
        (Multiplicative(factor=1.1), lambda t: 1.1 ** int(t)),
        (Polynomial(power=0.9), lambda t: (1 - t / EPOCHS) ** 0.9),
        (Linear(start_factor=0.5, end_factor=0.1), lambda t: 0.5 - 0.4 * t / EPOCHS),
        (
            Chained(first=Polynomial(), second=Exponential(gamma=0.5)),
            lambda t: (1 - t / EPOCHS) * 0.5**t,
        ),
        (
            Sequential(first=InverseTime(k=1.0), then=Cosine(), at=8),
            lambda t: 1 / (1 + t) if t < 8 else (1 + math.cos(math.pi * (t - 8) / 12)) / 2,
        ),
        (
            Sequential(first=Exponential(gamma=0.5), then=WarmRestarts(T_0=4), at=4),
            lambda t: 0.5**t if t < 4 else (1 + math.cos(math.pi * (t % 4) / 4)) / 2,
        ),
        (
            Sequential(first=Step(step_size=2), then=SWA(swa_lr=0.05, anneal_epochs=1), at=4),
            lambda t: 0.5 ** (int(t) // 2) if t < 4 else (None if t < 5 else 0.5),
        ),
        (
            Sequential(first=Cosine(), then=ExponentialTime(k=0.5), at=10),
            lambda t: (1 + math.cos(math.pi * t / 10)) / 2 if t < 10 else math.exp(-(t - 10) / 2),
        ),
    ],
    ids=lambda x: getattr(x, "__name__", str(x)[:60]),
)  # fmt: skip
def test_closed_forms_with_t_in_epochs(
    schedule: ScheduleChoice, share: Callable[[float], float | None]
) -> None:
    for step, lr in enumerate(lrs(schedule)):
        expected = share(step / STEPS)
        if expected is not None:
            assert lr == pytest.approx(LR * expected, rel=1e-6, abs=1e-12), f"step {step}"


def test_a_second_part_that_never_comes_is_no_error() -> None:
    late = Sequential(first=Linear(start_factor=0.1, end_factor=1.0), then=Cosine(), at=30)
    found = lrs(late)
    assert found[-1] == pytest.approx(LR * (0.1 + 0.9 * (ALL - 1) / (30 * STEPS)))


def test_composed_schedules_move_as_often_as_their_fastest_part() -> None:
    by_epoch = Sequential(first=Step(), then=Exponential())
    assert by_epoch.interval == "epoch"
    assert Sequential(first=Step(), then=Cosine()).interval == "step"
    assert Chained(first=Step(), second=Exponential()).interval == "epoch"
    assert Chained(first=Linear(), second=Exponential()).interval == "step"


def test_parts_are_those_that_work_as_parts() -> None:
    kinds = {choice.kind_name() for choice in choices(PartSchedule)}
    every = {choice.kind_name() for choice in choices(ScheduleChoice)}
    assert every - kinds == {"plateau", "onecycle", "cyclic", "sequential", "chained"}
    for kind in kinds:
        Sequential.model_validate({"first": kind, "then": kind})
    for choice in choices(FactorSchedule):
        Chained.model_validate({"first": choice.kind_name(), "second": choice.kind_name()})


@pytest.mark.parametrize(
    ("schedule", "path"),
    [
        ({"kind": "sequential", "first": "plateau"}, "schedule.first"),
        ({"kind": "sequential", "then": {"kind": "sequential"}}, "schedule.then"),
        ({"kind": "chained", "second": "inverse_time"}, "schedule.second"),
        ({"kind": "sequential", "then": {"kind": "cosine", "warmup": 5}}, "schedule.then"),
        ({"kind": "chained", "first": {"kind": "step", "momentum_end": 0.5}}, "schedule.first"),
        ({"kind": "sequential", "first": {"kind": "step", "gamma": 2.0}}, "schedule.first.gamma"),
        ({"kind": "multistep", "milestones": []}, "schedule.milestones"),
        ({"kind": "multistep", "milestones": "10, x"}, "schedule.milestones.1"),
        ({"kind": "multistep", "milestones": [0]}, "schedule.milestones.0"),
    ],
    ids=str,
)
def test_a_wrong_part_is_refused_by_its_path(schedule: dict[str, Any], path: str) -> None:
    with pytest.raises(Problem) as refusal:
        Experiment.from_data({"schedule": schedule})
    assert refusal.value.what.startswith(f"{path}: ")


@pytest.mark.parametrize("given", [[4, 9], (4, 9), "4, 9", "4,9,"])
def test_milestones_are_a_list_or_are_typed(given: Any) -> None:
    assert MultiStep(milestones=given).milestones == (4, 9)


def test_milestones_are_whole() -> None:
    with pytest.raises(ValidationError):
        MultiStep(milestones="4.5")  # type: ignore[arg-type]


@pytest.mark.parametrize("schedule", [OneCycle(), Cyclic(base_lr=1e-5)], ids=str)
@pytest.mark.parametrize(
    "optimizer", [choice.model_validate({}) for choice in choices(OptimizerChoice)], ids=str
)
def test_cycles_go_with_every_optimizer(
    schedule: ScheduleChoice, optimizer: OptimizerChoice
) -> None:
    found = preview(optimizer, schedule, plan(optimizer))
    assert max(found.lrs) <= optimizer.lr * (1 + 1e-9)
    assert (len(set(found.momenta)) > 1) == (optimizer.first_momentum() is not None)


def test_a_low_end_above_the_peak_is_refused() -> None:
    with pytest.raises(Problem, match=r"^schedule\.base_lr: must be below .* 0\.1"):
        lrs(Cyclic(base_lr=0.2))


def test_too_short_a_run_is_refused_in_words() -> None:
    with pytest.raises(Problem, match="One-cycle does not fit this run"):
        build_schedule(OneCycle(pct_start=0.5), stand_in(SGD(lr=LR)), Plan(1, 2, LR))


@pytest.mark.parametrize("optimizer", [Adagrad(), SGD(lr=LR), RMSprop()], ids=lambda o: o.kind)
def test_momentum_that_is_not_there_cannot_be_moved(optimizer: OptimizerChoice) -> None:
    with pytest.raises(Problem, match=r"^schedule\.momentum_end: "):
        preview(optimizer, Constant(momentum_end=0.9), plan(optimizer))


@pytest.mark.parametrize(
    ("optimizer", "start"), [(SGD(lr=LR, momentum=0.5), 0.5), (AdamW(lr=LR), 0.9), (Muon(), 0.95)]
)
def test_momentum_moves_in_a_straight_line(optimizer: OptimizerChoice, start: float) -> None:
    momenta = preview(optimizer, Cosine(momentum_end=0.99), plan(optimizer)).momenta
    assert momenta[0] == start
    assert momenta[-1] == pytest.approx(0.99)
    steps = [start + (0.99 - start) * i / (ALL - 1) for i in range(ALL)]
    assert momenta == pytest.approx(steps)


def test_only_muons_own_momentum_moves() -> None:
    muon = stand_in(Muon())
    anneal_momentum(muon, 0.95, 0.5, 1.0)
    assert muon.param_groups[0]["momentum"] == 0.5
    assert muon.param_groups[1]["betas"] == (0.9, 0.999)


@pytest.mark.parametrize("schedule", [Constant(), Cosine(), OneCycle(), Sequential()], ids=str)
def test_warm_up_multiplies_what_the_schedule_says(schedule: ScheduleChoice) -> None:
    plain, warm = lrs(schedule), lrs(schedule.but(warmup=10))
    assert warm[10:] == plain[10:]
    assert warm[9] == plain[9]
    assert warm[:9] == tuple(lr * ((i + 1) / 10) for i, lr in enumerate(plain[:9]))


def test_warm_up_gives_the_rates_back_even_after_an_error() -> None:
    optimizer = stand_in(SGD(lr=LR))
    within = warmed_up(optimizer, 1, 4)
    within.__enter__()
    assert {group["lr"] for group in optimizer.param_groups} == {LR / 4}
    within.__exit__(ZeroDivisionError, ZeroDivisionError(), None)
    assert {group["lr"] for group in optimizer.param_groups} == {LR}
