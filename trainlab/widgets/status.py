"""The state of a run in words: the status line, the buttons that make sense now, what to do next."""

import math
from typing import Any

from trainlab import events as ev
from trainlab.runs.history import History
from trainlab.runs.listing import STATES
from trainlab.text import _

_MEASURES = {"digit_accuracy": "digits right", "near_zero": "weights near zero"}
_BUTTONS: dict[str, tuple[str, ...]] = {
    "idle": ("start", "step"),
    "building": ("stop",),
    "running": ("pause", "save", "stop", "reset"),
    "paused": ("resume", "step", "save", "stop", "reset"),
    "stopping": (),
    "done": ("start", "step", "reset"),
    "failed": ("start", "step", "reset"),
}


def describe(
    history: History, state: ev.State, speed: float, note: str, building: ev.Progress | None
) -> dict[str, Any]:
    """What the page shows of a run that is in `state` and trains `speed` images a second."""
    failed = history.failed
    return {
        "state": state,
        "state_label": _label(history, state),
        "items": _items(history, state, speed),
        "progress": _progress(history, state, building),
        "points": len(history.steps),
        "steps_per_epoch": history.plan.steps_per_epoch if history.plan else 1,
        "summary": summary(history),
        "buttons": {
            name: name in _BUTTONS[state]
            for name in ("start", "pause", "resume", "step", "save", "stop", "reset")
        },
        "message": note or _message(history, state, building) or history.warning,
        "error": {"what": failed.what, "why": failed.why, "remedy": failed.remedy}
        if failed
        else None,
    }


def slowed() -> str:
    """Why a run that shares this process is slow."""
    return _(
        "Another cell is running and takes Python's time from the training: choose worker = process."
    )


def summary(history: History) -> str:
    """The curves in a sentence, for those who do not see them."""
    losses = history.steps.rows[:, 2]
    if not len(losses):
        return _("No points yet.")
    epochs = len(history.epochs)
    words = _("Loss went from {first:.3g} to {last:.3g} in {steps} steps.").format(
        first=losses[0], last=losses[-1], steps=len(losses)
    )
    if epochs:
        words += " " + _("Validation accuracy {accuracy:.3f} after {epochs} epochs.").format(
            accuracy=history.last("val_accuracy"), epochs=epochs
        )
        for name, value in _measures(history):
            words += f" {_(_MEASURES[name]).capitalize()} {value:.3f}."
    return words


def _label(history: History, state: ev.State) -> str:
    finished = history.finished
    if state == "done" and (finished is None or finished.stopped):
        return _(STATES["stopped" if finished else "interrupted"])
    return _(STATES[state])


def _items(history: History, state: ev.State, speed: float) -> list[dict[str, str]]:
    plan, steps = history.plan, history.steps.rows
    if plan is None:
        return []
    step = int(steps[-1, 0]) if len(steps) else plan.first_step
    done = math.floor(history.position + 1e-9)  # a sum of fractions may miss a whole by a hair
    epoch = min(plan.epochs, done + (state in ("running", "paused")))
    images_left = max(0.0, plan.epochs - history.position) * plan.train_images
    values = {
        "epoch": (_("epoch"), f"{epoch}/{plan.epochs}"),
        "step": (_("step"), f"{step:,}"),
        "train_loss": (_("train loss"), f"{steps[-1, 2]:.3f}" if len(steps) else "–"),
        "val_accuracy": (_accuracy(history), _number(history.last("val_accuracy"))),
        **{name: (_(_MEASURES[name]), f"{value:.3f}") for name, value in _measures(history)},
        "speed": (_("images/s"), f"{speed:,.0f}" if speed else "–"),
        "time_left": (_("left"), _left(images_left, speed)),
    }
    return [{"name": n, "label": label, "value": value} for n, (label, value) in values.items()]


def _accuracy(history: History) -> str:
    """What the validation accuracy counts: a number of several digits is right as a whole."""
    whole = "digit_accuracy" in history.measures
    return _("whole numbers right") if whole else _("val accuracy")


def _measures(history: History) -> list[tuple[str, float]]:
    return [(name, value) for name, value in history.measures.items() if name in _MEASURES]


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"


def _left(images: float, speed: float) -> str:
    if not speed:
        return "–"
    seconds = round(images / speed)
    hours, minutes = seconds // 3600, seconds // 60 % 60
    return f"{hours}:{minutes:02}:{seconds % 60:02}" if hours else f"{minutes}:{seconds % 60:02}"


def _progress(history: History, state: ev.State, building: ev.Progress | None) -> float | None:
    if state == "building":
        return building.fraction if building else None
    plan = history.plan
    if plan is None or not len(history.steps):
        return 0.0
    return min(1.0, history.position / plan.epochs)


def _message(history: History, state: ev.State, building: ev.Progress | None) -> str:
    finished = history.finished
    match state:
        case "idle":
            return _("Press Start to train, or Step to take one step at a time.")
        case "building":
            return building.text if building else _("Building the network …")
        case "running":
            return ""
        case "paused":
            return _("Paused. Resume goes on, Step takes one step.")
        case "stopping":
            return _("Stopping after this step …")
        case "done" if finished and not math.isnan(finished.best_val_accuracy):
            return _("Best validation accuracy {best:.3f}. Press Start for a new run.").format(
                best=finished.best_val_accuracy
            )
    return _("Press Start for a new run.")
