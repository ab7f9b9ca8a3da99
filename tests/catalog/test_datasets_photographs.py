"""The well-known sets of photographs: decoded once, as squares, and all of them or told."""

import os
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torchvision import datasets as theirs

from tests.catalog.published import (
    Publisher,
    files,
    scripted,
    square,
)
from trainlab.catalog.datasets import (
    GTSRB,
    Flowers102,
    Imagenette,
    OxfordIIITPet,
)
from trainlab.catalog.datasets import files as images_in_files
from trainlab.catalog.datasets.base import Pace
from trainlab.errors import Problem

pytestmark = pytest.mark.usefixtures("cache")


def test_gtsrb(publisher: Publisher, cache: Path, tmp_path: Path) -> None:
    publisher.gtsrb()
    choice = GTSRB(root=str(publisher.folder))
    found = choice.load()
    assert found.labels.tolist() == [n // 2 for n in range(86)]
    paths = [cache / name for name in found.names]
    assert torch.equal(found.images, torch.stack([square(Image.open(p), 32) for p in paths]))
    assert scripted(choice, tmp_path, GTSRB.names_target) == list(found.names)
    assert found.classes[0] == "Speed limit 20"
    assert found.classes[14] == "Stop"
    assert found.classes[42] == "End of no passing for lorries"
    assert len(found.classes) == 43
    test = choice.but(split="test").load()
    assert torch.equal(test.images, found.images.flip(0))
    assert torch.equal(test.labels, found.labels.flip(0))


@pytest.mark.parametrize(("split", "first"), [("train", 1), ("val", 103), ("test", 205)])
def test_flowers(split: Any, first: int, publisher: Publisher, cache: Path) -> None:
    publisher.flowers102()
    found = Flowers102(root=str(publisher.folder), split=split, size=30).load()
    assert found.labels.tolist() == list(range(101, -1, -1))
    assert found.names == tuple(f"image_{n:05d}.jpg" for n in range(first, first + 102))
    paths = [cache / "flowers-102" / "jpg" / name for name in found.names]
    assert torch.equal(found.images, torch.stack([square(Image.open(p), 30) for p in paths]))
    assert found.classes[:2] == ("pink primrose", "hard-leaved pocket orchid")
    assert len(found.classes) == 102


@pytest.mark.parametrize("split", ["trainval", "test"])
def test_pets(split: Any, publisher: Publisher, cache: Path) -> None:
    publisher.oxford_pets()
    found = OxfordIIITPet(root=str(publisher.folder), split=split, size=32).load()
    assert found.labels.tolist() == list(range(37))
    folder = cache / "oxford-iiit-pet" / "images"
    paths = [folder / f"{name}.jpg" for name in found.names]
    assert torch.equal(found.images, torch.stack([square(Image.open(p), 32) for p in paths]))
    assert found.classes[:2] == ("Bat Of 0", "Cat Of 1")
    assert not list(cache.rglob("trimaps"))


@pytest.mark.parametrize("published", ["160px", "320px", "full"])
@pytest.mark.parametrize("split", ["train", "val"])
def test_imagenette(split: Any, published: Any, publisher: Publisher) -> None:
    publisher.imagenette()
    choice = Imagenette(root=str(publisher.folder), split=split, published=published)
    found = choice.load()
    assert found.images.shape == (20, 3, 64, 64)
    assert found.labels.tolist() == [n // 2 for n in range(20)]
    assert found.classes[0] == "tench"
    assert found.classes[9] == "parachute"
    assert all(f"/{split}/" in name for name in found.names)


def test_photographs_are_decoded_once(publisher: Publisher, cache: Path) -> None:
    publisher.imagenette()
    choice = Imagenette(root=str(publisher.folder))
    told = [progress.text for progress in choice.fetch()]
    assert any(text.startswith("Unpacking imagenette2-160.tgz") for text in told)
    assert any(text.startswith("Reading images") for text in told)
    assert [progress.text for progress in choice.fetch()] == ["Checking Imagenette"]
    first = choice.load().images
    assert len(list(cache.rglob("*.npz"))) == 1
    assert choice.but(size=16).load().images.shape[2:] == (16, 16)
    assert torch.equal(choice.load().images, first)


def test_a_folder_that_is_not_complete_is_told(
    publisher: Publisher, cache: Path, tmp_path: Path
) -> None:
    publisher.gtsrb()
    choice = GTSRB(root=str(publisher.folder))
    choice.load()
    mine = cache.rename(tmp_path / "mine")
    (mine / "gtsrb" / "GTSRB" / "Training" / "00007" / "00001_00000.ppm").unlink()
    found = GTSRB(root=str(mine)).load()
    assert len(found.images) == 85
    assert found.notes == ("85 of 86 images: the folder is not complete",)


def test_a_list_that_is_damaged(publisher: Publisher, cache: Path) -> None:
    publisher.oxford_pets()
    choice = OxfordIIITPet(root=str(publisher.folder))
    choice.load()
    (cache / "oxford-iiit-pet" / "annotations" / "trainval.txt").write_text("nonsense")
    with pytest.raises(Problem, match=r"Oxford-IIIT Pets: its files in .* cannot be read"):
        choice.load()


def test_too_large_for_the_memory_is_refused_before_the_download() -> None:
    with pytest.raises(Problem, match="more than 4 GiB") as caught:
        GTSRB(size=256).load()
    assert caught.value.why == "26640 images of 256 x 256 pixels"
    assert "size of 231 or less" in caught.value.remedy
    assert 26_640 * 3 * 231**2 <= images_in_files.MAX_BYTES < 26_640 * 3 * 232**2
    with pytest.raises(Problem, match="could not be downloaded"):
        GTSRB(size=231).load()


def test_stopping_while_unpacking_leaves_nothing(
    publisher: Publisher, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher.gtsrb()
    monkeypatch.setattr(Pace, "due", lambda _self: True)
    fetching = GTSRB(root=str(publisher.folder)).fetch()
    for progress in fetching:
        if progress.text == "Unpacking GTSRB-Training_fixed.zip: 40 files":
            break
    assert len(files(cache)) == 40
    assert not (cache / "gtsrb").exists()  # nothing under its name yet
    fetching.close()  # type: ignore[attr-defined]
    assert files(cache) == []
    assert len(GTSRB(root=str(publisher.folder)).load().images) == 86


def test_what_a_killed_process_left_is_tidied_up(publisher: Publisher, cache: Path) -> None:
    publisher.imagenette()
    left = [cache / f".unpacking-{name}" / "imagenette2-160" for name in ("old", "busy")]
    for folder in left:
        folder.mkdir(parents=True)
        (folder / "half").write_bytes(b"half a photograph")
    two_days_ago = time.time() - 2 * 24 * 3600
    os.utime(left[0].parent, (two_days_ago, two_days_ago))
    list(Imagenette(root=str(publisher.folder)).fetch())
    assert [path.name for path in cache.glob(".*")] == [".unpacking-busy"]


def test_a_full_disk_while_unpacking(
    publisher: Publisher, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher.gtsrb()

    def full(*_arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("shutil.copyfileobj", full)
        with pytest.raises(Problem, match="cannot be written") as caught:
            GTSRB(root=str(publisher.folder)).load()
    assert "No space left" in caught.value.why
    assert files(cache) == []


def test_an_archive_of_another_form(
    publisher: Publisher, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher.imagenette()
    url, _md5 = theirs.Imagenette._ARCHIVES["160px"]
    body = (publisher.folder / "imagenette2-320.tgz").read_bytes()
    sums = (url, publisher.put("imagenette2-160.tgz", body))
    monkeypatch.setitem(theirs.Imagenette._ARCHIVES, "160px", sums)
    with pytest.raises(Problem, match=r"imagenette2-160\.tgz lacks imagenette2-160"):
        Imagenette(root=str(publisher.folder)).load()
    assert files(cache) == []
