"""Decoded images, kept: reading thousands of files takes a while, reading one file does not.

A kept file carries checksums (it is a zip); a damaged one is thrown away.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch

from trainlab.catalog.datasets.base import Images, written
from trainlab.errors import Problem
from trainlab.places import data_folder

KEPT = 8  # files of a kind in the store
WORDS = ("classes", "notes", "names")


def place_for(kind: str, parts: Iterable[str]) -> Path:
    """Where images are kept: another file for each difference in `parts`, Pillow's version included."""
    import PIL

    digest = hashlib.sha256(b"\0".join(os.fsencode(part) for part in (PIL.__version__, *parts)))
    return data_folder() / kind / f"{digest.hexdigest()}.npz"


def recall(path: Path) -> Images | None:
    """What was kept; None where that is missing, or damaged (then it is removed)."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
            images, labels = torch.from_numpy(data["images"]), torch.from_numpy(data["labels"])
            words = json.loads(data["words"].tobytes())
            found = Images(images, labels, **{name: tuple(words[name]) for name in WORDS})
        os.utime(path)
    except FileNotFoundError:
        return None
    except Exception:  # whatever a damaged zip makes numpy and zipfile raise
        with contextlib.suppress(OSError):
            path.unlink()
        return None
    return found


def keep(path: Path, found: Images) -> None:
    """Keep images, and only the last few files; a full disk costs only the time to decode again."""
    words = json.dumps({name: getattr(found, name) for name in WORDS})
    with contextlib.suppress(Problem), written(path) as file:
        np.savez(
            file,
            images=found.images.numpy(),
            labels=found.labels.numpy(),
            words=np.frombuffer(words.encode(), np.uint8),
        )
    with contextlib.suppress(OSError):  # another process may be tidying too
        files = sorted(path.parent.glob("*.npz"), key=lambda old: old.stat().st_mtime)
        for old in files[:-KEPT]:
            old.unlink()
