"""The Data panel's pictures: counts that add up, warnings when they are due, any data, any names."""

import time
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.clock import seconds
from trainlab.catalog.datasets import Digits, Images
from trainlab.catalog.preprocessing import PreprocessingChoice
from trainlab.choice import choices
from trainlab.engine.build import split_rows
from trainlab.engine.randomness import generator
from trainlab.experiment import Experiment
from trainlab.widgets.pictures import Look, Spec, data_pictures
from trainlab.widgets.pictures.data import MOST_LETTERS, cut

NAUGHTY = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "$$\\frac{1}{0}$$",
    "$x_1",
    "\u202eevif\u202c",
    "مرحبا بالعالم",
    "数字",
    "a\nb\tc\0d",
    "{name} %s \\n",
    "n" * 300,
)


@pytest.fixture(scope="module")
def digits() -> Images:
    return Digits().load()


def drawn(data: Images, **changes: Any) -> dict[str, Spec]:
    return {spec["id"]: spec for spec in data_pictures(Look(Experiment(**changes), data))}


def number(text: str) -> int:
    return int(text.replace(",", ""))


def colour(count: int) -> Images:
    """Random colour images of ten classes."""
    shape = (count, 3, 32, 32)
    images = torch.randint(256, shape, dtype=torch.uint8, generator=generator("cifar"))
    return Images(images, torch.arange(count) % 10, tuple("abcdefghij"))


def plane() -> Images:
    points = torch.rand(300, 2, 1, 1, generator=generator("plane"))
    return Images(points, (points[:, 0, 0, 0] > 0.5).long(), ("left", "right"))


def numbers_of_six(digits: Images) -> Images:
    labels = torch.stack([digits.labels.roll(shift) for shift in range(6)], 1)
    labels[:, 4:] = 10
    return Images(digits.images, labels, (*digits.classes, "blank"))


def test_counts_add_up_to_the_split(digits: Images) -> None:
    spec = drawn(digits)["classes"]
    train, val = split_rows(Experiment(), digits)
    head, *rows = spec["html_rows"]
    assert head == ["class", "training", "share", "validation", "share"]
    assert [row[0] for row in rows] == [str(digit) for digit in range(10)]
    assert sum(number(row[1]) for row in rows) == len(train)
    assert sum(number(row[3]) for row in rows) == len(val)
    assert spec["title"] == "Classes"
    assert "the same mix of classes" in spec["caption"]
    assert spec["svg"]


def test_a_split_by_class_is_warned_of(digits: Images) -> None:
    order = digits.labels.sort(stable=True).indices
    ordered = Images(digits.images[order], digits.labels[order], digits.classes)
    specs = drawn(ordered, split="time")
    assert specs["classes"]["title"] == "Classes: the two parts differ"
    assert "chi-squared" in specs["classes"]["caption"]
    assert "Without a training image: 8, 9." in specs["classes"]["caption"]


def test_brighter_validation_images_are_warned_of(digits: Images) -> None:
    images = digits.images.clone()
    images[1500:] = images[1500:] // 2 + 100
    bright = replace(digits, images=images)
    assert drawn(bright)["channels"]["title"] == "Channels"
    late = drawn(bright, split="time")["channels"]
    assert late["title"] == "Channels: the two parts differ"
    mean = digits.images[:1438].double().mean() / 255
    assert float(late["html_rows"][1][1]) == pytest.approx(float(mean), abs=6e-4)


def test_duplicates_on_both_sides_are_warned_of(digits: Images) -> None:
    assert drawn(digits)["twins"]["caption"] == "No two images have the same pixels."
    copies = digits.images.clone()
    copies[1700:1703] = copies[:3]
    copied = replace(digits, images=copies)
    spec = drawn(copied, split="time")["twins"]
    assert "6 images are exact copies of another. Groups of copies: 3;" in spec["caption"]
    assert "on both sides of the split: 3;" in spec["caption"]
    torn = int((digits.labels[1700:1703] != digits.labels[:3]).sum())
    assert f"with different labels: {torn}." in spec["caption"]
    assert spec["title"] == "Duplicates: some are learnt and asked again"
    assert spec["png"]


def test_the_image_that_is_unlike_all_others_is_the_first_outlier(digits: Images) -> None:
    images = digits.images.clone()
    images[123] = 255
    spec = drawn(replace(digits, images=images, names=tuple(f"{n}.png" for n in range(1797))))[
        "outliers"
    ]
    assert spec["html_rows"][1][:2] == ["123.png", str(int(digits.labels[123]))]
    assert spec["png"]


