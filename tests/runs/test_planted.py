"""Runs with a planted bug: resumed, branched, graded or in a process of its own, each keeps it, and says so."""

import json
import re
from pathlib import Path
from queue import SimpleQueue

import pytest

from tests.runs.test_branch import done, stepwise
from trainlab import commands as cmd
from trainlab import events as ev
from trainlab.changes import changed
from trainlab.cli import main
from trainlab.diagnostics.sabotage import sabotages
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.runs import Run, load_run, store, train
from trainlab.runs.branch import branch
from trainlab.runs.listing import row
from trainlab.runs.planted import SABOTAGE

# norms, dropout and a momentum: all that a bug may leave its mark in
EXPERIMENT = Experiment.from_data(
    {
        "model": {"kind": "mlp", "width": 8, "norm": "batch", "dropout": 0.2},
        "optimizer": {"kind": "sgd", "lr": 0.01, "momentum": 0.9},
        "training": {"epochs": 2, "batch_size": 256, "threads": 1},
    }
)


def interrupted(root: Path, name: str, step: int) -> Path:
    """A run that was stopped, and saved, after this step."""
    inbox: cmd.Commands = SimpleQueue()
    events = stepwise(store.start(EXPERIMENT, root, inbox, name), inbox)
    return done(events, inbox, {step: cmd.Stop()}).path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str | None, Run]:
    """A run with each bug, and a sound one."""
    root = tmp_path_factory.mktemp("runs")
    return {name: train(EXPERIMENT, root, sabotage=name) for name in (*sabotages, None)}


@pytest.mark.parametrize("name", [*sabotages])
def test_a_resumed_run_ends_as_one_that_never_stopped(
    name: str, whole: dict[str | None, Run], tmp_path: Path
) -> None:
    folder = interrupted(tmp_path, name, 4)
    resumed = train(resume=folder)
    assert resumed.sabotage == name
    for key in ("weights_sha256", "train_loss", "val_loss", "val_accuracy"):
        assert resumed.summary[key] == whole[name].summary[key]


@pytest.mark.parametrize("name", [*sabotages])
def test_results_are_graded_as_the_run_was_validated(
    name: str, whole: dict[str | None, Run]
) -> None:
    run, sound = whole[name], whole[None]
    found = run.results()
    assert found.loss == run.epochs["val_loss"][-1]
    assert found.accuracy == run.epochs["val_accuracy"][-1]
    numbers = [each.epochs["val_loss"].tolist() for each in (run, sound)]
    assert numbers[0] != numbers[1]


def test_a_branch_keeps_the_bug(whole: dict[str | None, Run], tmp_path: Path) -> None:
    """Branched without changes and gone on with, it ends as the run itself."""
    folder = interrupted(tmp_path, "zero_grad_forgotten", 4)
    name = load_run(folder).checkpoints[-1].name
    inbox: cmd.Commands = SimpleQueue()
    branched = done(branch(folder, name, tmp_path, {}, inbox), inbox, {})
    assert branched.path != folder
    assert branched.sabotage == "zero_grad_forgotten"
    expected = whole["zero_grad_forgotten"].summary["weights_sha256"]
    assert branched.summary["weights_sha256"] == expected


def test_a_child_process_plants_it(whole: dict[str | None, Run], runs: Path) -> None:
    experiment = changed(EXPERIMENT, {"training.worker": "process"})
    run = train(experiment, runs, sabotage="mean_forgotten")
    assert run.sabotage == "mean_forgotten"
    same = whole["mean_forgotten"].epochs["val_loss"].tolist()
    assert run.epochs["val_loss"].tolist() == same


def test_the_run_says_so(whole: dict[str | None, Run], capsys: pytest.CaptureFixture[str]) -> None:
    run, sound = whole["softmax_twice"], whole[None]
    assert repr(run).endswith(", with a planted bug: softmax_twice>")
    assert run.summary["sabotage"] == row(run.path).sabotage == "softmax_twice"
    assert sound.sabotage is row(sound.path).sabotage is None
    assert "sabotage" not in sound.summary
    assert "bug" not in repr(sound)
    assert not (sound.path / SABOTAGE).exists()
    for file in (run.path / "experiment.json", run.path / "events.jsonl"):
        assert "softmax_twice" not in file.read_text(encoding="utf-8")
    assert main(["runs", "show", str(run.path)]) == 0
    assert re.search("planted bug +softmax_twice\n", capsys.readouterr().out)
    assert main(["runs", "--runs", str(run.path.parent)]) == 0
    assert capsys.readouterr().out.count("a bug is planted") == len(sabotages)


@pytest.mark.parametrize(
    "text", ["", "[]", '{"sabotage": "another"}', '{"sabotage": ["loss_clipped"]}']
)
def test_a_damaged_word_on_it_is_told(text: str, tmp_path: Path) -> None:
    folder = interrupted(tmp_path, "loss_clipped", 1)
    assert json.loads((folder / SABOTAGE).read_text(encoding="utf-8")) == {
        "sabotage": "loss_clipped"
    }
    name = load_run(folder).checkpoints[-1].name
    (folder / SABOTAGE).write_text(text, encoding="utf-8")
    for use in (
        lambda: load_run(folder),
        lambda: [*store.resume(folder, SimpleQueue())],
        lambda: [*branch(folder, name, tmp_path, {}, SimpleQueue())],
    ):
        with pytest.raises(Problem, match="cannot be told") as caught:
            use()
        assert caught.value.remedy
    assert row(folder).state == "damaged"
    assert "cannot be told" in row(folder).problem


def test_what_cannot_be_planted(whole: dict[str | None, Run], runs: Path) -> None:
    with pytest.raises(Problem, match="did you mean 'loss_clipped'"):
        train(EXPERIMENT, runs, sabotage="los_clipped")
    assert [*runs.iterdir()] == []
    with pytest.raises(Problem, match="no bug can be planted in a run that is there"):
        train(resume=whole[None].path, sabotage="loss_clipped")


@pytest.mark.parametrize("name", ["labels_shuffled", "zero_grad_forgotten", "eval_forgotten"])
def test_an_edited_run_is_resumed_exactly(name: str, tmp_path: Path) -> None:
    """An edit that makes a new optimizer and a new network around the weights."""
    ends = []
    for stops in ({}, {5: cmd.Stop()}):
        inbox: cmd.Commands = SimpleQueue()
        edit = cmd.Edit({"optimizer": {"kind": "adamw"}, "model.activation": "tanh"})
        events = stepwise(store.start(EXPERIMENT, tmp_path, inbox, name), inbox)
        run = done(events, inbox, {3: edit, **stops})
        ends.append(train(resume=run.path) if stops else run)
    assert [len(run.edits) for run in ends] == [1, 1]
    assert len({run.summary["weights_sha256"] for run in ends}) == 1
    assert len({run.summary["val_loss"] for run in ends}) == 1


def test_without_an_experiment_it_is_one_that_shows_the_bug(runs: Path) -> None:
    def enough(event: ev.Event) -> None:
        if isinstance(event, ev.Steps):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(runs=runs, sabotage="zero_grad_forgotten", on_event=enough)
    (run,) = map(load_run, runs.glob("*-digits-*"))
    assert run.experiment == changed(Experiment(), sabotages["zero_grad_forgotten"].changes)
    assert run.experiment != Experiment()
