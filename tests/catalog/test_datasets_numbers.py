"""Numbers of several digits: composed of real ones, and cut out of house numbers."""

import json
import sys
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.catalog.own_images import refused, scripted
from trainlab import events as ev
from trainlab.catalog.datasets import MNIST, Digits, Images, Numbers, SVHNNumbers
from trainlab.catalog.datasets.numbers import BLANK, composed, number_names, numbers, parts_of
from trainlab.catalog.splits import grouped
from trainlab.engine.randomness import generator
from trainlab.engine.trainer import Trainer
from trainlab.experiment import Experiment
from trainlab.runs import train
from trainlab.widgets.pictures.results import cell_spec, image_spec, results_spec


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / "cache" / name)


@pytest.fixture(scope="module")
def source() -> Images:
    return Digits().load()


def origin(image: torch.Tensor, digits: torch.Tensor) -> int:
    """Which of the digits (N, 8, 8) lies on an otherwise black canvas (H, W); -1 for none."""
    windows = image.unfold(0, 8, 1).unfold(1, 8, 1).reshape(-1, 8, 8)
    whole = windows[windows.sum((1, 2)) == image.sum()]
    hits = (digits[:, None] == whole[None]).flatten(2).all(2).any(1).nonzero().flatten()
    return int(hits[0]) if len(hits) else -1


@pytest.mark.parametrize("longest", [1, 3, 6])
def test_labels_are_digits_and_then_blanks(longest: int) -> None:
    found = Numbers(count=3000, longest=longest).load()
    assert found.images.shape == (3000, 1, 12, 8 * (longest + 1))
    assert (found.images.dtype, found.labels.dtype) == (torch.uint8, torch.int64)
    assert found.labels.shape == (3000, 6)
    assert found.positions == 6
    assert found.classes == (*"0123456789", "blank")
    blank = found.labels == BLANK
    assert torch.equal(blank, torch.arange(6) >= (~blank).sum(1, keepdim=True))
    lengths = Counter((~blank).sum(1).tolist())
    assert sorted(lengths) == list(range(1, longest + 1))
    assert min(lengths.values()) > 0.8 * 3000 / longest
    digits = Counter(found.labels[~blank].tolist())
    assert min(digits.values()) > 0.7 * sum(digits.values()) / 10


def test_each_digit_is_a_real_one_of_its_own_part(source: Images) -> None:
    images, labels = composed(source.images, source.labels, 200, 1, 0.0, 5)
    rows = [origin(image, source.images[:, 0]) for image in images[:, 0]]
    assert min(rows) >= 0
    assert source.labels[rows].tolist() == labels[:, 0].tolist()
    parts: dict[int, set[int]] = {}
    for part, row in zip(parts_of(200).tolist(), rows, strict=True):
        parts.setdefault(part, set()).add(row)
    assert len(parts) == 10
    assert sum(len(part) for part in parts.values()) == len(set.union(*parts.values()))


def test_digits_stand_side_by_side() -> None:
    """A white square for each digit shows where the digits are put."""
    squares = torch.full((100, 1, 8, 8), 255, dtype=torch.uint8)
    images, labels = composed(squares, torch.arange(100) % 10, 500, 6, 0.0, 0)
    columns = (images[:, 0] > 0).any(1).float()
    first, last = columns.argmax(1), 55 - columns.flip(1).argmax(1)
    beside = last + 1 - first - 8 * (labels != BLANK).sum(1)
    assert set(beside.tolist()) == {-2, -1, 0, 1, 2}
    assert set(range(9)) <= set(first.tolist()) <= set(range(10))
    top = (images[:, 0] > 0).any(2).float().argmax(1)
    assert {0, 1, 2, 3} <= set(top.tolist()) <= set(range(5))


def test_contrast_differs_from_image_to_image() -> None:
    def brightest(contrast: float) -> torch.Tensor:
        return Numbers(count=500, contrast=contrast).load().images.flatten(1).max(1).values

    assert int(brightest(0.0).min()) >= 0.9 * 255
    faint = brightest(0.9)
    assert int(faint.min()) < 0.15 * 255
    assert int(faint.max()) > 0.9 * 255


