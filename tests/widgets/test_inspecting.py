"""The panel Inspect without a browser: what a page that asks is given, and how little of it."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.widgets.pages import Page, tiny
from trainlab import commands as cmd
from trainlab import events as ev
from trainlab.catalog.datasets import Moons
from trainlab.catalog.models import ConvNet
from trainlab.engine.build import split_rows
from trainlab.experiment import Experiment
from trainlab.runs import store, train
from trainlab.runs.history import History
from trainlab.views.images import CYCLE
from trainlab.widgets.bundles import PanelsWidget
from trainlab.widgets.inspected import CARDS, LINES, LOOKS, answer
from trainlab.widgets.inspecting import Inspecting

Start = Callable[[Experiment], Page]


class Panel(PanelsWidget):
    """A page with the panel open, as the browser's is: it asks, keeps what comes, and says what it has."""

    def __init__(self, run: Page) -> None:
        super().__init__()
        self.parts: dict[str, Any] = {}
        self.last: dict[str, Any] = {}
        self.bytes = self.messages = 0
        self.inspecting = Inspecting(self, run.session, lambda call: call())

    def send(self, content: Any, buffers: Any = None) -> None:
        self.messages += 1
        self.bytes += len(json.dumps(content, allow_nan=False)) + sum(map(len, buffers))
        self.last = content
        for name, part in content["parts"].items():
            self.parts[name] = part
        for name, data in zip(content["buffers"], buffers, strict=True):
            part, kind = name.split(".")
            self.parts[part][f"{kind} bytes"] = data

    def say(self, **message: Any) -> None:
        self._handle_custom_msg({"type": "inspect", **message}, [])

    def ask(self, step: int | None = None, layer: str = "") -> dict[str, Any]:
        """The parts that came."""
        known = {name: part["key"] for name, part in self.parts.items()}
        self.say(view="page", step=step, layer=layer, known=known)
        found: dict[str, Any] = self.last["parts"]
        return found


def recorded(run: Page) -> tuple[list[ev.Probed], list[ev.Pictured]]:
    events = [*store.read_events(Path(run.session.shown.folder))]
    return (
        [event for event in events if isinstance(event, ev.Probed)],
        [event for event in events if isinstance(event, ev.Pictured)],
    )


def test_live_at_a_rate_that_is_kept(started: Start) -> None:
    run = started(tiny(4000).but(model=ConvNet(width=4)))
    panel = Panel(run)
    assert panel.ask() == {}
    run.press("start")
    run.until_points(1)
    begun, steps = time.monotonic(), set()
    while time.monotonic() < begun + 2:
        if "look" in panel.ask():
            steps.add(panel.parts["look"]["step"])
        run.read()
        time.sleep(panel.last["wait"] / 1000)
    assert panel.bytes / (time.monotonic() - begun) <= 50_000
    assert {*panel.parts} == {"fixed", "curves", "look", "pictures"}
    assert len(steps) > 1
    messages = panel.messages
    run.press("stop")
    run.settle()
    assert panel.messages == messages  # nothing comes that was not asked for
    panel.ask()
    assert panel.ask() == {}  # nothing new


def test_any_step_of_a_run_that_is_over(started: Start) -> None:
    run = started(tiny(12))
    run.press("start")
    run.settle()
    folder = run.session.shown.folder
    run.press("reset")
    run.until_state("idle")
    panel = Panel(run)
    assert panel.ask() == {}
    run.session.show(folder)
    run.until_state("done")
    panel.ask()
    probes, pictures = recorded(run)
    curves = panel.parts["curves"]
    assert curves["steps"] == [probe.step for probe in probes]
    assert curves["layers"] == ["Linear 1", "Linear 3", "Linear 5"]
    ratios = np.frombuffer(curves["update_ratio bytes"], "<f4").reshape(3, -1)
    wanted = [[probe.layers[name]["update_ratio"] for probe in probes] for name in ("1", "3", "5")]
    assert ratios == pytest.approx(np.array(wanted), rel=1e-6)
    chances = np.frombuffer(curves["chances bytes"], np.uint8).reshape(len(probes), 8, 10)
    assert chances / 255 == pytest.approx(np.array([p.predictions for p in probes]), abs=3e-3)
    assert panel.parts["look"]["step"] == probes[-1].step
    assert "lr " in panel.parts["look"]["says"]

    assert {*panel.ask(step=1)} <= {"look", "pictures"}  # the curves are there already
    look = panel.parts["look"]
    assert look["step"] == 1
    first = next(card for card in look["cards"] if card["name"] == "1")
    assert first["outputs"][2:] == [int(count) for count in probes[0].histograms["1"][2:]]
    assert first["gradients"][2:] == [int(n) for n in probes[0].histograms["1 gradient"][2:]]
    assert panel.parts["pictures"]["step"] == pictures[0].step == 1
    assert panel.parts["pictures"]["filters"] == (8, 8, 8, 1)
    assert len(panel.parts["fixed"]["images bytes"]) == 8 * 8 * 8


