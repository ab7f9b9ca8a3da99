"""What every choice of every family must be: described, bounded, portable, and true to torch."""

import inspect
import json
import math
import tomllib
from collections.abc import Iterator
from types import NoneType
from typing import Any, get_args

import annotated_types
import pytest
from pydantic.fields import FieldInfo

from trainlab.choice import Choice, family_of
from trainlab.errors import Problem
from trainlab.experiment import Experiment

LIBRARIES = ("torch", "torchvision")


def settings(choice: type[Choice]) -> dict[str, FieldInfo]:
    """The fields that are plain settings."""
    return {
        name: field
        for name, field in choice.model_fields.items()
        if name != "kind" and family_of(field) is None
    }


def outside(metadata: list[Any], whole: bool) -> Iterator[float]:
    """Numbers just outside of the bounds."""
    for bound in metadata:
        for name, direction in (("gt", 0), ("ge", -1), ("lt", 0), ("le", 1)):
            limit = getattr(bound, name, None)
            if limit is not None:
                yield limit + direction * (1 if whole else max(1e-9, abs(limit) * 1e-9))


def wrong_values(field: FieldInfo) -> Iterator[tuple[str, Any]]:
    """Values that a field must refuse, with the path below the field."""
    inner = get_args(field.annotation)
    annotation = inner[0] if NoneType in inner else field.annotation  # a setting that may be None
    if annotation in (int, float):
        yield "", "many"
        yield "", math.nan
        yield "", math.inf
        yield from (("", value) for value in outside(field.metadata, annotation is int))
    elif annotation is bool:
        yield "", 2
    elif annotation is str:
        yield "", 1
    elif Ellipsis in inner:  # a list of any length
        yield ".0", ["many"]
        yield ".0", [1.5]
        yield from ((".0", [value]) for value in outside(inner[0].__metadata__[0].metadata, True))
    elif isinstance(field.default, tuple):
        values = list(field.default)
        yield f".{len(values) - 1}", values[:-1]
        for position, item in enumerate(inner):
            for info in item.__metadata__:
                for value in outside(info.metadata, whole=False):
                    changed = [*values[:position], value, *values[position + 1 :]]
                    yield f".{position}", changed
    else:  # one of some words
        yield "", "no such word"


def test_it_survives_json_and_toml(experiment: Experiment) -> None:
    assert Experiment.from_data(json.loads(experiment.to_json())) == experiment
    assert Experiment.from_data(tomllib.loads(experiment.to_toml())) == experiment


def test_it_is_described(choice: type[Choice]) -> None:
    summary, card = choice.summary(), choice.card
    assert choice.title()
    assert summary.endswith(".")
    assert len(summary) <= 110
    assert card.source or choice.kind_name() == "none"
    assert card.use.endswith(".")
    assert card.pitfalls.endswith(".")
    assert not card.url or card.url.startswith("https://")


def test_each_setting_has_help_and_bounds(choice: type[Choice]) -> None:
    for name, field in settings(choice).items():
        assert field.description, f"{name}: no help"
        if field.annotation in (int, float):
            kinds = {type(bound) for bound in field.metadata}
            assert kinds & {annotated_types.Gt, annotated_types.Ge}, f"{name}: no lower bound"
            assert kinds & {annotated_types.Lt, annotated_types.Le}, f"{name}: no upper bound"


def test_a_wrong_value_is_refused_with_its_path(
    choice: type[Choice], place: str, data: dict[str, Any]
) -> None:
    for name, field in settings(choice).items():
        for below, value in wrong_values(field):
            with pytest.raises(Problem) as refusal:
                Experiment.from_data(_with(data, place, name, value))
            assert refusal.value.what.startswith(f"{place}.{name}{below}: "), f"{name}={value!r}"


def test_an_unknown_key_is_refused_with_its_path(data: dict[str, Any], place: str) -> None:
    with pytest.raises(Problem, match=rf"^{place}\.no_such_key: unknown key"):
        Experiment.from_data(_with(data, place, "no_such_key", 1))


def test_settings_are_the_parameters_of_its_target(choice: type[Choice]) -> None:
    target, card = choice.target, choice.card
    parameters = inspect.signature(target).parameters
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters.values()):
        return  # a container of layers: its settings shape what is put in it
    theirs_count = target.__module__.split(".")[0] in LIBRARIES
    for name, field in settings(choice).items():
        if name in choice.engine_fields:
            continue
        assert name in parameters, f"{name} is no parameter of {target.__qualname__}"
        theirs = parameters[name].default
        said = "torch" in f"{field.description} {card.use} {card.pitfalls}"
        if theirs_count and theirs is not inspect.Parameter.empty and not said:
            assert field.default == theirs, f"{name}: torch has {theirs}, and nothing says why"


def _with(data: dict[str, Any], place: str, name: str, value: Any) -> dict[str, Any]:
    """The data with one setting of the choice at `place` changed."""
    copied: dict[str, Any] = json.loads(json.dumps(data))
    here: Any = copied
    for part in place.split("."):
        here = here[0] if part == "0" else here[part]
    here[name] = value
    return copied
