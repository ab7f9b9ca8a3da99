import os
from pathlib import Path

import pytest

from trainlab.engine import device
from trainlab.engine.device import available_cores, default_threads


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with eight cores, all of them allowed."""
    monkeypatch.setattr(device, "_affinity", lambda: 8)


def system(root: Path, membership: str, files: dict[str, str]) -> Path:
    """A root folder with this /proc/self/cgroup and these files under /sys/fs/cgroup."""
    for name, text in {"proc/self/cgroup": membership, **files}.items():
        path = root / (name if name.startswith("proc") else f"sys/fs/cgroup/{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return root


@pytest.mark.parametrize(
    ("membership", "files", "cores"),
    [
        ("0::/", {"cpu.max": "200000 100000"}, 2),
        ("0::/", {"cpu.max": "max 100000"}, 8),
        ("0::/", {"cpu.max": "1600000 100000"}, 8),
        ("0::/", {"cpu.max": "50000 100000"}, 1),
        ("0::/", {"cpu.max": "350000 100000"}, 3),
        ("0::/pod/box", {"cpu.max": "max 100000", "pod/cpu.max": "300000 100000"}, 3),
        ("0::/pod/box", {"pod/box/cpu.max": "200000 100000", "pod/cpu.max": "300000 100000"}, 2),
        ("0::/only/the/host/knows", {"cpu.max": "400000 100000"}, 4),
        (
            "3:memory:/\n1:cpu,cpuacct:/",
            {"cpu/cpu.cfs_quota_us": "200000", "cpu/cpu.cfs_period_us": "100000"},
            2,
        ),
        (
            "1:cpu:/docker/9f",
            {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"},
            8,
        ),
        ("1:cpu:/\n0::/", {"cpu.max": "100000 50000"}, 2),
        ("3:cpuset:/", {"cpu/cpu.cfs_quota_us": "1", "cpu/cpu.cfs_period_us": "1"}, 8),
    ],
)
def test_quota_of_every_group_counts(
    tmp_path: Path, membership: str, files: dict[str, str], cores: int
) -> None:
    assert available_cores(system(tmp_path, membership, files)) == cores


def test_without_proc_the_affinity_decides(tmp_path: Path) -> None:
    assert available_cores(tmp_path) == 8


def test_one_core_is_left_to_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "available_cores", lambda: 4)
    assert default_threads() == 3
    monkeypatch.setattr(device, "available_cores", lambda: 1)
    assert default_threads() == 1


def test_affinity_is_obeyed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 3}, raising=False)
    assert available_cores(tmp_path) == 2
