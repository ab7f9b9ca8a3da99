"""Uploads: a file that the page sends in parts, put together again. Every part is checked."""

from dataclasses import dataclass, field
from typing import Any

from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.text import _

MOST_BYTES = 100_000_000
PART_BYTES = 4_000_000
_LONGEST_NAME = 300


@dataclass
class _Upload:
    """A file that is on its way."""

    view: str
    name: str
    size: int
    parts: list[bytes] = field(default_factory=list)
    got: int = 0


def upload_spec(_experiment: Experiment) -> dict[str, Any]:
    """What the page needs to offer an upload."""
    return {"most_bytes": MOST_BYTES, "part_bytes": PART_BYTES, "accept": ".zip"}


class Uploads:
    """One file at a time: another one that begins takes its place."""

    def __init__(self) -> None:
        self._coming: _Upload | None = None

    def take(self, message: dict[str, Any], buffers: Any) -> tuple[str, bytes] | None:
        """Take in one part: the file's name and bytes where it was the last, else None.

        Raises Problem for a part that does not fit; then the upload is over.
        """
        part, data = _sound(message, buffers)
        if part == 0:
            self._coming = _Upload(message["view"], message["name"], message["size"])
        coming, self._coming = self._coming, None
        if coming is None or coming.view != message["view"] or len(coming.parts) != part:
            raise Problem(_("another upload began"), "", _("choose the file again"))
        coming.parts.append(data)
        coming.got += len(data)
        if coming.got > coming.size:
            raise _broken()
        if coming.got == coming.size:
            return coming.name, b"".join(coming.parts)
        self._coming = coming
        return None


def _sound(message: dict[str, Any], buffers: Any) -> tuple[int, bytes]:
    match message:
        case {"part": int(part), "size": int(size), "name": str(name), "view": str()}:
            if size > MOST_BYTES:
                most = MOST_BYTES // 1_000_000
                raise Problem(_("the file is larger than {most} MB").format(most=most))
            whole = isinstance(buffers, list) and len(buffers) == 1
            data = bytes(buffers[0]) if whole else b""
            if 0 < len(data) <= PART_BYTES and len(name) <= _LONGEST_NAME:
                return part, data
    raise _broken()


def _broken() -> Problem:
    return Problem(_("the file did not arrive whole"), "", _("choose it again"))
