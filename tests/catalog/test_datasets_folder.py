"""A folder of one's own images: what is read, what is left out, what is refused."""

import os
import random
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.catalog.own_images import draw, refused, scripted, two_classes
from trainlab.catalog.datasets import ImageFolder, Images, decoded, files
from trainlab.catalog.splits import latest_files


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / "cache" / name)
    return tmp_path / "cache" / "trainlab" / "datasets" / "folders"


@pytest.fixture(scope="module")
def originals(shared: Path) -> dict[str, bytes]:
    """Some real photographs of two classes: as few as the order of the large archive allows."""
    found: dict[str, bytes] = {}
    with tarfile.open(shared / "data" / "cifar10-train.tar.xz") as tar:
        for item in tar:
            name = item.name.removeprefix("train/")
            stream = tar.extractfile(item) if item.isfile() else None
            kind = name.split("/")[0]
            if stream is not None and sum(other.startswith(kind) for other in found) < 30:
                found[name] = stream.read()
            if len(found) == 60:
                break
    return found


@pytest.fixture
def photos(originals: dict[str, bytes], tmp_path: Path) -> Path:
    for name, body in originals.items():
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return tmp_path / "photos"


def same(one: Images, other: Images) -> bool:
    return (
        torch.equal(one.images, other.images)
        and torch.equal(one.labels, other.labels)
        and (one.classes, one.notes, one.names) == (other.classes, other.notes, other.names)
    )


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("size", [16, 32, 40])
def test_real_photographs(
    size: int, grey: bool, photos: Path, originals: dict[str, bytes], tmp_path: Path
) -> None:
    choice = ImageFolder(root=str(photos), size=size, grey=grey)
    found = choice.load()
    assert found.images.shape == (60, 1 if grey else 3, size, size)
    assert (found.images.dtype, found.labels.dtype) == (torch.uint8, torch.int64)
    assert found.images.is_contiguous()
    assert found.labels.tolist() == [0] * 30 + [1] * 30
    assert (found.classes, found.notes) == (("airplane", "automobile"), ())
    images, labels, names = scripted(choice, tmp_path)
    assert torch.equal(images, found.images)
    assert torch.equal(labels, found.labels)
    assert names == list(found.names)
    assert sorted(names) == sorted(originals)
    if size == 32 and not grey:
        first = np.asarray(Image.open(photos / "airplane" / "0000.jpg")).transpose(2, 0, 1)
        assert np.array_equal(found.images[0].numpy(), first)


def test_the_latest_files_of_every_class_can_be_held_out(photos: Path) -> None:
    found = ImageFolder(root=str(photos), size=8).load()
    train, val = latest_files(found.labels, torch.Generator(), list(found.names), 0.5)
    held = [found.names[row] for row in val.tolist()]
    assert {name.split("/")[0] for name in held} == {"airplane", "automobile"}
    earlier = max(found.names[row].split("/")[1] for row in train.tolist())
    assert earlier <= min(name.split("/")[1] for name in held)


def test_reading_is_told_and_kept(photos: Path, cache: Path) -> None:
    choice = ImageFolder(root=str(photos))
    told = list(choice.fetch())
    assert told[0].text == "Reading images: 0 of 60"
    assert list(choice.fetch()) == []
    assert len(list(cache.iterdir())) == 1
    first = choice.load()
    assert same(choice.load(), first)
    (photos / "automobile" / "new.png").write_bytes((photos / "airplane/0000.jpg").read_bytes())
    assert len(choice.load().images) == 61
    (photos / "aaa").mkdir()
    assert choice.load().labels[0] == 1
    for size in range(8, 20):
        choice.but(size=size).load()
    assert len(list(cache.iterdir())) == decoded.KEPT


def test_a_stopped_reading_leaves_nothing(photos: Path, cache: Path) -> None:
    reading = ImageFolder(root=str(photos)).fetch()
    next(reading)
    del reading
    assert not cache.exists()


def test_a_damaged_kept_file_is_noticed(photos: Path, cache: Path) -> None:
    choice = ImageFolder(root=str(photos), size=8)
    first = choice.load()
    draws = random.Random(0)
    for number in range(30):
        (kept,) = cache.iterdir()
        body = bytearray(kept.read_bytes())
        if number % 3:
            body[draws.randrange(len(body))] ^= 1 << draws.randrange(8)
        else:
            body = body[: draws.randrange(len(body))]
        kept.write_bytes(body)
        assert same(choice.load(), first)


