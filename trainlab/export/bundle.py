"""Bundle: a whole run as one zip that people can read, and that opens elsewhere as a run again.

A bundle that comes from elsewhere is not trusted: names are matched, never joined; sizes have bounds; a
checkpoint has no code in it, and its checksums are compared. What can be made again is not read.
"""

import io
import re
import shutil
import stat
import tempfile
import zipfile
from pathlib import Path
from typing import IO

from trainlab.catalog.datasets.files import printable
from trainlab.catalog.datasets.zipped import visible_members
from trainlab.engine import checkpoint
from trainlab.engine.checkpoint import Kept
from trainlab.errors import Problem
from trainlab.export.notebook import notebook
from trainlab.export.readable import csv_of_edits, csv_of_table, readme
from trainlab.export.script import script_of
from trainlab.runs import Run, load_run, store
from trainlab.runs.notes import NOTES
from trainlab.runs.planted import SABOTAGE
from trainlab.text import _

MB = 1_000_000
RECORD = {  # what a run is opened from, with the most bytes of each
    store.EXPERIMENT: 1 * MB,
    store.ENVIRONMENT: 1 * MB,
    store.EVENTS: 500 * MB,
    store.PARENT: 1 * MB,
    SABOTAGE: 1 * MB,
    NOTES: 1 * MB,
}
OF_CHECKPOINT = {**checkpoint.MOST, checkpoint.PINNED: 0}
STEP = re.compile(r"step-\d{8,18}")
READABLE = (
    "README.txt", "experiment.toml", "steps.csv", "epochs.csv", "edits.csv", "train.py", "train.ipynb",
    "curves.png", "curves.svg",
)  # fmt: skip
MOST_MEMBERS = 100
MOST_UNPACKED = 8_000 * MB  # bytes of its files together
MOST_RATIO = 200  # of a member of a megabyte or more
NAME = re.compile(r"\w[\w.-]{0,99}", re.ASCII)


def bundle(run: Run, file: IO[bytes]) -> None:
    """Write a run as a zip: its record, tables, scripts, curves, and its newest and best checkpoint.

    Raises Problem where the run's files cannot be read.
    """
    moments = _moments(run)
    texts = _texts(run, moments)
    try:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in texts.items():
                archive.writestr(f"{run.path.name}/{name}", text)
            for name in RECORD:
                if (run.path / name).is_file():
                    archive.write(run.path / name, f"{run.path.name}/{name}")
            for folder in sorted({one.path for one in moments.values()}):
                for path in sorted(folder.iterdir()):
                    inside = f"{run.path.name}/{store.CHECKPOINTS}/{folder.name}/{path.name}"
                    archive.write(path, inside, zipfile.ZIP_STORED)  # floats hardly shrink
    except OSError as error:
        raise Problem(
            _("{run}: cannot be packed").format(run=run.path.name),
            error.strerror or str(error),
            _("try again: a run under way replaces its files"),
        ) from error


def unbundle(source: Path | IO[bytes], root: Path) -> Path:
    """Open a bundle as a run below `root`; the run's folder. It has the run's own name where that is free.

    Raises Problem, and leaves nothing behind, for anything that is not whole or not to be trusted.
    """
    try:
        _refuse_many(source)
        with zipfile.ZipFile(source) as archive:
            members = _trusted(archive)
            root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=root, prefix=store.OPENING) as beside:
                draft = Path(beside, "run")
                for name, info in members.items():
                    _write(archive, info, draft / name)
                _refuse_damaged(draft)
                return _placed(draft, root, _name_in(archive))
    except Problem:
        raise
    except Exception as error:  # whatever damage makes zipfile raise
        raise _refusal(printable(str(error))[:200]) from error


def _moments(run: Run) -> dict[str, Kept]:
    """The newest whole checkpoint and the best by validation, which may be the same, by these two names."""
    kept = run.checkpoints
    for newest in reversed(kept):
        try:
            best = checkpoint.load(newest.path).state["best"] or {}
        except Problem:
            continue
        found = [one for one in kept if one.step == best.get("step")]
        return {"newest": newest} | ({"best": found[0]} if found else {})
    return {}


