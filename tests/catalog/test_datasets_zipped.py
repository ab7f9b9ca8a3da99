"""A zip of class folders: the same images as from the folder; what is refused, and why."""

import io
import random
import re
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.catalog import own_images
from tests.catalog.own_images import scripted
from trainlab.catalog.datasets import Digits, ImageFolder, ZipFolder, store_upload, zipped
from trainlab.catalog.datasets.files import printable, readings
from trainlab.errors import Problem


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / "cache" / name)
    return tmp_path / "cache" / "trainlab" / "datasets"


def digit_files(count: int = 60) -> dict[str, bytes]:
    """Real digits as PNG files, by class: `3/12.png`."""
    data = Digits().load()
    found = {}
    for row in range(count):
        file = io.BytesIO()
        Image.fromarray(data.images[row, 0].numpy()).resize((20, 24)).save(file, "PNG")
        found[f"{int(data.labels[row])}/{row}.png"] = file.getvalue()
    return found


FILES = digit_files()


def packed(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return file.getvalue()


def choice_of(
    files: dict[str, bytes], folder: Path, method: int = zipfile.ZIP_DEFLATED
) -> ZipFolder:
    path = folder / "own.zip"
    path.write_bytes(packed(files, method))
    return ZipFolder(path=str(path), size=16)


def unpacked(files: dict[str, bytes], folder: Path) -> ImageFolder:
    for name, body in files.items():
        path = folder / "folder" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return ImageFolder(root=str(folder / "folder"), size=16)


def refused(action: Callable[[], object]) -> str:
    problem = own_images.refused(action)
    return f"{problem.what}: {problem.why}"


@pytest.mark.parametrize("top", ["", "my data/", "./", "a/b/c/"])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_it_holds_what_the_folder_holds(top: str, method: int, tmp_path: Path) -> None:
    names = random.Random(0).sample(sorted(FILES), len(FILES))  # a zip has an order of its own
    extras = {"__MACOSX/._x": b"x", f"{top}.DS_Store": b"x", f"{top}3/.hidden.png": b"x"}
    files = {top + name: FILES[name] for name in names} | extras
    choice = choice_of(files, tmp_path, method)
    found, there = choice.load(), unpacked(FILES, tmp_path).load()
    assert torch.equal(found.images, there.images)
    assert torch.equal(found.labels, there.labels)
    assert found.classes == there.classes == tuple("0123456789")
    assert found.names == there.names
    assert found.notes == ()
    images, labels, listed = scripted(choice, tmp_path)
    assert torch.equal(images, found.images)
    assert torch.equal(labels, found.labels)
    assert tuple(listed) == found.names


def test_bad_members_are_left_out_and_told(tmp_path: Path) -> None:
    files = FILES | {
        "1/bad.png": b"x",
        "1/deep/image.png": FILES["1/1.png"],
        "2/inner.zip": packed(FILES),
        "readme.txt": b"beside the classes",
        "empty/": b"",
    }
    files |= {"3/<img src=x onerror=alert(1)> $$ \u202egnp.png": FILES["3/3.png"]}
    files |= {f"4/{'n' * 300}.png": FILES["4/4.png"], "5\\back.png": FILES["5/5.png"]}
    choice = choice_of(files, tmp_path)
    found = choice.load()
    assert len(found.images) == 64
    assert found.classes == (*"0123456789", "empty")
    assert found.notes == (
        "2/inner.zip: a zip in the zip is not opened",
        "Classes without images: empty",
        "1 of 65 files are left out:",
        "1/bad.png: not an image",
    )
    assert {"5/back.png", f"4/{'n' * 300}.png", "1/deep/image.png"} < set(found.names)
    images, _labels, names = scripted(choice, tmp_path)
    assert torch.equal(images, found.images)
    assert tuple(names) == found.names


def test_uncommon_packings_are_left_out(tmp_path: Path) -> None:
    """LZMA and bzip2 unpack a chunk without bound."""
    assert "60 of 60 files" in refused(choice_of(FILES, tmp_path, zipfile.ZIP_LZMA).load)
    assert "60 of 60 files" in refused(choice_of(FILES, tmp_path, zipfile.ZIP_BZIP2).load)


def test_no_zip_and_no_classes(tmp_path: Path) -> None:
    assert "No zip is chosen" in refused(ZipFolder().load)
    assert "There is no file" in refused(ZipFolder(path=str(tmp_path / "none.zip")).load)
    (tmp_path / "words.zip").write_text("only words")
    assert "not a zip" in refused(ZipFolder(path=str(tmp_path / "words.zip")).load)
    assert "fewer than two classes" in refused(choice_of({}, tmp_path).load)
    one = {name: body for name, body in FILES.items() if name[0] == "3"}
    assert "fewer than two classes" in refused(choice_of(one, tmp_path).load)
    assert "one class only" in refused(choice_of(one | {"4/": b""}, tmp_path).load)


def with_bytes(files: dict[str, bytes], old: bytes, new: bytes) -> bytes:
    body = packed(files)
    assert body.count(old) == 2  # in the member's own header, and in the directory
    return body.replace(old, new)


@pytest.mark.parametrize(
    "name", ["/0/a.png", "../0/a.png", "0/../../a.png", "C:/a.png", "\\\\x\\a.png"]
)
def test_names_that_leave_the_zip_are_refused(name: str, cache: Path) -> None:
    plain = "0/" + "n" * (len(name) - 2)
    body = with_bytes(FILES | {plain: b"x"}, plain.encode(), name.encode())
    assert "leaves the zip" in refused(lambda: store_upload(body, "own.zip"))
    assert not cache.exists()


def test_an_encrypted_zip_is_refused() -> None:
    body = bytearray(packed(FILES))
    for at in range(len(body) - 4):
        if body[at : at + 4] == b"PK\1\2":
            body[at + 8] |= 1
    assert "encrypted" in refused(lambda: store_upload(bytes(body), "own.zip"))


def test_bombs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = packed(FILES | {"0/bomb.png": bytes(3_000_000)})
    assert len(bomb) < 50_000
    assert "0/bomb.png unpacks to over 200 times" in refused(lambda: store_upload(bomb, "b.zip"))
    noise = random.Random(0).randbytes(20_000)
    large = packed({f"{n % 2}/{n}.png": noise * 80 for n in range(10)}, zipfile.ZIP_STORED)
    monkeypatch.setattr(zipped, "MAX_UNPACKED", 15_900_000)
    assert "its files take 16 MB" in refused(lambda: store_upload(large, "b.zip"))
    monkeypatch.setattr(zipped, "MAX_PACKED", 1_000_000)
    assert "larger than 1 MB" in refused(lambda: store_upload(large, "b.zip"))
    monkeypatch.setattr(zipped, "MAX_MEMBERS", 59)
    assert "more than 59 files" in refused(lambda: store_upload(packed(FILES), "b.zip"))


def test_a_large_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.zip"
    with path.open("wb") as file:
        file.truncate(zipped.MAX_PACKED + 1)  # takes no room on the disk
    assert "larger than 100 MB" in refused(ZipFolder(path=str(path)).load)


def test_a_member_that_lies_about_its_size_is_left_out(tmp_path: Path) -> None:
    body = bytearray(packed(FILES))
    at = body.index(b"PK\1\2")
    body[at + 24 : at + 28] = (50).to_bytes(4, "little")
    (tmp_path / "own.zip").write_bytes(body)
    found = ZipFolder(path=str(tmp_path / "own.zip"), size=16).load()
    assert len(found.images) == 59
    assert found.notes[0] == "1 of 60 files are left out:"


def test_a_lying_member_unpacks_to_no_more_than_it_claims(tmp_path: Path) -> None:
    body = bytearray(packed(FILES | {"0/zeros.png": bytes(50_000_000)}))
    at = body.index(b"0/zeros.png", body.index(b"PK\1\2")) - 46
    body[at + 24 : at + 28] = (1000).to_bytes(4, "little")
    (tmp_path / "own.zip").write_bytes(body)
    tracemalloc.start()
    found = ZipFolder(path=str(tmp_path / "own.zip"), size=16).load()
    _now, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found.images) == 60
    assert most < 25_000_000


