"""What a run can be told. Every command is obeyed between two steps and answered with `events.Answered`."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import count
from queue import SimpleQueue
from typing import Any, TypeAlias

_ids: Iterator[int] = count(1)


@dataclass(frozen=True)
class Command:
    """Base of everything a run can be told; `id` joins it to its answer."""

    id: int = field(default_factory=lambda: next(_ids), kw_only=True)


@dataclass(frozen=True)
class Pause(Command):
    """Hold after the current step."""


@dataclass(frozen=True)
class Resume(Command):
    """Go on after a pause."""


@dataclass(frozen=True)
class StepOnce(Command):
    """Take exactly one optimizer step, then hold."""


@dataclass(frozen=True)
class Stop(Command):
    """Save and end the run after the current step."""


@dataclass(frozen=True)
class Save(Command):
    """Keep a checkpoint of this moment for good."""


@dataclass(frozen=True)
class Edit(Command):
    """Go on with these fields changed, from the next step: path -> value, as JSON has it."""

    changes: dict[str, Any]


@dataclass(frozen=True)
class Inspect(Command):
    """Look into the run at the cost of this tier, with feature maps of this one of the fixed images."""

    tier: str
    image: int = 0


Commands: TypeAlias = SimpleQueue[Command]


def to_json(command: Command) -> str:
    """One line of JSON, for a run in another process."""
    return json.dumps({"command": type(command).__name__, **asdict(command)})


def from_json(line: str) -> Command:
    """The command that `to_json` wrote, with its id. Raises ValueError for anything else."""
    data = json.loads(line)
    kinds = {kind.__name__: kind for kind in Command.__subclasses__()}
    kind = kinds.get(str(data.pop("command", ""))) if isinstance(data, dict) else None
    if kind is None:
        raise ValueError(f"not a command: {line[:80]!r}")
    try:
        return kind(**data)
    except TypeError as error:
        raise ValueError(f"not a {kind.__name__}: {error}") from error