def test_the_target_gives_the_same_images_and_the_seed_names_them() -> None:
    choice = Numbers(count=300, longest=4, seed=9)
    found = choice.load()
    images, labels = numbers(**choice.arguments())
    assert torch.equal(images, found.images)
    assert torch.equal(labels, found.labels)
    assert not torch.equal(choice.but(seed=8).load().images, found.images)
    assert choice.at_hand()
    assert list(choice.fetch()) == []


def test_the_grouped_split_keeps_the_digits_of_the_two_sides_apart(source: Images) -> None:
    choice = Numbers(count=300, longest=1, contrast=0.0)
    found = choice.load()
    names = number_names(**choice.arguments())
    assert tuple(names) == found.names
    train, val = grouped(found.labels, generator(0, "split"), names, 0.2)
    assert len(val) == 60
    sides = [
        {origin(found.images[row, 0], source.images[:, 0]) for row in rows.tolist()}
        for rows in (train, val)
    ]
    assert not sides[0] & sides[1]


def test_numbers_of_mnist(shared: Path) -> None:
    folder = str(shared / "data" / "mnist")
    choice = Numbers(source="mnist-test", root=folder, count=3000, longest=1, contrast=0.0)
    assert choice.at_hand()
    found = choice.load()
    assert found.images.shape == (3000, 1, 21, 28)
    ink = MNIST(root=folder, split="test").load().images.float().sum((1, 2, 3)).mean() / 4
    assert float(found.images.float().sum((1, 2, 3)).mean()) == pytest.approx(float(ink), rel=0.02)
    images, labels = numbers(**choice.arguments())
    assert torch.equal(images, found.images)
    assert torch.equal(labels, found.labels)


def test_the_network_learns_to_read_whole_numbers() -> None:
    data = {"kind": "numbers", "longest": 2, "count": 3000}
    experiment = Experiment.from_data(
        {"dataset": data, "model": "mlp", "split": "grouped", "training": {"epochs": 15}}
    )
    labels = experiment.dataset.load().labels
    guess = max(Counter(map(tuple, labels.tolist())).values()) / len(labels)
    assert guess < 0.1
    ends = [e for e in Trainer(experiment).run(SimpleQueue()) if isinstance(e, ev.EpochEnd)]
    assert ends[-1].val_accuracy > 3 * guess
    assert ends[-1].val_loss < 0.5 * ends[0].val_loss


@pytest.mark.parametrize("model", [{"kind": "convnet", "width": 4}, {"kind": "mlp", "width": 8}])
def test_what_a_network_reads_in_house_numbers_can_be_looked_into(
    model: dict[str, Any], tmp_path: Path
) -> None:
    """Results, its page and the saliency of a run on images with six labels each."""
    dataset = write(tmp_path / "street", street(tmp_path / "street", 40))
    training = {"epochs": 2, "batch_size": 16, "device": "cpu", "threads": 1}
    experiment = Experiment.from_data({"model": model, "training": training}).but(dataset=dataset)
    run = train(experiment, tmp_path / "runs")
    found = run.results()
    assert found.accuracy == run.epochs["val_accuracy"][-1]
    assert found.loss == run.epochs["val_loss"][-1]
    assert found.labels.shape == (len(found), 6)
    assert found.confusion.sum() == 6 * len(found)
    spec = results_spec(found)
    json.dumps(spec, allow_nan=False)
    shot = spec["galleries"][0]["images"][0]
    truth = " ".join(found.classes[label] for label in found.labels[shot["image"]])
    assert shot["words"].startswith(truth)
    label, answer = int(found.labels[0, 0]), int(found.answers[0, 0])
    assert 0 in [shot["image"] for shot in cell_spec(found, label, answer)["images"]]
    look = image_spec(found, 0, BLANK)
    assert look["png"]
    assert look["heat"]
    assert ("No Grad-CAM" in look["how"]) == (model["kind"] == "mlp")


