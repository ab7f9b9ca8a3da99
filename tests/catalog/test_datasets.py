"""The bundled digits, and MNIST in its original files: where it is found, how it is downloaded."""

import gzip
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import torch

from tests.catalog.published import Answer, files, half, mirror, scripted, whole
from trainlab.catalog.datasets import CIFAR10, MNIST, Digits
from trainlab.catalog.datasets import download as downloads
from trainlab.catalog.datasets.base import Pace, place
from trainlab.errors import Problem

T10K = ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz")


pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def originals(shared: Path) -> Path:
    return shared / "data" / "mnist"


def other(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    whole(handler, body[:-1] + b"?")


def missing(handler: BaseHTTPRequestHandler, _body: bytes) -> None:
    handler.send_error(404)


def elsewhere(handler: BaseHTTPRequestHandler, _body: bytes) -> None:
    handler.send_response(302)
    handler.send_header("Location", "http://example.org/file")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def test_digits(tmp_path: Path) -> None:
    found = Digits().load()
    assert found.images.shape == (1797, 1, 8, 8)
    assert (found.images.dtype, found.labels.dtype) == (torch.uint8, torch.int64)
    assert (int(found.images.min()), int(found.images.max())) == (0, 255)
    assert found.classes == tuple("0123456789")
    assert list(Digits().fetch()) == []
    images, labels = scripted(Digits(), tmp_path)
    assert torch.equal(images, found.images)
    assert torch.equal(labels, found.labels)


def test_mnist_from_the_original_files(originals: Path, cache: Path, tmp_path: Path) -> None:
    before = files(originals)
    choice = MNIST(root=str(originals), split="test")
    found = choice.load()
    assert found.images.shape == (10_000, 1, 28, 28)
    assert (found.images.dtype, found.labels.dtype) == (torch.uint8, torch.int64)
    assert found.labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert found.classes == tuple("0123456789")
    assert files(originals) == before
    assert files(cache) == [f"MNIST/raw/{name[:-3]}" for name in T10K]
    assert choice.arguments() == {"root": str(cache), "split": "test"}
    images, labels = scripted(choice, tmp_path)
    assert torch.equal(images, found.images)
    assert torch.equal(labels, found.labels)


def test_mnist_as_torchvision_leaves_it(originals: Path, cache: Path, tmp_path: Path) -> None:
    raw = tmp_path / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name in T10K:
        (raw / name[:-3]).write_bytes(gzip.decompress((originals / name).read_bytes()))
    choice = MNIST(root=str(tmp_path / "data"), split="test")
    assert len(choice.load().images) == 10_000
    assert not cache.exists()
    damaged = bytearray((raw / T10K[0][:-3]).read_bytes())
    damaged[5000] ^= 1
    (raw / T10K[0][:-3]).write_bytes(damaged)
    with pytest.raises(Problem, match="checksum") as caught:
        choice.load()
    assert "t10k-images-idx3-ubyte" in caught.value.what


def test_a_damaged_local_archive_is_refused(originals: Path, tmp_path: Path) -> None:
    for name in T10K:
        (tmp_path / name).write_bytes((originals / name).read_bytes()[:-1])
    with pytest.raises(Problem, match="checksum"):
        MNIST(root=str(tmp_path), split="test").load()


def test_relative_and_home_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert place("data") == tmp_path / "data"
    assert place("~/data") == tmp_path / "home" / "data"
    for nonsense in ("\0", "~nobody-here/data", "\ud800"):
        with pytest.raises(Problem, match="not a folder"):
            MNIST(root="x").but(root=nonsense).arguments()


def test_download_after_a_broken_try(
    originals: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mirror(originals, half) as (url, asked):
        monkeypatch.setattr(MNIST, "mirror", url)
        told = list(MNIST(split="test").fetch())
    assert asked == [f"/{T10K[0]}", f"/{T10K[0]}", f"/{T10K[1]}"]
    texts = [progress.text for progress in told]
    assert any("broke off" in text and "2 of 3" in text for text in texts)
    assert any(text.startswith("Downloading t10k-images") for text in texts)
    fractions = [progress.fraction for progress in told if progress.fraction is not None]
    assert all(0 <= fraction <= 1 for fraction in fractions)
    assert files(cache) == [f"MNIST/raw/{name[:-3]}" for name in T10K]
    assert len(MNIST(split="test").load().images) == 10_000  # and the server is gone


@pytest.mark.parametrize(
    ("answer", "requests", "why"),
    [
        (half, 3, "broke off"),
        (other, 1, "checksum"),
        (missing, 1, "404"),
        (elsewhere, 1, "http://example.org/file is not https"),
    ],
)
def test_a_download_that_fails(
    answer: Answer,
    requests: int,
    why: str,
    originals: Path,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with mirror(originals, *[answer] * 9) as (url, asked):
        monkeypatch.setattr(MNIST, "mirror", url)
        with pytest.raises(Problem) as caught:
            list(MNIST(split="test").fetch())
    assert why in caught.value.why
    assert len(asked) == requests
    assert files(cache) == []


def test_stopping_in_the_middle_leaves_nothing(
    originals: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()

    def stuck(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        half(handler, body)
        handler.wfile.flush()
        release.wait(10)

    with mirror(originals, stuck) as (url, _asked):
        monkeypatch.setattr(MNIST, "mirror", url)
        fetching = MNIST(split="test").fetch()
        assert next(fetching).text.startswith("Downloading")
        assert len(files(cache)) == 1
        del fetching  # what a caller does that stops asking
        release.set()
    assert files(cache) == []


def test_a_silent_server_is_given_up(
    originals: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()
    monkeypatch.setattr(downloads, "TIMEOUT", 0.05)

    def silent(_handler: BaseHTTPRequestHandler, _body: bytes) -> None:
        release.wait(10)

    with mirror(originals, *[silent] * 3) as (url, asked):
        monkeypatch.setattr(MNIST, "mirror", url)
        with pytest.raises(Problem, match="timed out"):
            list(MNIST(split="test").fetch())
        release.set()
    assert len(asked) == 3
    assert files(cache) == []


@pytest.mark.parametrize("root", ["", "elsewhere"])
def test_offline(root: str, cache: Path, tmp_path: Path) -> None:
    choice = CIFAR10(root=str(tmp_path / root) if root else "")
    with pytest.raises(Problem) as caught:
        choice.load()
    assert caught.value.what == "CIFAR-10 could not be downloaded"
    assert "127.0.0.1 could not be reached" in caught.value.why
    folder = tmp_path / root if root else cache
    assert f"Put cifar-10-python.tar.gz in {folder}" in caught.value.remedy
    assert "Digits" in caught.value.remedy


def test_only_https_is_spoken(tmp_path: Path) -> None:
    for url in ("http://example.org/x", "ftp://127.0.0.1/x", "file:///etc/passwd"):
        with pytest.raises(downloads.UnreachableError, match="is not https"):
            list(downloads.download(url, tmp_path / "x", ""))


@pytest.mark.alone
def test_reports_come_at_most_ten_times_a_second() -> None:
    pace, end, due = Pace(), time.monotonic() + 0.35, 0
    while time.monotonic() < end:
        due += pace.due()
    assert 3 <= due <= 4
