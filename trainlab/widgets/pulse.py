"""Pulse: whether the kernel's main thread answers, or a cell keeps it at work."""

import asyncio
import threading
import time
from contextlib import suppress

PATIENCE = 1.5  # seconds without an answer
WORKING = 0.05  # of that time at work: a cell that only waits takes nothing from anybody


class Pulse:
    """Made on the main thread, asked from another one."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        with suppress(RuntimeError):  # no loop runs outside a notebook
            self._loop = asyncio.get_running_loop()
        self._asked: tuple[float, float] | None = None  # until it is answered: when, and _worked()

    def lost(self) -> bool:
        """Whether a cell has been at work for long; asks again where the last question was answered."""
        now, worked, asked = time.monotonic(), _worked(), self._asked
        if asked is not None:
            waited = now - asked[0]
            return waited > PATIENCE and worked - asked[1] > WORKING * waited
        if self._loop is not None:
            self._asked = now, worked
            with suppress(RuntimeError):  # the kernel is ending
                self._loop.call_soon_threadsafe(self._answer)
        return False

    def _answer(self) -> None:
        self._asked = None


def _worked() -> float:
    """Processor seconds of the main thread; wall seconds where the system does not count them."""
    ident = threading.main_thread().ident
    if ident is None or not hasattr(time, "pthread_getcpuclockid"):
        return time.monotonic()
    return time.clock_gettime(time.pthread_getcpuclockid(ident))
