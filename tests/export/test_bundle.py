"""A run as one zip: what is in it, that it opens elsewhere as the same run, and what is refused."""

import csv
import io
import json
import shutil
import stat
import warnings
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from trainlab import events as ev
from trainlab.engine import checkpoint
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.export import bundle, unbundle
from trainlab.export.readable import cell, csv_of_edits
from trainlab.runs import Run, load_run, train

Members = dict[str, bytes]
SMALL = Experiment.from_data(
    {
        "model": {"kind": "mlp", "width": 8},
        "training": {"epochs": 2, "batch_size": 256, "threads": 1},
    }
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(SMALL, tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def data(run: Run) -> bytes:
    buffer = io.BytesIO()
    bundle(run, buffer)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def members(data: bytes, run: Run) -> Members:
    """Every file in the zip, by its path below the run's folder."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {
            name.removeprefix(f"{run.path.name}/"): archive.read(name)
            for name in archive.namelist()
        }


def zipped(members: dict[str, bytes], folder: str = "a-run/") -> io.BytesIO:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(folder + name, content)
    return buffer


def test_all_there_is_of_a_run_is_in_it(members: Members, run: Run) -> None:
    newest = run.checkpoints[-1].name
    assert {
        "README.txt", "experiment.json", "experiment.toml", "environment.json", "events.jsonl",
        "steps.csv", "epochs.csv", "edits.csv", "train.py", "train.ipynb", "curves.png", "curves.svg",
        f"checkpoints/{newest}/weights.safetensors", f"checkpoints/{newest}/manifest.json",
    } <= set(members)  # fmt: skip
    assert Experiment.from_text(members["experiment.toml"].decode()) == run.experiment
    rows = list(csv.DictReader(io.StringIO(members["steps.csv"].decode(), newline="")))
    assert [float(row["loss"]) for row in rows] == run.steps["loss"].tolist()
    assert rows[0]["step"] == "1"
    assert Image.open(io.BytesIO(members["curves.png"])).size[0] > 500
    assert ET.fromstring(members["curves.svg"]).tag.endswith("svg")  # noqa: S314 (ours)
    text = members["README.txt"].decode()
    assert all(name in text for name in ("train.py", "steps.csv", f"checkpoints/{newest}/"))


def test_the_weights_fit_the_script(
    members: Members, run: Run, tmp_path: Path, replay: Callable[[str], Any]
) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(members[f"checkpoints/{run.checkpoints[-1].name}/weights.safetensors"])
    load = f"from safetensors.torch import load_file\nmodel.load_state_dict(load_file({str(path)!r}))\n"
    head, line = members["train.py"].decode().rsplit("\nprint(", 1)
    printed = replay(f"{head}\n{load}\nprint({line}")
    assert printed["weights_sha256"] == run.summary["weights_sha256"]


def test_it_opens_as_the_same_run_that_can_go_on(data: bytes, run: Run, runs: Path) -> None:
    folder = unbundle(io.BytesIO(data), runs)
    assert folder == runs / run.path.name
    again = load_run(folder)
    assert again.summary | {"run": ""} == run.summary | {"run": ""}
    assert [one.name for one in again.checkpoints] == [run.checkpoints[-1].name]
    assert unbundle(io.BytesIO(data), runs).name == f"{run.path.name}-2"
    whole = train(resume=folder)
    assert whole.summary["weights_sha256"] == run.summary["weights_sha256"]
    assert {path.name for path in runs.iterdir()} == {run.path.name, f"{run.path.name}-2"}


def test_a_zip_on_disk_is_opened_too(data: bytes, runs: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.zip"
    path.write_bytes(data)
    assert load_run(unbundle(path, runs)).state == "done"


def test_a_repacked_one_is_opened(members: Members, runs: Path) -> None:
    extra = {"__MACOSX/._x": b"", ".DS_Store": b"x"}
    assert unbundle(zipped(members | extra, folder=""), runs).name == "run"
    assert unbundle(zipped(members, folder="über = 1/"), runs).name == "run-2"


def test_one_without_data_says_why_it_has_no_script(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(run.path, folder)
    gone = run.experiment.to_data() | {"dataset": {"kind": "folder", "root": "/nowhere"}}
    (folder / "experiment.json").write_text(json.dumps(gone))
    buffer = io.BytesIO()
    bundle(load_run(folder), buffer)
    with zipfile.ZipFile(buffer) as archive:
        assert "run/train.py" not in archive.namelist()
        assert "/nowhere" in archive.read("run/README.txt").decode()


BAD: dict[str, dict[str, bytes | None]] = {
    "out of the zip": {"../evil.py": b"x"},
    "out of the folder": {"checkpoints/../../evil.py": b"x"},
    "from the root": {"/etc/evil": b"x"},
    "a stranger": {"evil.py": b"x"},
    "a stranger in a checkpoint": {"checkpoints/step-00000012/state.pt": b"x"},
    "no checkpoint": {"checkpoints/evil/weights.safetensors": b"x"},
    "half a checkpoint": {"checkpoints/step-99999999/weights.safetensors": b"x"},
    "a backslash": {"..\\evil.py": b"x"},
    "no experiment": {"experiment.json": None},
    "no events": {"events.jsonl": None},
    "a wrong experiment": {"experiment.json": b'{"model": "evil"}'},
    "wrong events": {"events.jsonl": b"{}\n"},
    "a bomb": {"events.jsonl": b"\n" * 30_000_000},
    "a long experiment": {"experiment.json": b" " * 1_000_001},
    "many files": {f"x{n}": b"" for n in range(500)},
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_to_be_trusted_leaves_nothing(name: str, members: Members, runs: Path) -> None:
    changed = {**members, **BAD[name]}
    bad = {path: content for path, content in changed.items() if content is not None}
    with pytest.raises(Problem):
        unbundle(zipped(bad), runs / "below")
    assert not (runs / "below").exists() or list((runs / "below").iterdir()) == []
    assert [path.name for path in runs.iterdir()] in ([], ["below"])


def test_damage_is_found(data: bytes, members: Members, run: Run, runs: Path) -> None:
    path = f"checkpoints/{run.checkpoints[-1].name}/weights.safetensors"
    flipped = members[path][:-1] + bytes([members[path][-1] ^ 1])
    for source in (zipped({**members, path: flipped}), io.BytesIO(data[:-40]), io.BytesIO(b"PK")):
        with pytest.raises(Problem):
            unbundle(source, runs)
    assert list(runs.iterdir()) == []


def test_links_doubles_and_secrets_are_refused(members: Members, runs: Path) -> None:
    link = zipfile.ZipInfo("a-run/parent.json")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    linked, double = zipped(members), zipped(members)
    with zipfile.ZipFile(linked, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    with zipfile.ZipFile(double, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile says so too
        archive.writestr("a-run/events.jsonl", b"")
    secret = zipped(members).getvalue()
    central = secret.index(b"PK\1\2")
    secret = secret[: central + 8] + b"\1" + secret[central + 9 :]
    for source in (linked, double, io.BytesIO(secret)):
        with pytest.raises(Problem):
            unbundle(source, runs)
    assert list(runs.iterdir()) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("=1+1", "'=1+1"), ("+1", "'+1"), ("-x", "'-x"), ("@a", "'@a"), ("\tx", "'\tx"), ("\rx", "'\rx"),
        ("plain", "plain"), (-0.5, "-0.5"), (3.0, "3"), (float("nan"), ""), (float("inf"), ""), (-2, "-2"),
    ],
)  # fmt: skip
def test_no_cell_is_a_formula(value: Any, text: str) -> None:
    assert cell(value) == text


def test_edits_are_a_table() -> None:
    changes = {"model.weights": "=cmd()", "optimizer.lr": -0.5, "loss": {"kind": "mse"}}
    text = csv_of_edits([ev.Edited(7, 0.5, changes, 3, 14)])
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[1:] == [
        ["7", "0.5", "model.weights", "'=cmd()"],
        ["7", "0.5", "optimizer.lr", "-0.5"],
        ["7", "0.5", "loss", '{"kind": "mse"}'],
    ]


def test_a_run_under_way_is_packed_as_it_is(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(run.path, folder)
    with (folder / "events.jsonl").open("a") as file:
        file.write('{"event": "Ste')  # being written
    for path in checkpoint.listing(folder / "checkpoints")[1:]:
        shutil.rmtree(path)
    buffer = io.BytesIO()
    bundle(load_run(folder), buffer)
    assert load_run(unbundle(buffer, tmp_path / "there")).state == "done"