def street(root: Path, count: int = 12) -> list[dict[str, Any]]:
    """Photograph-like PNG files of real digits, and where each digit is: the published format."""
    data, listed = Digits().load(), []
    root.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        picture = Image.new("RGB", (90, 40), (60, 90, 40))
        boxes = []
        for place in range(number % 5 + 1):
            row = 7 * number + place
            left, top, label = 8 + 12 * place, 9 + place, int(data.labels[row])
            digit = Image.fromarray(data.images[row, 0].numpy()).resize((10, 16))
            picture.paste(Image.merge("RGB", (digit, digit, digit)), (left, top))
            box = {"label": label or 10, "left": left, "top": top, "width": 10, "height": 16}
            boxes.append({key: float(value) for key, value in box.items()})
        picture.save(root / f"{number + 1}.png")
        listed.append({"filename": f"{number + 1}.png", "boxes": boxes})
    return listed


def write(root: Path, listed: Any) -> SVHNNumbers:
    (root / "digitStruct.json").write_text(json.dumps(listed))
    return SVHNNumbers(root=str(root), size=32)


@pytest.mark.parametrize("grey", [False, True])
def test_house_numbers_are_cut_out_and_labelled(grey: bool, tmp_path: Path) -> None:
    root = tmp_path / "train"
    listed = street(root)
    choice = write(root, listed).but(grey=grey)
    found = choice.load()
    assert found.images.shape == (12, 1 if grey else 3, 32, 32)
    assert found.classes == (*"0123456789", "blank")
    assert found.notes == ()
    assert found.names == tuple(entry["filename"] for entry in listed)
    for row, entry in enumerate(listed):
        expected = [int(box["label"]) % 10 for box in entry["boxes"]]
        assert found.labels[row].tolist() == expected + [10] * (6 - len(expected))
    images, labels, names = scripted(choice, tmp_path)
    assert torch.equal(images, found.images)
    assert torch.equal(labels, found.labels)
    assert tuple(names) == found.names


def test_the_part_is_the_box_and_a_third_more(tmp_path: Path) -> None:
    root = tmp_path / "train"
    root.mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, (100, 100, 3), np.uint8)
    for name in ("a", "b"):
        Image.fromarray(pixels).save(root / f"{name}.png")
    boxes = [
        {"label": 1, "left": 20, "top": 40, "width": 20, "height": 40},
        {"label": 2, "left": 45, "top": 42, "width": 15, "height": 38},
    ]  # together 20..60 and 40..80: with 30 %, 14..66 and 34..86
    corner = [{"label": 3, "left": -4, "top": -4, "width": 24, "height": 24}]  # 0..23.6 are left
    listed = [{"filename": "a.png", "boxes": boxes}, {"filename": "b.png", "boxes": corner}]
    first, second = write(root, listed).but(size=52).load().images
    assert np.array_equal(first.permute(1, 2, 0).numpy(), pixels[34:86, 14:66])
    box = (0, 0, 23.6, 23.6)
    part = Image.fromarray(pixels).resize((52, 52), Image.Resampling.BILINEAR, box=box)
    assert np.array_equal(second.permute(1, 2, 0).numpy(), np.asarray(part))


def broken_entries(tmp_path: Path) -> list[tuple[Any, str]]:
    """Entries that cannot be used, and what is said of each."""
    outside = tmp_path / "secret.png"
    Image.new("RGB", (90, 40)).save(outside)
    box = {"label": 1, "left": 5, "top": 5, "width": 10, "height": 10}
    return [
        ({"filename": "1.png"}, "no boxes"),
        ({"filename": "1.png", "boxes": []}, "no boxes"),
        ({"filename": "1.png", "boxes": [box | {"label": 11}]}, "no digit"),
        ({"filename": "1.png", "boxes": [box | {"label": -1}]}, "no digit"),
        ({"filename": "1.png", "boxes": [box | {"width": 0}]}, "without a size"),
        ({"filename": "1.png", "boxes": [box | {"height": float("nan")}]}, "without a size"),
        ({"filename": "1.png", "boxes": [box | {"left": 1e30}]}, "not in the image"),
        ({"filename": "1.png", "boxes": [box | {"top": "x"}]}, "could not convert"),
        ({"filename": "1.png", "boxes": ["box"]}, ""),
        ({"filename": "none.png", "boxes": [box]}, "not a file"),
        ({"filename": "../secret.png", "boxes": [box]}, "leaves the folder"),
        ({"filename": str(outside), "boxes": [box]}, "leaves the folder"),
        ({"filename": "digitStruct.json", "boxes": [box]}, "not an image"),
        ({"filename": "\ud800<b>$$", "boxes": [box]}, ""),
        ({"boxes": [box]}, "not a file"),
        ("an entry", "no boxes"),
    ]


