"""Worker: one run at a time in a background thread; commands go in, events come out of a queue."""

import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue

from trainlab import commands as cmd
from trainlab import events as ev
from trainlab.engine.failures import guard

MakeRun = Callable[[cmd.Commands], Iterator[ev.Event]]


class Worker:
    """Runs an iterator of events in a thread. Two starts never make two trainers.

    `events` receives (run number, event); `state` is what the run last said of itself.
    """

    def __init__(self) -> None:
        self.events: SimpleQueue[tuple[int, ev.Event]] = SimpleQueue()
        self.state: ev.State = "idle"
        self.run = 0
        self._inbox: cmd.Commands = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    @property
    def busy(self) -> bool:
        """Whether a run is under way."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, make: MakeRun, *first: cmd.Command) -> bool:
        """Start a run, with commands it finds waiting; False where one is under way already."""
        with self._lock:
            if self.busy:
                return False
            self.run += 1
            self.state = "building"
            self._inbox = SimpleQueue()
            for command in first:
                self._inbox.put(command)
            self._thread = threading.Thread(
                target=self._drain, args=(self.run, make, self._inbox), name="trainlab", daemon=True
            )
            self._thread.start()
            return True

    def send(self, command: cmd.Command) -> None:
        """Tell the run something; it is answered by an event."""
        if self.busy:
            self._inbox.put(command)
        else:
            self.events.put((self.run, ev.Answered(command.id, False, "no run is under way")))

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the run to end; whether it did."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout)
        return not self.busy

    def _drain(self, run: int, make: MakeRun, inbox: cmd.Commands) -> None:
        for event in guard(make(inbox)):
            if isinstance(event, ev.Changed):
                self.state = event.state
            self.events.put((run, event))