def test_a_store_that_cannot_be_written_costs_only_time(photos: Path, cache: Path) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_text("in the way")
    choice = ImageFolder(root=str(photos))
    assert list(choice.fetch())
    assert len(choice.load().images) == 60


def test_natural_order_and_hidden_names(tmp_path: Path) -> None:
    root = tmp_path / "data"
    for name in ("class10", "class9", "Class1"):
        for file in ("img2.png", "img10.png", "IMG1.png"):
            draw(root / name / file)
    (root / ".git").mkdir()
    (root / "Class1" / ".DS_Store").write_bytes(b"x")
    (root / "readme.txt").write_text("beside the classes")
    found = ImageFolder(root=str(root)).load()
    assert (found.classes, found.notes) == (("Class1", "class9", "class10"), ())
    assert found.names[:3] == tuple(f"Class1/{n}" for n in ("IMG1.png", "img2.png", "img10.png"))


def test_hostile_class_names_are_kept(tmp_path: Path) -> None:
    names = ["<img src=x onerror=alert(1)>", "$x_{1", "$$", "类别 🐱", "a'b\"c", "100%", "n" * 250]
    names += [
        "\u202egnp.exe",
        "\u0627\u0644\u0639\u0631\u0628\u064a\u0629",
        "{0}",
        "%s",
        "con",
        "-rf",
    ]
    for name in names:
        draw(tmp_path / "data" / name / f"{name[:200]}.png")
    draw(tmp_path / "data" / "line\nbreak\x1b[31m" / "0.png")
    choice = ImageFolder(root=str(tmp_path / "data"))
    found = choice.load()
    assert sorted(found.classes) == sorted([*names, "line\ufffdbreak\ufffd[31m"])
    assert {f"{name}/{name[:200]}.png" for name in names} < set(found.names)
    assert scripted(choice, tmp_path)[2] == list(found.names)


def test_names_that_are_no_text(tmp_path: Path) -> None:
    two_classes(tmp_path / "data", 5)
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/data/a/\xff.png")).write_bytes(b"no image")
    except OSError:
        pytest.skip("this file system refuses such names")
    name = os.fsdecode(os.fsencode(tmp_path) + b"/data/b/\xfe.png")
    Image.new("RGB", (9, 9)).save(name)
    choice = ImageFolder(root=str(tmp_path / "data"))
    found = choice.load()
    count, note = found.notes
    assert count == "1 of 12 files are left out:"
    assert note == "a/\ufffd.png: not an image"
    assert "b/\ufffd.png" in found.names
    assert scripted(choice, tmp_path)[2] == list(found.names)


