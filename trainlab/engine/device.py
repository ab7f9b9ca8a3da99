"""How many processor cores this process may really use: `os.cpu_count` lies in containers."""

import os
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path("/")


def available_cores(root: Path = _ROOT) -> int:
    """The least of CPU affinity and every cgroup quota on this process, and at least 1.

    Args:
        root: the folder that holds `proc` and `sys`.
    """
    return max(1, int(min([_affinity(), *_quotas(root)])))


def default_threads() -> int:
    """How many threads torch gets for a run: one core is left to the page."""
    return max(1, available_cores() - 1)


def _affinity() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quotas(root: Path) -> Iterator[float]:
    """The cores that each control group of this process, and each group around it, grants."""
    for group in _groups(root):
        # version 2: "150000 100000" or "max 100000"; version 1: "150000" or "-1", and "100000"
        words = _words(group / "cpu.max") or [
            *_words(group / "cpu.cfs_quota_us"),
            *_words(group / "cpu.cfs_period_us"),
        ]
        if len(words) == 2 and words[0].isdecimal():
            yield int(words[0]) / int(words[1])


def _groups(root: Path) -> Iterator[Path]:
    """The folders of this process's control groups, innermost first.

    A line of `proc/self/cgroup` reads `number:controllers:/path`; version 2 names no controllers.
    In a container the path may be the host's: then only its top is there, the container's own.
    """
    mount = root / "sys/fs/cgroup"
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        top = mount / "cpu" if controllers else mount
        inner = top / path.strip("/")
        yield from (folder for folder in (inner, *inner.parents) if folder.is_relative_to(top))


def _words(path: Path) -> list[str]:
    return _text(path).split()


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
