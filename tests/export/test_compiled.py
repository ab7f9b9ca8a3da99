"""A compiled network: the script compiles too, and its dropout draws the lab's numbers."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from queue import SimpleQueue

import pytest

from trainlab import events as ev
from trainlab.catalog.models import MLP
from trainlab.catalog.training import Training
from trainlab.engine.trainer import Trainer
from trainlab.experiment import Experiment
from trainlab.export import script


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("ignore")  # the compiler warns of its own doings
@pytest.mark.skipif(not shutil.which("c++"), reason="torch.compile needs a C++ compiler")
def test_a_compiled_run_is_replayed(tmp_path: Path) -> None:
    training = Training(epochs=2, batch_size=256, threads=1, compile=True)
    experiment = Experiment(model=MLP(width=16, depth=1, dropout=0.3), training=training)
    events = [*Trainer(experiment).run(SimpleQueue())]
    finished = next(event for event in events if isinstance(event, ev.Finished))
    path = tmp_path / "train.py"
    path.write_text(script(experiment))
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1])["weights_sha256"] == finished.weights_sha256