def test_an_upload_is_kept_under_its_checksum(cache: Path) -> None:
    body = packed(FILES)
    path = store_upload(body, "../../<b>$$ own.zip")
    assert path.parent == cache / "uploads"
    assert len(path.stem) == 16
    assert path.read_bytes() == body
    assert store_upload(body, "other name") == path
    assert len(ZipFolder(path=str(path), size=16).load().images) == 60
    path.write_bytes(b"damaged")
    assert store_upload(body, "own.zip").read_bytes() == body
    assert "own\ufffd.zip" in refused(lambda: store_upload(b"no zip", "own\n.zip"))


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_damaged_zip_is_read_in_part_or_refused(data: st.DataObject) -> None:
    """Whatever the bytes: images, or a Problem; never anything else."""
    body = bytearray(packed(dict(list(FILES.items())[:12])))
    for _change in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at] = data.draw(st.integers(0, 255))
    body = body[: data.draw(st.integers(0, len(body)) | st.just(len(body)))]
    try:
        archive = zipped.open_zip(bytes(body), "own.zip")
        files = zipped.class_members(archive)
    except Problem:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _name, found, error in readings(
            files, lambda file: zipped.read_member(archive, 8, True, file)
        ):
            assert (found is None) == (error is not None)


@given(names=st.lists(st.text(min_size=1, max_size=300), min_size=2, max_size=5, unique=True))
@settings(max_examples=60, deadline=None)
def test_any_text_names_a_class(names: list[str]) -> None:
    """But what has a meaning in a path, and what cannot be written into a zip."""
    names = [
        name
        for name in names
        if not re.search(r"[/\\\0\ud800-\udfff]|^\.|^__MACOSX$|^[A-Za-z]:$", name)
    ]
    archive = zipped.open_zip(packed({f"{name}/{name}.png": b"x" for name in names}), "own.zip")
    if len(names) != 1:  # one alone is a folder that holds all
        assert sorted(zipped.member_classes(archive)) == sorted(names)
        shown = [name for name, _file in zipped.class_members(archive)]
        assert sorted(shown) == sorted(printable(f"{name}/{name}.png") for name in names)
        assert all(text.encode() and not re.search(r"[\0-\x1f]", text) for text in shown)
