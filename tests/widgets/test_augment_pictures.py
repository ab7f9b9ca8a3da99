"""The Augment panel: what it draws is what training sees, and it is drawn in time."""

import base64
import io
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.clock import seconds
from trainlab.catalog.augmentations import (
    AugmentationChoice,
    ColourJitter,
    CutMix,
    GaussianNoise,
    HorizontalFlip,
    MixUp,
    Rotation,
    Shift,
    TrivialAugmentWide,
)
from trainlab.catalog.datasets import Digits, Images
from trainlab.engine.build import augmenter
from trainlab.engine.randomness import generator
from trainlab.engine.strength import tried
from trainlab.experiment import Experiment
from trainlab.widgets.pictures import Look, augment_pictures


@pytest.fixture(scope="module")
def photographs() -> Images:
    """Pictures of 32 pixels cut out of scikit-learn's photograph of a flower."""
    from sklearn.datasets import load_sample_image

    whole = torch.from_numpy(load_sample_image("flower.jpg").copy()).permute(2, 0, 1)
    pieces = whole.unfold(1, 32, 32).unfold(2, 32, 32).permute(1, 2, 0, 3, 4).flatten(0, 1)
    return Images(pieces.contiguous(), torch.arange(len(pieces)) % 2, ("one", "other"))


def look(data: Images, *choices: AugmentationChoice, draw: int = 0) -> Look:
    return Look(Experiment(augmentations=choices), data, draw)


def drawn(spec: dict[str, Any], columns: int, side: int) -> np.ndarray[Any, Any]:
    """The pictures of a grid: (rows, columns, side, side, 3)."""
    sheet = np.array(Image.open(io.BytesIO(base64.b64decode(spec["png"]))))[:, :, :3]
    rows = (sheet.shape[0] + 1) // (side + 1)
    cells = [
        [sheet[r * (side + 1) :, c * (side + 1) :][:side, :side] for c in range(columns)]
        for r in range(rows)
    ]
    return np.array(cells)


def test_originals_stand_above_the_draws_that_training_would_make(photographs: Images) -> None:
    one = look(photographs, Shift(padding=4), HorizontalFlip(), ColourJitter(), draw=3)
    spec = next(spec for spec in augment_pictures(one) if spec["id"] == "augmented")
    grid = drawn(spec, 8, 32)
    originals = one.sample(8)
    assert np.array_equal(grid[0], originals.permute(0, 2, 3, 1).numpy())
    augment = augmenter(one.experiment)
    assert augment is not None
    batch = augment(originals.div(255).repeat(3, 1, 1, 1), generator("look", 3))
    expected = batch.mul(255).round().byte().permute(0, 2, 3, 1).numpy()
    assert np.array_equal(grid[1:].reshape(24, 32, 32, 3), expected)


def test_each_change_is_shown_at_its_least_typical_and_greatest(photographs: Images) -> None:
    one = look(photographs, Rotation(degrees=90.0), GaussianNoise(p=0.1), MixUp())
    spec = next(spec for spec in augment_pictures(one) if spec["id"] == "strengths")
    grid = drawn(spec, 4, 32).astype(float)
    assert len(grid) == 2  # mixing has a picture of its own
    for row in grid:
        least, typical, greatest = (np.abs(cell - row[0]).mean() for cell in row[1:])
        assert 0 < least <= typical <= greatest
    assert np.abs(grid[0, 1] - grid[0, 0]).mean() < 0.3 * np.abs(grid[0, 3] - grid[0, 0]).mean()


def test_the_table_says_which_are_slow_and_how_slow(photographs: Images) -> None:
    one = look(photographs, ColourJitter(), TrivialAugmentWide())
    spec = next(spec for spec in augment_pictures(one) if spec["id"] == "strengths")
    _head, fast, slow = spec["html_rows"]
    assert fast[:2] == ["1. Colour jitter", "all images at once"]
    assert slow[:2] == ["2. TrivialAugmentWide", "one image at a time: slow"]
    images = one.sample(8).float().div(255)
    image = images[images.flatten(1).std(1).argmax()]  # the one with the most to see
    quick, long = (tried(choice, image) for choice in one.experiment.augmentations)
    assert long.milliseconds > 2 * quick.milliseconds
    shown = float(fast[2].removeprefix("about ").removesuffix(" ms").replace(",", ""))
    assert shown == pytest.approx(quick.milliseconds, abs=0.6)  # measured once, and kept


def test_mixed_images_say_of_what_they_are_made(photographs: Images) -> None:
    one = look(photographs, MixUp(alpha=1.0))
    by_id = {spec["id"]: spec for spec in augment_pictures(one)}
    assert "strengths" not in by_id
    assert "Nothing is changed" in by_id["augmented"]["caption"]
    grid, rows = drawn(by_id["mixed"], 8, 32).astype(float), by_id["mixed"]["html_rows"][1:]
    for i, (number, parts) in enumerate(rows):
        assert number == str(i + 1)
        expected = sum(
            float(share.rstrip("%")) / 100 * grid[0, int(image) - 1]
            for share, image in (part.split(" of ") for part in parts.split(", "))
        )
        assert np.abs(grid[1, i] - expected).max() <= 0.015 * 255 + 1


def test_warnings_stand_above_the_pictures() -> None:
    digits = Digits().load()
    first, *_rest = augment_pictures(look(digits, HorizontalFlip(), Rotation(), CutMix()))
    assert first["id"] == "labels"
    assert "Horizontal flip may change the class of Digits" in first["caption"]
    assert "Rotation" not in first["caption"]
    assert augment_pictures(look(digits, Rotation()))[0]["id"] == "augmented"


def test_points_have_no_pictures() -> None:
    points = Images(torch.rand(20, 2, 1, 1), torch.arange(20) % 2, ("one", "other"))
    (spec,) = augment_pictures(look(points, GaussianNoise()))
    assert spec["png"] is None
    assert "points" in spec["caption"]


@pytest.mark.alone
def test_twenty_previews_take_at_most_100_ms_each(
    photographs: Images, record_property: Callable[[str, object], None]
) -> None:
    """After a change of a setting, or with new draws."""
    augment_pictures(look(photographs, Shift()))
    looks = [
        look(
            photographs, Shift(padding=4), HorizontalFlip(),
            ColourJitter(brightness=0.1 + number // 2 / 50), draw=number,
        )
        for number in range(20)
    ]  # fmt: skip
    times = [seconds(partial(augment_pictures, one))[0] for one in looks]
    record_property("augment preview, p95 of 20, ms", round(1000 * sorted(times)[18]))
    assert sorted(times)[18] <= 0.1
