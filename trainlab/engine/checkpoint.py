"""Checkpoints: folders that appear whole or not at all, with a checksum for every file, and no code in any.

checkpoints/step-00000460/  weights.safetensors  state.safetensors  manifest.json  SHA256SUMS  (pinned)
"""

import hashlib
import json
import os
import re
import shutil
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from trainlab.engine.plain import from_plain, to_plain
from trainlab.errors import Problem
from trainlab.text import _

WEIGHTS, STATE, MANIFEST = "weights.safetensors", "state.safetensors", "manifest.json"
SUMS, PINNED = "SHA256SUMS", "pinned"
# Bytes that are read of each file at most: what a small file blows up to in memory has an end too.
MOST = {WEIGHTS: 16 << 30, STATE: 16 << 30, MANIFEST: 4 << 20, SUMS: 1 << 10}
MOST_HEADER = 4 << 20  # bytes: names and shapes of the tensors of a file


@dataclass(frozen=True)
class Snapshot:
    """A moment of a run: weights by name, the optimizer's and schedule's state, and facts to choose it by."""

    step: int
    weights: dict[str, Tensor]
    state: dict[str, Any]
    facts: dict[str, float]


@dataclass(frozen=True)
class Kept:
    """A checkpoint on disk."""

    name: str
    step: int
    epoch: int
    val_loss: float
    val_accuracy: float
    pinned: bool
    path: Path


def save(folder: Path, snapshot: Snapshot, pinned: bool = False) -> Path:
    """Write a snapshot below `folder`; the same one stays. Raises Problem where the disk refuses.

    `pinned`: it is never pruned.
    """
    final = folder / f"step-{snapshot.step:08d}"
    draft = folder / f".{final.name}"
    try:
        if not _holds(final, snapshot):
            _discard(draft)  # what a kill left
            draft.mkdir(parents=True)
            pinned = pinned or (final / PINNED).exists()
            _write(draft, snapshot, pinned)
            _swap(draft, final)
        elif pinned:
            (final / PINNED).touch()
            sync(final)
    except (OSError, RuntimeError, SafetensorError) as error:  # each library reports it its own way
        _discard(draft)
        raise Problem(
            _("{folder}: the checkpoint could not be saved").format(folder=folder),
            getattr(error, "strerror", None) or str(error),
            _(
                "free some space or choose another folder for runs; the checkpoints before are intact"
            ),
        ) from error
    return final


def listing(folder: Path) -> list[Path]:
    """The checkpoints below a folder, newest first."""
    found = [path for path in folder.glob("step-*") if re.fullmatch(r"step-\d{8,18}", path.name)]
    return sorted(found, key=lambda path: int(path.name[5:]), reverse=True)


def kept(folder: Path) -> tuple[Kept, ...]:
    """The checkpoints below a folder, oldest first, without those whose manifest cannot be read."""
    found = []
    for path in reversed(listing(folder)):
        with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
            manifest = _manifest(path)
            facts, pinned = manifest["facts"], (path / PINNED).exists()
            score = facts["val_loss"], facts["val_accuracy"]
            found.append(Kept(path.name, manifest["step"], facts["epoch"], *score, pinned, path))
    return tuple(found)


def load(path: Path) -> Snapshot:
    """Read a checkpoint and compare its checksums. Raises Problem where it is damaged, or made to harm."""
    try:
        _check(path)
        manifest = _manifest(path)
        state = from_plain(manifest["state"], load_file(path / STATE))
        return Snapshot(manifest["step"], load_file(path / WEIGHTS), state, manifest["facts"])
    except Exception as error:  # whatever a damaged file provokes
        raise Problem(
            _("{path}: the checkpoint is damaged").format(path=path),
            str(error)[:300] or type(error).__name__,
            _("an older checkpoint of the run can be used"),
        ) from error


def newest(folder: Path) -> tuple[Snapshot | None, list[Problem]]:
    """The newest checkpoint that is whole, and what was found wrong with newer ones.

    Only for who holds the run: what a kill left is put in order first.
    """
    _tidy(folder)
    problems: list[Problem] = []
    for path in listing(folder):
        try:
            return load(path), problems
        except Problem as problem:
            problems.append(problem)
    return None, problems


