"""The panel Check without a browser: what its buttons do, and what the page is shown."""

import json
import time
from typing import Any

import pytest

from trainlab.diagnostics.checks import CHECKS
from trainlab.experiment import Experiment
from trainlab.widgets.bundles import PanelsWidget
from trainlab.widgets.checking import Checking, check_spec

TINY: dict[str, Any] = {"model": {"kind": "mlp", "width": 16}, "training": {"threads": 1}}


class Page:
    """The panel as a page has it; what is posted to the main thread is done at once."""

    def __init__(self, **settings: Any) -> None:
        self.view = PanelsWidget()
        self.experiment = Experiment.from_data(TINY | settings)
        self.shown: list[dict[str, Any]] = []
        self.checking = Checking(self.view, lambda: self.experiment, lambda call: call())
        self.view.observe(lambda change: self.shown.append(change["new"]), "checks")

    def press(self, what: str, **more: Any) -> None:
        self.view._handle_custom_msg({"type": "check", "do": what, **more}, [])

    def wait(self, seconds: float = 60) -> dict[str, Any]:
        end = time.monotonic() + seconds
        while not self.shown or self.shown[-1]["busy"]:
            assert time.monotonic() < end
            time.sleep(0.01)
        json.dumps(self.shown, allow_nan=False)  # as the page gets it
        return self.shown[-1]


def test_results_come_one_by_one() -> None:
    page = Page(augmentations=["vertical_flip"])
    page.press("checks")
    found = page.wait()["checks"]
    assert [row["id"] for row in found["rows"]] == [rule.id for rule in CHECKS]
    assert {len(state["checks"]["rows"]) for state in page.shown} == set(range(len(CHECKS) + 1))
    assert "1 to look at, 0 failed" in found["says"]
    assert found["error"] == ""
    assert found["key"] == check_spec(page.experiment)["checks"]


def test_the_sweep_is_live_and_suggests() -> None:
    page = Page(optimizer="sgd", model="convnet")
    page.press("range")
    found = page.wait()["range"]
    lengths = [len(state["range"]["points"]) for state in page.shown]
    assert lengths == sorted(lengths)
    assert len(set(lengths)) > 2  # it grew under the eyes of the page
    assert [offer["label"] for offer in found["suggestions"]] == [
        "Steepest fall",
        "A tenth of the lowest",
    ]
    assert all(1e-6 < offer["lr"] < 1 for offer in found["suggestions"])
    assert "exploded" in found["says"]


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"optimizer": "rprop"}, "From step 2 on Rprop sets its steps itself"),
        ({"training": {"batch_size": 1, "threads": 1}}, "No clear fall"),
    ],
)
def test_a_sweep_that_shows_nothing_says_why(settings: dict[str, Any], why: str) -> None:
    page = Page(**settings)
    page.press("range")
    found = page.wait()["range"]
    assert found["suggestions"] == []
    assert found["says"].startswith(why)


def test_the_gradients_of_chosen_layers() -> None:
    page = Page()
    page.press("gradients", layers=[])
    found = page.wait()["gradients"]
    names = [layer["name"] for layer in found["layers"]]
    assert {layer["kind"] for layer in found["layers"]} == {"Linear"}
    assert [row[0] for row in found["rows"][0]["details"][1:]] == ["Linear.bias", "Linear.weight"]
    page.press("gradients", layers=[names[1]])
    found = page.wait()["gradients"]
    ((first, *_), (second, *_)) = found["rows"][0]["details"][1:]
    assert (first, second) == (f"{names[1]}.bias", f"{names[1]}.weight")
    page.press("gradients", layers=["nowhere"])
    found = page.wait()["gradients"]
    assert found["error"].startswith("no layer that learns is called nowhere")
    assert [layer["name"] for layer in found["layers"]] == names
    page.press("gradients", layers=[])
    page.press("cancel")
    assert page.wait()["gradients"]["says"] in ("Cancelled.", "")  # it may have been quicker


def test_one_at_a_time_and_cancelled() -> None:
    page = Page(model="resnet")
    page.press("checks")
    page.press("range")  # left alone: something is under way
    while not page.shown[-1]["checks"]["rows"]:
        time.sleep(0.01)
    page.press("cancel")
    found = page.wait()
    assert "range" not in found
    assert 0 < len(found["checks"]["rows"]) < len(CHECKS)
    assert found["checks"]["says"].startswith("Cancelled: ")
    page.press("range")
    page.checking.close()
    assert page.wait()["range"]["says"] == "Cancelled."
    assert "rows" in page.shown[-1]["checks"]  # what was found stays


@pytest.mark.parametrize("what", ["checks", "range"])
def test_what_cannot_be_made_is_said(what: str) -> None:
    page = Page(dataset={"kind": "folder", "root": "/nowhere"})
    page.press(what)
    error = page.wait()[what]["error"]
    assert "/nowhere" in error or "not on this machine" in error


def test_what_makes_no_sense_is_left_alone() -> None:
    page = Page()
    messages: list[Any] = [None, 5, {"type": "check"}, {"type": "check", "do": 5}, {"do": "checks"}]
    messages += [
        {"type": "check", "do": "gradients", "layers": layers} for layers in (None, "all", 5)
    ]
    for message in [*messages, {"type": "check", "do": "everything"}]:
        page.view._handle_custom_msg(message, [])
    assert page.shown == []


def test_the_keys_follow_the_forms() -> None:
    one = Experiment.from_data(TINY)
    other_lr = one.but(optimizer=one.optimizer.but(lr=0.5))
    other_model = Experiment.from_data(TINY | {"model": "convnet"})
    first, second, third = (check_spec(experiment) for experiment in (one, other_lr, other_model))
    assert first["checks"] != second["checks"]
    assert first["range"] == second["range"] != third["range"]
    assert (first["lr"], second["lr"]) == (1e-3, 0.5)
