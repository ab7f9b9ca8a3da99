"""The exported script: short, readable, on its own."""

import ast
import json
import subprocess
import sys
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from trainlab import events as ev
from trainlab.catalog.datasets import Digits, Images
from trainlab.engine.trainer import Trainer
from trainlab.experiment import Experiment
from trainlab.export import script, tidy


def exported(**data: Any) -> str:
    return script(Experiment.from_data(data), threads=1)


def test_the_default_is_short_and_knows_nothing_of_trainlab() -> None:
    text = exported()
    assert text.count("\n") <= 230
    assert max(len(line) for line in text.splitlines()) <= 88
    imported = [line for line in text.splitlines() if line.startswith(("import", "from"))]
    assert not [line for line in imported if "trainlab" in line]


def test_a_file_run_by_itself_prints_the_runs_numbers(tmp_path: Path) -> None:
    experiment = Experiment.from_data({"training": {"epochs": 1, "threads": 1}})
    path = tmp_path / "train.py"
    path.write_text(script(experiment), encoding="utf-8")
    command = [sys.executable, "-I", str(path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    printed = json.loads(done.stdout.splitlines()[-1])
    events = list(Trainer(experiment).run(SimpleQueue()))
    epochs = [event for event in events if isinstance(event, ev.EpochEnd)]
    (finished,) = [event for event in events if isinstance(event, ev.Finished)]
    assert printed == {
        "train_loss": [epoch.train_loss for epoch in epochs],
        "val_loss": [epoch.val_loss for epoch in epochs],
        "val_accuracy": [epoch.val_accuracy for epoch in epochs],
        "weights_sha256": finished.weights_sha256,
    }
    assert done.stderr == ""


def test_nothing_included_is_overwritten_by_the_loop() -> None:
    tree = ast.parse(exported(augmentations=["shift"], regularizers=["l2"], loss="mse"))
    defined = {n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    outside = [n for n in tree.body if not isinstance(n, ast.FunctionDef | ast.ClassDef)]
    assigned = {
        node.id
        for part in outside
        for node in ast.walk(part)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    assert not defined & assigned


def test_threads_are_those_of_the_run_then_the_chosen_ones() -> None:
    experiment = Experiment.from_data({"training": {"threads": 3}})
    assert "torch.set_num_threads(3)" in script(experiment)
    assert "torch.set_num_threads(2)" in script(experiment, threads=2)


def test_devices_and_compilation_are_written_out() -> None:
    assert 'torch.device("cuda" if torch.cuda.is_available() else "cpu")' in exported()
    text = exported(training={"device": "cuda:1", "compile": True, "precision": "bfloat16"})
    assert 'device = torch.device("cuda:1")' in text
    assert "forward = torch.compile(model)" in text
    assert "F.cross_entropy(forward(inputs), targets)" in text
    assert "logits = forward(" in text
    assert "with torch.no_grad(), torch.autocast(device.type, torch.bfloat16):" in text


def test_the_length_of_the_run_follows_from_the_scripts_own_settings() -> None:
    assert "total_steps=EPOCHS * steps_per_epoch" in exported(schedule="onecycle")
    assert "T_max=EPOCHS * steps_per_epoch" in exported(schedule="cosine")


def test_only_what_differs_from_the_targets_defaults_is_printed() -> None:
    adamw = "torch.optim.AdamW(decay_groups(model.parameters()), {}fused=True)"
    assert adamw.format("") in exported()
    assert adamw.format("lr=0.003, ") in exported(optimizer={"kind": "adamw", "lr": 0.003})
    assert adamw.format("eps=1e-6, ") in exported(optimizer={"kind": "adamw", "eps": 1e-6})


def test_dropout_is_seeded_only_where_there_is_some() -> None:
    seeding = 'torch.manual_seed(key_seed(SEED, "noise", step))'
    assert seeding not in exported()
    assert seeding in exported(model={"kind": "convnet", "dropout": 0.5})


def test_images_that_are_loaded_already_are_not_loaded_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images = Digits().load()

    def fails(_self: Digits) -> Images:
        raise AssertionError

    monkeypatch.setattr(Digits, "load", fails)
    assert script(Experiment(), 1, images).startswith('"""ConvNet on Digits')


@pytest.mark.parametrize(
    "name",
    ['"""); import antigravity; ("', "'; import antigravity; '", "line\nbreak", "\\", "数字"],
)
def test_a_folders_name_stays_a_name(name: str) -> None:
    experiment = Experiment.from_data({"dataset": {"kind": "folder", "root": f"/data/{name}"}})
    tree = ast.parse(script(experiment, 1, Digits().load()))
    words = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    assert f"/data/{name}" in words
    assert "antigravity" not in [
        a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names
    ]


def test_without_ruff_the_script_is_the_same_program(monkeypatch: pytest.MonkeyPatch) -> None:
    with_ruff = exported()
    monkeypatch.setitem(sys.modules, "ruff", None)
    plain = exported()
    assert plain != with_ruff
    monkeypatch.undo()
    assert tidy.tidy(plain) == with_ruff
