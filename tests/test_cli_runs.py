"""`trainlab runs`: what it prints and what it changes."""

import json
from pathlib import Path

import pytest

from trainlab.catalog.models import MLP
from trainlab.catalog.training import Training
from trainlab.cli import main
from trainlab.experiment import Experiment
from trainlab.runs import load_run, notes, train


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    train(Experiment(model=MLP(width=8), training=Training(epochs=2, batch_size=256)), folder)
    return folder


@pytest.fixture
def run(root: Path) -> Path:
    (folder,) = (path for path in root.iterdir() if not path.name.startswith("."))
    notes.rename(folder, "")
    return folder


def out(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    assert main(["runs", *map(str, arguments)]) == 0
    return capsys.readouterr().out


def test_the_table(run: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    notes.rename(run, "a name that is much too long for a table of this width")
    for arguments in (("--runs", root), ("list", "--runs", root)):
        head, line = out(capsys, *arguments).splitlines()
        assert max(len(head), len(line)) <= 100
        assert head.split()[:4] == ["id", "name", "state", "epochs"]
        assert run.name in line
        assert "a name that" in line
        assert "Done" in line
        assert "2/2" in line
        assert "model mlp" in line
    assert json.loads(out(capsys, "--json", "--runs", root))[0]["id"] == run.name
    assert json.loads(out(capsys, "list", "--json", "--runs", root))[0]["epochs"] == 2


def test_no_runs(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert str(runs) in out(capsys, "--runs", runs)
    assert json.loads(out(capsys, "--json", "--runs", runs)) == []


def test_one_run(run: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = load_run(run)
    text = out(capsys, "show", run.name[:11], "--runs", root)
    assert "model.width 8" in text
    assert record.checkpoints[-1].name in text
    last = text.splitlines()[-1].split()
    assert last[0] == "2"
    assert float(last[4]) == pytest.approx(record.epochs["val_accuracy"][-1], abs=1e-4)
    data = json.loads(out(capsys, "show", run, "--json"))
    assert data["weights_sha256"] == record.summary["weights_sha256"]
    assert data["experiment"] == record.experiment.to_data()
    assert data["history"]["val_loss"] == record.epochs["val_loss"].tolist()
    assert [kept["step"] for kept in data["checkpoints"]] == [k.step for k in record.checkpoints]
    assert data["edits"] == []


def test_words_and_the_trash(run: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here = ("--runs", root)
    assert "wide net" in out(capsys, "rename", run.name, "wide net", *here)
    out(capsys, "note", "wide net", "worse", *here)
    out(capsys, "pin", "wide net", *here)
    assert "worse" in out(capsys, "show", "wide net", *here)
    assert notes.read(run).pinned
    out(capsys, "unpin", "wide net", *here)
    assert f"restore {run.name}" in out(capsys, "delete", "wide net", *here)
    assert json.loads(out(capsys, "--json", *here)) == []
    assert main(["runs", "restore", "wide net", "--runs", str(root)]) == 2
    assert "no such run in the trash" in capsys.readouterr().err
    assert str(run) in out(capsys, "restore", run.name, *here)
    assert notes.read(run).name == "wide net"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["show", "absent"], "absent: there is no run"),
        (["delete", "absent"], "absent: there is no run"),
        (["open", "absent.zip"], "absent.zip"),
        (["show"], "RUN"),
        (["burn"], "invalid choice"),
    ],
)
def test_mistakes_are_one_line(
    root: Path, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["runs", *arguments, *(["--runs", str(root)] if len(arguments) > 1 else [])]) == 2
    error = capsys.readouterr().err
    assert error.startswith("trainlab: error: ")
    assert says in error
    assert error.count("\n") == 1


def test_a_packed_run_opens_elsewhere(
    run: Path, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = runs / "packed.zip"
    assert main(["export", str(run), "-o", str(file)]) == 0
    capsys.readouterr()
    assert out(capsys, "open", file, "--runs", runs).strip() == str(runs / run.name)
    assert json.loads(out(capsys, "--json", "--runs", runs))[0]["state"] == "done"


def test_resume_takes_a_name(run: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    notes.rename(run, "to go on")
    assert main(["train", "--resume", "to go on", "--runs", str(root), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["run"] == str(run)
