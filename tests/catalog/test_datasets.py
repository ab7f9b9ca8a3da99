"""The bundled digits, and the famous sets: where they are found, how they are downloaded."""

import gzip
import hashlib
import inspect
import io
import pickle
import runpy
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from trainlab.catalog.datasets import CIFAR10, MNIST, DatasetChoice, Digits, ImageFolder
from trainlab.catalog.datasets import download as downloads
from trainlab.catalog.datasets.base import Pace, place
from trainlab.catalog.datasets.famous import MIRRORS
from trainlab.choice import choices
from trainlab.errors import Problem

T10K = ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz")
IMPORTS = "from pathlib import Path\nimport numpy as np\nimport torch\n"
Answer = Callable[[BaseHTTPRequestHandler, bytes], None]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store, and a mirror that nobody answers at, so that no test reaches the network."""
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / "cache" / name)
    monkeypatch.setattr(downloads, "BACK_OFF", 0.01)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in MIRRORS:
        monkeypatch.setitem(MIRRORS, name, "http://127.0.0.1:9/")
    return tmp_path / "cache" / "trainlab" / "datasets"


@pytest.fixture
def originals(shared: Path) -> Path:
    return shared / "data" / "mnist"


def scripted(choice: DatasetChoice, folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """What the target's source gives in a script of its own."""
    target = type(choice).target
    source = inspect.getsource(target)
    assert source.count("\n") <= 25
    assert "trainlab" not in source
    script = folder / "script.py"
    script.write_text(
        f"{IMPORTS}\n\n{source}\n\nanswer = {target.__name__}(**{choice.arguments()!r})\n"
    )
    images, labels = runpy.run_path(str(script))["answer"]
    assert images.is_contiguous()  # its strides choose the kernels, and so the last bits
    return images, labels


def files(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def whole(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def half(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])


def other(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    whole(handler, body[:-1] + b"?")


def missing(handler: BaseHTTPRequestHandler, _body: bytes) -> None:
    handler.send_error(404)


def elsewhere(handler: BaseHTTPRequestHandler, _body: bytes) -> None:
    handler.send_response(302)
    handler.send_header("Location", "http://example.org/file")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


@contextmanager
def mirror(folder: Path, *answers: Answer) -> Iterator[tuple[str, list[str]]]:
    """A real server of a folder's files: each request gets the next answer, then whole files."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            answer = answers[len(asked) - 1] if len(asked) <= len(answers) else whole
            answer(self, (folder / self.path[1:]).read_bytes())

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_choices_and_their_cards() -> None:
    assert choices(DatasetChoice) == (Digits, MNIST, CIFAR10, ImageFolder)
    for choice in choices(DatasetChoice):
        assert choice.summary().endswith(".")
        assert choice.card.source
        assert choice.card.url.startswith("https://")


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
        monkeypatch.setitem(MIRRORS, "mnist", url)
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
        monkeypatch.setitem(MIRRORS, "mnist", url)
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
        monkeypatch.setitem(MIRRORS, "mnist", url)
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
        monkeypatch.setitem(MIRRORS, "mnist", url)
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


def test_the_published_mirrors_are_https() -> None:
    source = inspect.getsource(inspect.getmodule(MNIST) or MNIST)
    assert source.count('"https://ossci-datasets') == 1
    assert source.count('"https://www.cs.toronto.edu/~kriz/"') == 1
    assert "http://" not in source


def test_reports_come_at_most_ten_times_a_second() -> None:
    pace, end, due = Pace(), time.monotonic() + 0.35, 0
    while time.monotonic() < end:
        due += pace.due()
    assert 3 <= due <= 4


@pytest.fixture
def cifar(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small cifar-10-python.tar.gz of real images, with torchvision told its checksums."""
    from PIL import Image
    from torchvision import datasets

    pixels = []
    with tarfile.open(shared / "data" / "cifar10-train.tar.xz") as tar:
        for item in tar:
            if item.isfile() and (stream := tar.extractfile(item)) is not None:
                pixels.append(np.asarray(Image.open(stream)).transpose(2, 0, 1).reshape(-1))
                if len(pixels) == 60:
                    break
    names = [f"data_batch_{n}" for n in range(1, 6)] + ["test_batch"]
    held: dict[str, bytes] = {"batches.meta": pickle.dumps({"label_names": ["airplane"] * 10})}
    for number, name in enumerate(names):
        part = np.stack(pixels[number * 10 : number * 10 + 10])
        held[name] = pickle.dumps({"data": part, "labels": list(range(10))})
    folder = tmp_path / "archives"
    folder.mkdir()
    archive = folder / "cifar-10-python.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for name in ("../../evil", "cifar-10-batches-py/evil", *held):
            path = name if "evil" in name else f"cifar-10-batches-py/{name}"
            item, body = tarfile.TarInfo(path), held.get(name, b"evil")
            item.size = len(body)
            tar.addfile(item, io.BytesIO(body))
        link = tarfile.TarInfo("cifar-10-batches-py/test_batch")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    sums = {
        name: hashlib.md5(body, usedforsecurity=False).hexdigest() for name, body in held.items()
    }
    files10 = datasets.CIFAR10
    monkeypatch.setattr(files10, "tgz_md5", downloads.checksum(archive))
    monkeypatch.setattr(files10, "train_list", [[name, sums[name]] for name in names[:5]])
    monkeypatch.setattr(files10, "test_list", [[names[5], sums[names[5]]]])
    monkeypatch.setattr(files10, "meta", files10.meta | {"md5": sums["batches.meta"]})
    return folder


@pytest.mark.parametrize("split", ["train", "test"])
def test_cifar_from_its_archive(split: str, cifar: Path, cache: Path, tmp_path: Path) -> None:
    choice = CIFAR10(root=str(cifar)).but(split=split)
    found = choice.load()
    assert found.images.shape == (50 if split == "train" else 10, 3, 32, 32)
    assert (found.images.dtype, found.labels.dtype) == (torch.uint8, torch.int64)
    assert found.labels[:10].tolist() == list(range(10))
    assert found.classes[:2] == ("airplane", "automobile")
    assert len(found.classes) == 10
    assert choice.arguments()["root"] == str(cache)
    assert not [name for name in files(tmp_path) if "evil" in name]
    assert files(cifar) == ["cifar-10-python.tar.gz"]
    images, labels = scripted(choice, tmp_path)
    assert torch.equal(images, found.images)
    assert torch.equal(labels, found.labels)


def test_cifar_unpacked_and_downloaded(
    cifar: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mirror(cifar) as (url, asked):
        monkeypatch.setitem(MIRRORS, "cifar10", url)
        list(CIFAR10().fetch())
    assert asked == ["/cifar-10-python.tar.gz"]
    assert len(files(cache)) == 7  # not the archive, and nothing but what was expected
    moved = cache.rename(cache.with_name("mine"))
    assert len(CIFAR10(root=str(moved)).load().images) == 50
    assert CIFAR10(root=str(moved)).arguments()["root"] == str(moved)
    (moved / "cifar-10-batches-py" / "data_batch_3").write_bytes(b"cut")
    with pytest.raises(Problem, match="data_batch_3"):
        CIFAR10(root=str(moved)).load()
