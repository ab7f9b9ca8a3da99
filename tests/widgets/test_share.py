"""Sharing on the page: the code of forms and of a run, the experiment as text, runs as zips in parts."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.widgets.pages import tiny
from trainlab.catalog.models import MLP
from trainlab.experiment import Experiment
from trainlab.export import to_link
from trainlab.runs import Run, load_run, train
from trainlab.widgets.bundles import PanelsWidget
from trainlab.widgets.desk import Desk
from trainlab.widgets.panels import PANELS
from trainlab.widgets.upload import PART_BYTES


class Page(PanelsWidget):
    """The panels with a page that keeps what it is told."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.told: list[tuple[dict[str, Any], list[bytes]]] = []
        self.desk = Desk(self, Experiment())
        self.desk.root = folder
        self.desk.show(PANELS)

    def send(self, content: Any, buffers: Any = None) -> None:
        self.told.append((content, [bytes(buffer) for buffer in buffers or ()]))

    def tell(self, *buffers: bytes, **message: Any) -> dict[str, Any]:
        """Say something; the answer, or what was told last."""
        self._handle_custom_msg(message, [memoryview(buffer) for buffer in buffers])
        return self.told[-1][0] if self.told else {}

    def choose(self, menu: str, value: str) -> None:
        self.tell(type="menu", id=menu, value=value)

    def fetch(self, run: str = "", view: str = "a") -> bytes:
        """Download a run as the page does."""
        data = b""
        answer: dict[str, Any] = {"size": 1}
        while len(data) < answer["size"]:
            part = len(data) // PART_BYTES
            answer = self.tell(type="download", view=view, run=run, part=part)
            assert answer["error"] is None
            assert answer["part"] == part
            data += self.told[-1][1][0]
        return data


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(tiny(1), tmp_path_factory.mktemp("runs"))


@pytest.fixture
def page(runs: Path) -> Page:
    return Page(runs)


def test_the_code_is_that_of_the_forms_or_of_the_run_on_the_chart(page: Page, run: Run) -> None:
    import nbformat  # 5 s: its JSON schemas come with a parser for addresses

    page.tell(type="open", panel="code")
    assert "ConvNet on Digits" in page.panel["code"]["text"]
    script, notebook = page.panel["code"]["files"]
    assert (script["name"], notebook["name"]) == ("train.py", "train.ipynb")
    nbformat.validate(json.loads(notebook["text"]))
    page.choose("of", "run")
    assert page.panel["code"]["text"] == ""
    assert "press Start" in page.panel["intro"]
    page.desk.run = lambda: str(run.path)
    page.choose("of", "run")
    assert "MLP on Digits" in page.panel["code"]["text"]
    assert run.path.name in page.panel["intro"]
    assert page.panel["menus"][0]["value"] == "run"
    page.choose("of", "forms")
    assert "ConvNet on Digits" in page.panel["code"]["text"]


def test_the_experiment_is_shown_as_json_and_toml(page: Page) -> None:
    page.tell(type="set", path="optimizer.lr", value=0.0123)
    page.tell(type="open", panel="share")
    assert json.loads(page.panel["code"]["text"])["optimizer"]["lr"] == 0.0123
    page.choose("as", "toml")
    assert Experiment.from_text(page.panel["code"]["text"]).optimizer.lr == 0.0123
    assert page.panel["code"]["files"] == [{"name": "experiment.toml"}]
    page.choose("as", "link")
    assert page.panel["code"]["name"] == "experiment.toml", "a notebook has no address of its own"


def test_a_link_is_offered_where_the_page_has_an_address(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVER_SOFTWARE", "voila/0.5")
    page.tell(type="open", panel="share")
    page.choose("as", "link")
    code = page.panel["code"]
    assert code["link"]
    assert code["text"] == f"?experiment={to_link(Experiment())}"


@pytest.mark.parametrize("form", ["json", "toml", "link"])
def test_text_becomes_what_the_forms_say(page: Page, form: str) -> None:
    wanted = Experiment(model=MLP(width=24))
    texts = {
        "json": wanted.to_json(),
        "toml": "﻿" + wanted.to_toml(),  # as Windows' editor saves it
        "link": f"http://somewhere:8866/?theme=dark&experiment={to_link(wanted)}\n",
    }
    heard: list[Experiment] = []
    page.desk.tell = heard.append
    page.tell(type="set", path="optimizer.lr", value=-1)
    answer = page.tell(texts[form].encode(), type="experiment", view="a")
    assert answer == {"type": "experiment", "view": "a", "error": None}
    assert page.desk.editor.experiment == wanted
    assert page.desk.editor.refused == {}
    assert heard == [wanted]


@pytest.mark.parametrize(
    ("buffers", "why"),
    [
        ([b'{"optimizer": {"kind": "sgd", "lr": -1}}'], "optimizer.lr"),
        ([b"[optimizer]\nkind = 'nothing'"], "optimizer"),
        ([b"{"], "broken"),
        ([b'{"seed": NaN}'], "seed"),
        ([b'{"a":' * 100_000], "nested"),
        ([b"\xff\xfe"], "UTF-8"),
        ([b"x" * 1_000_001], "1 MB"),
        ([b""], "1 MB"),
        ([], "1 MB"),
        ([b"{}", b"{}"], "1 MB"),
        ([b"http://x/?experiment=abc"], "link"),
    ],
)
def test_what_is_no_experiment_changes_nothing(page: Page, buffers: list[bytes], why: str) -> None:
    answer = page.tell(*buffers, type="experiment", view="a")
    assert why in answer["error"]
    assert page.desk.editor.experiment == Experiment()


def test_a_run_goes_out_as_a_zip_and_comes_in_again(page: Page, run: Run, runs: Path) -> None:
    page.desk.run = lambda: str(run.path)
    data = page.fetch()
    assert zipfile.ZipFile(io.BytesIO(data)).testzip() is None
    upload = {"type": "openrun", "view": "a", "size": len(data), "name": "run.zip"}
    half = len(data) // 2
    assert page.tell(data[:half], **upload, part=0)["error"] is None
    answer = page.tell(data[half:], **upload, part=1)
    assert (answer["done"], answer["name"]) == (True, run.path.name)
    again = load_run(runs / run.path.name)
    assert again.summary["weights_sha256"] == run.summary["weights_sha256"]


def test_a_large_run_is_fetched_part_by_part(
    page: Page, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.desk.run = lambda: str(run.path)
    monkeypatch.setattr("trainlab.widgets.share.PART_BYTES", 10_000)
    monkeypatch.setattr(f"{__name__}.PART_BYTES", 10_000)
    assert zipfile.ZipFile(io.BytesIO(page.fetch())).testzip() is None
    assert len(page.told) > 3
    after = page.tell(type="download", view="a", run="", part=1)
    assert "try again" in after["error"], "it is gone once the page has it"


def test_what_cannot_be_fetched_or_opened_is_said(page: Page) -> None:
    assert "press Start" in page.tell(type="download", view="a", run="", part=0)["error"]
    assert page.tell(type="download", view="b", run="", part=7)["error"]
    upload = {"type": "openrun", "view": "a", "size": 5, "name": "<b>.zip", "part": 0}
    assert "no run" in page.tell(b"PK\3\4.", **upload)["error"]
    assert list(page.desk.root.iterdir()) == []
