"""Forms of choices within choices: menus hold what fits, and settings of any length are typed."""

from typing import Any

import pytest

from trainlab.catalog.schedules.base import FactorSchedule, PartSchedule
from trainlab.choice import choices
from trainlab.experiment import Experiment
from trainlab.widgets.editor import Editor
from trainlab.widgets.forms import section


def fields(editor: Editor, path: str) -> dict[str, dict[str, Any]]:
    spec = section(path, path, getattr(editor.experiment, path), editor.refused)
    return {field["name"]: field for field in spec["fields"]}


def test_a_part_is_chosen_from_what_can_be_a_part() -> None:
    editor = Editor(Experiment.from_data({"schedule": "chained"}))
    for name, family in (("first", FactorSchedule), ("second", FactorSchedule)):
        menu = fields(editor, "schedule")[name]["section"]["options"]
        assert [option["kind"] for option in menu] == [c.kind_name() for c in choices(family)]
    editor.set("schedule.kind", "sequential")
    menu = fields(editor, "schedule")["then"]["section"]["options"]
    assert [option["kind"] for option in menu] == [c.kind_name() for c in choices(PartSchedule)]
    editor.set("schedule.then.kind", "warm_restarts")
    editor.set("schedule.then.T_0", 7)
    assert editor.experiment.to_data()["schedule"]["then"]["T_0"] == 7


def test_warm_up_is_asked_for_once() -> None:
    editor = Editor(Experiment.from_data({"schedule": "sequential"}))
    outer = fields(editor, "schedule")
    assert {"warmup", "momentum_end"} <= outer.keys()
    inner = {field["name"] for field in outer["first"]["section"]["fields"]}
    assert inner == {"start_factor", "end_factor"}


@pytest.mark.parametrize("typed", ["3, 8", "3,8", [3, 8]])
def test_milestones_are_typed_as_text(typed: Any) -> None:
    editor = Editor(Experiment.from_data({"schedule": "multistep"}))
    field = fields(editor, "schedule")["milestones"]
    assert (field["type"], field["value"], field["default"]) == ("text", "10, 15", "10, 15")
    editor.set("schedule.milestones", typed)
    assert fields(editor, "schedule")["milestones"]["value"] == "3, 8"


def test_wrong_milestones_stay_with_their_reason() -> None:
    editor = Editor(Experiment.from_data({"schedule": "multistep"}))
    editor.set("schedule.milestones", "3, soon")
    field = fields(editor, "schedule")["milestones"]
    assert field["value"] == "3, soon"
    assert "soon" in field["error"]


def test_a_word_may_be_left_out() -> None:
    editor = Editor(Experiment.from_data({"optimizer": "lbfgs"}))
    field = fields(editor, "optimizer")["line_search_fn"]
    assert [option["value"] for option in field["options"]] == [None, "strong_wolfe"]
    for word in ("strong_wolfe", None):
        editor.set("optimizer.line_search_fn", word)
        assert editor.refused == {}
        assert fields(editor, "optimizer")["line_search_fn"]["value"] == word
