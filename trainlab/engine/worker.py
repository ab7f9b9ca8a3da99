"""Worker: one run at a time in a background thread; commands go in, events come out of a queue."""

import sys
import threading
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue

from trainlab import commands as cmd
from trainlab import events as ev
from trainlab.engine.failures import describe, guard
from trainlab.text import _

MakeRun = Callable[[cmd.Commands], Iterator[ev.Event]]
ENDED: tuple[ev.State, ...] = ("idle", "done", "failed")  # states without a run under way
# how long, in seconds, another thread of pure Python makes a training wait: at each call of torch
SWITCH = 1e-6


class _Brisk:
    """While any run trains in a thread, threads of pure Python give way soon; then as it was before."""

    def __init__(self) -> None:
        self._lock, self._runs, self._before = threading.Lock(), 0, 0.0

    def __enter__(self) -> None:
        with self._lock:
            if not self._runs:
                self._before = sys.getswitchinterval()
                sys.setswitchinterval(SWITCH)
            self._runs += 1

    def __exit__(self, *_error: object) -> None:
        with self._lock:
            self._runs -= 1
            if not self._runs:
                sys.setswitchinterval(self._before)


_brisk = _Brisk()


class Worker:
    """Runs an iterator of events in a thread. Two starts never make two trainers.

    `events` receives (run number, event); `state` is what the run last said of itself.
    """

    def __init__(self) -> None:
        self.events: SimpleQueue[tuple[int, ev.Event]] = SimpleQueue()
        self.state: ev.State = "idle"
        self.run = 0
        self._inbox: cmd.Commands | None = None  # None: nobody would answer
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._gate = threading.Lock()  # around the inbox: no command falls between two runs

    @property
    def busy(self) -> bool:
        """Whether a run is under way."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, make: MakeRun, *first: cmd.Command) -> bool:
        """Start a run, with commands it finds waiting; False where one is under way already."""
        with self._starting:
            if self.busy and self.state not in ENDED:
                return False
            self.join()  # a run that said it ended is only closing its files
            self.run += 1
            self.state = "building"
            inbox: cmd.Commands = SimpleQueue()
            for command in first:
                inbox.put(command)
            self._inbox = inbox
            self._thread = threading.Thread(
                target=self._drain, args=(self.run, make, inbox), name="trainlab", daemon=True
            )
            self._thread.start()
            return True

    def send(self, command: cmd.Command) -> None:
        """Tell the run something; it is answered by an event."""
        with self._gate:
            if self._inbox is not None:
                self._inbox.put(command)
                return
        self._refuse(self.run, command)

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the run to end; whether it did."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout)
        return not self.busy

    def until_end(self) -> Iterator[ev.Event]:
        """The run's events until its thread has ended; an interrupt may lose one on the way."""
        while self.busy or not self.events.empty():
            try:
                _run, event = self.events.get(timeout=0.1)
            except Empty:
                continue
            yield event

    def _drain(self, run: int, make: MakeRun, inbox: cmd.Commands) -> None:
        try:
            with _brisk:
                for event in guard(make(inbox)):
                    self._tell(run, event)
        except BaseException as error:  # whatever user code raised: nobody else would hear of it
            self._tell(run, describe(error))
            self._tell(run, ev.Changed("failed"))
        with self._gate:
            self._inbox = None
        while not inbox.empty():
            self._refuse(run, inbox.get())

    def _tell(self, run: int, event: ev.Event) -> None:
        if isinstance(event, ev.Changed):
            self.state = event.state
        self.events.put((run, event))

    def _refuse(self, run: int, command: cmd.Command) -> None:
        self.events.put((run, ev.Answered(command.id, False, _("no run is under way"))))
