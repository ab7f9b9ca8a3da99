"""Live: what changes on the forms while a run is under way goes into the run, as far as a run can change.

Forms that differ from the run in something it cannot take in are for the next run: then nothing is sent.
"""

import threading
from collections.abc import Callable

from trainlab import commands as cmd
from trainlab import events as ev
from trainlab.changes import Changes, changed, difference, refuse_fixed
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.text import _

QUIET = 0.4  # seconds without a change: a dragged slider is one edit


class LiveEdits:
    """Sends edits, and remembers which were refused.

    Args:
        send: takes a command to the run.
        say: shows a sentence beside the run.
    """

    def __init__(self, send: Callable[[cmd.Command], None], say: Callable[[str], None]) -> None:
        self._send, self._say = send, say
        self._lock = threading.Lock()
        self._run: Experiment | None = None  # as it goes on now; None while none is under way
        self._wanted: Experiment | None = None
        self._timer: threading.Timer | None = None
        self._sent: dict[int, Changes] = {}  # by command
        self._refused: list[Changes] = []

    def begin(self, experiment: Experiment) -> None:
        """A run of this experiment starts."""
        with self._lock:
            self._run = self._wanted = experiment
            self._sent, self._refused = {}, []

    def end(self) -> None:
        """The run is over: the forms are for the next one."""
        with self._lock:
            self._run = None

    def want(self, experiment: Experiment) -> None:
        """The forms changed. Sent when they are quiet."""
        with self._lock:
            self._wanted = experiment
            self._arm()

    def took(self, event: ev.Edited) -> None:
        """The run goes on changed."""
        with self._lock:
            if self._run is not None:
                self._run = changed(self._run, event.changes)

    def answered(self, answer: ev.Answered) -> None:
        """The run's answer; what it refused is not asked again."""
        with self._lock:
            changes = self._sent.pop(answer.command, None)
            if changes and not answer.applied:
                self._refused.append(changes)
            elif changes:
                self._arm()  # what was taken back before it was taken in

    def _arm(self) -> None:
        """Look at the forms once they are quiet."""
        if self._timer:
            self._timer.cancel()
        if self._run is not None and self._wanted is not None:
            self._timer = threading.Timer(QUIET, self._flush)
            self._timer.daemon = True
            self._timer.start()

    def _flush(self) -> None:
        with self._lock:
            if self._run is None or self._wanted is None:
                return
            changes = difference(self._run, self._wanted)
            later = self._for_later(changes)
            if changes and not later:
                command = cmd.Edit(changes)
                self._sent[command.id] = changes
                self._send(command)
        if later:
            self._say(later)

    def _for_later(self, changes: Changes) -> str:
        """Why these changes wait for the next run, or nothing."""
        try:
            refuse_fixed(changes)
        except Problem as problem:
            return _("{what}: what the forms say now is for the next one").format(what=problem.what)
        if changes in self._refused:
            return _("The run could not take that in: what the forms say now is for the next one")
        return ""