def test_broken_entries_are_left_out_and_told(tmp_path: Path) -> None:
    root = tmp_path / "train"
    listed, broken = street(root, 70), broken_entries(tmp_path)
    long = {"filename": "1.png", "boxes": listed[0]["boxes"] * 7}
    choice = write(root, [*listed, long, *(entry for entry, _why in broken)])
    found = choice.load()
    assert len(found.images) == 70
    assert found.notes[:2] == (
        "1 numbers of more than 6 digits are left out",
        f"{len(broken)} of {70 + len(broken)} files are left out:",
    )
    for note, (_entry, why) in zip(found.notes[2:], broken, strict=True):
        assert why in note
        note.encode()
    assert torch.equal(scripted(choice, tmp_path)[0], found.images)
    write(root, [*listed[:60], *(entry for entry, _why in broken)])
    assert "16 of 76 files" in refused(choice.load).what


def test_the_boxes_must_be_there(tmp_path: Path) -> None:
    assert "No folder is chosen" in refused(SVHNNumbers().load).what
    root = tmp_path / "train"
    root.mkdir()
    choice = SVHNNumbers(root=str(root))
    assert "neither digitStruct.json nor digitStruct.mat" in refused(choice.load).why
    assert "train.tar.gz" in refused(choice.load).remedy
    for text in ("{", "{}", "1", "\0"):
        (root / "digitStruct.json").write_text(text)
        assert "cannot be read" in refused(choice.load).what
    (root / "digitStruct.json").write_text("[]")
    assert "holds no images" in refused(choice.load).what


@pytest.mark.skipif(find_spec("h5py") is not None, reason="h5py is installed: the file is read")
def test_without_h5py_the_published_file_is_refused_with_the_remedy(tmp_path: Path) -> None:
    street(tmp_path / "train")
    (tmp_path / "train" / "digitStruct.mat").write_bytes(b"MATLAB 7.3 MAT-file")
    problem = refused(SVHNNumbers(root=str(tmp_path / "train")).load)
    assert "h5py" in problem.why
    assert "pip install h5py" in problem.remedy
    assert "digitStruct.json" in problem.remedy


def write_mat(path: Path, listed: list[dict[str, Any]]) -> None:
    """A file as MATLAB writes the published one: references to names and to groups of columns."""
    import h5py  # type: ignore[import-not-found, unused-ignore]

    with h5py.File(path, "w") as file:
        names = file.create_dataset("digitStruct/name", (len(listed), 1), h5py.ref_dtype)
        boxes = file.create_dataset("digitStruct/bbox", (len(listed), 1), h5py.ref_dtype)
        for row, entry in enumerate(listed):
            codes = np.array([[ord(letter)] for letter in entry["filename"]], np.uint16)
            names[row, 0] = file.create_dataset(f"#refs#/name{row}", data=codes).ref
            group = file.create_group(f"#refs#/box{row}")
            boxes[row, 0] = group.ref
            for key in entry["boxes"][0]:
                values = [np.array([[box[key]]]) for box in entry["boxes"]]
                if len(values) == 1:
                    group[key] = values[0]
                    continue
                column = group.create_dataset(key, (len(values), 1), h5py.ref_dtype)
                for place, value in enumerate(values):
                    name = f"#refs#/{key}{row}_{place}"
                    column[place, 0] = file.create_dataset(name, data=value).ref


@pytest.mark.skipif(find_spec("h5py") is None, reason="h5py is not installed")
def test_the_published_file_says_the_same_as_json(tmp_path: Path) -> None:
    root = tmp_path / "train"
    listed = street(root)
    write_mat(root / "digitStruct.mat", listed)
    choice = SVHNNumbers(root=str(root), size=32)
    published = choice.load()
    write(root, listed)
    converted = choice.load()
    assert torch.equal(published.images, converted.images)
    assert torch.equal(published.labels, converted.labels)
    assert published.names == converted.names
    assert "h5py" in sys.modules
    (root / "digitStruct.json").unlink()
    (root / "digitStruct.mat").write_bytes(b"damaged")
    assert "anew" in refused(choice.load).remedy
