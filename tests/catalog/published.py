"""Small archives in the published formats, made of real images, with torchvision told their checksums."""

import gzip
import hashlib
import io
import pickle
import runpy
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps

from trainlab.catalog.datasets import DatasetChoice, mnist_family, photographs
from trainlab.catalog.datasets.famous import Famous
from trainlab.export.source import Sources

Answer = Callable[[BaseHTTPRequestHandler, bytes], None]
Pixels = NDArray[np.uint8]
SPLITS = ("train", "test")


def md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


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
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def tarred(files: Mapping[str, bytes]) -> bytes:
    """A .tar.gz of files, and of things that must not be unpacked."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, body in {"../../evil": b"evil", "/evil": b"evil", **files}.items():
            item = tarfile.TarInfo(name)
            item.size = len(body)
            tar.addfile(item, io.BytesIO(body))
        folder = next(iter(files)).rsplit("/", 1)[0]
        link = tarfile.TarInfo(f"{folder}/evil_link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
        up = tarfile.TarInfo(f"{folder}/../../../evil")
        tar.addfile(up)
    return stream.getvalue()


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A .zip of files, and of things that must not be unpacked."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, body in {"../../evil": b"evil", **files}.items():
            archive.writestr(name, body)
        archive.writestr(next(iter(files)).rsplit("/", 1)[0] + "/../../../evil", b"evil")
    return stream.getvalue()


def idx(data: Pixels) -> bytes:
    """An array in the format of MNIST's files."""
    sizes = b"".join(size.to_bytes(4, "big") for size in data.shape)
    return bytes([0, 0, 8, data.ndim]) + sizes + data.tobytes()


def image(pixels: Pixels, kind: str, size: tuple[int, int]) -> bytes:
    """An image file of some size."""
    stream = io.BytesIO()
    Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC).save(stream, kind)
    return stream.getvalue()


def real_digits(shared: Path) -> Pixels:
    """MNIST's first 40 test images."""
    data = gzip.decompress((shared / "data" / "mnist" / "t10k-images-idx3-ubyte.gz").read_bytes())
    return np.frombuffer(data, np.uint8, 40 * 784, 16).reshape(40, 28, 28).copy()


def real_photos(shared: Path) -> Pixels:
    """CIFAR-10's first 60 photographs."""
    found = []
    with tarfile.open(shared / "data" / "cifar10-train.tar.xz") as tar:
        for item in tar:
            stream = tar.extractfile(item) if item.isfile() else None
            if stream is not None:
                found.append(np.asarray(Image.open(io.BytesIO(stream.read()))))
            if len(found) == 60:
                break
    return np.stack(found)


def square(pixels: Any, size: int) -> torch.Tensor:
    """What the centre of an image looks like, by Pillow."""
    fitted = ImageOps.fit(pixels.convert("RGB"), (size, size), Image.Resampling.BILINEAR)
    return torch.from_numpy(np.array(fitted)).permute(2, 0, 1)


def files(folder: Path) -> list[str]:
    """Every file below a folder."""
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def scripted(choice: DatasetChoice, folder: Path, target: Any = None) -> Any:
    """What the target (or another function of the choice's fields) gives in a script of its own."""
    sources = Sources()
    name = sources.add(target or type(choice).target)
    text = "\n".join([*sorted(sources.imports), sources.code()])
    assert "trainlab" not in text
    script = folder / "script.py"
    script.write_text(f"{text}\nanswer = {name}(**{choice.arguments()!r})\n")
    return runpy.run_path(str(script))["answer"]


