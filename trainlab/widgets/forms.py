"""Forms: from a choice's fields to what the page draws. Nothing here knows any choice by name."""

import types
from functools import lru_cache
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from trainlab.changes import Changes, in_words
from trainlab.choice import Card, Choice, Settings, bounds, choices, family_of
from trainlab.text import _

Refused = dict[str, tuple[Any, str]]
Spec = dict[str, Any]
_LONGEST = 10_000  # a linear slider over more cannot be aimed


def section(path: str, label: str, value: Settings, refused: Refused, family: Any = None) -> Spec:
    """One choice with its fields and card; with the menu of its family if it is one of several.

    `family` is given for a choice within another, which has no say in what the engine reads.
    """
    cls, menu, hidden = type(value), None, ["kind"]
    if isinstance(value, Choice):
        menu = [_option(c) for c in choices(family or _family(cls))]
        hidden += type(value).engine_fields if family else ()
    return {
        "path": path,
        "label": _(label),
        "options": menu,
        "kind": getattr(value, "kind", None),
        "fields": [
            field(f"{path}.{name}", name, value, refused)
            for name in cls.model_fields
            if name not in hidden
        ],
        "card": card(cls),
        "error": refused[f"{path}.kind"][1] if f"{path}.kind" in refused else None,
        "removable": False,
        "movable": False,
    }


def sections_list(
    path: str, label: str, values: tuple[Settings, ...], family: type[Choice], refused: Refused
) -> Spec:
    """A list of choices of one family, which can be added to, removed from and put in order."""
    items = [
        section(f"{path}.{i}", type(value).title(), value, refused)
        | {"options": None, "removable": True, "movable": len(values) > 1}
        for i, value in enumerate(values)
    ]
    return {
        "path": path,
        "label": _(label),
        "list": True,
        "items": items,
        "options": [_option(c) for c in choices(family)],
        "error": refused[path][1] if path in refused else None,
    }


def field(path: str, name: str, owner: Settings, refused: Refused) -> Spec:
    """One setting: its value, or what was typed and refused, with bounds, help and default."""
    info = type(owner).model_fields[name]
    value = getattr(owner, name)
    spec: Spec = {
        "path": path,
        "name": name,
        "label": _(name.replace("_", " ")),
        "help": _(info.description or ""),
        "error": None,
    }
    if family := family_of(info):
        inner = section(path, name.replace("_", " "), value, refused, family)
        return spec | {"type": "section", "section": inner}
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    kind, nullable = _type(info)
    spec |= {
        "type": kind,
        "nullable": nullable,
        "value": _plain(value, kind),
        "default": _plain(info.default, kind),
        "scale": extra.get("scale", "linear"),
        "unit": _(str(extra.get("unit", ""))),
        **_range(info),
    }
    drawable = spec["max"] is not None and (spec["scale"] == "log" or spec["max"] <= _LONGEST)
    spec["slider"] = kind in ("number", "integer") and not nullable and drawable
    if kind == "choice":
        spec["options"] = [{"value": word, "label": str(word)} for word in _words(info.annotation)]
        if nullable:
            spec["options"].insert(0, {"value": None, "label": _("none")})
    for key, (typed, reason) in refused.items():
        if key == path or key.startswith(f"{path}."):
            spec |= {"value": typed, "error": reason}
    return spec


def since_start(spec: Any, old: Changes) -> Any:
    """The same forms; what differs from the start of the run, path -> value then, says what it was."""
    if isinstance(spec, list):
        return [since_start(item, old) for item in spec]
    if not isinstance(spec, dict):
        return spec
    spec = {key: since_start(value, old) for key, value in spec.items()}
    if spec.get("path") in old:
        value = in_words(old[spec["path"]])
        spec["was"] = _("at the run's start: {value}").format(value=value)
    return spec


@lru_cache(maxsize=256)
def card(cls: type[Settings]) -> Spec:
    """The help card of a choice; `draw_formulas` adds its formula's picture."""
    words: Card = cls.card
    return {
        "title": _(cls.title()),
        "summary": _(cls.summary()),
        "formula": words.formula,
        "formula_svg": None,
        "formula_text": words.formula.replace("$", ""),
        "use": _(words.use),
        "pitfalls": _(words.pitfalls),
        "source": _(words.source),
        "url": words.url or None,
    }


def draw_formulas(spec: Any) -> Any:
    """The same forms with every card's formula as a picture."""
    from trainlab.views.formulas import formula_svg  # matplotlib is slow to import

    if isinstance(spec, list):
        return [draw_formulas(item) for item in spec]
    if not isinstance(spec, dict):
        return spec
    if spec.get("formula"):
        return spec | {"formula_svg": formula_svg(spec["formula"])}
    return {key: draw_formulas(value) for key, value in spec.items()}


def _family(cls: type[Settings]) -> type[Choice]:
    """The base class that a choice was derived from: the topmost one without a kind of its own."""
    return next(base for base in reversed(cls.__mro__) if base in Choice.__subclasses__())


def _option(cls: type[Choice]) -> Spec:
    return {"kind": cls.kind_name(), "label": _(cls.title()), "summary": _(cls.summary())}


def _type(info: FieldInfo) -> tuple[str, bool]:
    """What kind of control a field wants, and whether it may be left empty."""
    annotation: Any = info.annotation
    nullable = get_origin(annotation) in (Union, types.UnionType)
    if nullable:
        annotation = next(a for a in get_args(annotation) if a is not type(None))
    if get_origin(annotation) is Literal:
        return "choice", nullable
    if get_origin(annotation) is tuple:  # of any length: typed as "10, 15"
        return "text" if Ellipsis in get_args(annotation) else "numbers", nullable
    names = {bool: "boolean", int: "integer", float: "number", str: "text"}
    return names[annotation], nullable


def _words(annotation: Any) -> tuple[Any, ...]:
    """The words of a Literal, which may stand beside None."""
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    return tuple(word for inner in get_args(annotation) for word in _words(inner))


def _plain(value: Any, kind: str) -> Any:
    """A setting's value as the control of this kind takes it."""
    if not isinstance(value, tuple):
        return value
    return ", ".join(map(str, value)) if kind == "text" else list(value)


def _range(info: FieldInfo) -> Spec:
    """The bounds of a number as the page takes them."""
    limits = bounds(info)
    return {
        "min": limits.get("ge", limits.get("gt")),
        "max": limits.get("le", limits.get("lt")),
        "min_exclusive": "gt" in limits,
        "max_exclusive": "lt" in limits,
    }
