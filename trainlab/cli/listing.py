"""`trainlab list`: the families, their choices, the fields with defaults and bounds."""

import json
import shutil
import textwrap
from itertools import zip_longest
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from trainlab.catalog import families
from trainlab.catalog.training import Training
from trainlab.choice import Choice, Settings, bounds, choices, family_of
from trainlab.errors import Problem
from trainlab.refusal import nearest
from trainlab.text import _

Families = dict[str, list[type[Settings]]]
_GAP = "  "
_NARROW = 12  # characters of a cell: no narrower, however small the terminal


def select(family: str | None = None) -> Families:
    """Every family with its choices, or the one that is named. Raises Problem for an unknown one."""
    found: Families = {name: list(choices(base)) for name, base in families().items()}
    found["training"] = [Training]
    if family is None:
        return found
    if family not in found:
        raise Problem(
            _("there is no family {name!r}").format(name=family) + nearest(family, [*found])
        )
    return {family: found[family]}


def as_json(selected: Families) -> str:
    """An object of family -> list of choices."""
    data = {name: [describe(choice) for choice in members] for name, members in selected.items()}
    return json.dumps(data, indent=2, ensure_ascii=False)


def as_text(selected: Families, fields: bool) -> str:
    """A table a family, as wide as the terminal: kind and summary, and the fields where they are wanted."""
    blocks = []
    for name, members in selected.items():
        rows = [[kind_of(choice), _(choice.summary())] for choice in members]
        if not fields:
            blocks.append("\n".join([name, *_table(rows, 2)]))
            continue
        for choice, (kind, summary) in zip(members, rows, strict=True):
            blocks.append("\n".join([*_table([[kind, summary]], 0), *_table(_fields(choice), 2)]))
    if not fields:
        blocks.append(_("The settings of one family: trainlab list FAMILY"))
    return "\n\n".join(blocks)


def kind_of(choice: type[Settings]) -> str:
    """The name for `--set family=kind`; training has no kinds."""
    return choice.kind_name() if issubclass(choice, Choice) else choice.__name__.lower()


def describe(choice: type[Settings]) -> dict[str, Any]:
    """One choice as plain data."""
    defaults = choice.model_construct().model_dump(mode="json")
    fields = {
        name: {
            "type": type_name(field),
            "default": defaults.get(name),
            "help": _(field.description or ""),
            "bounds": bounds(field),
        }
        for name, field in choice.model_fields.items()
        if name != "kind"
    }
    return {
        "kind": kind_of(choice),
        "label": _(choice.title()),
        "summary": _(choice.summary()),
        "source": choice.card.source,
        "fields": fields,
    }


def type_name(field: FieldInfo) -> str:
    """The type of a field as Python writes it; for a choice, the family it is taken from."""
    family = family_of(field)
    if family is not None:
        return family.__name__
    return _type_name(field.annotation)


def _type_name(annotation: Any) -> str:
    inner = get_args(annotation)
    if annotation is Ellipsis:
        return "..."
    if get_origin(annotation) is Literal:
        return " | ".join(repr(value) for value in inner)
    if get_origin(annotation) is tuple:
        return f"tuple[{', '.join(_type_name(part) for part in inner)}]"
    if hasattr(annotation, "__metadata__"):  # Annotated
        return _type_name(inner[0])
    if inner:
        return " | ".join(_type_name(part) for part in inner)
    return "None" if annotation is type(None) else str(getattr(annotation, "__name__", annotation))


def _fields(choice: type[Settings]) -> list[list[str]]:
    """A row a field: name, default, type with bounds, help."""
    rows = []
    for name, field in describe(choice)["fields"].items():
        default = json.dumps(field["default"], ensure_ascii=False)
        default = _("auto") if field["default"] is None else default
        facts = ", ".join(filter(None, (field["type"], _limits(field["bounds"]))))
        rows.append([name, default, facts, field["help"]])
    return rows


def _table(rows: list[list[str]], indent: int) -> list[str]:
    """Lines of cells under each other; long cells go on in the next line of their own column."""
    room = shutil.get_terminal_size((100, 24)).columns - indent
    widest = max(_NARROW, room // 4)
    widths = [min(widest, max(map(len, column))) for column in zip(*rows, strict=True)]
    if widths:
        widths[-1] = max(_NARROW, room - sum(width + len(_GAP) for width in widths[:-1]))
    lines = []
    for row in rows:
        cells = [textwrap.wrap(cell, width) for cell, width in zip(row, widths, strict=True)]
        for parts in zip_longest(*cells, fillvalue=""):
            padded = (f"{part:<{width}}" for part, width in zip(parts, widths, strict=True))
            lines.append((" " * indent + _GAP.join(padded)).rstrip())
    return lines


def _limits(limits: dict[str, float]) -> str:
    signs = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}
    return ", ".join(f"{signs[name]} {limit:g}" for name, limit in limits.items())
