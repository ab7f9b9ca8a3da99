"""Checkpoints survive damage and kills."""

import json
import os
import subprocess
import sys
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
import torch
from safetensors import SafetensorError

from trainlab import events as ev
from trainlab.catalog.models import MLP
from trainlab.catalog.training import Training
from trainlab.engine import checkpoint
from trainlab.engine.trainer import Trainer
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.runs import load_run, train

KILLED = Experiment(model=MLP(width=32), training=Training(epochs=100, batch_size=256, threads=1))
ZYGOTE = """
import os, random, signal, sys, time
from trainlab.engine import keeper
from trainlab.experiment import Experiment
from trainlab.runs import train

keeper.LEAST_GAP = 0  # a checkpoint every epoch: most kills hit one
experiment = Experiment.load(sys.argv[1])
random.seed(int(sys.argv[3]))
train(experiment.but(training=experiment.training.but(epochs=1)), sys.argv[1] + ".warm")
for _child in range(5):
    seen, tell = os.pipe()
    child = os.fork()
    if child == 0:
        train(experiment, sys.argv[2], on_event=lambda e: os.write(tell, b"."))
        os._exit(0)
    os.close(tell)
    while len(os.read(seen, 1)) and random.random() > 0.05:  # an instant that events cannot foresee
        pass
    time.sleep(random.random() / 20)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(seen)
"""


def snapshot(step: int) -> checkpoint.Snapshot:
    weights = {"a": torch.randn(3, 4).t(), "b": torch.tensor(step)}
    return checkpoint.Snapshot(step, weights, {"epoch": step, "t": torch.ones(2)}, {"epoch": 1.0})


def test_a_snapshot_comes_back(tmp_path: Path) -> None:
    written = snapshot(7)
    assert checkpoint.save(tmp_path, written) == tmp_path / "step-00000007"
    read, problems = checkpoint.newest(tmp_path)
    assert read is not None
    assert problems == []
    assert (read.step, read.facts, read.state["epoch"]) == (7, written.facts, 7)
    for name, weights in written.weights.items():
        assert torch.equal(read.weights[name], weights)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("name", [checkpoint.WEIGHTS, checkpoint.STATE, checkpoint.MANIFEST])
@pytest.mark.parametrize("damage", [flip, cut, remove])
def test_damage_is_found_and_the_older_one_used(tmp_path: Path, name: str, damage: Any) -> None:
    for step in (1, 2):
        checkpoint.save(tmp_path, snapshot(step))
    damage(tmp_path / "step-00000002" / name)
    if (name, damage) == (checkpoint.MANIFEST, flip):  # any bit of a manifest may be a space
        (tmp_path / "step-00000002" / name).write_text("{}")
    found, problems = checkpoint.newest(tmp_path)
    assert found is not None
    assert found.step == 1
    assert [str(problem).count("is damaged") for problem in problems] == [1]
    checkpoint.save(tmp_path, snapshot(2))  # and the damaged one is replaced in time
    assert checkpoint.load(tmp_path / "step-00000002").step == 2


def test_nothing_whole_is_nothing(tmp_path: Path) -> None:
    assert checkpoint.newest(tmp_path / "absent") == (None, [])
    (tmp_path / "step-00000001").mkdir()
    found, problems = checkpoint.newest(tmp_path)
    assert found is None
    assert len(problems) == 1


def test_old_ones_and_drafts_go_the_best_stays(tmp_path: Path) -> None:
    for step in range(1, 6):
        checkpoint.save(tmp_path, snapshot(step))
    (tmp_path / ".step-00000006").mkdir()
    checkpoint.prune(tmp_path, best=2)
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["step-00000002", "step-00000004", "step-00000005"]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forks of one warm process")
def test_a_kill_at_any_instant_leaves_a_run_that_can_be_resumed(runs: Path, tmp_path: Path) -> None:
    file = tmp_path / "experiment.json"
    KILLED.save(file)
    command = [sys.executable, "-c", ZYGOTE, str(file), str(runs), "3"]
    subprocess.run(command, check=True, capture_output=True, timeout=100)
    folders = sorted(runs.iterdir())
    assert len(folders) == 5
    saved = []
    for folder in folders:
        run = load_run(folder)
        assert run.experiment == KILLED
        assert json.dumps(run.summary)
        found, problems = checkpoint.newest(folder / "checkpoints")
        assert problems == []
        saved += [folder] if found else []
        assert len(run.steps["step"]) >= (found.step if found else 0)
    assert saved

    whole = list(Trainer(KILLED).run(SimpleQueue()))[-2]
    assert isinstance(whole, ev.Finished)
    resumed = train(resume=saved[-1])
    assert resumed.summary["weights_sha256"] == whole.weights_sha256
    assert list(resumed.steps["step"]) == list(range(1, whole.steps + 1))
    assert list(resumed.epochs["epoch"]) == list(range(1, 101))
    left = [path.name for path in (saved[-1] / "checkpoints").iterdir()]
    assert all(name.startswith("step-") for name in left)


def test_a_full_disk_is_a_problem_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object) -> None:
        raise SafetensorError("No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(Problem, match="could not be saved"):
        checkpoint.save(tmp_path, checkpoint.Snapshot(1, {}, {}, {"epoch": 1}))
    assert not [*tmp_path.iterdir()]


def test_a_step_after_its_validation_replaces_it_before(tmp_path: Path) -> None:
    for epoch in (1, 2):
        snapshot = checkpoint.Snapshot(7, {"w": torch.ones(1)}, {}, {"epoch": epoch})
        path = checkpoint.save(tmp_path, snapshot)
    assert checkpoint.load(path).facts["epoch"] == 2
