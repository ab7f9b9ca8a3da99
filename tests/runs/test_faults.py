"""Faults of the disk at every call that writes: what was there stays, the run says so, nothing is left lying about."""

import errno
import os
import resource
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import SafetensorError

from trainlab import commands as cmd
from trainlab import events as ev
from trainlab.catalog.datasets import ImageFolder
from trainlab.catalog.models import MLP
from trainlab.catalog.training import Training
from trainlab.cli import main
from trainlab.engine import checkpoint
from trainlab.engine.failures import guard
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.runs import load_run, store, train
from trainlab.runs.history import History
from trainlab.widgets.status import describe

SMALL = Experiment(model=MLP(width=8), training=Training(epochs=2, batch_size=512, threads=1))
ERRNOS = (errno.ENOSPC, errno.EIO, errno.EACCES)


class Disk:
    """Counts the calls that change the disk, and lets the n-th one fail, or from it on all."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.calls, self.at, self.number, self.forever = 0, -1, 0, False
        for owner, name in ((os, "fsync"), (os, "rename"), (os, "mkdir"), (Path, "touch")):
            patch.setattr(owner, name, self.failing(getattr(owner, name)))
        for owner, name in ((Path, "write_text"), (checkpoint, "save_file")):
            patch.setattr(owner, name, self.failing(getattr(owner, name), half=True))

    def failing(self, call: Callable[..., Any], half: bool = False) -> Callable[..., Any]:
        def attempt(*arguments: Any, **named: Any) -> Any:
            self.calls += 1
            due = self.at >= 0 and (
                self.calls > self.at if self.forever else self.calls == self.at + 1
            )
            if not due:
                return call(*arguments, **named)
            if half:  # some of it is written
                call(*arguments, **named)
                path = next(item for item in arguments if isinstance(item, Path))
                os.truncate(path, path.stat().st_size // 2)
            if call.__name__ == "save_file":
                raise SafetensorError(f"I/O error: {os.strerror(self.number)}")
            raise OSError(self.number, os.strerror(self.number))

        return attempt

    def fail(self, at: int, number: int = errno.ENOSPC, forever: bool = False) -> None:
        self.calls, self.at, self.number, self.forever = 0, at, number, forever

    def mend(self) -> int:
        """No more faults; how many calls there were."""
        self.at = -1
        calls, self.calls = self.calls, 0
        return calls


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def snapshot(step: int, epoch: int = 1) -> checkpoint.Snapshot:
    return checkpoint.Snapshot(
        step, {"w": torch.full((3,), step)}, {"t": torch.ones(2)}, {"epoch": epoch}
    )


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("forever", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("again", [False, True], ids=["new", "replaced"])
def test_a_checkpoint_that_fails_leaves_those_before(
    tmp_path: Path, disk: Disk, again: bool, forever: bool
) -> None:
    new = snapshot(2, epoch=2)

    def fresh() -> Path:
        shutil.rmtree(tmp_path / "checkpoints", ignore_errors=True)
        for step in (1, 2) if again else (1,):
            checkpoint.save(tmp_path / "checkpoints", snapshot(step), pinned=step == 2)
        return tmp_path / "checkpoints"

    folder = fresh()
    disk.mend()
    checkpoint.save(folder, new)
    calls = disk.mend()
    assert calls >= 10
    for at in range(calls):
        for number in ERRNOS[:1] if forever else ERRNOS:
            folder = fresh()
            disk.fail(at, number, forever)
            with pytest.raises(Problem, match=os.strerror(number)) as refusal:
                checkpoint.save(folder, new)
            disk.mend()
            assert "could not be saved" in refusal.value.what
            assert refusal.value.remedy
            found, problems = checkpoint.newest(folder)
            assert problems == []
            assert found is not None
            # the last call waits until the folder is written: the new one may be there by then
            assert found.facts["epoch"] == (2 if at == calls - 1 else 1), at
            assert found.step == (2 if again or at == calls - 1 else 1)
            assert names(folder) == [f"step-{step:08d}" for step in range(1, found.step + 1)]
            checkpoint.save(folder, new)
            assert checkpoint.load(folder / "step-00000002").facts == {"epoch": 2}


def test_a_run_that_cannot_be_begun_leaves_nothing(runs: Path, disk: Disk) -> None:
    store.create(runs, SMALL)
    calls = disk.mend()
    before = names(runs)
    for at in range(calls - 1):  # the last one only waits for the disk
        for number in ERRNOS:
            disk.fail(at, number, forever=True)
            with pytest.raises(Problem, match="runs cannot be kept here") as refusal:
                store.create(runs, SMALL)
            assert refusal.value.why == os.strerror(number)
            assert names(runs) == before


def test_what_a_kill_left_of_a_folder_goes_with_the_next_start(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "YOUNG", 0.5)
    old, zipped, young = (
        runs / f"{prefix}{name}"
        for prefix, name in ((store.DRAFT, "old"), (store.OPENING, "zip"), (store.DRAFT, "young"))
    )
    for draft in (old, zipped, young):
        draft.mkdir()
        (draft / store.EXPERIMENT).write_text("{")
    time.sleep(0.6)
    (young / store.EVENTS).touch()  # its copy goes on
    folder = store.create(runs, SMALL)
    assert names(runs) == [young.name, folder.name]


@contextmanager
def full_after(size: int) -> Iterator[None]:
    """No file can grow past so many bytes: what every library sees of a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_disk_that_is_full_at_any_byte_of_a_checkpoint(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, snapshot(1))
    largest = max(path.stat().st_size for path in (tmp_path / "step-00000001").iterdir())
    for size in range(0, largest, 7):
        with full_after(size), pytest.raises(Problem, match="could not be saved"):
            checkpoint.save(tmp_path, snapshot(2))
        assert names(tmp_path) == ["step-00000001"]
    assert checkpoint.load(tmp_path / "step-00000001").step == 1


