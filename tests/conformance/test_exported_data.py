"""Every data set trains, and the script reads it as the lab does."""

import itertools
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.catalog.published import Publisher, real_digits, real_photos
from tests.conformance.playing import SMALL, Cases, Played, merged
from trainlab.catalog.datasets import CIFAR10, CIFAR100, MNIST, SVHN, Digits, Flowers102
from trainlab.catalog.datasets.famous import Famous
from trainlab.choice import choices
from trainlab.experiment import Experiment


def test_data_sets_are_repeated(
    shared: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    play: Callable[[Cases], dict[str, Played]],
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = _image_folder(tmp_path / 'it\'s "mine"')
    sets = {
        "digits": {"kind": "digits"},
        "mnist": {"kind": "mnist", "root": str(shared / "data" / "mnist"), "split": "test"},
        "folder": {"kind": "folder", "root": str(folder), "size": 16},
        "grey": {"kind": "folder", "root": str(folder), "size": 12, "grey": True},
        "zip": {"kind": "zip", "path": _zipped(folder), "size": 12},
        "spiral": {"kind": "spiral", "points": 200, "arms": 4},
        "circles": {"kind": "circles", "points": 200},
        "moons": {"kind": "moons", "points": 200, "seed": 3},
        "xor": {"kind": "xor", "points": 200, "noise": 0.0},
        "numbers": {"kind": "numbers", "count": 300},
        "house numbers": {"kind": "svhn_numbers", "root": _house_numbers(folder), "size": 16},
    }
    split = {"kind": "stratified", "validation_share": 0.8}
    cases = {
        name: Experiment.from_data(merged(SMALL, {"dataset": data, "split": split}))
        for name, data in sets.items()
    }
    for kind, name in itertools.product(("grouped", "file_time"), ("folder", "zip", "numbers")):
        case = {"dataset": sets[name], "split": kind}
        cases[f"{name}, {kind}"] = Experiment.from_data(merged(SMALL, case))
    for name, one in play(cases).items():
        assert one.script == one.lab, name


def test_famous_data_sets_are_repeated(
    shared: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    play: Callable[[Cases], dict[str, Played]],
) -> None:
    """Small ones in the published formats; all but those that torchvision checks whenever it reads them."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "published"
    publisher = Publisher(folder, monkeypatch, real_digits(shared), real_photos(shared))
    checked = (MNIST, CIFAR10, CIFAR100, SVHN, Flowers102)
    cases = {}
    for choice in choices(Famous):
        if choice not in checked:
            publisher.publish(choice)
            data = choice.model_validate({"kind": choice.kind_name(), "root": str(folder)})
            assert list(data.fetch())  # into the store: the archives have their names in common
            size = {"size": 16} if "size" in choice.model_fields else {}
            split = {"kind": "random", "validation_share": 0.4}
            case = {"dataset": {"kind": choice.kind_name(), **size}, "split": split}
            cases[choice.kind_name()] = Experiment.from_data(merged(SMALL, case))
    assert len(cases) >= 7
    for name, one in play(cases).items():
        assert one.script == one.lab, name


def _image_folder(root: Path) -> Path:
    """Sixty digits as PNG files, in a folder a class."""
    data = Digits().load()
    for number in range(60):
        folder = root / f"class {int(data.labels[number])}"
        folder.mkdir(parents=True, exist_ok=True)
        pixels = data.images[number, 0].numpy()
        Image.fromarray(pixels).resize((20, 24)).save(folder / f"{number}.png")
    return root


def _zipped(root: Path) -> str:
    """The folder as a zip, with a file in it that is no image."""
    path = root.parent / "own.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in root.rglob("*.png"):
            archive.write(file, file.relative_to(root.parent))
        archive.writestr(f"{root.name}/class 0/words.png", "no image")
    return str(path)


def _house_numbers(root: Path) -> str:
    """The folder's images listed as numbers of one or two digits, beside each other."""
    box = {"left": 3, "top": 2, "width": 8, "height": 20}
    listed = [
        {
            "filename": str(file.relative_to(root)),
            "boxes": [box | {"label": 1 + row % 10}, box | {"label": 7, "left": 9}][: 1 + row % 2],
        }
        for row, file in enumerate(sorted(root.rglob("*.png")))
    ]
    (root / "digitStruct.json").write_text(json.dumps(listed))
    return str(root)
