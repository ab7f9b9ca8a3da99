"""Splits: which images the network learns from, and which it is judged by.

`target(labels, generator, **fields)` gives the rows to train on and the rows to validate on, both in
rising order; a split that needs the rows' file names gets them after the generator. Labels (N, P) of
several positions are told apart by the first.
"""

import re
from typing import Any, ClassVar, Literal

import torch
from pydantic import ValidationInfo, field_validator
from torch import Tensor

from trainlab.choice import Card, Choice, Knob
from trainlab.text import _


def stratified(
    labels: Tensor, generator: torch.Generator, validation_share: float = 0.2
) -> tuple[Tensor, Tensor]:
    """Hold out `validation_share` of every class."""
    strata = labels.flatten(1)[:, 0] if labels.ndim > 1 else labels
    held = torch.zeros(len(labels), dtype=torch.bool)
    for label in strata.unique().tolist():
        members = (strata == label).nonzero().flatten()
        order = torch.randperm(len(members), generator=generator)
        count = min(round(validation_share * len(members)), len(members) - 1)
        held[members[order[:count]]] = True
    return (~held).nonzero().flatten(), held.nonzero().flatten()


def hold_out(
    labels: Tensor, generator: torch.Generator, validation_share: float = 0.2
) -> tuple[Tensor, Tensor]:
    """Hold out `validation_share` of all images."""
    order = torch.randperm(len(labels), generator=generator)
    count = round(validation_share * len(labels))
    return order[count:].sort().values, order[:count].sort().values


def k_fold(
    labels: Tensor, generator: torch.Generator, folds: int = 5, fold: int = 1
) -> tuple[Tensor, Tensor]:
    """Deal the images of every class out to `folds` parts; hold out part `fold`, counted from 1."""
    strata = labels.flatten(1)[:, 0] if labels.ndim > 1 else labels
    shuffled = torch.randperm(len(labels), generator=generator)
    dealt = shuffled[strata[shuffled].sort(stable=True).indices]  # class after class
    held = torch.zeros(len(labels), dtype=torch.bool)
    held[dealt[fold - 1 :: folds]] = True
    return (~held).nonzero().flatten(), held.nonzero().flatten()