@pytest.mark.parametrize(
    "kind", [choice.kind_name() for choice in choices(PreprocessingChoice)], ids=str
)
def test_every_preprocessing_is_shown(kind: str, digits: Images) -> None:
    for data in (digits, plane(), colour(300)):
        spec = drawn(data, preprocessing=kind)["preprocessed"]
        assert "before" in spec["caption"]
        assert bool(spec["svg"]) == (data.images.shape[2] == 1)
        if kind == "standardize":
            assert "0.000 and 1.0" in spec["caption"].replace("-0.000", "0.000")
        shrunk = kind in ("pca", "pca_whitening", "zca") and data.images.shape[1] == 3
        assert ("Shown on images of 12 x 12" in spec["caption"]) == shrunk


def test_images_too_large_for_whitening_say_so() -> None:
    large = Images(torch.zeros(20, 3, 64, 64).byte(), torch.arange(20) % 2, ("a", "b"))
    specs = drawn(large, preprocessing="zca")
    assert "12,288 features is too much" in specs["unavailable"]["title"]
    assert "classes" in specs


def test_a_split_that_does_not_suit_still_shows_the_images(digits: Images) -> None:
    specs = drawn(digits, split="grouped")
    assert list(specs) == ["sample", "unavailable"]
    assert "file names" in specs["unavailable"]["title"]


def test_points_are_drawn_as_points() -> None:
    specs = drawn(plane())
    assert "300 points" in specs["sample"]["caption"]
    assert specs["sample"]["svg"]
    assert specs["preprocessed"]["svg"]
    assert "outliers" not in specs
    assert len(specs["channels"]["html_rows"]) == 3


def test_labels_of_six_positions(digits: Images) -> None:
    specs = drawn(numbers_of_six(digits))
    rows = specs["classes"]["html_rows"][1:]
    assert rows[-1][0] == "blank"
    assert sum(number(row[1]) + number(row[3]) for row in rows) == 6 * 1797
    assert specs["outliers"]["html_rows"][1][1].endswith("blank blank")


def test_somebody_elses_names_are_text_on_one_line(digits: Images) -> None:
    names = tuple(f"{NAUGHTY[row % 10]}_{row}.png" for row in range(1797))
    naughty = replace(digits, classes=NAUGHTY, names=names, notes=(*NAUGHTY,) * 3)
    specs = drawn(naughty)
    order = naughty.labels.sort(stable=True).indices
    specs |= {
        "late": drawn(replace(naughty, labels=naughty.labels[order]), split="time")["classes"]
    }
    cells = [cell for spec in specs.values() for row in spec["html_rows"] or [] for cell in row]
    assert NAUGHTY[0] in cells
    assert all(cell.isprintable() for cell in cells)
    assert max(map(len, cells)) <= 400
    classes = [row[0] for row in specs["classes"]["html_rows"][1:]]
    assert max(map(len, classes)) <= MOST_LETTERS
    assert "The first 20 of 30 are listed." in specs["notes"]["caption"]
    for spec in specs.values():
        assert not any(name in (spec["svg"] or "") for name in ("alert", "frac"))


def test_long_names_end_in_an_ellipsis() -> None:
    assert cut("n" * 300) == "n" * 39 + "…"
    assert cut("a\nb\u202e c") == "a b c"


def test_many_classes_are_listed_in_part() -> None:
    data = Images(
        torch.zeros(500, 1, 4, 4).byte(), torch.arange(500) % 100, tuple(map(str, range(100)))
    )
    spec = drawn(data)["classes"]
    assert len(spec["html_rows"]) == 21
    assert "The first 20 of 100 are listed." in spec["caption"]


def test_large_photographs_are_shown_small() -> None:
    images: Tensor = torch.randint(256, (40, 3, 224, 160), generator=generator("photos")).byte()
    specs = drawn(Images(images, torch.arange(40) % 2, ("a", "b")))
    assert max(len(spec["png"] or "") for spec in specs.values()) < 1_500_000


@pytest.mark.alone
def test_the_panel_of_fifty_thousand_images_is_as_quick_as_that_of_three_thousand() -> None:
    torch.set_num_threads(1)
    drawn(plane())  # matplotlib's first drawing, the canyon
    spent: dict[int, list[tuple[float, ...]]] = {3_000: [], 50_000: []}
    for _turn in range(3):
        for count, times in spent.items():
            fresh = colour(count)  # not looked at yet
            looks = [partial(drawn, fresh, preprocessing=name) for name in ("center", "zca")]
            times.append(tuple(seconds(look, clock=time.thread_time)[0] for look in looks))
    assert "From 2,929 images drawn at random." in looks[0]()["channels"]["caption"]
    (few, few_again), (many, again) = (map(min, zip(*some, strict=True)) for some in spent.values())
    assert many < min(0.3, 1.5 * few)
    assert again < min(0.15, 1.5 * few_again)
    assert again < 0.8 * many  # the data set is looked at once
