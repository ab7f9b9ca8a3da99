"""The Schedule panel's picture: the curve of the run, also where it is drawn in fewer steps."""

from functools import partial
from statistics import median
from typing import Any

import numpy as np
import pytest

from tests.clock import seconds
from trainlab.catalog.datasets import Digits, Images
from trainlab.catalog.schedules import Plan, ScheduleChoice
from trainlab.choice import choices
from trainlab.engine.schedule_preview import preview
from trainlab.experiment import Experiment
from trainlab.views.schedules import MOST_POINTS, schedule_figure
from trainlab.widgets.pictures import Look, schedule, schedule_pictures

SLOW_START: dict[str, Any] = {"warmup": 1_000}


@pytest.fixture(scope="module")
def data() -> Images:
    return Digits().load()


def caption(data: Images, **changes: Any) -> str:
    (spec,) = schedule_pictures(Look(Experiment.from_data(changes), data))
    assert spec["alt"] == spec["caption"]
    assert "<svg" in spec["svg"]
    return str(spec["caption"])


@pytest.mark.parametrize("settings", [{}, SLOW_START], ids=["plain", "warm-up"])
@pytest.mark.parametrize("choice", choices(ScheduleChoice), ids=lambda choice: choice.kind_name())
def test_drawn_in_fewer_steps_it_is_the_same_curve(
    choice: type[ScheduleChoice], settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "MOST_STEPS", 1_000)
    optimizer, whole = Experiment().optimizer, choice.model_validate(settings)
    plan = Plan(epochs=10, steps_per_epoch=500, lr=optimizer.lr)
    thin_plan, thinned = schedule.thinned_out(plan, whole)
    exact, drawn = preview(optimizer, whole, plan), preview(optimizer, thinned, thin_plan)
    every = plan.steps_per_epoch // thin_plan.steps_per_epoch
    assert len(drawn.lrs) == 1_000
    # the warm-up's first step is 1/n of a longer n
    begin = thinned.warmup // 4
    for many, few in ((exact.lrs, drawn.lrs), (exact.momenta, drawn.momenta)):
        difference = np.abs(np.array(many)[::every] - np.array(few))[begin:]
        assert difference.max() <= 0.01 * max(many)


def test_short_runs_are_drawn_step_by_step() -> None:
    plan, whole = Plan(20, 23, 0.1), Experiment().schedule
    assert schedule.thinned_out(plan, whole) == (plan, whole)


def test_caption_counts_the_real_steps(data: Images) -> None:
    words = caption(data, training={"epochs": 500})
    assert "11,500 steps in 500 epochs" in words
    assert "at most 0.001" in words


def test_caption_tells_of_warm_up_and_momentum(data: Images) -> None:
    moved = {"kind": "constant", "warmup": 50, "momentum_end": 0.99}
    sgd = {"kind": "sgd", "momentum": 0.5, "lr": 0.1}
    words = caption(data, schedule=moved, optimizer=sgd)
    assert "from 0.002 over at most 0.1 to 0.1" in words
    assert "first 50 steps" in words
    assert "momentum, from 0.5 to 0.99" in words
    assert "momentum" not in caption(data, schedule="constant", optimizer=sgd)


def test_figure_has_a_second_axis_only_where_momentum_moves() -> None:
    lrs, still = [0.1, 0.2, 0.3, 0.4], [0.9] * 4
    assert len(schedule_figure(lrs, still, 2).axes) == 1
    assert len(schedule_figure(lrs, [], 2).axes) == 1
    lr, momentum = schedule_figure(lrs, [0.9, 0.8, 0.7, 0.8], 2, warmup=3).axes
    assert np.asarray(lr.lines[0].get_xdata()).tolist() == [0.5, 1, 1.5, 2]
    assert np.asarray(lr.lines[0].get_ydata()).tolist() == lrs
    assert np.asarray(momentum.lines[0].get_ydata()).tolist() == [0.9, 0.8, 0.7, 0.8]
    (shade,) = lr.patches
    assert shade.get_extents().transformed(lr.transData.inverted()).x1 == pytest.approx(1.5)


def test_figure_of_a_long_run_is_thinned_out() -> None:
    (axes,) = schedule_figure([0.1] * 50_000, [], 100).axes
    x = np.asarray(axes.lines[0].get_xdata())
    assert len(x) <= MOST_POINTS
    assert x[0] == pytest.approx(0.01)
    assert x[-1] == pytest.approx(500)


@pytest.mark.alone
def test_a_long_run_is_drawn_as_quickly_as_one_of_2000_steps(data: Images) -> None:
    caption(data)  # imports
    whole, thinned = (partial(caption, data, training={"epochs": epochs}) for epochs in (86, 500))
    pairs = [(seconds(whole)[0], seconds(thinned)[0]) for _turn in range(5)]
    assert median(thin / short for short, thin in pairs) < 1.5
    assert median(thin for _short, thin in pairs) < 0.3
