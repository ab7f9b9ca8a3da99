"""Checkpoints: folders that appear whole or not at all, with a checksum for every file.

checkpoints/step-00000460/  weights.safetensors  state.pt  manifest.json  (pinned)
"""

import hashlib
import json
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from trainlab.errors import Problem
from trainlab.text import _

WEIGHTS, STATE, MANIFEST = "weights.safetensors", "state.pt", "manifest.json"
PINNED = "pinned"  # an empty file: this one stays


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
    """Write a snapshot below `folder`; the same one stays. Raises Problem where the disk refuses."""
    final = folder / f"step-{snapshot.step:08d}"
    draft = folder / f".{final.name}"
    try:
        if _holds(final, snapshot):
            if pinned:
                (final / PINNED).touch()
            return final
        shutil.rmtree(draft, ignore_errors=True)  # what a kill left
        draft.mkdir(parents=True)
        weights = {name: t.detach().cpu().contiguous() for name, t in snapshot.weights.items()}
        save_file(weights, draft / WEIGHTS)
        torch.save(snapshot.state, draft / STATE)
        sums = {name: _sha256(draft / name) for name in (WEIGHTS, STATE)}
        manifest = {"step": snapshot.step, "facts": snapshot.facts, "sha256": sums}
        (draft / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
        for name in (WEIGHTS, STATE, MANIFEST, ""):
            _fsync(draft / name)
        if pinned or (final / PINNED).exists():
            (draft / PINNED).touch()
        shutil.rmtree(final, ignore_errors=True)  # damaged, or of this step before its validation
        draft.rename(final)
        _fsync(folder)
    except (OSError, RuntimeError, SafetensorError) as error:  # each library reports it its own way
        shutil.rmtree(draft, ignore_errors=True)
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
    return sorted(folder.glob("step-*"), reverse=True)


def kept(folder: Path) -> tuple[Kept, ...]:
    """The checkpoints below a folder, oldest first, without those whose manifest cannot be read."""
    found = []
    for path in reversed(listing(folder)):
        with suppress(OSError, ValueError, KeyError, TypeError):
            manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
            facts, pinned = manifest["facts"], (path / PINNED).exists()
            score = facts["val_loss"], facts["val_accuracy"]
            found.append(Kept(path.name, manifest["step"], facts["epoch"], *score, pinned, path))
    return tuple(found)


def load(path: Path) -> Snapshot:
    """Read a checkpoint and compare its checksums. Raises Problem where it is damaged."""
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        for name in (WEIGHTS, STATE):
            if _sha256(path / name) != manifest["sha256"][name]:
                raise ValueError(_("{name} does not match its checksum").format(name=name))
        state = torch.load(path / STATE, map_location="cpu", weights_only=True)
        return Snapshot(manifest["step"], load_file(path / WEIGHTS), state, manifest["facts"])
    except Exception as error:  # whatever a damaged file provokes
        raise Problem(
            _("{path}: the checkpoint is damaged").format(path=path),
            str(error),
            _("an older checkpoint of the run can be used"),
        ) from error


def newest(folder: Path) -> tuple[Snapshot | None, list[Problem]]:
    """The newest checkpoint that is whole, and what was found wrong with newer ones."""
    problems: list[Problem] = []
    for path in listing(folder):
        try:
            return load(path), problems
        except Problem as problem:
            problems.append(problem)
    return None, problems


def prune(folder: Path, best: int | None, keep: int = 2) -> None:
    """Remove all but the newest `keep` checkpoints and the one of step `best`, and what a kill left."""
    for draft in folder.glob(".step-*"):
        shutil.rmtree(draft, ignore_errors=True)
    for path in listing(folder)[keep:]:
        if path.name != f"step-{best or 0:08d}" and not (path / PINNED).exists():
            shutil.rmtree(path, ignore_errors=True)


def _holds(path: Path, snapshot: Snapshot) -> bool:
    """Whether a checkpoint is there, whole, and of the same epoch: a step can be an epoch's last or be past it."""
    try:
        return path.exists() and load(path).facts["epoch"] == snapshot.facts["epoch"]
    except Problem:
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fsync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():  # Windows has no handle for a folder
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
