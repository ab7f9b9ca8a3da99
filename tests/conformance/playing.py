"""Playing: an experiment trained in the lab, and by its script, in a process that cannot import trainlab."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from trainlab import events as ev
from trainlab.engine.trainer import Trainer
from trainlab.experiment import Experiment
from trainlab.export import script

MEANS = ("train_loss", "val_loss", "val_accuracy")
PLAYER = """
import contextlib, io, json, sys, traceback
sys.modules["trainlab"] = None  # an import of it fails
for line in sys.stdin:
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(json.loads(line), "script", "exec"), {"__name__": "__main__"})
        print(printed.getvalue().splitlines()[-1], flush=True)
    except Exception:
        print(json.dumps(traceback.format_exc()), flush=True)
"""

SMALL: dict[str, Any] = {
    "model": {"kind": "mlp", "width": 16, "depth": 1},
    "optimizer": {"kind": "adamw", "lr": 0.01},
    "split": {"kind": "stratified", "validation_share": 0.6},
    "training": {"epochs": 2, "threads": 1},
}
Result = dict[str, Any]
Cases = dict[str, Experiment]


@dataclass(frozen=True)
class Played:
    """What the lab and the script say of one experiment, and the loss of each of the lab's steps."""

    lab: Result
    script: Result | str
    losses: list[float]


def merged(base: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """`base` with the settings of `change`; another kind comes without the settings of the first."""
    if change.get("kind", base.get("kind")) != base.get("kind"):
        return change
    return base | {
        key: merged(base[key], value) if isinstance(base.get(key), dict) and isinstance(value, dict) else value
        for key, value in change.items()
    }  # fmt: skip


def small(case: dict[str, Any]) -> Experiment:
    """An experiment with this in it that takes some twenty steps."""
    experiment = Experiment.from_data(merged(SMALL, case))
    if experiment.optimizer.full_batch:  # one step an epoch
        return experiment.but(training=experiment.training.but(epochs=20))
    return experiment


def trained(experiment: Experiment) -> tuple[Result, list[float]]:
    """The lab's own run: what the script has to print, and the losses."""
    result: Result = {name: [] for name in MEANS}
    losses: list[float] = []
    for event in Trainer(experiment).run(SimpleQueue()):
        match event:
            case ev.Steps():
                losses += event.loss
            case ev.EpochEnd():
                for name in MEANS:
                    result[name].append(getattr(event, name))
            case ev.Finished():
                result["weights_sha256"] = event.weights_sha256
    return result, losses


def ruff(folder: Path, *arguments: str) -> None:
    """What ruff thinks of every script in a folder."""
    from ruff import find_ruff_bin  # type: ignore[import-untyped]

    command = [find_ruff_bin(), *arguments, "--isolated", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def replay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Result | str]]:
    """Runs a script: the JSON of its last line, or its traceback."""
    command, folder = [sys.executable, "-I", "-c", PLAYER], tmp_path_factory.mktemp("player")
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=folder, stdin=pipe, stdout=pipe, text=True) as player:
        assert player.stdin is not None
        assert player.stdout is not None
        out, back = player.stdin, player.stdout

        def replayed(text: str) -> Result | str:
            out.write(json.dumps(text) + "\n")
            out.flush()
            result: Result | str = json.loads(back.readline())
            return result

        yield replayed
        out.close()


@pytest.fixture(scope="session")
def play(
    replay: Callable[[str], Result | str], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Cases], dict[str, Played]]:
    """Trains experiments in the lab and by their scripts, about which ruff has nothing to say."""

    def both(cases: Cases) -> dict[str, Played]:
        folder = tmp_path_factory.mktemp("scripts")
        scripts = {name: script(experiment) for name, experiment in cases.items()}
        for number, text in enumerate(scripts.values()):
            (folder / f"script_{number}.py").write_text(text, encoding="utf-8")
        ruff(folder, "format", "--check", "--diff", "--line-length=88")
        # BLE001: a data set may catch whatever Pillow raises
        ruff(folder, "check", "--no-cache", "--extend-ignore=BLE001")
        lab = {name: trained(experiment) for name, experiment in cases.items()}
        return {name: Played(lab[name][0], replay(scripts[name]), lab[name][1]) for name in cases}

    return both