def test_unreadable_files_are_left_out_and_told(photos: Path, tmp_path: Path) -> None:
    bad = photos / "airplane"
    whole = (bad / "0000.jpg").read_bytes()
    (bad / "0000a.jpg").write_bytes(whole[: len(whole) // 2])
    (bad / "0000b.png").write_text("only words")
    (bad / "0000c.png").write_bytes(b"")
    with zipfile.ZipFile(bad / "0000d.png", "w") as archive:
        archive.writestr("x", "y")
    (bad / "0000e").symlink_to(photos / "automobile")
    os.mkfifo(bad / "0000f.png")
    (bad / "0000g.png").symlink_to("nowhere.png")
    (bad / "0000h.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    Image.new("RGB", (1, 1)).save(photos / "automobile" / "tiny.png")
    draw(photos / "automobile" / "more" / "1" / "deep.png")
    (photos / "automobile" / "nothing").mkdir()
    (photos / "boats").mkdir()
    choice = ImageFolder(root=str(photos))
    found = choice.load()
    assert len(found.images) == len(found.labels) == 62
    assert found.classes == ("airplane", "automobile", "boats")
    assert found.notes[:2] == (
        "Classes without images: boats",
        "8 of 70 files are left out:",
    )
    assert [note.split(":")[0] for note in found.notes[2:]] == [
        *("airplane/0000" + end for end in ("a.jpg", "b.png", "c.png", "d.png", "e", "f.png")),
        *("airplane/0000g.png", "airplane/0000h.eps"),
    ]
    assert "truncated" in found.notes[2].lower()
    images, labels, names = scripted(choice, tmp_path)
    assert torch.equal(images, found.images)
    assert torch.equal(labels, found.labels)
    assert names == list(found.names)
    assert len(names) == 62
    assert "automobile/more/1/deep.png" in names
    assert not any(name.startswith("airplane/0000") for name in names[1:])


def test_many_unreadable_files_are_counted_and_some_named(tmp_path: Path) -> None:
    root = two_classes(tmp_path / "data", 60)
    for number in range(30):
        (root / "b" / f"bad{number}.png").write_text("x")
    notes = ImageFolder(root=str(root)).load().notes
    assert notes[0] == "30 of 150 files are left out:"
    assert notes[1] == "b/bad0.png: not an image"
    assert (len(notes), notes[-1]) == (files.NOTED + 2, "...")


def test_missing_folders(tmp_path: Path) -> None:
    assert refused(ImageFolder().load).what == "No folder is chosen"
    assert "no folder" in refused(ImageFolder(root=str(tmp_path / "nowhere")).load).what
    (tmp_path / "file").write_text("x")
    assert "no folder" in refused(ImageFolder(root=str(tmp_path / "file")).load).what
    assert "not a folder" in refused(ImageFolder(root="a\0b").load).what


def test_too_few_classes_or_images(tmp_path: Path) -> None:
    root = tmp_path / "data"
    draw(root / "a" / "0.png")
    assert "fewer than two classes" in refused(ImageFolder(root=str(root)).load).what
    (root / "b").mkdir()
    assert "one class only" in refused(ImageFolder(root=str(root)).load).what
    (root / "a" / "0.png").unlink()
    assert "no images" in refused(ImageFolder(root=str(root)).load).what
    (root / "a" / "0.png").write_text("x")
    assert "1 of 1 files" in refused(ImageFolder(root=str(root)).load).what


def test_more_than_a_fifth_unreadable(tmp_path: Path) -> None:
    root = two_classes(tmp_path / "data", 4)
    for number in range(3):
        (root / "a" / f"bad{number}.png").write_text("x")
        if number == 1:
            assert "2 of 10" in ImageFolder(root=str(root)).load().notes[0]
    problem = refused(ImageFolder(root=str(root)).load)
    assert "3 of 11" in problem.what
    assert "a/bad0.png: not an image; a/bad1.png: not an image" in problem.why


def test_links_that_leave_the_folder_are_left_out(tmp_path: Path) -> None:
    root, outside = two_classes(tmp_path / "data", 6), draw(tmp_path / "secret" / "x.png")
    (root / "a" / "again.png").symlink_to("0.png")
    (root / "c").symlink_to("a")
    (tmp_path / "link").symlink_to(root)
    assert len(ImageFolder(root=str(tmp_path / "link")).load().images) == 20
    (root / "a" / "out.png").symlink_to(outside)
    (root / "b" / "beside.png").symlink_to(root / ".." / "secret" / "x.png")
    (root / "b" / "round.png").symlink_to("round.png")
    (root / "d").symlink_to(outside.parent)
    choice = ImageFolder(root=str(tmp_path / "link"))
    found = choice.load()
    assert len(found.images) == len(scripted(choice, tmp_path)[0]) == 20
    assert found.classes == ("a", "b", "c")
    assert not any("out" in name or "beside" in name or "d/" in name for name in found.names)
    leaves = "a link that leaves the folder"
    assert found.notes == (
        f"d: {leaves}; it is not read",
        "4 of 24 files are left out:",
        f"a/out.png: {leaves}",
        f"b/beside.png: {leaves}",
        "b/round.png: not a file",
        f"c/out.png: {leaves}",  # c is a
    )


def test_too_much_for_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = two_classes(tmp_path / "data", 4)
    monkeypatch.setattr(files, "MAX_BYTES", 8 * 3 * 100 * 100)
    assert len(ImageFolder(root=str(root), size=100).load().images) == 8
    problem = refused(ImageFolder(root=str(root), size=101).load)
    assert "size of 100 or less" in problem.remedy
