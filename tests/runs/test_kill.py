"""A kill at any instant: what was acknowledged is there, nothing is left lying about, the run goes on the same."""

import json
import os
import subprocess
import sys
from pathlib import Path
from queue import SimpleQueue

import pytest

from trainlab import events as ev
from trainlab.catalog.models import MLP
from trainlab.catalog.training import Training
from trainlab.engine import checkpoint
from trainlab.engine.trainer import Trainer
from trainlab.experiment import Experiment
from trainlab.runs import load_run, store, train

EXPERIMENT = Experiment(
    model=MLP(width=8), training=Training(epochs=80, batch_size=512, threads=1, save_every=0.1)
)
OWN = {
    *(store.EXPERIMENT, store.ENVIRONMENT, store.EVENTS, store.CHECKPOINTS, store.LOCK),
    "summary.json",
}
# One warm process; each of its forks goes on with the newest run that is not finished, or starts one.
ZYGOTE = """
import os, random, shutil, signal, sys, time
from pathlib import Path
from trainlab.engine import checkpoint, keeper
from trainlab.experiment import Experiment
from trainlab.runs import load_run, train

keeper.LEAST_GAP = 0  # a checkpoint every epoch: most kills hit one
file, root, kills, seed = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
experiment = Experiment.load(file)
random.seed(seed)
train(experiment.but(training=experiment.training.but(epochs=1)), file + ".warm")

def go_on(tell):
    runs = sorted(path for path in root.iterdir() if not path.name.startswith("."))
    on_event = lambda event: os.write(tell, b".")
    if runs and not load_run(runs[-1]).summary.get("epochs") and checkpoint.kept(runs[-1] / "checkpoints"):
        train(resume=runs[-1], on_event=on_event)
    else:
        train(experiment, root, on_event=on_event)

killed = 0
while killed < kills:
    seen, tell = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            go_on(tell)
            code = 0
        finally:
            os._exit(code)
    os.close(tell)
    share = random.choice([0.01, 0.02, 0.1])
    while os.read(seen, 1) and random.random() > share:  # an instant that events cannot foresee
        pass
    time.sleep(random.random() / 50)
    os.kill(child, signal.SIGKILL)
    _pid, status = os.waitpid(child, 0)
    os.close(seen)
    assert status in (0, signal.SIGKILL), status
    killed += status == signal.SIGKILL
    run = max(root.iterdir(), key=os.path.getmtime)
    shutil.copytree(run, Path(sys.argv[5]) / f"{killed:03d}" / run.name, dirs_exist_ok=True)
"""


def test_a_few_kills(runs: Path, tmp_path: Path) -> None:
    attacked(runs, tmp_path, kills=6, seed=3)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(4))
def test_a_hundred_kills(runs: Path, tmp_path: Path, seed: int) -> None:
    attacked(runs, tmp_path, kills=25, seed=seed)


def attacked(runs: Path, tmp_path: Path, kills: int, seed: int) -> None:
    """Kill runs, looking at what was left each time; then go on with each to its end."""
    if not hasattr(os, "fork"):
        pytest.skip("kills forks of one warm process")
    file, seen = tmp_path / "experiment.json", tmp_path / "seen"
    EXPERIMENT.save(file)
    arguments = [str(file), str(runs), str(kills), str(seed), str(seen)]
    subprocess.run([sys.executable, "-c", ZYGOTE, *arguments], check=True, timeout=1700)
    left = [folder for folder in sorted(seen.glob("*/*")) if not folder.name.startswith(".")]
    assert left
    for folder in left:
        look(folder)
    whole = list(Trainer(EXPERIMENT).run(SimpleQueue()))[-2]
    assert isinstance(whole, ev.Finished)
    resumed = [
        folder for folder in sorted(runs.iterdir()) if checkpoint.kept(folder / store.CHECKPOINTS)
    ]
    assert resumed
    for folder in resumed:
        run = train(resume=folder)
        assert run.summary["weights_sha256"] == whole.weights_sha256
        assert [*run.steps["step"]] == [*range(1, whole.steps + 1)]
        assert [*run.epochs["epoch"]] == [*range(1, EXPERIMENT.training.epochs + 1)]
        assert {path.name for path in folder.iterdir()} <= OWN
        names = [path.name for path in (folder / store.CHECKPOINTS).iterdir()]
        assert all(name.startswith("step-") for name in names)


def look(folder: Path) -> None:
    """What a kill left: the newest checkpoint that was acknowledged, and the record up to it."""
    run = load_run(folder)
    assert run.experiment == EXPERIMENT
    assert json.dumps(run.summary)
    events = [*store.read_events(folder)]
    saves = [event for event in events if isinstance(event, ev.Saved)]
    found, problems = checkpoint.newest(folder / store.CHECKPOINTS)
    assert problems == []
    if not saves:
        return
    assert checkpoint.load(folder / store.CHECKPOINTS / saves[-1].name).step == saves[-1].step
    assert found is not None
    assert found.step >= saves[-1].step
    epochs = [event.epoch for event in events if isinstance(event, ev.EpochEnd)]
    assert {*epochs} == {*range(1, max(epochs, default=0) + 1)}
    last = max(i for i, event in enumerate(events) if isinstance(event, ev.Saved))
    after = {event.epoch for event in events[last:] if isinstance(event, ev.EpochEnd)}
    # each epoch is saved at its end; a run that goes on repeats the one that was lost
    assert len(after) <= 1
    assert len(run.steps["step"]) >= saves[-1].step