def test_the_same_points_again_and_again_lie_in_their_plane(runs: Path) -> None:
    history, experiment = History(), tiny(1).but(dataset=Moons(points=100))
    for event in store.read_events(train(experiment, runs).path):
        history.add(event)
    words, buffers = answer(1, history, None, "", {})
    tiles = np.frombuffer(buffers["fixed.images"], np.uint8)
    tiles = tiles.reshape(words["parts"]["fixed"]["shape"])
    data = experiment.dataset.load()
    row = split_rows(experiment, data)[1][0]
    x, y = data.images[row].flatten().tolist()
    colour = CYCLE[int(data.labels[row])]
    assert bytes(tiles[0, round((1 - y) * 47), round(x * 47)]) == bytes.fromhex(colour[1:])
    assert len({tile.tobytes() for tile in tiles}) == 8


def test_the_tier_goes_to_the_run_and_to_the_next(started: Start) -> None:
    run = started(tiny(3000))
    panel = Panel(run)
    panel.say(tier="cheap", image=2)
    run.press("start")
    run.until(lambda: len(run.session.shown.history.probes) > 2)
    assert not any(probe.histograms for probe in run.session.shown.history.probes)
    panel.say(tier="everything", image=2)
    run.until(lambda: bool(run.session.shown.history.pictures))
    assert run.session.shown.history.pictures[0].image == 2
    panel.ask()
    assert (panel.last["tier"], panel.last["image"]) == ("everything", 2)
    run.press("stop")
    run.settle()


def test_looking_closer_leaves_the_sentence_beside_the_run(started: Start) -> None:
    run = started(tiny(3000))
    panel = Panel(run)
    run.press("start")
    run.until_points(1)
    run.press("save")
    run.until(lambda: "kept for good" in run.status["message"])
    panel.say(tier="everything", image=3)
    run.until(lambda: 3 in {look.image for look in run.session.shown.history.pictures})
    run.read()
    assert "kept for good" in run.status["message"]
    run.session.worker.send(cmd.Edit({"optimizer.lr": 1e-4}))
    run.until(lambda: not run.status["message"])
    run.press("stop")
    run.settle()


def deep(looks: int, layers: int, dead: float = 0.0) -> History:
    """A long run of a deep network."""
    rows = {
        f"layer{n}.conv": {
            "update_ratio": 1e-3,
            "grad_norm": 1.0,
            "mean": 0.0,
            "std": 1.0,
            "dead": dead,
        }
        for n in range(layers)
    }
    histograms = {name: (-1.23456, 1.23456, *[100.0] * 24) for name in rows}
    history = History()
    probe = ev.Probed(1, rows, histograms, 0.0, predictions=((0.0625,) * 16,) * 8)
    history.probes = [replace(probe, step=1 + 10 * n) for n in range(looks)]
    return history


def test_a_long_run_of_a_deep_network_stays_small() -> None:
    words, buffers = answer(1, deep(looks=2500, layers=100), None, "", {})
    curves, look = words["parts"]["curves"], words["parts"]["look"]
    assert (len(curves["steps"]), len(curves["layers"]), curves["left_out"]) == (
        LOOKS,
        LINES,
        100 - LINES,
    )
    assert (curves["steps"][0], curves["steps"][-1]) == (1, 24991)
    assert (len(look["cards"]), look["left_out"]) == (CARDS, 100 - CARDS)
    assert len(json.dumps(words)) + sum(map(len, buffers.values())) < 64_000


def test_sick_layers_are_said_with_their_rule() -> None:
    sick = answer(1, deep(1, 2, dead=0.6), None, "", {})[0]["parts"]["look"]
    assert sick["cards"][0]["warns"] == ["60% dead"]
    assert "CS231n" in sick["rules"][0]
    well = answer(1, deep(1, 2, dead=0.1), None, "", {})[0]["parts"]["look"]
    assert (well["cards"][0]["warns"], well["rules"]) == ([], [])
    assert "10% dead" in well["cards"][0]["says"]


def test_what_makes_no_sense_is_left_alone(started: Start) -> None:
    panel = Panel(started(tiny(1)))
    asked: dict[str, Any] = {"view": "page", "step": None, "layer": "", "known": {}}
    wrong: list[dict[str, Any]] = [{"step": "1"}, {"step": 1.5}, {"known": []}, {"view": 1}]
    for part in wrong:
        panel.say(**(asked | part))
    panel.say(tier="all", image=0)
    panel.say(tier="cheap", image=8)
    assert panel.messages == 0
    panel.say(**asked)
    assert panel.last["tier"] == "usual"
