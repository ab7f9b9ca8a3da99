"""The command line: what it prints, what it refuses, how it ends."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainlab.catalog import families
from trainlab.catalog.optimizers import SGD, AdamW
from trainlab.choice import choices
from trainlab.cli import main
from trainlab.cli.settings import parse, read_experiment
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.runs import train

Refused = Callable[..., str]


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Refused:
    """Run a command that must end with exit code 2 and one line; that line."""

    def check(*arguments: str) -> str:
        assert main(arguments) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.count("\n") == 1
        assert captured.err.startswith("trainlab: error: ")
        return captured.err.removeprefix("trainlab: error: ").strip()

    return check


# ------------------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "required: COMMAND"),
        (["trian"], "invalid choice: 'trian'"),
        (["train", "--epochs", "3"], "--epochs"),
        (["train", "a", "b"], "unrecognized arguments: b"),
        (["train", "--set", "optimizer"], "--set optimizer: write path=value"),
        (["train", "--set", ".=1"], "write path=value"),
        (["train", "absent.json"], "absent.json: cannot be read"),
        (["train", "--set", "optimzer=sgd"], "optimzer: unknown key; did you mean 'optimizer'?"),
        (["train", "--set", "optimizer=sdg"], "optimizer: no such choice 'sdg'; did you mean 'sgd'?"),
        (["train", "--set", "optimizer.lrr=1"], "optimizer.lrr: unknown key; did you mean 'lr'?"),
        (["train", "--set", "optimizer.lr=high"], "optimizer.lr: must be"),
        (["train", "--set", "optimizer.lr=nan"], "optimizer.lr: must be a finite number"),
        (["train", "--set", "training.epochs.x=1"], "training.epochs: must be an integer"),
        (["train", "--set", "augmentations.1.padding=2"], "augmentations.1: there is no such item"),
        (["train", "--set", "augmentations.x=2"], "augmentations.x: there is no such item"),
        (["train", "--set", "training.device=cuda:77"], "training.device: there is no cuda:77"),
        (["train", "--set", "dataset=folder", "--set", "dataset.root=/absent"], "/absent"),
        (["train", "default", "--resume", "x"], "leave out EXPERIMENT"),
        (["train", "--resume", "absent"], "absent: there is no run"),
        (["export", "absent.toml"], "absent.toml: cannot be read"),
        (["export", "."], "there is no run"),
        (["list", "optimizer"], "did you mean 'optimizers'?"),
        (["lab", "--port", "70000"], "must be a number from 1 to 65535"),
        (["lab", "--port", "x"], "must be a number from 1 to 65535"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(
    refused: Refused,
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert words in refused(*arguments)
    assert not list(tmp_path.glob("runs/*"))


def test_a_folder_that_cannot_keep_runs(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "runs cannot be kept here" in refused("train", "--runs", str(tmp_path / "file"))


def test_mistakes_and_the_version_need_no_torch() -> None:
    program = (
        "import sys; from trainlab.cli import main; "
        "codes = [main(['--version']), main(['--help']), main(['train', '--epochs'])]; "
        "print(codes, 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )
    lines = done.stdout.splitlines()
    assert lines[0].startswith("trainlab ")
    assert lines[-1] == "[0, 0, 2] False"


# -------------------------------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1", 0.1),
        ("1e-3", 1e-3),
        ("3", 3),
        ("1_000", 1000),
        ("true", True),
        ('["shift"]', ["shift"]),
        ("[0.9, 0.99]", [0.9, 0.99]),
        ('{ kind = "sgd" }', {"kind": "sgd"}),
        ('{"kind": "sgd"}', {"kind": "sgd"}),
        ('"3"', "3"),
        ("sgd", "sgd"),
        ("", ""),
        ("1\nother = 2", "1\nother = 2"),
        ("[" * 100_000, "[" * 100_000),
    ],
)
def test_values_are_literals_or_text(text: str, value: Any) -> None:
    assert parse(text) == value


def chosen(*settings: str) -> Experiment:
    return read_experiment("default", settings)


def test_settings_change_the_experiment() -> None:
    assert chosen() == Experiment()
    assert chosen("optimizer=sgd").optimizer == SGD()
    assert chosen("optimizer=sgd", "optimizer.lr=0.1").optimizer == SGD(lr=0.1)
    assert chosen("optimizer.lr=0.1", "optimizer.kind=sgd").optimizer == SGD()
    assert chosen("optimizer.lr=0.1", "optimizer=adamw").optimizer == AdamW()
    assert chosen("training.epochs=3", "training.threads=2").training.epochs == 3
    assert chosen("model.norm.kind=layer").to_data()["model"]["norm"]["kind"] == "layer"
    assert chosen("model.norm=group", "model.norm.num_groups=4").to_data()["model"]["norm"] == {
        "kind": "group",
        "num_groups": 4,
        "eps": 1e-5,
    }


def test_lists_are_set_whole_or_by_item() -> None:
    shifted = chosen('augmentations=["shift"]', "augmentations.0.padding=2")
    assert shifted.to_data()["augmentations"] == [{"kind": "shift", "p": 1.0, "padding": 2}]
    two = chosen("augmentations.0=shift", "augmentations.1.kind=horizontal_flip")
    assert [step.kind for step in two.augmentations] == ["shift", "horizontal_flip"]
    assert chosen("optimizer.betas=[0.8, 0.9]", "optimizer.betas.0=0.7").optimizer == AdamW(
        betas=(0.7, 0.9)
    )


def test_a_file_can_be_changed_too(tmp_path: Path) -> None:
    Experiment(optimizer=SGD(lr=0.5)).save(tmp_path / "a.toml")
    experiment = read_experiment(str(tmp_path / "a.toml"), ["optimizer.momentum=0.5"])
    assert experiment.optimizer == SGD(lr=0.5, momentum=0.5)


# --------------------------------------------------------------------------- list, export, doctor


def test_the_list_for_programs_is_the_catalogue(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed.keys() == {*families(), "training"}
    for name, family in families().items():
        assert [c["kind"] for c in listed[name]] == [c.kind_name() for c in choices(family)]
    adamw = next(choice for choice in listed["optimizers"] if choice["kind"] == "adamw")
    assert adamw.keys() == {"kind", "label", "summary", "source", "fields"}
    assert adamw["fields"]["lr"] == {
        "type": "float",
        "default": 1e-3,
        "help": "step size; 3e-4 is a safe first choice",
        "bounds": {"gt": 0, "le": 10},
    }
    assert listed["training"][0]["fields"]["epochs"]["default"] == 20


def test_every_choice_is_listed_with_what_programs_need(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json"]) == 0
    for family, members in json.loads(capsys.readouterr().out).items():
        assert members, family
        for choice in members:
            assert choice["summary"].endswith("."), choice["kind"]
            assert choice["source"] or choice["kind"] == "none", choice["kind"]
            for name, field in choice["fields"].items():
                assert field["help"], f"{choice['kind']}.{name}"


def test_the_list_for_people(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert main(["list"]) == 0
    text = capsys.readouterr().out
    names = [line for line in text.splitlines()[:-1] if line and not line.startswith(" ")]
    assert names == [*families(), "training"]
    assert re.search(r"^  adamw +Adam with weight decay", text, re.MULTILINE)
    assert main(["list", "optimizers"]) == 0
    text = capsys.readouterr().out
    assert re.search(
        r"^  momentum +0\.0 +float, ≥ 0, < 1 +share of the last step kept", text, re.MULTILINE
    )
    assert re.search(r"^adamw  Adam with", text, re.MULTILINE)
    assert "schedules" not in text


@pytest.mark.parametrize("width", [72, 100, 200])
def test_tables_fit_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    for name in (None, *families()):
        assert main(["list", name] if name else ["list"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert max(map(len, lines)) <= width, name


def test_a_script_for_an_experiment_and_for_a_run(
    runs: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TRAINLAB_RUNS", str(runs))
    done = train(chosen("training.epochs=1", "training.threads=1"), runs)
    assert main(["export", "default"]) == 0
    text = capsys.readouterr().out
    assert "import torch" in text
    assert "import trainlab" not in text
    assert "from trainlab" not in text
    assert main(["export", done.path.name[:8], "-o", str(tmp_path / "script.py")]) == 0
    assert "import torch" in (tmp_path / "script.py").read_text()
    assert main(["export", "default", "-o", str(tmp_path / "absent" / "x.py")]) == 2


def test_doctor_speaks_to_people_and_programs(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["doctor", "--json"])
    findings = json.loads(capsys.readouterr().out)
    assert code == int(any(finding["severity"] == "error" for finding in findings))
    assert {finding["name"] for finding in findings} >= {"python", "torch", "torchvision"}


# ------------------------------------------------------------------------------------------ lab


def test_a_port_in_use_is_refused(refused: Refused) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        assert refused("lab", "--no-browser", "--port", port).startswith(f"--port {port}: ")


def descendants(pid: int) -> list[int]:
    import psutil

    return [child.pid for child in psutil.Process(pid).children(recursive=True)]


@pytest.mark.kernel
@pytest.mark.slow
def test_the_lab_is_served_and_ends_without_a_trace(tmp_path: Path) -> None:
    import psutil

    environment = os.environ | {"TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "trainlab", "lab", "--no-browser", "--runs", "kept"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=environment, cwd=tmp_path
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        port = int(line.partition("http://127.0.0.1:")[2].partition("/")[0])
        served = next(tmp_path.glob("trainlab-*/page"))
        assert [path.name for path in served.iterdir()] == ["lab.ipynb"]
        for path in ("/voila/files/lab.ipynb", "/voila/files/x.png"):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", path)
            assert connection.getresponse().status in (403, 404)
            connection.close()
        server = descendants(process.pid)
        assert server
        variables = psutil.Process(server[0]).environ()
        assert variables["TRAINLAB_RUNS"] == str(tmp_path / "kept")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    assert not any(psutil.pid_exists(pid) for pid in server)
    assert not list(tmp_path.glob("trainlab-*"))


def test_without_voila_the_lab_says_how_to_get_it(
    refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainlab.cli.lab.find_spec", lambda _name: None)
    assert "pip install voila" in refused("lab", "--no-browser")


def test_a_problem_of_several_lines_is_still_one(
    refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise Problem("a\nb", "c\nd")

    monkeypatch.setattr("trainlab.cli.settings.read_experiment", fail)
    monkeypatch.setattr("trainlab.cli.train.read_experiment", fail)
    assert refused("train") == "a b: c d"