@dataclass(frozen=True)
class Publisher:
    """Writes the archives of a set into a folder: real digits (N, 28, 28), real photos (N, 32, 32, 3)."""

    folder: Path
    patch: pytest.MonkeyPatch
    digits: Pixels
    photos: Pixels

    def put(self, name: str, body: bytes) -> str:
        """Publish a file; its MD5."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_bytes(body)
        return md5(body)

    def idx_files(self, published: str) -> None:
        """The first half of the digits to train on, the second to test, labelled 0 to 9 in turn."""
        from torchvision import datasets

        half, resources = len(self.digits) // 2, []
        for prefix, part in (("train", self.digits[:half]), ("t10k", self.digits[half:])):
            labels = (np.arange(len(part)) % 10).astype(np.uint8)
            for name, data in (("images-idx3", part), ("labels-idx1", labels)):
                file = f"{prefix}-{name}-ubyte.gz"
                resources.append((file, self.put(file, gzip.compress(idx(data)))))
        self.patch.setattr(getattr(datasets, published), "resources", resources)
        self.patch.setattr(mnist_family.MNIST, "sums", {})

    def emnist(self) -> None:
        """All six sets; the images lie on their sides, and letters are counted from 1."""
        from torchvision import datasets

        files: dict[str, bytes] = {"gzip/emnist-letters-mapping.txt": b"1 65 97"}
        for characters, names in datasets.EMNIST.classes_split_dict.items():
            first = int(characters == "letters")
            for split in SPLITS:
                labels = np.arange(len(self.digits)) % (len(names) - first) + first
                prefix = f"gzip/emnist-{characters}-{split}"
                on_their_sides = np.ascontiguousarray(self.digits.transpose(0, 2, 1))
                files[f"{prefix}-images-idx3-ubyte.gz"] = gzip.compress(idx(on_their_sides))
                files[f"{prefix}-labels-idx1-ubyte.gz"] = gzip.compress(
                    idx(labels.astype(np.uint8))
                )
        self.patch.setattr(datasets.EMNIST, "md5", self.put("gzip.zip", zipped(files)))

    def cifar(self, published: str) -> None:
        """Every batch that torchvision lists, of ten photos each."""
        from torchvision import datasets

        files, held = getattr(datasets, published), {}
        key = "labels" if published == "CIFAR10" else "fine_labels"
        for number, (name, _md5) in enumerate([*files.train_list, *files.test_list]):
            part = self.photos[number * 10 : number * 10 + 10]
            rows = part.transpose(0, 3, 1, 2).reshape(10, -1)
            held[name] = pickle.dumps({"data": rows, key: list(range(10))})
        classes = [f"class {n}" for n in range(10 if published == "CIFAR10" else 100)]
        held[files.meta["filename"]] = pickle.dumps({files.meta["key"]: classes})
        body = tarred({f"{files.base_folder}/{name}": body for name, body in held.items()})
        self.patch.setattr(files, "tgz_md5", self.put(files.filename, body))
        self.lists(files, held)
        meta = files.meta | {"md5": md5(held[files.meta["filename"]])}
        self.patch.setattr(files, "meta", meta)

    def svhn(self) -> None:
        """The photos, labelled 1 to 10, of which 10 stands for 0."""
        from scipy.io import savemat  # type: ignore[import-untyped]
        from torchvision import datasets

        for split, (url, name, _md5) in dict(datasets.SVHN.split_list).items():
            stream = io.BytesIO()
            labels = (np.arange(len(self.photos)) % 10 + 1).astype(np.uint8)
            savemat(stream, {"X": self.photos.transpose(1, 2, 3, 0), "y": labels[:, None]})
            entry = [url, name, self.put(name, stream.getvalue())]
            self.patch.setitem(datasets.SVHN.split_list, split, entry)

    def stl10(self) -> None:
        """The photos at 96x96, columns first; some of them unlabelled."""
        from torchvision import datasets

        files, large = datasets.STL10, self.large(96)
        labels = (np.arange(len(large)) % 10 + 1).astype(np.uint8)
        pixels = large.transpose(0, 3, 2, 1).tobytes()
        held = {name: pixels if "_X" in name else labels.tobytes() for name in self.names(files)}
        held["class_names.txt"] = b"airplane\nbird"
        body = tarred({f"{files.base_folder}/{name}": body for name, body in held.items()})
        self.patch.setattr(files, "tgz_md5", self.put(files.filename, body))
        self.lists(files, held)

    def gtsrb(self) -> None:
        """Two signs of each kind, in pictures of different sizes; the test part in a table."""
        signs = {}
        for label in range(43):
            for number in range(2):
                pixels = self.photos[(label + number) % len(self.photos)]
                name = f"{label:05d}/{number:05d}_00000.ppm"
                signs[name] = image(pixels, "PPM", (30 + label, 36 + number))
        train = {f"GTSRB/Training/{name}": body for name, body in signs.items()}
        train["GTSRB/Training/00000/GT-00000.csv"] = b"Filename;ClassId\n"
        rows, test = ["Filename;Width;ClassId"], {}
        for number, (name, body) in enumerate(reversed(signs.items())):
            rows.append(f"{number:05d}.ppm;30;{int(name[:5])}")
            test[f"GTSRB/Final_Test/Images/{number:05d}.ppm"] = body
        table = {"GT-final_test.csv": "\n".join(rows).encode()}
        for archive, files in zip(photographs.GTSRB_MD5, (train, test, table), strict=True):
            self.patch.setitem(photographs.GTSRB_MD5, archive, self.put(archive, zipped(files)))
        self.patch.setattr(photographs.GTSRB, "counts", dict.fromkeys(SPLITS, len(signs)))

    def flowers102(self) -> None:
        """One photo of each kind and part, their labels, and the parts: the last kind comes first."""
        from scipy.io import savemat
        from torchvision import datasets

        jpegs = {
            f"jpg/image_{n:05d}.jpg": image(
                self.photos[n % len(self.photos)], "JPEG", (50, 40 + n % 20)
            )
            for n in range(1, 307)
        }
        train, val, test = np.arange(1, 307).reshape(3, 102)
        parts = {"trnid": train, "valid": val, "tstid": test}
        tables = {"label": {"labels": np.tile(np.arange(102, 0, -1), 3)}, "setid": parts}
        files = dict(datasets.Flowers102._file_dict)
        name = files["image"][0]
        files["image"] = (name, self.put(name, tarred(jpegs)))
        for key, table in tables.items():
            stream, name = io.BytesIO(), files[key][0]
            savemat(stream, table)
            files[key] = (name, self.put(name, stream.getvalue()))
        self.patch.setattr(datasets.Flowers102, "_file_dict", files)
        counts = dict.fromkeys(("train", "val", "test"), 102)
        self.patch.setattr(photographs.Flowers102, "counts", counts)

    def oxford_pets(self) -> None:
        """One photo of each of 37 breeds and part, tall ones and wide ones."""
        from torchvision import datasets

        lists: dict[str, list[str]] = {"trainval": [], "test": []}
        jpegs = {}
        for number in range(74):
            breed, part = number // 2, ("trainval", "test")[number % 2]
            name = f"{'bC'[breed % 2]}at_of_{breed}_{number}"
            jpegs[f"images/{name}.jpg"] = image(self.photos[number % 60], "JPEG", (40, 36 + number))
            lists[part].append(f"{name} {breed + 1} {breed % 2 + 1} {number}")
        texts = {
            f"annotations/{part}.txt": "\n".join(rows).encode() for part, rows in lists.items()
        }
        texts["annotations/trimaps/._junk.png"] = b"junk"
        resources = []
        for (url, _md5), files in zip(
            datasets.OxfordIIITPet._RESOURCES, (jpegs, texts), strict=True
        ):
            resources.append((url, self.put(Path(url).name, tarred(files))))
        self.patch.setattr(datasets.OxfordIIITPet, "_RESOURCES", tuple(resources))
        counts = dict.fromkeys(lists, 37)
        self.patch.setattr(photographs.OxfordIIITPet, "counts", counts)

    def imagenette(self) -> None:
        """Two photos of each of the ten classes and parts, in each of the three archives."""
        from torchvision import datasets

        published = {}
        for size, (url, _md5) in datasets.Imagenette._ARCHIVES.items():
            folder, side = Path(url).stem, int(size[:3]) if size != "full" else 400
            files = {
                f"{folder}/{part}/{wnid}/{wnid}_{n}.JPEG": image(
                    self.photos[2 * label + n], "JPEG", (side, side + 40 * n)
                )
                for part in ("train", "val")
                for label, wnid in enumerate(datasets.Imagenette._WNID_TO_CLASS)
                for n in range(2)
            }
            published[size] = (url, self.put(Path(url).name, tarred(files)))
        self.patch.setattr(datasets.Imagenette, "_ARCHIVES", published)
        self.patch.setattr(photographs.Imagenette, "counts", {"train": 20, "val": 20})

    def large(self, size: int) -> Pixels:
        """The photos, enlarged."""
        return np.stack([np.asarray(Image.fromarray(p).resize((size, size))) for p in self.photos])

    def lists(self, files: Any, held: Mapping[str, bytes]) -> None:
        """Tell torchvision the checksums of an archive's files."""
        for listed in ("train_list", "test_list"):
            names = [name for name, _md5 in getattr(files, listed)]
            self.patch.setattr(files, listed, [[name, md5(held[name])] for name in names])

    @staticmethod
    def names(files: Any) -> list[str]:
        """What torchvision lists of an archive."""
        return [name for name, _md5 in [*files.train_list, *files.test_list]]

    def publish(self, choice: type[Famous]) -> None:
        """The archives of a data set."""
        kind = choice.kind_name()
        if kind in ("mnist", "fashion_mnist", "kmnist"):
            self.idx_files(choice.__name__)
        elif kind.startswith("cifar"):
            self.cifar(choice.__name__)
        else:
            getattr(self, kind)()
