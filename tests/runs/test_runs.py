"""Runs on disk: what was written is what is read."""

import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

import trainlab as tl
from trainlab import events as ev
from trainlab.catalog.models import MLP
from trainlab.catalog.training import Training
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.places import runs_folder
from trainlab.runs import Run, load_run, train
from trainlab.runs.history import History, Table
from trainlab.runs.store import EVENTS

SMALL = Experiment(model=MLP(width=8), training=Training(epochs=3, batch_size=256, threads=1))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(SMALL, tmp_path_factory.mktemp("runs"))


def test_public_names() -> None:
    assert tl.train is train
    assert tl.load_run is load_run
    assert tl.Experiment is Experiment
    assert "optimizers" in tl.catalog.families()


def test_the_run_has_its_numbers(run: Run) -> None:
    assert set(run.steps) == {"step", "epoch", "loss", "accuracy", "lr"}
    assert set(run.epochs) >= {"epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy"}
    assert list(run.steps["step"]) == list(range(1, 19))
    assert run.steps["epoch"][5] == 1.0
    assert list(run.epochs["epoch"]) == [1, 2, 3]
    assert run.state == "done"
    assert run.threads == 1
    assert "done" in repr(run)
    assert isinstance(run.figure(), Figure)


def test_the_summary_is_what_the_command_prints(run: Run) -> None:
    summary = run.summary
    keys = "run epochs steps train_loss val_loss val_accuracy best_val_accuracy seconds"
    assert summary.keys() >= {*keys.split(), "images_per_second", "weights_sha256", "stopped"}
    assert summary["val_accuracy"] == run.epochs["val_accuracy"][-1]
    assert summary["best_val_accuracy"] == run.epochs["val_accuracy"].max()
    assert summary["train_loss"] == run.epochs["train_loss"][-1]
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary


def test_loading_gives_the_same(run: Run) -> None:
    again = load_run(str(run.path))
    assert again.experiment == run.experiment == SMALL
    assert again.summary == run.summary
    for ours, theirs in ((run.steps, again.steps), (run.epochs, again.epochs)):
        for name, values in ours.items():
            np.testing.assert_array_equal(values, theirs[name])


def test_the_folder_says_what_else_decides_the_numbers(run: Run) -> None:
    environment = json.loads((run.path / "environment.json").read_text())
    assert environment.keys() >= {"trainlab", "python", "torch", "torchvision", "numpy"}


def test_a_torn_last_line_is_left_out(run: Run, tmp_path: Path) -> None:
    for name in ("experiment.json", EVENTS):
        (tmp_path / name).write_bytes((run.path / name).read_bytes())
    with (tmp_path / EVENTS).open("a") as file:
        file.write('{"event": "Ste')
    assert load_run(tmp_path).summary["weights_sha256"] == run.summary["weights_sha256"]


@given(line=st.binary(max_size=80) | st.sampled_from([
    b"{}", b"[]", b"null", b'{"event": "Steps"}', b'{"event": "EpochEnd", "x": null}',
    b'{"event": "Changed", "state": []}', b'{"event": {}}', b"[" * 5_000,
    b'{"event": "Steps", "first": "x", "loss": "y", "accuracy": [], "lr": [], "images_per_second": 1}',
    b'{"event": "Started", "epochs": 1}',
]))  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_junk_among_the_events_is_a_problem(
    tmp_path_factory: pytest.TempPathFactory, line: bytes
) -> None:
    folder = tmp_path_factory.mktemp("junk")
    SMALL.save(folder / "experiment.json")
    (folder / EVENTS).write_bytes(line + b"\n")
    with suppress(Problem):
        load_run(folder)


def test_events_survive_json() -> None:
    nan = float("nan")
    for event in (
        ev.Steps(3, (0.5, 0.25), (1.0, 0.5), (0.1, 0.1), 100.0),
        ev.Saved("step-1", 1),
        ev.Failed("a", "b", "c", 3),
        ev.Changed("paused"),
        ev.Progress("downloading", None),
        ev.Progress("downloading", 0.5),
    ):
        assert ev.from_json(ev.to_json(event)) == event
    finished = ev.from_json(ev.to_json(ev.Finished(True, 0, 0, nan, nan, nan, nan, 0, 0, "")))
    assert isinstance(finished, ev.Finished)
    assert np.isnan(finished.val_loss)


def test_no_run_is_a_problem(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(Problem, match="there is no run"):
            load_run(path)
        with pytest.raises(Problem, match="there is no run"):
            train(resume=path)


def test_a_store_that_cannot_be_written_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Problem, match="runs cannot be kept here"):
        train(SMALL, tmp_path / "file" / "runs")


def test_runs_go_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAINLAB_RUNS", str(tmp_path / "there"))
    assert runs_folder() == tmp_path / "there"
    monkeypatch.delenv("TRAINLAB_RUNS")
    monkeypatch.chdir(tmp_path)
    assert runs_folder() == tmp_path / "runs"


def test_a_run_that_never_came_to_train_leaves_nothing(runs: Path) -> None:
    strange = SMALL.but(training=SMALL.training.but(device="cuda:77"))
    with pytest.raises(Problem, match=r"training\.device"):
        train(strange, runs)
    assert list(runs.iterdir()) == []


def test_a_second_process_is_refused(run: Run) -> None:
    program = (
        "import sys; from filelock import FileLock; lock = FileLock(sys.argv[1]); lock.acquire();"
        "print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(run.path / ".lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(Problem, match="the run is in use"):
            train(resume=run.path)
        other.kill()


def test_resuming_a_finished_run_changes_nothing(run: Run) -> None:
    before = run.summary
    again = train(resume=run.path)
    assert again.summary["weights_sha256"] == before["weights_sha256"]
    assert again.summary["steps"] == before["steps"]
    assert len(again.steps["step"]) == 18


def test_an_interrupt_saves_the_run(runs: Path) -> None:
    long = SMALL.but(training=SMALL.training.but(epochs=5000))
    path = []

    def interrupt(event: ev.Event) -> None:
        match event:
            case ev.Opened():
                path.append(event.run)
            case ev.EpochEnd():
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(long, runs, on_event=interrupt)
    run = load_run(path[0])
    assert run.summary["stopped"]
    assert run.state == "done"
    assert list((run.path / "checkpoints").iterdir())


def test_a_listener_that_fails_ends_the_run(runs: Path) -> None:
    def fail(event: ev.Event) -> None:
        if isinstance(event, ev.EpochEnd):
            raise ZeroDivisionError

    long = SMALL.but(training=SMALL.training.but(epochs=5000))
    with pytest.raises(ZeroDivisionError):
        train(long, runs, on_event=fail)
    assert load_run(next(runs.iterdir())).summary["stopped"]


def test_a_table_grows_and_is_cut() -> None:
    table = Table(("step", "x"))
    for start in range(0, 1000, 100):
        rows = np.stack([np.arange(start, start + 100), np.zeros(100)], axis=1).astype(float)
        table.append(rows)
    assert len(table) == 1000
    assert list(table.rows[:, 0]) == list(range(1000))
    table.cut(499)
    assert len(table) == 500
    assert table.mapping()["step"][-1] == 499
    assert np.isnan(History().last("val_loss"))