def bootstrap(labels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw as many images as there are, with replacement; hold out those that were not drawn."""
    drawn = torch.randint(len(labels), (len(labels),), generator=generator).sort().values
    held = torch.ones(len(labels), dtype=torch.bool)
    held[drawn] = False
    return drawn, held.nonzero().flatten()


def file_group(name: str) -> str:
    """What files of one group share, in any folder: the name up to its last `_` or `-`, or its ending."""
    stem = re.sub(r"\.[^.]*$", "", name.rpartition("/")[2])
    return re.sub(r"[_-][^_-]*$", "", stem) or stem


def grouped(
    labels: Tensor, generator: torch.Generator, names: list[str], validation_share: float = 0.2
) -> tuple[Tensor, Tensor]:
    """Hold out whole groups of files until `validation_share` of the images is reached."""
    groups: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        groups.setdefault(file_group(name), []).append(row)
    parts = list(groups.values())
    rows: list[int] = []
    for index in torch.randperm(len(parts), generator=generator)[1:]:  # one is left to train on
        if len(rows) < round(validation_share * len(labels)):
            rows += parts[index]
    held = torch.zeros(len(labels), dtype=torch.bool)
    held[rows] = True
    return (~held).nonzero().flatten(), held.nonzero().flatten()


def latest(
    labels: Tensor, _generator: torch.Generator, validation_share: float = 0.2
) -> tuple[Tensor, Tensor]:
    """Hold out the last `validation_share` of the rows."""
    rows = torch.arange(len(labels))
    count = round(validation_share * len(labels))
    return rows[: len(rows) - count], rows[len(rows) - count :]


def natural(name: str) -> list[str | int]:
    """What to sort file names by, in any folder, so that 2.png comes before 10.png."""
    parts = re.split(r"([0-9]+)", name.rpartition("/")[2].casefold())
    return [int(part) if i % 2 else part for i, part in enumerate(parts)]


def latest_files(
    labels: Tensor, _generator: torch.Generator, names: list[str], validation_share: float = 0.2
) -> tuple[Tensor, Tensor]:
    """Hold out the last `validation_share` of the files, in natural order of their names."""
    keys = [natural(name.rsplit("/", 1)[-1]) for name in names]  # the folder is the class
    order = torch.tensor(sorted(range(len(names)), key=keys.__getitem__))
    count = round(validation_share * len(labels))
    return order[: len(order) - count].sort().values, order[len(order) - count :].sort().values


def _share(help: str) -> Any:
    return Knob(0.2, gt=0, lt=1, help=help)


class SplitChoice(Choice):
    """A way to part the images in two."""

    needs_names: ClassVar[bool] = False  # `target` is given the rows' file names


class Stratified(SplitChoice):
    """Holds out the same share of every class."""

    kind: Literal["stratified"] = "stratified"
    validation_share: float = _share("share of the images held out, class by class")

    label = "Hold-out, stratified"
    target = stratified
    card = Card(
        source="CS231n notes, Learning: one large validation fold is preferred to cross-validation",
        url="https://cs231n.github.io/classification/#validation-sets-for-hyperparameter-tuning",
        use="The default: both parts have the same mix of classes.",
        pitfalls="What is tuned on the validation images is judged too kindly by them.",
    )


class HoldOut(SplitChoice):
    """Holds out images drawn at random, whatever their class."""

    kind: Literal["random"] = "random"
    validation_share: float = _share("share of the images held out")

    label = "Hold-out, random"
    target = hold_out
    card = Card(
        source="Kohavi 1995, A study of cross-validation and bootstrap for accuracy estimation",
        url="https://www.ijcai.org/Proceedings/95-2/Papers/016.pdf",
        use="Large sets, and labels that are no classes to balance.",
        pitfalls="In a small set a rare class may be missing from one of the two parts.",
    )


class KFold(SplitChoice):
    """Deals every class out to k folds; one validates, the others train."""

    kind: Literal["k_fold"] = "k_fold"
    folds: int = Knob(5, ge=2, le=20, help="parts of equal size and mix; 5 or 10 are usual")
    fold: int = Knob(1, ge=1, le=20, help="the part that validates in this run, counted from 1")

    label = "K-fold, stratified"
    target = k_fold
    card = Card(
        source="Kohavi 1995, A study of cross-validation and bootstrap for accuracy estimation",
        url="https://www.ijcai.org/Proceedings/95-2/Papers/016.pdf",
        formula=r"$\mathrm{score} = \frac{1}{k}\,\sum_{i=1}^{k} \mathrm{score}_i$",
        use="Few images: run once for each fold with the same seed, and average the k scores.",
        pitfalls="It costs k runs. The folds' scores are not independent, since they share training images.",
    )

    @field_validator("fold")
    @classmethod
    def _fold_exists(cls, value: int, info: ValidationInfo) -> int:
        if value > info.data.get("folds", value):
            text = _("there are {folds} folds (got fold {fold})")
            raise ValueError(text.format(folds=info.data["folds"], fold=value))
        return value


class Bootstrap(SplitChoice):
    """Trains on as many draws with replacement as there are images; those never drawn validate."""

    kind: Literal["bootstrap"] = "bootstrap"

    target = bootstrap
    card = Card(
        source="Efron & Tibshirani 1997, Improvements on cross-validation: the .632+ bootstrap method",
        url="https://doi.org/10.1080/01621459.1997.10474007",
        formula=r"$(1 - 1/N)^N \approx 1/e \approx 0.368$",
        use="Few images, or to see how far a score moves with the sample: run it with several seeds.",
        pitfalls="Only 63 % of the images are seen, some of them often: the score is on the low side.",
    )


class Grouped(SplitChoice):
    """Keeps files of one group on one side: the same patient, track or film never stands on both."""

    kind: Literal["grouped"] = "grouped"
    validation_share: float = _share("share of the images held out; the last group may exceed it")

    label = "Hold-out, grouped by file name"
    target = grouped
    needs_names = True
    card = Card(
        source="Roberts et al. 2017, Cross-validation strategies for data with structure",
        url="https://doi.org/10.1111/ecog.02881",
        use="Several images of one thing: ann_01.png and ann_02.png are one group, named ann.",
        pitfalls="Split at random instead, and the network is judged by things it has seen. "
        "A group is what stands before the last _ or - of a file's name: name the files so.",
    )


class TimeOrdered(SplitChoice):
    """Trains on the first rows and validates on the last, in the order the data set was published."""

    kind: Literal["time"] = "time"
    validation_share: float = _share("share of the images held out, from the end")

    label = "Time-ordered, by row"
    target = latest
    card = Card(
        source="Bergmeir & Benítez 2012, On the use of cross-validation for time series",
        url="https://doi.org/10.1016/j.ins.2011.12.028",
        use="Rows that stand in order of time, when the network will be used on what comes later.",
        pitfalls="A folder is read class by class, so its last rows are one class: order by file name.",
    )


class FileOrdered(SplitChoice):
    """Trains on the first files and validates on the last, in the natural order of their names."""

    kind: Literal["file_time"] = "file_time"
    validation_share: float = _share("share of the images held out, from the end")

    label = "Time-ordered, by file name"
    target = latest_files
    needs_names = True
    card = Card(
        source="Bergmeir & Benítez 2012, On the use of cross-validation for time series",
        url="https://doi.org/10.1016/j.ins.2011.12.028",
        use="Files named by date or by number: 2024-05-01.png, or frame 2 before frame 10.",
        pitfalls="Names that do not begin with the time put the files in an order that means nothing.",
    )
