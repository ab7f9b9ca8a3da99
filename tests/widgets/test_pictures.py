"""Pictures of what was chosen: they say the same as the run will do."""

from typing import Any

import numpy as np
import pytest

from trainlab.catalog.datasets import Digits, Images
from trainlab.catalog.schedules import Plan, ScheduleChoice
from trainlab.choice import choices
from trainlab.engine.preview import preview_lrs
from trainlab.experiment import Experiment
from trainlab.widgets import pictures
from trainlab.widgets.pictures import Look


@pytest.fixture(scope="module")
def data() -> Images:
    return Digits().load()


def look(data: Images, **changes: Any) -> Look:
    return Look(Experiment(**changes), data)


@pytest.mark.parametrize("choice", choices(ScheduleChoice), ids=lambda choice: choice.kind_name())
def test_a_schedule_drawn_in_fewer_steps_is_the_same_curve(
    choice: type[ScheduleChoice], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "MOST_STEPS", 1_000)
    optimizer, schedule = Experiment().optimizer, choice(kind=choice.kind_name())
    plan = Plan(epochs=10, steps_per_epoch=500, lr=optimizer.lr)
    per_epoch = pictures._steps_drawn(schedule, plan)
    exact = np.array(preview_lrs(optimizer, schedule, plan))
    drawn = np.array(preview_lrs(optimizer, schedule, Plan(10, per_epoch, optimizer.lr)))
    every = plan.steps_per_epoch // per_epoch
    assert len(drawn) <= 1_000 or len(drawn) == len(exact)
    assert np.abs(exact[::every] - drawn).max() <= 0.01 * exact.max()


def test_short_runs_are_drawn_step_by_step() -> None:
    assert pictures._steps_drawn(Experiment().schedule, Plan(20, 23, 0.1)) == 23


def test_the_caption_of_a_schedule_counts_the_real_steps(data: Images) -> None:
    (lr,) = pictures.schedule_pictures(look(data, training={"epochs": 500}))
    assert "11,500 steps in 500 epochs" in lr["caption"]
    assert "at most 0.001" in lr["caption"]


def test_data_shows_every_class_with_its_count(data: Images) -> None:
    sample, classes = pictures.data_pictures(look(data))
    rows = classes["html_rows"]
    assert rows[0] == ["class", "images"]
    assert [name for name, _count in rows[1:]] == [str(digit) for digit in range(10)]
    assert sum(int(count) for _name, count in rows[1:]) == 1797
    assert sample["png"]
    assert "32" in sample["alt"]


def test_layers_add_up_to_the_network(data: Images) -> None:
    (table,) = pictures.model_pictures(look(data))
    counts = [int(row[2].replace(",", "")) for row in table["html_rows"][1:] if row[2]]
    network = pictures._outline(look(data))
    assert sum(counts) == sum(parameter.numel() for parameter in network.parameters())
    assert f"{sum(counts):,} parameters" in table["caption"]


def test_weights_are_those_the_run_starts_from(data: Images) -> None:
    (zeros,) = pictures.init_pictures(look(data, init="zeros"))
    (kaiming,) = pictures.init_pictures(look(data))
    assert "σ 0.000" in zeros["alt"]
    assert "σ 0.000" not in kaiming["alt"]
    assert "weight" in kaiming["alt"]
