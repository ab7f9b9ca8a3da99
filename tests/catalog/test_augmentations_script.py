"""The exported script changes colour images as the lab does. (The conformance tests have grey ones.)"""

import json
import subprocess
import sys
from pathlib import Path
from queue import SimpleQueue

import numpy as np
import torch
from PIL import Image

from trainlab import events as ev
from trainlab.engine.trainer import Trainer
from trainlab.experiment import Experiment
from trainlab.export import script

COLOURS = [
    "shift",
    "colour_jitter",
    "hsv_jitter",
    {"kind": "pca_colour", "std": 1.0},
    {"kind": "grayscale", "p": 0.3},
    "resized_crop",
    {"kind": "auto_augment", "p": 0.3},
    {"kind": "erasing", "p": 0.5},
    {"kind": "cutmix", "p": 0.5},
]


def test_the_script_repeats_a_run_on_colour_images(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    for number in range(48):
        folder = tmp_path / "images" / ("warm" if number % 2 else "cold")
        folder.mkdir(parents=True, exist_ok=True)
        tint = np.array([1.0, 0.8, 0.5] if number % 2 else [0.5, 0.8, 1.0])
        pixels = (draw.random((16, 16, 1)) * tint * 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    experiment = Experiment.from_data(
        {
            "dataset": {"kind": "folder", "root": str(tmp_path / "images"), "size": 16},
            "augmentations": COLOURS,
            "model": {"kind": "convnet", "width": 8, "stages": 1},
            "training": {"epochs": 2, "batch_size": 16, "threads": 1, "device": "cpu"},
        }
    )
    (ours,) = [
        event.weights_sha256
        for event in Trainer(experiment).run(SimpleQueue())
        if isinstance(event, ev.Finished)
    ]
    torch.set_flush_denormal(False)  # the run had it on for this thread
    path = tmp_path / "script.py"
    path.write_text(script(experiment), encoding="utf-8")
    command = [sys.executable, "-I", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["weights_sha256"] == ours
