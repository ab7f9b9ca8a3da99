"""Choice, Knob and Card: what one class of the catalogue is made of.

A family is a base class; its choices are its subclasses, and nothing else registers them. A choice's
fields are its settings; `target` is the plain function or torch class that does the work. Building,
validation, the form, the help card and the exported line all follow from these.
"""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar, Union, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler
from pydantic.config import JsonDict
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema

Scale = Literal["linear", "log"]


@dataclass(frozen=True)
class Card:
    """What a person should know before choosing: the source, the formula (mathtext), the use, the pitfalls."""

    source: str
    use: str
    pitfalls: str
    formula: str = ""
    url: str = ""


def Knob(default: Any, *, help: str, scale: Scale = "linear", unit: str = "", **bounds: Any) -> Any:
    """A setting: its default, bounds (gt, ge, lt, le), help in one line, the scale and unit of its form field."""
    extra: JsonDict = {"scale": scale, "unit": unit}
    if isinstance(default, tuple):
        bounds["strict"] = False  # files and notebooks write lists
    return Field(default, description=help, json_schema_extra=extra, **bounds)


class Settings(BaseModel):
    """Fields with bounds, help and a card: frozen, validated, no unknown keys, no NaN."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, strict=True, validate_default=True
    )
    card: ClassVar[Card]
    label: ClassVar[str] = ""

    @classmethod
    def title(cls) -> str:
        """The name that people read."""
        return cls.label or cls.__name__

    @classmethod
    def summary(cls) -> str:
        """What it does, in one line: the docstring's first."""
        return inspect.cleandoc(cls.__doc__ or "").split("\n", 1)[0]

    def but(self, **changes: Any) -> Self:
        """A validated copy with some fields changed."""
        return type(self)(**{**self.__dict__, **changes})


class Choice(Settings):
    """One choice of a family: its settings, and the function or class that they are given to."""

    kind: str
    target: ClassVar[Callable[..., Any]]
    engine_fields: ClassVar[tuple[str, ...]] = ()  # settings that the engine reads, not `target`

    @classmethod
    def kind_name(cls) -> str:
        """The name that files and forms use for this choice."""
        return str(cls.model_fields["kind"].default)

    def arguments(self) -> dict[str, Any]:
        """The keyword arguments that the fields give to `target`."""
        others = ("kind", *type(self).engine_fields)
        return {name: getattr(self, name) for name in type(self).model_fields if name not in others}

    def build(self, *args: Any, **derived: Any) -> Any:
        """Call `target` with the fields, and with what only the run knows (`derived`)."""
        return type(self).target(*args, **self.arguments() | derived)


C = TypeVar("C", bound="Choice")


def choices(family: type[C]) -> tuple[type[C], ...]:
    """Every choice of a family, in the order they are written."""
    found: list[type[C]] = []
    for child in family.__subclasses__():
        if "kind" in child.__annotations__:
            found.append(child)
        found.extend(choices(child))
    return tuple(dict.fromkeys(found))  # a choice with two bases is met twice


class OneOf:
    """Marks a field that holds one choice of a family: the discriminated union of its choices.

    A bare name stands for the choice with its defaults: `optimizer = "sgd"`.
    """

    def __get_pydantic_core_schema__(
        self, family: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        members = choices(family)
        union: Any = Union[members] if len(members) > 1 else members[0]  # noqa: UP007 (members are data)
        tagged: Any = Annotated[union, Field(discriminator="kind")] if len(members) > 1 else union
        return handler.generate_schema(Annotated[tagged, BeforeValidator(_named)])


def bounds(field: FieldInfo) -> dict[str, float]:
    """gt, ge, lt, le of a number: those that are set. Of a tuple: those of all its numbers."""
    inner = [_limits(getattr(part, "__metadata__", ())) for part in get_args(field.annotation)]
    inner = [limits for limits in inner if limits]
    shared = inner[0] if inner and all(limits == inner[0] for limits in inner) else {}
    return _limits(field.metadata) or shared


def _limits(metadata: Iterable[Any]) -> dict[str, float]:
    found: dict[str, float] = {}
    for item in metadata:
        for limit in item.metadata if isinstance(item, FieldInfo) else [item]:
            for name in ("gt", "ge", "lt", "le"):
                if getattr(limit, name, None) is not None:
                    found[name] = getattr(limit, name)
    return found


def family_of(field: FieldInfo) -> type[Settings] | None:
    """The class whose values a field holds (one, or a tuple of them); None for a plain setting."""
    inner = get_args(field.annotation)
    candidate: Any = get_args(inner[0])[0] if inner and get_args(inner[0]) else field.annotation
    is_settings = isinstance(candidate, type) and issubclass(candidate, Settings)
    return candidate if is_settings else None


def numbers(value: Any) -> Any:
    """A list of whole numbers, also where it was typed as text: "10, 15"."""
    if not isinstance(value, str):
        return value
    parts = [part.strip() for part in value.split(",")]
    return [int(part) if part.isdecimal() else part for part in parts if part]


def _named(value: Any) -> Any:
    return {"kind": value} if isinstance(value, str) else value
