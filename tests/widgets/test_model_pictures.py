"""The Model panel: the table adds up, and trained weights come with advice."""

from statistics import median
from typing import Any

import pytest

from tests.clock import seconds
from trainlab.catalog.datasets import Digits, Images
from trainlab.experiment import Experiment
from trainlab.widgets.pictures import Look, model_pictures
from trainlab.widgets.pictures.look import outline
from trainlab.widgets.pictures.model import layers, shortly


@pytest.fixture(scope="module")
def data() -> Images:
    return Digits().load()


def look(data: Images, **changes: Any) -> Look:
    return Look(Experiment.from_data(changes), data)


def summary(seen: Look) -> dict[str, Any]:
    (table,) = [spec for spec in model_pictures(seen) if spec["id"] == "layers"]
    return table


@pytest.mark.parametrize("kind", ["mlp", "convnet", "resnet", "densenet", "vit", "torchvision"])
def test_rows_add_up_to_the_network(data: Images, kind: str) -> None:
    seen = look(data, model=kind)
    table = summary(seen)
    head, *rows = table["html_rows"]
    assert head == ["layer", "output", "parameters", "FLOPs", "memory", "sees"]
    total = sum(int(row[2].replace(",", "")) for row in rows if row[2])
    assert total == sum(parameter.numel() for parameter in outline(seen).parameters())
    assert f"{total:,} parameters" in table["caption"]
    assert len(rows) <= 40


def test_a_row_says_what_a_layer_gives_weighs_costs_and_sees(data: Images) -> None:
    table = summary(look(data, model={"kind": "convnet", "width": 8, "stages": 1}))
    assert table["html_rows"][1] == ["0 Conv2d", "8 x 8 x 8", "72", "9.22 k", "2.05 kB", "3"]
    assert table["html_rows"][-1] == ["5 Linear", "10", "1,290", "2.56 k", "40 B", ""]
    assert "a batch of 64 keeps" in table["caption"]


def test_the_activation_is_drawn_where_there_is_one(data: Images) -> None:
    ids = [
        spec["id"]
        for spec in model_pictures(look(data, model={"kind": "convnet", "activation": "mish"}))
    ]
    assert len(ids) == 2
    assert [spec["id"] for spec in model_pictures(look(data, model="torchvision"))] == ["layers"]


def test_trained_weights_come_with_advice_for_so_many_images(data: Images) -> None:
    few, *_rest = model_pictures(look(data, model="pretrained"))
    assert "expect ImageNet's mean" in few["title"]
    assert "are few" in few["caption"]
    few, *_rest = model_pictures(look(data, model="pretrained", preprocessing="imagenet"))
    assert few["title"] == "How much to freeze"
    many = Images(data.images.repeat(4, 1, 1, 1), data.labels.repeat(4), data.classes)
    advice, *_rest = model_pictures(look(many, model="pretrained"))
    assert "are many" in advice["caption"]


@pytest.mark.alone
def test_the_default_network_is_shown_at_once(data: Images) -> None:
    seen = look(data)
    model_pictures(seen)  # imports

    def again() -> None:
        layers.cache_clear()
        model_pictures(seen)

    assert median(seconds(again, times=5)) < 0.3


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (1_234_567, "1.23 MB"),
        (999_950, "1 MB"),
    ],
)
def test_numbers_are_short(number: float, text: str) -> None:
    assert shortly(number, "B") == text
