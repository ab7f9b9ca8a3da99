"""What can go wrong during a run, told as what happened, why, and what to do next."""

import logging
from collections.abc import Iterator

import torch

from trainlab import events as ev
from trainlab.engine.meter import NonFiniteLoss
from trainlab.errors import Problem
from trainlab.text import _

log = logging.getLogger(__name__)
# how torch and CUDA's libraries tell it, where they have no kind of error for it
NO_MEMORY = ("can't allocate memory", "not enough memory", "out of memory", "ALLOC_FAILED")


def guard(events: Iterator[ev.Event]) -> Iterator[ev.Event]:
    """The same events; an exception becomes a Failed event, so that nobody who listens has to fail too."""
    try:
        yield from events
    except (GeneratorExit, KeyboardInterrupt):  # meant for whoever iterates
        raise
    except BaseException as error:  # SystemExit and panics of compiled code are failures too
        log.debug("the run failed", exc_info=error)
        yield describe(error)
        yield ev.Changed("failed")


def describe(error: BaseException) -> ev.Failed:
    """The card for an exception."""
    match error:
        case Problem():
            return ev.Failed(error.what, error.why, error.remedy)
        case NonFiniteLoss():
            return ev.Failed(
                _("The loss became {loss} at step {step}").format(loss=error.loss, step=error.step),
                _("Numbers grew past what floats can hold: the learning rate is usually too high."),
                _("Lower the learning rate ten times, or clip the gradient norm; the weights "
                  "before this step are kept where they were still finite."),
                error.step,
            )  # fmt: skip
        case _other if lacks_memory(error):
            return ev.Failed(
                _("There was not enough memory for this run"),
                first_line(error) or _("The machine has no more to give."),
                _(
                    "Halve the batch size, choose a narrower model or smaller images, and start again."
                ),
            )
        case OSError():
            return ev.Failed(
                _("A file could not be read or written"),
                str(error),
                _("Free some space, or make the file readable and writable, and resume the run."),
            )
    return ev.Failed(
        _("The run ended in an error: {kind}").format(kind=type(error).__name__),
        str(error) or _("It gave no reason."),
        _("Change what the message names, and press Start again; your settings are untouched."),
    )


def lacks_memory(error: BaseException) -> bool:
    """Whether the machine, or its GPU, had no memory left."""
    told = isinstance(error, RuntimeError) and any(words in str(error) for words in NO_MEMORY)
    return told or isinstance(error, torch.OutOfMemoryError | MemoryError)


def first_line(error: BaseException) -> str:
    """The beginning of what an error says; torch's go on for pages."""
    return str(error).split("\n", 1)[0][:200]
