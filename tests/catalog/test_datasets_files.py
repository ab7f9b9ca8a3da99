"""Image files: every kind of pixel, and how they become squares; bombs."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.catalog.own_images import draw, scripted, two_classes
from trainlab.catalog.datasets import ImageFolder


@pytest.fixture(autouse=True)
def empty(cache: Path) -> None:
    """Nothing is kept yet."""


def png(width: int, height: int) -> bytes:
    """A few bytes that call themselves a huge picture."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
    return start + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def test_kinds_of_pixels(tmp_path: Path) -> None:
    root = tmp_path / "data"
    draw(root / "b" / "x.png")
    for mode in ("RGBA", "P", "L", "1", "LA"):
        draw(root / "a" / f"{mode}.png", (255, 255, 255), mode)
    draw(root / "a" / "CMYK.jpg", (255, 255, 255), "CMYK")
    palette = Image.new("RGB", (12, 9), (255, 255, 255)).convert("P")
    palette.save(root / "a" / "see-through.png", transparency=bytes([0, 128, 255]))
    deep = np.full((9, 12), 0x8000, np.uint16)
    Image.fromarray(deep).save(root / "a" / "deep.png")
    Image.fromarray(deep).save(root / "a" / "deep.tiff")
    found = ImageFolder(root=str(root), size=8).load()
    assert found.notes == ()
    values = [np.unique(image).tolist() for image in found.images[:-1].numpy()]
    # 1, CMYK, deep, deep, L, LA, P, RGBA, see-through
    assert values == [[255]] * 2 + [[128]] * 2 + [[255]] * 5


def test_orientation_is_applied(tmp_path: Path) -> None:
    root = two_classes(tmp_path / "data")
    picture = Image.new("L", (16, 16))
    picture.paste(255, (0, 0, 16, 8))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    picture.save(root / "a" / "0.png", exif=exif)
    square = ImageFolder(root=str(root), size=16, grey=True).load().images[0, 0]
    assert set(square[:, :8].flatten().tolist()) == {0}
    assert set(square[:, 8:].flatten().tolist()) == {255}


def test_the_shorter_side_is_resized_and_the_centre_kept(tmp_path: Path) -> None:
    root = two_classes(tmp_path / "data")
    wide = Image.new("L", (48, 16))
    wide.paste(255, (16, 0, 32, 16))
    wide.save(root / "a" / "0.png")
    images = ImageFolder(root=str(root), size=16, grey=True).load().images
    assert set(images[0].flatten().tolist()) == {255}


@pytest.mark.parametrize(("width", "height"), [(8001, 8000), (10_000, 10_000), (60_000, 60_000)])
@pytest.mark.filterwarnings("ignore")  # Pillow warns from 89 megapixels on: as an error it refuses
def test_bombs_are_left_out_before_decoding(width: int, height: int, tmp_path: Path) -> None:
    root = two_classes(tmp_path / "data", 9)
    (root / "a" / "bomb.png").write_bytes(png(width, height))
    if width == 8001:  # whole, and readable but for its size
        Image.new("1", (width, height)).save(root / "a" / "bomb.png")
    choice = ImageFolder(root=str(root))
    found = choice.load()
    assert len(found.images) == len(scripted(choice, tmp_path)[0]) == 18
    assert found.notes[0] == "1 of 19 files are left out:"
    reason = found.notes[1].removeprefix("a/bomb.png: ")
    assert reason == f"too large: {width} x {height} pixels" or "decompression bomb" in reason
