"""Experiment: one choice of each family. A frozen value; everything else is a function of it."""

import json
import tomllib
from pathlib import Path
from typing import Annotated, Any, Self

import tomli_w
from pydantic import Field, ValidationError

from trainlab.catalog.augmentations import AugmentationChoice
from trainlab.catalog.datasets import DatasetChoice, Digits
from trainlab.catalog.inits import InitChoice, KaimingNormal
from trainlab.catalog.losses import CrossEntropy, LossChoice
from trainlab.catalog.models import ConvNet, ModelChoice
from trainlab.catalog.optimizers import AdamW, OptimizerChoice
from trainlab.catalog.preprocessing import PreprocessingChoice, StandardizeChoice
from trainlab.catalog.regularizers import RegularizerChoice
from trainlab.catalog.schedules import OneCycle, Plan, ScheduleChoice
from trainlab.catalog.splits import SplitChoice, Stratified
from trainlab.catalog.training import Training
from trainlab.choice import OneOf, Settings
from trainlab.errors import Problem
from trainlab.refusal import explain
from trainlab.text import _

MAX_BYTES = 1_000_000
MAX_DEPTH = 32


class Experiment(Settings):
    """Everything that decides a run: the same experiment gives the same numbers."""

    dataset: Annotated[DatasetChoice, OneOf()] = Digits()
    split: Annotated[SplitChoice, OneOf()] = Stratified()
    preprocessing: Annotated[PreprocessingChoice, OneOf()] = StandardizeChoice()
    augmentations: tuple[Annotated[AugmentationChoice, OneOf()], ...] = Field(
        (), max_length=16, strict=False
    )
    model: Annotated[ModelChoice, OneOf()] = ConvNet()
    init: Annotated[InitChoice, OneOf()] = KaimingNormal()
    loss: Annotated[LossChoice, OneOf()] = CrossEntropy()
    optimizer: Annotated[OptimizerChoice, OneOf()] = AdamW()
    schedule: Annotated[ScheduleChoice, OneOf()] = OneCycle()
    regularizers: tuple[Annotated[RegularizerChoice, OneOf()], ...] = Field(
        (), max_length=16, strict=False
    )
    training: Training = Training()

    @classmethod
    def from_data(cls, data: Any) -> Self:
        """Validate plain data. Raises Problem naming the path to the first field that is wrong."""
        if _depth(data) > MAX_DEPTH:
            raise Problem(
                _("the experiment is nested too deeply"),
                _("at most {most} levels are read").format(most=MAX_DEPTH),
            )
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise explain(cls, error) from None

    def to_data(self) -> dict[str, Any]:
        """Plain data, as JSON writes it; settings that are left to the lab (None) are left out."""
        return self.model_dump(mode="json", exclude_none=True)

    def to_json(self) -> str:
        """The experiment as JSON text."""
        return json.dumps(self.to_data(), indent=2) + "\n"

    def to_toml(self) -> str:
        """The experiment as TOML text."""
        return tomli_w.dumps(self.to_data())

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a .json or .toml file. Raises Problem naming the file, or the path to the field."""
        path = Path(path)
        try:
            return cls.from_data(_read(path))
        except Problem as problem:
            if str(path) in problem.what:
                raise
            raise Problem(f"{path}: {problem.what}", problem.why, problem.remedy) from None

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Validate JSON, which begins with a brace, or TOML. Raises Problem naming the field that is wrong."""
        return cls.from_data(_parsed(text, text.lstrip().startswith("{"), _("the experiment")))

    def save(self, path: str | Path) -> None:
        """Write a .json or .toml file. Raises Problem for another ending or where it cannot be written."""
        path = Path(path)
        text = {".json": self.to_json, ".toml": self.to_toml}.get(path.suffix.lower())
        if text is None:
            raise _unknown_ending(path)
        try:
            path.write_text(text(), encoding="utf-8")
        except OSError as error:
            raise Problem(
                _("{path}: cannot be written").format(path=path), error.strerror or ""
            ) from None

    def plan(self, train_images: int) -> Plan:
        """The length of the run; a last batch of one image is left out, as it has no variance."""
        size = self.batch_size(train_images)
        batches = train_images // size + (train_images % size > 1)
        optimizer = self.optimizer
        return Plan(self.training.epochs, max(1, batches), optimizer.lr, optimizer.first_momentum())

    def batch_size(self, train_images: int) -> int:
        """Images a step: all of them where the optimizer works on the full batch."""
        return train_images if self.optimizer.full_batch else self.training.batch_size


def _read(path: Path) -> Any:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise Problem(
                _("{path}: the file is too large").format(path=path),
                _("an experiment has a few kilobytes, at most 1 MB is read"),
            )
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise Problem(
            _("{path}: cannot be read").format(path=path),
            error.strerror or "",
            _("name a .json or .toml file, or 'default'"),
        ) from None
    except UnicodeDecodeError as error:
        raise Problem(_("{path}: is not UTF-8 text").format(path=path), str(error)) from None
    if path.suffix.lower() not in (".json", ".toml"):
        raise _unknown_ending(path)
    return _parsed(text, path.suffix.lower() == ".json", str(path))


def _parsed(text: str, as_json: bool, shown: str) -> Any:
    """The plain data in a text. Raises Problem where it is broken."""
    try:
        return (
            json.loads(text, object_pairs_hook=_no_duplicates) if as_json else tomllib.loads(text)
        )
    except RecursionError:
        raise Problem(_("{path}: is nested too deeply").format(path=shown)) from None
    except ValueError as error:
        raise Problem(_("{path}: is broken").format(path=shown), str(error)) from None


def _unknown_ending(path: Path) -> Problem:
    return Problem(
        _("{path}: unknown kind of file").format(path=path),
        _("an experiment is a .json or a .toml file"),
    )


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _value in pairs]
    twice = {key for key in keys if keys.count(key) > 1}
    if twice:
        raise ValueError(f"the key {min(twice)!r} is given twice")
    return dict(pairs)


def _depth(data: Any) -> int:
    """Levels of tables and lists; counting stops just past MAX_DEPTH."""
    depth, level = 0, [data]
    while depth <= MAX_DEPTH:
        nested = [item for item in level if isinstance(item, dict | list)]
        if not nested:
            break
        level = [x for item in nested for x in (item.values() if isinstance(item, dict) else item)]
        depth += 1
    return depth
