"""Writing to stdout and stderr that may be closed, or go to a reader that left: quiet in both cases."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


def say(text: str) -> None:
    """One piece of the result, on stdout."""
    _write(sys.stdout, text)


def complain(text: str) -> None:
    """One line for the person in front of it, on stderr."""
    _write(sys.stderr, text)


@contextmanager
def usable_streams() -> Iterator[None]:
    """Give a process that was started without stdout or stderr ones that swallow everything."""
    before = sys.stdout, sys.stderr
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 (it is no file)
        sys.stdout, sys.stderr = before[0] or nowhere, before[1] or nowhere
        try:
            yield
        finally:
            for stream in (sys.stdout, sys.stderr):
                _flush(stream)
            sys.stdout, sys.stderr = before


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text.encode("utf-8", "backslashreplace").decode() + "\n")
    except UnicodeEncodeError:  # an old terminal's code page
        stream.write(ascii(text)[1:-1] + "\n")
    except (OSError, ValueError):
        _silence(stream)
        return
    _flush(stream)


def _flush(stream: TextIO) -> None:
    try:
        stream.flush()
    except (OSError, ValueError):  # the reader left, or the stream is closed
        _silence(stream)


def _silence(stream: TextIO) -> None:
    """Let Python's own flush at exit go nowhere instead of complaining."""
    try:
        handle = os.open(os.devnull, os.O_WRONLY)
        os.dup2(handle, stream.fileno())
        os.close(handle)
    except (OSError, ValueError):  # no real file: nothing to be flushed at exit
        pass
