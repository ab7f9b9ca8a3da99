"""Splits: every image on one side, shares as asked, and nothing that belongs together torn apart."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from trainlab.catalog.datasets import Digits
from trainlab.catalog.splits import SplitChoice, file_group, natural
from trainlab.choice import choices
from trainlab.engine.randomness import generator
from trainlab.errors import Problem
from trainlab.experiment import Experiment

KINDS: dict[str, Any] = {choice.kind_name(): choice for choice in choices(SplitChoice)}
SHARED = ("stratified", "random", "grouped", "time", "file_time")  # those that hold out a share
RARE = torch.tensor([0] * 61 + [1] * 30 + [2] * 9 + [3] * 3 + [4])


@pytest.fixture(scope="module")
def labels() -> Tensor:
    return Digits().load().labels


def names_of(count: int) -> list[str]:
    """File names of tracks of seven frames each, frames numbered without leading zeros."""
    return [f"track{row // 7}_{row}.png" for row in range(count)]


def split(kind: str, labels: Tensor, seed: int = 0, **fields: Any) -> tuple[Tensor, Tensor]:
    choice = KINDS[kind](kind=kind, **fields)
    given = [names_of(len(labels))] if choice.needs_names else []
    train, val = choice.build(labels, generator(seed, "split"), *given)
    return train, val


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rare", [False, True])
def test_every_row_is_on_one_side_alone(kind: str, rare: bool, labels: Tensor) -> None:
    labels = RARE if rare else labels
    train, val = split(kind, labels)
    assert train.dtype == val.dtype == torch.int64
    assert len(train)
    assert len(val)
    assert train.tolist() == sorted(train.tolist())
    assert val.tolist() == sorted(val.tolist())
    assert sorted({*train.tolist(), *val.tolist()}) == list(range(len(labels)))
    assert not set(train.tolist()) & set(val.tolist())
    if kind != "bootstrap":
        assert len(train) + len(val) == len(labels)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_generator_gives_the_same_split(kind: str, labels: Tensor) -> None:
    first, again, other = (split(kind, labels, seed) for seed in (3, 3, 4))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert torch.equal(first[1], other[1]) == (kind in ("time", "file_time"))


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5, 0.9])
@pytest.mark.parametrize("kind", SHARED)
def test_shares_are_right(kind: str, share: float, labels: Tensor) -> None:
    _train, val = split(kind, labels, validation_share=share)
    held, wanted = len(val), share * len(labels)
    if kind == "stratified":  # within one image in each class
        for label in range(10):
            members = int((labels == label).sum())
            assert abs(int((labels[val] == label).sum()) - share * members) <= 1
    elif kind == "grouped":  # within one group
        assert wanted - 1 <= held < wanted + 7
    else:
        assert abs(held - wanted) <= 1


def test_stratified_keeps_an_image_of_each_class_to_train_on() -> None:
    train, _val = split("stratified", RARE, validation_share=0.9)
    assert RARE[train].unique().tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("folds", [2, 5, 7])
def test_folds_validate_every_row_once_with_the_same_mix(folds: int, labels: Tensor) -> None:
    parts = [split("k_fold", labels, folds=folds, fold=fold + 1)[1] for fold in range(folds)]
    assert sorted(torch.cat(parts).tolist()) == list(range(len(labels)))
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1
    for label in range(10):
        counts = [int((labels[part] == label).sum()) for part in parts]
        assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize(("path", "data"), [
    ("split.fold", {"kind": "k_fold", "fold": 6}),
    ("split.fold", {"kind": "k_fold", "folds": 3, "fold": 4}),
])  # fmt: skip
def test_a_fold_that_is_not_there_is_refused(path: str, data: dict[str, Any]) -> None:
    folds = data.get("folds", 5)
    expected = f"^{path}: there are {folds} folds .got fold {data['fold']}.$"
    with pytest.raises(Problem, match=expected):
        Experiment.from_data({"split": data})


def test_too_many_folds_are_refused_in_one_line() -> None:
    with pytest.raises(Problem, match=r"^split\.folds: must be less than or equal to 20"):
        Experiment.from_data({"split": {"kind": "k_fold", "folds": 21, "fold": 21}})


def test_a_bootstrap_leaves_out_one_in_e() -> None:
    labels = torch.zeros(20_000, dtype=torch.int64)
    train, val = split("bootstrap", labels)
    assert len(train) == len(labels)
    # the count of those never drawn varies by 0.31 sqrt(N): here by 44
    assert abs(len(val) - len(labels) / math.e) < 4 * 44


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("ann_01.png", "ann"),
        ("ann-smith_01.png", "ann-smith"),
        ("00003_00012.ppm", "00003"),
        ("scan-7.tar.png", "scan"),
        ("alone.png", "alone"),
        ("no ending_3", "no ending"),
        ("_1.png", "_1"),
        ("名前_2.png", "名前"),
        ("class_a/ann_01.png", "ann"),
        ("v1.0/alone", "alone"),
    ],
)
def test_a_group_is_what_stands_before_the_number(name: str, group: str) -> None:
    assert file_group(name) == group


@pytest.mark.parametrize("seed", range(5))
def test_groups_never_straddle(seed: int) -> None:
    labels = torch.arange(500) % 10
    train, val = split("grouped", labels, seed, validation_share=0.3)
    groups = [file_group(name) for name in names_of(500)]
    assert not {groups[row] for row in train} & {groups[row] for row in val}


@pytest.mark.parametrize(("groups", "held"), [(1, 0), (2, 1)])
def test_few_groups_never_leave_the_training_empty(groups: int, held: int) -> None:
    labels = torch.zeros(groups * 5, dtype=torch.int64)
    names = [f"g{row % groups}_{row}.png" for row in range(len(labels))]
    choice = KINDS["grouped"](kind="grouped", validation_share=0.9)
    train, val = choice.build(labels, generator(0), names)
    assert len(val) == 5 * held
    assert len(train) == 5 * (groups - held)


def test_what_comes_later_validates() -> None:
    labels = torch.arange(100) % 3
    train, val = split("time", labels, validation_share=0.25)
    assert [int(train[-1]), int(val[0])] == [74, 75]


def test_files_are_ordered_as_people_count() -> None:
    names = [f"class {number % 2}/frame{number}.png" for number in (10, 9, 1, 100, 2)]
    assert [names.index(name) for name in sorted(names, key=natural)] == [2, 4, 1, 0, 3]
    labels = torch.zeros(5, dtype=torch.int64)
    choice = KINDS["file_time"](kind="file_time", validation_share=0.4)
    train, val = choice.build(labels, generator(0), names)
    assert val.tolist() == [0, 3]
    assert train.tolist() == [1, 2, 4]


def test_images_of_several_positions_are_split_by_the_first(labels: Tensor) -> None:
    pairs = torch.stack([labels, labels.flip(0)], 1)
    for kind in ("stratified", "k_fold"):
        assert torch.equal(split(kind, pairs)[1], split(kind, labels)[1])
