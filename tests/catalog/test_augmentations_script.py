"""The exported script changes colour images as the lab does. (The conformance tests have grey ones.)"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from tests.conformance.playing import Cases, Played
from trainlab.experiment import Experiment

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


def test_the_script_repeats_a_run_on_colour_images(
    tmp_path: Path, play: Callable[[Cases], dict[str, Played]]
) -> None:
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
    one = play({"colour": experiment})["colour"]
    assert one.script == one.lab
