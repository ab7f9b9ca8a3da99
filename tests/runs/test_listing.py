"""All runs of a folder: what each row says, how fast a thousand are there, which run a word means."""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest

from tests.clock import seconds
from trainlab import commands as cmd
from trainlab import events as ev
from trainlab.catalog.models import MLP
from trainlab.catalog.optimizers import SGD
from trainlab.catalog.training import Training
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.runs import Run, notes, store, train
from trainlab.runs.branch import branch
from trainlab.runs.listing import Row, find, folders, row, rows
from trainlab.runs.summary import MOST_POINTS, SUMMARY, _thinned, from_default

SMALL = Experiment(model=MLP(width=8), training=Training(epochs=3, batch_size=256))
LONG = SMALL.but(training=SMALL.training.but(epochs=10_000))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(SMALL, tmp_path_factory.mktemp("runs"))


def copied(run: Run, root: Path, name: str) -> Path:
    return Path(shutil.copytree(run.path, root / name))


def copied_lightly(run: Run, root: Path, name: str) -> Path:
    """Without checkpoints, which no table looks at."""
    leave = shutil.ignore_patterns(store.CHECKPOINTS)
    return Path(shutil.copytree(run.path, root / name, ignore=leave))


def begun(root: Path) -> tuple[cmd.Commands, Iterator[ev.Event]]:
    """A run that is under way."""
    inbox: cmd.Commands = SimpleQueue()
    events = store.start(LONG, root, inbox)
    assert any(isinstance(event, ev.EpochEnd) for event in events)
    return inbox, events


def test_a_row_says_what_became_of_a_run(run: Run) -> None:
    found = row(run.path)
    assert (found.id, found.state, found.problem) == (run.path.name, "done", "")
    assert run.path.name == f"{found.created}-{found.name}" == f"{found.created}-digits-mlp"
    assert (found.epochs, found.planned, found.edited) == (3, 3, 0)
    assert found.best == run.summary["best_val_accuracy"]
    assert found.seconds == run.summary["seconds"]
    assert found.measure == "val_accuracy"
    assert found.curve == pytest.approx(run.epochs["val_accuracy"], abs=1e-4)
    assert found.differs == {
        "model": "mlp", "model.width": 8, "training.epochs": 3, "training.batch_size": 256,
    }  # fmt: skip
    assert json.loads(json.dumps(found.to_data(), allow_nan=False))["best"] == found.best


def test_only_what_differs_is_named() -> None:
    assert from_default(Experiment()) == {}
    changed = Experiment(optimizer=SGD(momentum=0.5))
    assert from_default(changed) == {"optimizer": "sgd", "optimizer.momentum": 0.5}


def test_without_a_summary_the_record_is_read(run: Run, runs: Path) -> None:
    folder = copied(run, runs, run.path.name)
    before = row(folder)
    (folder / SUMMARY).unlink()
    assert row(folder) == before
    assert (folder / SUMMARY).is_file(), "kept for the next time"
    for junk in (b"", b"[]", b'{"state": "done"}', b'{"state": 7, "curve": "x"}', b"\xff"):
        (folder / SUMMARY).write_bytes(junk)
        assert row(folder) == before


def test_a_summary_older_than_the_record_is_not_believed(run: Run, runs: Path) -> None:
    folder = copied(run, runs, run.path.name)
    time.sleep(0.02)
    with (folder / store.EVENTS).open("a") as file:
        file.write(ev.to_json(ev.Changed("running")) + "\n" + '{"event": "Chan')
    assert row(folder).state == "interrupted"


def test_newest_first_and_the_tenth_of_a_second_after_the_ninth(run: Run, runs: Path) -> None:
    names = [f"20260101-000000-digits-mlp{tail}" for tail in ("", "-2", "-9", "-10")]
    names += ["20260101-000001-digits-convnet", "20251231-235959-toy-mlp"]
    for name in names:
        copied(run, runs, name)
    wanted = [names[i] for i in (4, 3, 2, 1, 0, 5)]
    assert [each.id for each in rows(runs)] == wanted
    assert [folder.name for folder in folders(runs)] == wanted


