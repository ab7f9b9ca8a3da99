"""Baselines: how good the user is on a data set, and which known result its runs are measured by.

One file beside the runs, `baselines.json`: data set with its settings -> Baseline.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from filelock import FileLock
from pydantic import Field, TypeAdapter
from pydantic.dataclasses import dataclass

from trainlab.catalog.datasets import DatasetChoice
from trainlab.catalog.datasets.base import unwritable, written
from trainlab.errors import Problem
from trainlab.text import _

BASELINES, LOCK = "baselines.json", ".baselines.lock"
PATIENCE = 5.0  # seconds: another kernel writes for a few thousandths of one
LONGEST_NAME = 24  # characters beside a line on the chart


@dataclass(frozen=True)
class Line:
    """A level of accuracy with a name."""

    name: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
    accuracy: Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True)
class Baseline:
    """What is known of a data set: how many of how many images the user got right, and a result to reach.

    `line` is None for none at all, and "" where the user has not chosen: then the first published one holds.
    """

    right: Annotated[int, Field(ge=0)] = 0
    asked: Annotated[int, Field(ge=0)] = 0
    line: Line | Literal[""] | None = ""


_plain = TypeAdapter(dict[str, Baseline])


def key_of(dataset: DatasetChoice) -> str:
    """The name of a data set with its settings."""
    return dataset.model_dump_json()


def read(root: Path) -> dict[str, Baseline]:
    """All baselines below a folder of runs. Raises Problem where the file is damaged."""
    path = root / BASELINES
    try:
        return _plain.validate_json(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise Problem(
            _("{file} cannot be read: your scores on data sets are not shown").format(file=path),
            str(error)[:200],
            _("delete it, or mend it; runs do without"),
        ) from None


def keep(root: Path, key: str, **news: Any) -> None:
    """Write down what is new of a data set, fields of its Baseline; the rest stays, whoever else writes.

    Raises Problem where the file is damaged or cannot be written.
    """
    with _alone(root):
        found = read(root)
        found[key] = replace(found.get(key, Baseline()), **news)
        with written(root / BASELINES) as file:
            file.write(_plain.dump_json(found, indent=2))


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Let no other kernel write between reading and writing."""
    lock = FileLock(root / LOCK)
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=PATIENCE)
    except OSError as error:
        raise unwritable(root / BASELINES, error) from error
    try:
        yield
    finally:
        lock.release()


def lines(dataset: DatasetChoice, chance: float, baseline: Baseline) -> list[Line]:
    """The levels to draw on an accuracy chart: the commonest class (none if 0), the user's own, a known result."""
    found = [Line(_("commonest class"), chance)] if chance else []
    if baseline.asked:
        found.append(Line(_("you"), baseline.right / baseline.asked))
    match baseline.line:
        case Line() as line:
            found.append(line)
        case "" if dataset.known:
            first = dataset.known[0]
            found.append(Line(_(first.name), first.accuracy))
    return found
