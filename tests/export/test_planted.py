"""What is exported of a run with a planted bug: the sound one, which begins by saying so, loudly."""

import io
import json
import zipfile
from pathlib import Path

import pytest

from trainlab.cli import main
from trainlab.experiment import Experiment
from trainlab.export import bundle, from_link, notebook, script, script_of, to_link, unbundle
from trainlab.runs import Run, load_run, train

NAME = "softmax_twice"
LOUD = "BEWARE: A LESSON PLANTED A BUG IN THE RUN."
WITHOUT = "THE SCRIPT TRAINS WITHOUT IT, SO ITS NUMBERS DIFFER FROM THE RUN'S."
SMALL = Experiment.from_data(
    {
        "model": {"kind": "mlp", "width": 8},
        "training": {"epochs": 1, "batch_size": 256, "threads": 1},
    }
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(SMALL, tmp_path_factory.mktemp("runs"), sabotage=NAME)


def test_the_script_is_the_sound_one_and_says_so_first(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    text = script_of(run)
    assert text.startswith(f'"""{LOUD}\n\n{WITHOUT}\n\n')
    assert "repeats the lab's run" not in text
    sound = script(SMALL, run.threads)
    assert text.partition('\n"""\n')[2] == sound.partition('\n"""\n')[2] != ""
    assert "BUG" not in sound
    assert NAME not in text  # it is to be found
    first = "".join(json.loads(notebook(text))["cells"][0]["source"])
    assert first.startswith(f"# {LOUD.rstrip('.')}\n\n{WITHOUT}")
    assert main(["export", str(run.path)]) == 0
    assert capsys.readouterr().out == text


def test_a_bundle_says_so_first_and_opens_as_what_it_is(run: Run, runs: Path) -> None:
    file = io.BytesIO()
    bundle(run, file)
    with zipfile.ZipFile(file) as archive:
        readme, code, cells = (
            archive.read(f"{run.path.name}/{name}").decode()
            for name in ("README.txt", "train.py", "train.ipynb")
        )
    assert readme.startswith(f"{LOUD}\n\n{WITHOUT}\n")
    assert (code, cells) == (script_of(run), notebook(code))
    assert load_run(unbundle(file, runs)).sabotage == NAME


def test_a_link_is_of_the_sound_experiment(run: Run) -> None:
    assert from_link(to_link(run.experiment)) == SMALL