def card(events: list[ev.Event]) -> ev.Failed:
    assert events[-1] == ev.Changed("failed")
    (failed,) = [event for event in events if isinstance(event, ev.Failed)]
    assert all((failed.what, failed.why, failed.remedy))
    return failed


def test_a_record_that_cannot_grow_ends_the_run_with_a_card_and_it_can_be_resumed(
    runs: Path,
) -> None:
    longer = SMALL.but(training=SMALL.training.but(epochs=30))
    whole = train(longer, runs / "whole").summary["weights_sha256"]
    inbox: cmd.Commands = SimpleQueue()
    events = guard(store.start(longer, runs / "full", inbox))
    told: list[ev.Event] = []
    for event in events:
        told.append(event)
        if isinstance(event, ev.EpochEnd) and event.epoch == 3:
            inbox.put(cmd.Save())
        if isinstance(event, ev.Saved) and event.pinned:
            break
    (folder,) = (runs / "full").iterdir()
    with full_after((folder / store.EVENTS).stat().st_size + 50):
        told += events
    failed = card(told)
    assert "events.jsonl: the record of the run could not be written" in failed.what
    assert failed.why == os.strerror(errno.ENOSPC)
    run = load_run(folder)  # what was recorded is readable
    assert [*run.epochs["epoch"]][:3] == [1, 2, 3]
    again = train(resume=folder)
    assert again.summary["weights_sha256"] == whole
    assert [*again.epochs["epoch"]] == [*range(1, 31)]


def test_a_checkpoint_that_cannot_be_saved_ends_the_run_with_a_card(runs: Path) -> None:
    inbox: cmd.Commands = SimpleQueue()
    inbox.put(cmd.Pause())
    inbox.put(cmd.Stop())
    events = store.start(SMALL, runs, inbox)
    told = [next(events)]
    (folder,) = runs.iterdir()
    (folder / store.CHECKPOINTS).write_text("a file, where a folder should be")
    failed = card([*told, *events])
    assert "the checkpoint could not be saved" in failed.what


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_a_damaged_checkpoint_is_told_and_the_one_before_is_used(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = train(SMALL.but(training=SMALL.training.but(epochs=4)), runs)
    steps = [kept.step for kept in run.checkpoints]
    assert len(steps) > 1
    flip(run.checkpoints[-1].path / checkpoint.WEIGHTS)
    assert main(["train", "--resume", str(run.path)]) == 0
    words = (f"step-{steps[-1]:08d}: the checkpoint is damaged", f"from step {steps[-2]} instead")
    error = capsys.readouterr().err
    assert all(text in error for text in words)
    history = History()
    for event in store.read_events(run.path):
        history.add(event)
    shown = describe(history, "running", 0.0, "", None)["message"]
    assert all(text in shown for text in words)
    assert load_run(run.path).summary["weights_sha256"] == run.summary["weights_sha256"]
    for kept in load_run(run.path).checkpoints:
        flip(kept.path / checkpoint.STATE)
    with pytest.raises(Problem, match="no checkpoint to resume from") as refusal:
        train(resume=run.path)
    assert "is damaged" in refusal.value.why


def test_a_checkpoint_of_another_architecture_is_refused(runs: Path) -> None:
    run = train(SMALL, runs / "one")
    other = train(SMALL.but(model=MLP(width=16)), runs / "other")
    shutil.rmtree(run.path / store.CHECKPOINTS)
    shutil.copytree(other.path / store.CHECKPOINTS, run.path / store.CHECKPOINTS)
    with pytest.raises(Problem, match="does not fit this run") as refusal:
        train(resume=run.path)
    assert "(16, 64)" in refusal.value.why
    assert refusal.value.remedy


def test_a_record_without_the_edits_of_a_checkpoint_is_refused(runs: Path) -> None:
    inbox: cmd.Commands = SimpleQueue()
    inbox.put(cmd.Edit({"optimizer.lr": 0.01}))
    for _event in store.start(SMALL, runs, inbox):
        pass
    (folder,) = runs.iterdir()
    record = folder / store.EVENTS
    lines = [line for line in record.read_text().splitlines(True) if '"Edited"' not in line]
    record.write_text("".join(lines))
    with pytest.raises(Problem, match="the record lacks edits"):
        train(resume=folder)


def test_a_run_that_cannot_be_locked_says_so(runs: Path) -> None:
    run = train(SMALL, runs)
    (run.path / store.LOCK).unlink(missing_ok=True)
    (run.path / store.LOCK).mkdir()
    with pytest.raises(Problem, match="the run cannot be written"):
        train(resume=run.path)


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Two classes of ten small pictures."""
    draw = np.random.default_rng(0)
    for label in ("a", "b"):
        (tmp_path / "photographs" / label).mkdir(parents=True)
        for number in range(10):
            pixels = draw.integers(0, 255, (8, 8), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photographs" / label / f"{number}.png")
    return tmp_path / "photographs"


def test_data_that_vanish_during_a_run_do_not_end_it_but_cannot_be_resumed(
    runs: Path, photographs: Path
) -> None:
    data = ImageFolder(root=str(photographs), size=8, grey=True)

    def vanish(event: ev.Event) -> None:
        if isinstance(event, ev.Started):
            shutil.rmtree(photographs, ignore_errors=True)

    run = train(SMALL.but(dataset=data), runs, on_event=vanish)
    assert run.state == "done"
    with pytest.raises(Problem, match="There is no folder") as refusal:
        train(resume=run.path)
    assert str(photographs) in refusal.value.what
    assert refusal.value.remedy
    assert load_run(run.path).state == "failed"
    assert load_run(run.path).checkpoints == run.checkpoints
