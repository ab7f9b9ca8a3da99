"""Link: an experiment as a short piece of an address, and back.

It holds what differs from the default experiment, as JSON, deflated, in letters that an address may have.
It never names a file: who follows a link has not seen what is in it, and what a folder of one's own is
called is nobody else's business. So paths are left out of a link, and refused in one.
"""

import base64
import json
import zlib
from collections.abc import Iterator
from typing import Any

from trainlab.changes import Changes, changed, difference
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.text import _

LONGEST = 8_000  # characters: what servers and chats let through
MOST_BYTES = 200_000  # of the JSON in it
FILES = ("path", "root", "weights")  # fields that name a file or a folder


def to_link(experiment: Experiment) -> str:
    """The experiment without its files, for the end of an address."""
    data = json.dumps(_without_files(difference(Experiment(), experiment)), separators=(",", ":"))
    return base64.urlsafe_b64encode(zlib.compress(data.encode(), 9)).decode().rstrip("=")


def from_link(text: str) -> Experiment:
    """The experiment of a link. Raises Problem where it is damaged, or naming the field that is wrong."""
    if len(text) > LONGEST:
        raise _damaged(_("it is too long"))
    try:
        changes = json.loads(_unpacked(text))
        if not isinstance(changes, dict):
            raise _damaged(_("it holds no settings"))
        _refuse_files(changes)
        return changed(Experiment(), changes)
    except (ValueError, zlib.error, RecursionError) as error:
        raise _damaged(str(error)) from None


def _unpacked(text: str) -> bytes:
    packed = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    unpacking = zlib.decompressobj()
    data = unpacking.decompress(packed, MOST_BYTES)
    if not unpacking.eof:
        raise _damaged(_("it ends too early, or unpacks to far too much"))
    return data


def _refuse_files(changes: Changes) -> None:
    named = next(_named_files(changes, ""), None)
    if named is not None:
        raise Problem(
            _("{path}: a link cannot name a file or a folder").format(path=named[:80]),
            _("nothing on this machine is read because somebody sent a link"),
            _("open the lab without the link, and choose the file yourself"),
        )


def _without_files(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_files(part) for key, part in value.items() if not _is_file(key, part)}
    return [_without_files(part) for part in value] if isinstance(value, list) else value


def _named_files(value: Any, path: str) -> Iterator[str]:
    """The paths of the fields that name a file."""
    items: Any = {}
    if isinstance(value, dict):
        items = value
    elif isinstance(value, list):
        items = dict(enumerate(value))
    for key, part in items.items():
        here = f"{path}.{key}".lstrip(".")
        if _is_file(str(key), part):
            yield here
        yield from _named_files(part, here)


def _is_file(key: str, value: Any) -> bool:
    return key.rpartition(".")[2] in FILES and value not in ("", None)


def _damaged(why: str) -> Problem:
    return Problem(
        _("The link's experiment cannot be read"),
        why,
        _("ask for the link again, whole; the lab shows its defaults"),
    )
