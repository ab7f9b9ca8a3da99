"""Uploads: what the page sends in parts becomes the data set, or is refused with a reason."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from trainlab.experiment import Experiment
from trainlab.widgets.bundles import PanelsWidget
from trainlab.widgets.desk import Desk
from trainlab.widgets.panels import PANELS
from trainlab.widgets.upload import MOST_BYTES, PART_BYTES, Uploads

PART = 1000


class Page(PanelsWidget):
    """The panels with a page that keeps what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[dict[str, Any]] = []
        self.desk = Desk(self, Experiment())
        self.desk.show(PANELS)

    def send(self, content: Any, buffers: Any = None) -> None:
        assert not buffers
        self.told.append(content)

    def tell(self, message: Any, *buffers: bytes) -> dict[str, Any]:
        self._handle_custom_msg(message, [memoryview(buffer) for buffer in buffers])
        return self.told[-1]

    def upload(self, data: bytes, name: str = "mine.zip", view: str = "a") -> dict[str, Any]:
        """Send a file as the page does; the last answer."""
        answer: dict[str, Any] = {}
        for part, at in enumerate(range(0, len(data), PART)):
            message = {"type": "upload", "view": view, "part": part}
            message |= {"size": len(data), "name": name}
            answer = self.tell(message, data[at : at + PART])
            assert answer["part"] == part
            assert answer["view"] == view
        return answer


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Page:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Page()


def packed(*classes: str) -> bytes:
    """A zip of noise in class folders, which does not shrink."""
    draws, buffer = np.random.default_rng(0), io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in classes:
            for number in range(3):
                picture = io.BytesIO()
                pixels = draws.integers(0, 255, (12, 12, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(picture, "png")
                archive.writestr(f"{name}/{number}.png", picture.getvalue())
    return buffer.getvalue()


def test_a_zip_becomes_the_data_set(page: Page) -> None:
    answer = page.upload(packed("cat", "dog"))
    assert (answer["error"], answer["done"]) == (None, True)
    assert len(page.told) > 2
    assert page.desk.editor.experiment.dataset.kind == "zip"
    data = page.desk.editor.experiment.dataset.load()
    assert data.classes == ("cat", "dog")
    assert data.images.shape == (6, 3, 32, 32)
    assert page.panel["sections"][0]["kind"] == "zip"


@pytest.mark.parametrize("data", [b"no zip", packed("cat")[:-30], b"PK\x03\x04" + bytes(3000)])
def test_what_is_no_zip_changes_nothing(page: Page, data: bytes) -> None:
    answer = page.upload(data, name="<b>$\\frac{.zip")
    assert "<b>$\\frac{.zip" in answer["error"]
    assert "done" not in answer
    assert page.desk.editor.experiment == Experiment()
    assert page.upload(packed("a", "b"))["done"]


def test_another_page_s_upload_takes_over(page: Page) -> None:
    data = packed("cat", "dog")
    first = {"type": "upload", "view": "a", "part": 0, "size": len(data), "name": "a.zip"}
    assert page.tell(first, data[:PART])["error"] is None
    assert page.upload(data, view="b")["done"]
    late = page.tell(first | {"part": 1}, data[PART : 2 * PART])
    assert "another upload" in late["error"]


@pytest.mark.parametrize(
    ("change", "buffers"),
    [
        ({"part": 1}, [b"x"]),
        ({"part": -1}, [b"x"]),
        ({"part": "0"}, [b"x"]),
        ({"size": MOST_BYTES + 1}, [b"x"]),
        ({"size": -5}, [b"xy"]),
        ({"size": 1}, [b"xy"]),
        ({"size": None}, [b"x"]),
        ({"name": None}, [b"x"]),
        ({"name": "n" * 301}, [b"x"]),
        ({"view": 5}, [b"x"]),
        ({}, []),
        ({}, [b""]),
        ({}, [b"x", b"y"]),
        ({}, [bytes(PART_BYTES + 1)]),
    ],
)
def test_parts_that_make_no_sense_are_refused(
    page: Page, change: dict[str, Any], buffers: list[bytes]
) -> None:
    sound = {"type": "upload", "view": "a", "part": 0, "size": 10, "name": "a.zip"}
    answer = page.tell(sound | change, *buffers)
    assert answer["error"]
    assert page.desk.editor.experiment == Experiment()


def test_nothing_is_kept_of_what_went_wrong() -> None:
    uploads = Uploads()
    part = {"view": "a", "part": 0, "size": 100, "name": "a.zip"}
    assert uploads.take(part, [b"x" * 60]) is None
    with pytest.raises(Exception, match="whole"):
        uploads.take(part | {"part": 1}, [b"x" * 60])
    with pytest.raises(Exception, match="another upload"):
        uploads.take(part | {"part": 1}, [b"x" * 40])