def prune(folder: Path, best: int | None, keep: int = 2) -> None:
    """Remove all but the newest `keep` checkpoints, the one of step `best` and the pinned, and what a kill left."""
    _tidy(folder)
    for path in listing(folder)[keep:]:
        if path.name != f"step-{best or 0:08d}" and not (path / PINNED).exists():
            draft = path.with_name(f".{path.name}")
            with suppress(OSError):  # a half that is left under the name would look damaged
                path.rename(draft)
            _discard(draft)


def _write(draft: Path, snapshot: Snapshot, pinned: bool) -> None:
    weights = {name: t.detach().cpu().contiguous() for name, t in snapshot.weights.items()}
    tensors: dict[str, Tensor] = {}
    state = to_plain(snapshot.state, tensors)
    save_file(weights, draft / WEIGHTS)
    save_file(tensors, draft / STATE)
    manifest = {"step": snapshot.step, "facts": snapshot.facts, "state": state}
    (draft / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    (draft / SUMS).write_text("".join(_sums(draft).values()), encoding="utf-8")
    if pinned:
        (draft / PINNED).touch()
    for name in (*MOST, ""):
        sync(draft / name)


def _swap(draft: Path, final: Path) -> None:
    """Give the draft its name; what had it before (damaged, or before its validation) stays until then."""
    old = final.with_name(f".old-{final.name}")
    _discard(old)
    if os.path.lexists(final):
        final.rename(old)
    try:
        draft.rename(final)
    except OSError:
        if os.path.lexists(old):
            old.rename(final)
        raise
    sync(final.parent)
    _discard(old)


def _tidy(folder: Path) -> None:
    """Finish what a kill interrupted: drafts go, and what was about to be replaced has its name again."""
    for old in folder.glob(".old-step-*"):
        final = folder / old.name.removeprefix(".old-")
        if not os.path.lexists(final):
            with suppress(OSError):
                old.rename(final)
        _discard(old)
    for draft in folder.glob(".step-*"):
        _discard(draft)


def _discard(path: Path) -> None:
    """Remove a folder, or whatever has its name; what cannot be removed stays."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _holds(path: Path, snapshot: Snapshot) -> bool:
    """Whether a checkpoint is there, whole, and of the same epoch: a step can be an epoch's last or be past it."""
    try:
        return path.exists() and load(path).facts["epoch"] == snapshot.facts["epoch"]
    except Problem:
        return False


def _check(path: Path) -> None:
    """Raise for anything but plain files of a bearable size that are as they were written."""
    if path.is_symlink():
        raise ValueError(_("a link is no checkpoint"))
    for name in MOST:
        _check_plain(path, name)
    sums, found = (path / SUMS).read_text("utf-8"), _sums(path)
    for name, line in found.items():
        if line not in sums:
            raise ValueError(_("{name} does not match its checksum").format(name=name))
    if sums != "".join(found.values()):
        raise ValueError(_("{name} holds more than the checksums").format(name=SUMS))
    for name in (WEIGHTS, STATE):
        with (path / name).open("rb") as file:
            header = int.from_bytes(file.read(8), "little")
        if header > MOST_HEADER:
            raise ValueError(_("{name}: a header of {size} bytes").format(name=name, size=header))


def _check_plain(path: Path, name: str) -> None:
    """Raise for a link, a device or a pipe in the place of a file, and for one that is too large."""
    status = (path / name).lstat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(_("{name} is not a plain file").format(name=name))
    if status.st_size > MOST[name]:
        size = status.st_size
        raise ValueError(_("{name} is too large: {size} bytes").format(name=name, size=size))


def _manifest(path: Path) -> dict[str, Any]:
    """Step, facts and plain state. Raises ValueError, KeyError or TypeError for anything else."""
    _check_plain(path, MANIFEST)
    manifest: dict[str, Any] = json.loads((path / MANIFEST).read_bytes())
    numbers = all(isinstance(value, float | int) for value in manifest["facts"].values())
    if path.name != f"step-{manifest['step']:08d}" or not numbers:
        raise ValueError(_("{name} is not of this checkpoint").format(name=MANIFEST))
    return manifest


def _sums(path: Path) -> dict[str, str]:
    """A line for each file, as `sha256sum` writes it."""
    lines = {}
    for name in (WEIGHTS, STATE, MANIFEST):
        with (path / name).open("rb") as file:
            lines[name] = f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {name}\n"
    return lines


def sync(path: Path) -> None:
    """Wait until a file, or what a folder lists, is safely on disk."""
    if os.name == "nt" and path.is_dir():  # Windows has no handle for a folder
        return
    handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
