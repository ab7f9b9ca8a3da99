"""The user's words on a run, and the trash."""

import os
import shutil
import time
from pathlib import Path
from queue import SimpleQueue

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainlab import commands as cmd
from trainlab import events as ev
from trainlab.catalog.models import MLP
from trainlab.catalog.training import Training
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.runs import load_run, notes, store
from trainlab.runs.listing import row, rows
from trainlab.runs.notes import DAYS, LONGEST_NAME, LONGEST_NOTE, NOTES, TRASH, Notes

SMALL = Experiment(model=MLP(width=8), training=Training(epochs=1, batch_size=512))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    for _event in store.start(SMALL, root, SimpleQueue()):
        pass
    return next(root.iterdir())


@pytest.fixture
def folder(trained: Path, runs: Path) -> Path:
    return Path(shutil.copytree(trained, runs / trained.name))


def test_words_stay(folder: Path) -> None:
    assert notes.read(folder) == Notes()
    notes.rename(folder, "  wide\n<b>net</b> ")
    notes.annotate(folder, "worse\tthan the others")
    notes.pin(folder)
    assert notes.read(folder) == Notes("wide <b>net</b>", "worse than the others", True)
    found = row(folder)
    assert (found.name, found.note, found.pinned) == (
        "wide <b>net</b>", "worse than the others", True,
    )  # fmt: skip
    notes.rename(folder, "")
    notes.pin(folder, False)
    assert notes.read(folder) == Notes("", "worse than the others", False)
    assert row(folder).name == "digits-mlp"
    assert not list(folder.glob(f".{NOTES}"))


@given(text=st.text() | st.sampled_from(["\ud800", "\0", "x" * 5000, "\u202e abc", "\n"]))
def test_any_text_is_a_short_line(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.getbasetemp() / "any"
    folder.mkdir(exist_ok=True)
    notes.rename(folder, text)
    notes.annotate(folder, text)
    found = notes.read(folder)
    assert len(found.name) <= LONGEST_NAME
    assert len(found.note) <= LONGEST_NOTE
    assert found.name.isprintable()
    assert "\n" not in found.note


@pytest.mark.parametrize(
    "junk", [b"", b"{", b"[]", b'{"name": 7}', b"\xff", b'{"name": "' + b"x" * 9999 + b'"}']
)
def test_damaged_notes_are_none(folder: Path, junk: bytes) -> None:
    (folder / NOTES).write_bytes(junk)
    assert len(notes.read(folder).name) <= LONGEST_NAME
    assert row(folder).state == "done"
    notes.annotate(folder, "again")
    assert notes.read(folder).note == "again"


def test_a_deleted_run_comes_back_whole(folder: Path, runs: Path) -> None:
    notes.rename(folder, "mine")
    before = row(folder)
    notes.delete(folder)
    assert rows(runs) == []
    assert not folder.exists()
    assert notes.deleted(runs) == [folder.name]
    assert notes.restore(runs, folder.name) == folder
    assert rows(runs) == [before]
    assert load_run(folder).state == "done"
    assert notes.deleted(runs) == []


@pytest.mark.parametrize("name", ["absent", "", ".", "..", "../runs", "/etc"])
def test_nothing_else_is_restored(folder: Path, runs: Path, name: str) -> None:
    notes.delete(folder)
    with pytest.raises(Problem, match="no such run in the trash"):
        notes.restore(runs, name)
    assert notes.deleted(runs) == [folder.name]


def test_a_run_under_way_cannot_be_deleted(runs: Path) -> None:
    inbox: cmd.Commands = SimpleQueue()
    events = store.start(SMALL.but(training=SMALL.training.but(epochs=9999)), runs, inbox)
    assert any(isinstance(event, ev.Steps) for event in events)
    (folder,) = runs.iterdir()
    with pytest.raises(Problem, match="the run is under way"):
        notes.delete(folder)
    notes.rename(folder, "while it trains")
    inbox.put(cmd.Stop())
    assert any(event == ev.Changed("done") for event in events)
    assert not [*events]
    notes.delete(folder)
    assert rows(runs) == []


def test_one_of_the_same_name_is_not_overwritten(folder: Path, runs: Path, trained: Path) -> None:
    notes.delete(folder)
    shutil.copytree(trained, folder)
    with pytest.raises(Problem, match="cannot be changed"):
        notes.restore(runs, folder.name)
    notes.rename(folder, "the second one")
    notes.delete(folder)
    assert notes.deleted(runs) == [folder.name, f"{folder.name}~2"]
    assert notes.read(notes.restore(runs, folder.name)).name == "the second one"


def test_old_trash_goes_when_the_next_comes(folder: Path, runs: Path, trained: Path) -> None:
    young, old = (Path(shutil.copytree(trained, runs / name)) for name in ("young", "old"))
    for each in (young, old):
        notes.delete(each)
    for name, days in (("young", DAYS - 1), ("old", DAYS + 1)):
        moment = time.time() - days * 24 * 3600
        os.utime(runs / TRASH / name, (moment, moment))
    os.utime(folder, (0, 0))  # how old the run is does not count
    notes.delete(folder)
    assert notes.deleted(runs) == sorted(["young", folder.name])
