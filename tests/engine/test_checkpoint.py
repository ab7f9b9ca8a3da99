"""Checkpoints survive damage and kills."""

import math
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from trainlab.engine import checkpoint

FILES = (checkpoint.WEIGHTS, checkpoint.STATE, checkpoint.MANIFEST, checkpoint.SUMS)


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


def damaged(data: bytes, draw: random.Random) -> bytes:
    """The same with one bit flipped, or cut off somewhere."""
    place = draw.randrange(len(data))
    if draw.random() < 0.3:
        return data[:place]
    return data[:place] + bytes([data[place] ^ 1 << draw.randrange(8)]) + data[place + 1 :]


def test_any_damage_is_found_and_the_older_one_used(tmp_path: Path) -> None:
    for step in (1, 2):
        checkpoint.save(tmp_path, snapshot(step))
    draw = random.Random(0)
    for _time in range(300):
        path = tmp_path / "step-00000002" / draw.choice(FILES)
        whole = path.read_bytes()
        path.write_bytes(damaged(whole, draw))
        found, problems = checkpoint.newest(tmp_path)
        assert found is not None
        assert found.step == 1
        assert [str(problem).count("is damaged") for problem in problems] == [1]
        path.write_bytes(whole)
    found, problems = checkpoint.newest(tmp_path)
    assert (found and found.step, problems) == (2, [])


@pytest.mark.parametrize("name", FILES)
def test_what_lacks_a_file_is_damaged_and_is_replaced_in_time(tmp_path: Path, name: str) -> None:
    for step in (1, 2):
        checkpoint.save(tmp_path, snapshot(step))
    (tmp_path / "step-00000002" / name).unlink()
    found, problems = checkpoint.newest(tmp_path)
    assert found is not None
    assert found.step == 1
    assert len(problems) == 1
    checkpoint.save(tmp_path, snapshot(2))
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


def test_a_step_after_its_validation_replaces_it_before(tmp_path: Path) -> None:
    for epoch in (1, 2):
        snapshot = checkpoint.Snapshot(7, {"w": torch.ones(1)}, {}, {"epoch": epoch})
        path = checkpoint.save(tmp_path, snapshot)
    assert checkpoint.load(path).facts["epoch"] == 2


def test_state_of_any_shape_comes_back(tmp_path: Path) -> None:
    state: Any = {
        "numbers": [0.1, -0.0, 1e-320, math.inf, -math.inf, math.nan, 2**80, True, None, "\u2028"],
        3: {
            "t": torch.tensor(2.5, dtype=torch.bfloat16),
            "none": (),
            "pair": (1, [torch.ones(2, 0)]),
        },
    }
    path = checkpoint.save(tmp_path, checkpoint.Snapshot(1, {}, state, {}))
    found = checkpoint.load(path).state
    assert repr(found) == repr(state)
    with pytest.raises(TypeError, match="Path cannot be saved"):
        checkpoint.save(tmp_path, checkpoint.Snapshot(2, {}, {"path": tmp_path}, {}))


def test_pinned_ones_stay_pinned(tmp_path: Path) -> None:
    for step in range(1, 7):
        checkpoint.save(tmp_path, snapshot(step), pinned=step == 2)
    checkpoint.save(tmp_path, snapshot(3), pinned=True)  # the same one, pinned later
    later = checkpoint.Snapshot(3, {}, {}, {"epoch": 2.0})
    checkpoint.save(tmp_path, later)  # and replaced
    checkpoint.prune(tmp_path, best=None)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f"step-{step:08d}" for step in (2, 3, 5, 6)]
    assert checkpoint.load(tmp_path / names[1]).facts == later.facts


@pytest.mark.parametrize("renamed", [False, True])
def test_a_kill_while_one_is_replaced_loses_none(tmp_path: Path, renamed: bool) -> None:
    """The old one had another name for a moment; the new one may have had its own already."""
    checkpoint.save(tmp_path, snapshot(1))
    shutil.copytree(tmp_path / "step-00000001", tmp_path / ".old-step-00000001")
    if not renamed:
        (tmp_path / "step-00000001").rename(tmp_path / ".step-00000001")
    found, problems = checkpoint.newest(tmp_path)
    assert (found and found.step, problems) == (1, [])
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]
