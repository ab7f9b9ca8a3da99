"""Readable: the tables of a run for spreadsheets, and a text that says what is what."""

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from trainlab import events as ev
from trainlab.export.script import WARNING
from trainlab.runs import Run
from trainlab.runs.history import Array

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how a text begins that a spreadsheet would compute


def csv_of_table(columns: Mapping[str, Array]) -> str:
    """Columns of numbers as CSV, with their names; what is no number is left empty."""
    return _csv(columns, zip(*(column.tolist() for column in columns.values()), strict=True))


def csv_of_edits(edits: Sequence[ev.Edited]) -> str:
    """A line for each changed setting: after which step, which, and its new value."""
    rows = [
        (
            edit.step,
            edit.position,
            path,
            value if isinstance(value, str | float | int) else json.dumps(value),
        )
        for edit in edits
        for path, value in edit.changes.items()
    ]
    return _csv(("after_step", "epochs_done", "setting", "value"), rows)


def cell(value: Any) -> str:
    """A value in a spreadsheet: numbers as they are, and a text that looks like a formula made plain."""
    if isinstance(value, float):
        if not math.isfinite(value):
            return ""
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(FORMULA) else text


def readme(run: Run, moments: Mapping[str, int], without: str) -> str:
    """What is in a bundle. `moments`: the steps of its checkpoints, by what they are; `without`: why no script is."""
    x, best = run.experiment, run.summary.get("best_val_accuracy")
    title = (
        f"{x.model.title()} on {x.dataset.title()}, trained with {x.optimizer.title()}: {run.state}"
    )
    bug = [WARNING, ""] if run.sabotage else []
    lines = [
        *bug,
        run.path.name,
        title + (f", best validation accuracy {best:.4f}" if best else ""),
        "",
    ]
    lines += [
        f"{name:<18}{what}"
        for name, what in CONTENTS.items()
        if not without or "train." not in name
    ]
    lines += [f"{'no train.py':<18}{without}"] if without else []
    for step in dict.fromkeys(moments.values()):
        what = " and ".join(name for name, at in moments.items() if at == step)
        lines.append(
            f"checkpoints/step-{step:08d}/  the {what} weights, and all to go on from there"
        )
    if moments:
        path = f"checkpoints/step-{[*moments.values()][-1]:08d}/weights.safetensors"
        lines += [
            "",
            "The weights are safetensors, under the names they have in train.py:",
            "",
            "    from safetensors.torch import load_file",
            f'    model.load_state_dict(load_file("{path}"))',
        ]
    return "\n".join([*lines, "", OPENED, ""])


CONTENTS = {
    "experiment.json": "every setting, as the run was started; `trainlab train` reads it",
    "experiment.toml": "the same",
    "edits.csv": "what was changed while it trained",
    "steps.csv": "loss, accuracy and learning rate of each step",
    "epochs.csv": "the means of each epoch, in training and in validation",
    "curves.png, .svg": "these as a picture",
    "train.py, .ipynb": "the run as a plain PyTorch program, edits included",
    "environment.json": "the machine and the versions it ran on",
    "events.jsonl": "all that the run reported, a line an event",
}
OPENED = (
    "In the lab, `Open a run ...` takes this zip: there it can be looked at, resumed and branched."
)


def _csv(names: Iterable[str], rows: Iterable[Sequence[Any]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(names)
    writer.writerows([cell(value) for value in row] for row in rows)
    return buffer.getvalue()
