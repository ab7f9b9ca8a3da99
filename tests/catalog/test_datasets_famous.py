"""The well-known data sets, each from small archives of real images in its published format."""

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torchvision import datasets as theirs

from tests.catalog.published import (
    Publisher,
    files,
    half,
    mirror,
    scripted,
    square,
)
from trainlab.catalog import datasets as ours
from trainlab.catalog.datasets import (
    CIFAR10,
    CIFAR100,
    EMNIST,
    KMNIST,
    MNIST,
    STL10,
    SVHN,
    DatasetChoice,
    FashionMNIST,
)
from trainlab.catalog.datasets.excluded import EXCLUDED
from trainlab.catalog.datasets.famous import Famous
from trainlab.choice import choices
from trainlab.errors import Problem

FAMOUS = choices(Famous)


@pytest.mark.parametrize("choice", FAMOUS, ids=lambda choice: choice.kind_name())
def test_downloaded_or_from_a_folder_and_the_same_in_a_script(
    choice: Any,
    publisher: Publisher,
    cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    publisher.publish(choice)
    local = choice(root=str(publisher.folder))
    names = sorted(archive.name for archive in local.archives())
    assert local.at_hand()
    assert not choice().at_hand()
    before = files(publisher.folder)
    found = local.load()  # no server yet: from the archives in the folder
    assert files(publisher.folder) == before
    assert not [name for name in files(tmp_path) if "evil" in name or "junk" in name]
    assert not list(cache.glob(".*"))

    _n, channels, height, width = found.images.shape
    assert (found.images.dtype, found.labels.dtype) == (torch.uint8, torch.int64)
    assert channels == (1 if choice.__module__.endswith("mnist_family") else 3)
    assert height == width
    assert found.labels.shape == (len(found.images),)
    assert int(found.labels.min()) == 0
    assert int(found.labels.max()) < len(found.classes) == len(set(found.classes))
    assert all(found.classes)
    assert found.notes == ()
    used_as_it_is = choice is SVHN
    assert choice().at_hand() is not used_as_it_is
    images, labels = scripted(local, tmp_path)
    assert images.is_contiguous()  # its strides choose the kernels, and so the last bits
    assert torch.equal(images, found.images)
    assert torch.equal(labels, found.labels)

    elsewhere = publisher.folder if used_as_it_is else cache.rename(tmp_path / "mine")
    with mirror(publisher.folder) as (url, asked):
        monkeypatch.setattr(choice, "mirror", url)
        told = [progress.text for progress in choice().fetch()]
    assert sorted(asked) == [f"/{name}" for name in names]
    assert all(any(f"Downloading {name}" in text for text in told) for name in names)
    again = choice().load()  # and the server is gone
    assert torch.equal(again.images, found.images)
    assert (again.classes, again.names) == (found.classes, found.names)

    for path in cache.rglob("*.npz"):
        path.unlink()
    stored = files(cache)
    mine = choice(root=str(elsewhere))  # unpacked, and used where it is
    assert mine.arguments()["root"] == str(elsewhere)
    assert torch.equal(mine.load().images, found.images)
    assert [name for name in files(cache) if not name.endswith(".npz")] == stored


@pytest.mark.parametrize("choice", FAMOUS, ids=lambda choice: choice.kind_name())
def test_without_network_or_with_damage_it_says_what_helps(
    choice: Any, publisher: Publisher, cache: Path, tmp_path: Path
) -> None:
    with pytest.raises(Problem, match="could not be downloaded") as caught:
        choice(root=str(tmp_path)).load()
    names = [archive.name for archive in choice().archives()]
    assert f"Put {' and '.join(names)} in {tmp_path}, or choose Digits" in caught.value.remedy
    assert files(cache) == []
    publisher.publish(choice)
    path = publisher.folder / names[0]
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(Problem, match="checksum"):
        choice(root=str(publisher.folder)).load()
    assert files(cache) == []


def test_every_mirror_is_https_and_torchvisions_own() -> None:
    source = "".join(
        Path(module.__file__ or "").read_text()
        for module in (ours.mnist_family, ours.colour, ours.photographs)
    )
    assert source.count("    mirror = ") == source.count('    mirror = "https://') == 11
    assert '"http://' not in source
    for theirs_url in (
        theirs.EMNIST.url,
        theirs.CIFAR10.url,
        theirs.CIFAR100.url,
        theirs.SVHN.split_list["train"][0],
        theirs.STL10.url,
        theirs.MNIST.mirrors[0],
        theirs.KMNIST.mirrors[0],
        theirs.Flowers102._download_url_prefix,
        theirs.OxfordIIITPet._RESOURCES[0][0],
        theirs.Imagenette._ARCHIVES["full"][0],
    ):
        assert theirs_url.replace("http://", "https://").rsplit("/", 1)[0] in source


def test_fashion_and_kuzushiji_keep_their_files_apart(publisher: Publisher, cache: Path) -> None:
    for choice in (FashionMNIST, KMNIST):
        publisher.publish(choice)
        found = choice(root=str(publisher.folder), split="test").load()
        assert torch.equal(found.images[:, 0], torch.from_numpy(publisher.digits[20:]))
        assert found.labels.tolist() == [*range(10), *range(10)]
        assert found.classes == tuple(getattr(theirs, choice.__name__).classes)
        assert f"{choice.__name__}/raw/t10k-images-idx3-ubyte" in files(cache)
    with pytest.raises(Problem, match="checksum"):  # the same names, but not MNIST's
        MNIST(root=str(publisher.folder)).load()


@pytest.mark.parametrize(
    ("characters", "classes"),
    [("byclass", 62), ("bymerge", 47), ("balanced", 47), ("letters", 26), ("digits", 10), ("mnist", 10)],
)  # fmt: skip
def test_emnist_stands_upright_and_counts_from_0(
    characters: Any, classes: int, publisher: Publisher, cache: Path
) -> None:
    publisher.emnist()
    choice = EMNIST(root=str(publisher.folder), characters=characters, split="test")
    found = choice.load()
    assert torch.equal(found.images[:, 0], torch.from_numpy(publisher.digits))
    assert len(found.classes) == classes
    assert found.labels.tolist() == [n % classes for n in range(40)]
    assert found.classes[0] == ("a" if characters == "letters" else "0")
    parts = [
        f"EMNIST/raw/emnist-{characters}-test-{part}-ubyte"
        for part in ("images-idx3", "labels-idx1")
    ]
    assert files(cache) == parts


def test_emnists_archive_is_downloaded_once(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher.emnist()
    with mirror(publisher.folder) as (url, asked):
        monkeypatch.setattr(EMNIST, "mirror", url)
        EMNIST().load()
    EMNIST(characters="letters", split="test").load()
    assert asked == ["/gzip.zip"]


def test_an_archive_where_torchvision_leaves_it(publisher: Publisher, cache: Path) -> None:
    publisher.emnist()
    raw = publisher.folder / "EMNIST" / "raw"
    raw.mkdir(parents=True)
    (publisher.folder / "gzip.zip").rename(raw / "gzip.zip")
    choice = EMNIST(root=str(publisher.folder))
    assert choice.at_hand()
    assert len(choice.load().images) == 40
    assert files(publisher.folder) == ["EMNIST/raw/gzip.zip"]
    assert "EMNIST/raw/gzip.zip" not in files(cache)


def test_an_unpacked_file_that_is_cut_off(publisher: Publisher, cache: Path) -> None:
    publisher.idx_files("KMNIST")
    KMNIST(root=str(publisher.folder)).load()
    path = cache / "KMNIST" / "raw" / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(Problem, match=r"Kuzushiji-MNIST: its files in .* cannot be read") as caught:
        KMNIST().load()
    assert "Delete or replace them" in caught.value.remedy


@pytest.mark.parametrize("choice", [CIFAR10, CIFAR100])
def test_cifar(choice: Any, publisher: Publisher, cache: Path) -> None:
    publisher.publish(choice)
    batches = publisher.names(getattr(theirs, choice.__name__))
    found = choice(root=str(publisher.folder), split="test").load()
    last = publisher.photos[10 * (len(batches) - 1) :][:10]
    assert torch.equal(found.images.permute(0, 2, 3, 1), torch.from_numpy(last))
    assert found.labels.tolist() == list(range(10))
    assert found.classes[-1] == f"class {9 if choice is CIFAR10 else 99}"
    assert len(files(cache)) == len(batches) + 1  # and nothing else that is in the archive
    path = next(cache.rglob(batches[0]))
    path.write_bytes(b"cut")
    with pytest.raises(Problem, match=f"{batches[0]} cannot be used"):
        choice().load()


@pytest.mark.parametrize("split", ["train", "test", "extra"])
def test_svhn(split: Any, publisher: Publisher) -> None:
    publisher.svhn()
    found = SVHN(root=str(publisher.folder), split=split).load()
    assert torch.equal(found.images.permute(0, 2, 3, 1), torch.from_numpy(publisher.photos))
    assert found.labels.tolist() == [(n + 1) % 10 for n in range(60)]  # 10 stands for 0
    assert found.classes == tuple("0123456789")


def test_stl10(publisher: Publisher, cache: Path) -> None:
    publisher.stl10()
    large = publisher.large(96)
    found = STL10(root=str(publisher.folder)).load()
    assert torch.equal(found.images.permute(0, 2, 3, 1), torch.from_numpy(large))
    assert found.labels.tolist() == [n % 10 for n in range(60)]
    assert not [name for name in files(cache) if "unlabeled" in name]
    small = STL10(root=str(publisher.folder), size=40, split="test").load()
    expected = [square(Image.fromarray(pixels), 40) for pixels in large]
    assert torch.equal(small.images, torch.stack(expected))


def test_a_download_is_continued_where_it_broke_off(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher.svhn()
    ranges: list[str] = []

    def rest(handler: Any, body: bytes) -> None:
        ranges.append(handler.headers["Range"])
        handler.send_response(206)
        handler.send_header("Content-Length", str(len(body) - len(body) // 2))
        handler.end_headers()
        handler.wfile.write(body[len(body) // 2 :])

    with mirror(publisher.folder, half, rest) as (url, asked):
        monkeypatch.setattr(SVHN, "mirror", url)
        told = list(SVHN().fetch())
    size = (publisher.folder / "train_32x32.mat").stat().st_size
    assert ranges == [f"bytes={size // 2}-"]
    assert len(asked) == 2
    assert told[-2].text == f"Downloading train_32x32.mat: {size / 1e6:.1f} of {size / 1e6:.1f} MB"
    assert len(SVHN().load().images) == 60


def test_every_data_set_of_torchvision_is_offered_or_excluded_with_a_reason() -> None:
    offered = {choice.__name__ for choice in choices(DatasetChoice)}
    listed = set(theirs.__all__)
    assert listed <= offered | EXCLUDED.keys(), listed - offered - EXCLUDED.keys()
    assert not offered & EXCLUDED.keys()
    assert all(EXCLUDED.values())