def _texts(run: Run, moments: dict[str, Kept]) -> dict[str, str | bytes]:
    """The files that are made of a run for people, by name."""
    found: dict[str, str | bytes] = {
        "experiment.toml": run.experiment.to_toml(),
        "steps.csv": csv_of_table(run.steps),
        "epochs.csv": csv_of_table(run.epochs),
        "edits.csv": csv_of_edits(run.edits),
    }
    without = ""
    try:
        code = script_of(run)
        found |= {"train.py": code, "train.ipynb": notebook(code)}
    except Exception as error:  # its data may be gone
        without = str(error)
    if len(run.steps["step"]):
        found |= _curves(run)
    steps = {name: one.step for name, one in moments.items()}
    return found | {"README.txt": readme(run, steps, without)}


def _curves(run: Run) -> dict[str, str | bytes]:
    figure = run.figure()
    found: dict[str, str | bytes] = {}
    for kind in ("png", "svg"):
        buffer = io.BytesIO()
        figure.savefig(buffer, format=kind, dpi=150)
        found[f"curves.{kind}"] = buffer.getvalue()
    return found


def _refuse_many(source: Path | IO[bytes]) -> None:
    """Count the members before Python makes an object of each."""
    file = source.open("rb") if isinstance(source, Path) else source
    try:
        file.seek(0)
        count, tail = 0, b""
        while chunk := file.read(1 << 20):
            count += (tail + chunk).count(b"PK\1\2")
            tail = chunk[-3:]
        file.seek(0)
    finally:
        if isinstance(source, Path):
            file.close()
    if count > 2 * MOST_MEMBERS:
        raise _refusal(_("it holds more than {most:,} files").format(most=MOST_MEMBERS))


def _trusted(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The members that a run is opened from, by their path in it. Raises Problem for any that does not belong."""
    if any(".." in re.split(r"[/\\]", info.filename) for info in archive.infolist()):
        raise _refusal(_("a name in it leaves the zip"))
    members: dict[str, zipfile.ZipInfo] = {}
    names: set[str] = set()
    for parts, info in visible_members(archive):
        if info.is_dir():
            continue
        name = "/".join(parts)
        most = _most_bytes(parts)
        shown = printable(info.filename)[:60]
        if most is None or name in names:
            raise _refusal(_("{name} does not belong in it").format(name=shown))
        if stat.S_ISLNK(info.external_attr >> 16) or info.flag_bits & 1:
            raise _refusal(_("{name} is a link, or encrypted").format(name=shown))
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise _refusal(_("{name} is packed in an uncommon way").format(name=shown))
        if info.file_size > min(most, max(MB, MOST_RATIO * info.compress_size)):
            raise _refusal(_("{name} unpacks to far too much").format(name=shown))
        names.add(name)
        if parts[0] in RECORD or parts[0] == store.CHECKPOINTS:
            members[name] = info
    for needed in (store.EXPERIMENT, store.EVENTS):
        if needed not in members:
            raise _refusal(_("{name} is not in it").format(name=needed))
    if sum(info.file_size for info in members.values()) > MOST_UNPACKED:
        raise _refusal(_("its files take more than {most:,} MB").format(most=MOST_UNPACKED // MB))
    return members


def _most_bytes(parts: list[str]) -> int | None:
    """How large this member may be; None where a bundle has no such member."""
    match parts:
        case [name] if name in RECORD:
            return RECORD[name]
        case [name] if name in READABLE:
            return 100 * MB
        case [store.CHECKPOINTS, step, name] if STEP.fullmatch(step):
            return OF_CHECKPOINT.get(name)
    return None


def _write(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(info) as packed, path.open("xb") as file:  # it gives no more than it claims
        shutil.copyfileobj(packed, file, 1 << 20)


def _refuse_damaged(draft: Path) -> None:
    """Read everything that a run here would be read from."""
    load_run(draft)
    for path in checkpoint.listing(draft / store.CHECKPOINTS):
        checkpoint.load(path)


def _name_in(archive: zipfile.ZipFile) -> str:
    """The folder that the bundle has everything in, if it is a plain name."""
    names = {info.filename.partition("/")[0] for info in archive.infolist()} - {"__MACOSX"}
    name = names.pop() if len(names) == 1 else ""
    return name if NAME.fullmatch(name) else "run"


def _placed(draft: Path, root: Path, name: str) -> Path:
    for suffix in ("", *(f"-{n}" for n in range(2, 1000))):
        folder = root / f"{name}{suffix}"
        if not folder.exists():
            return draft.rename(folder)
    raise _refusal(_("there are a thousand runs of this name"))


def _refusal(why: str) -> Problem:
    return Problem(
        _("This is no run that can be opened"),
        why,
        _("choose a zip that was downloaded from a lab, unchanged"),
    )