def test_what_is_no_run_is_left_out_and_a_damaged_one_says_so(run: Run, runs: Path) -> None:
    assert rows(runs / "absent") == []
    (runs / "notes").mkdir()
    (runs / "file.txt").write_text("hello")
    shutil.copytree(run.path, runs / ".hidden")
    broken = copied(run, runs, "20260101-000000-broken")
    (broken / SUMMARY).unlink()
    (broken / store.EXPERIMENT).write_text("{")
    other = copied(run, runs, "20260101-000001-other")
    (other / SUMMARY).unlink()
    (other / store.EVENTS).write_bytes(b'{"event": "EpochEnd", "epoch": []}\n')
    plain = copied(run, runs, "my own name")
    found = {each.id: each for each in rows(runs)}
    assert found.keys() == {broken.name, other.name, plain.name}
    assert {each.state for each in found.values()} == {"damaged", "done"}
    assert store.EXPERIMENT in found[broken.name].problem
    assert "EpochEnd" in found[other.name].problem
    assert (found[plain.name].name, found[plain.name].created) == ("my own name", "")


def test_a_run_under_way_is_running_and_a_killed_one_interrupted(runs: Path) -> None:
    inbox, events = begun(runs)
    (found,) = rows(runs)
    assert found.state == "running"
    assert (found.epochs, found.planned) == (1, 10_000)
    inbox.put(cmd.Pause())
    for event in events:
        if event == ev.Changed("paused"):
            break
    (folder,) = folders(runs)
    assert row(folder).state == "paused"
    events.close()  # type: ignore[attr-defined]  # as a kill ends it, for the record: in the middle
    assert row(folder).state == "interrupted"


def test_a_stopped_run_is_not_done(runs: Path) -> None:
    inbox, events = begun(runs)
    inbox.put(cmd.Stop())
    assert [*events][-1] == ev.Changed("done")
    assert [each.state for each in rows(runs)] == ["stopped"]


def test_the_summary_follows_a_run_at_most_once_a_second(runs: Path) -> None:
    _inbox, events = begun(runs)
    (folder,) = folders(runs)
    times = set()
    start, epochs = time.monotonic(), 0
    for event in events:
        times.add((folder / SUMMARY).stat().st_mtime_ns)
        epochs += isinstance(event, ev.EpochEnd)
        if time.monotonic() - start > 1.5 and epochs > 5:
            break
    took = time.monotonic() - start
    assert 2 <= len(times) <= took + 2
    events.close()  # type: ignore[attr-defined]
    assert row(folder).epochs == epochs + 1, "read from the record, where the summary is older"


def test_a_branch_knows_its_parent_and_counts_its_edits(run: Run, runs: Path) -> None:
    parent = copied(run, runs, "20260101-000000-digits-mlp")
    kept = run.checkpoints[0]
    changes = {"optimizer.lr": 0.004, "training.epochs": 4}
    for _event in branch(parent, kept.name, runs, changes, SimpleQueue()):
        pass
    child = rows(runs)[0]
    assert child.parent is not None
    assert (child.parent.run, child.parent.step) == (parent.name, kept.step)
    assert child.edited == 1
    assert child.differs is not None
    assert child.differs["optimizer.lr"] == 0.004
    assert (child.epochs, child.planned) == (4, 4)
    assert child.curve[: kept.epoch] == row(parent).curve[: kept.epoch]


def test_long_curves_are_short() -> None:
    import numpy as np

    values = np.arange(1000.0)
    values[-1] = np.nan
    thin = _thinned(values)
    assert len(thin) == MOST_POINTS
    assert thin[-1] is None
    assert list(thin[:-1]) == sorted(thin[:-1])  # type: ignore[type-var]
    assert _thinned(values[:0]) == ()


@pytest.mark.alone
def test_a_thousand_runs_open_within_a_second(
    run: Run, runs: Path, record_property: pytest.FixtureRequest
) -> None:
    for number in range(1000):
        copied_lightly(run, runs, f"20260101-{number:06d}-digits-mlp")
    found: list[Row] = []
    (took,) = seconds(lambda: found.extend(rows(runs)))
    record_property("1,000 runs listed, s (at most 1)", round(took, 2))  # type: ignore[operator]
    assert len(found) == 1000
    assert {each.best for each in found} == {run.summary["best_val_accuracy"]}
    assert took <= 1


def test_a_run_is_found_by_path_id_name_or_beginning(run: Run, runs: Path) -> None:
    one = copied(run, runs, "20260101-000000-digits-mlp")
    two = copied(run, runs, "20260102-000000-digits-mlp")
    notes.rename(two, "20260101")
    assert find(str(one), runs / "absent") == one
    assert find(one.name, runs) == one
    assert find("20260102", runs) == two
    assert find("20260101", runs) == two, "a name counts before a beginning"
    notes.rename(one, "20260101")
    with pytest.raises(Problem, match="2 runs are meant"):
        find("20260101", runs)
    for word in ("absent", "", "../runs", "2027"):
        with pytest.raises(Problem, match="there is no run"):
            find(word, runs)
