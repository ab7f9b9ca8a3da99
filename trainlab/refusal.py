"""Turns pydantic's report into one line a person can act on: the path, what is wrong, the nearest valid name."""

import difflib
import re
from typing import Any

from pydantic import ValidationError

from trainlab.choice import Choice, Settings, choices, family_of
from trainlab.errors import Problem
from trainlab.text import _


def explain(root: type[Settings], error: ValidationError) -> Problem:
    """The first error of a report as a Problem."""
    first = error.errors(include_url=False)[0]
    path, place = locate(root, first["loc"])
    return Problem(f"{path or _('experiment')}: {message(dict(first), place)}")


def message(error: dict[str, Any], place: type[Settings]) -> str:
    """What is wrong with one field of `place`, in words."""
    given = repr(error["input"])
    given = given if len(given) <= 60 else given[:57] + "..."
    match error["type"]:
        case "extra_forbidden":
            name = str(error["loc"][-1])
            return _("unknown key") + nearest(name, [*place.model_fields])
        case "union_tag_invalid":
            name = str(error["ctx"]["tag"])
            kinds = _kinds(place)
            return _("no such choice {name!r}").format(name=name) + nearest(name, kinds)
        case "union_tag_not_found" | "model_type" | "model_attributes_type":
            kinds = _kinds(place)
            if not kinds:
                return _("must be a table of settings (got {given})").format(given=given)
            return _("must be a table with a kind, one of {kinds} (got {given})").format(
                kinds=", ".join(kinds), given=given
            )
        case "missing":
            return _("is missing")
        case "string_pattern_mismatch":
            return _("must match {pattern} (got {given})").format(
                pattern=error["ctx"]["pattern"], given=given
            )
        case "finite_number":
            return _("must be a finite number")
        case "value_error":
            return str(error["ctx"]["error"])
    text = error["msg"].removeprefix("Input should be ")
    text = re.sub(r"^a valid (?=[aeiou])", "an ", text).replace("a valid ", "a ")
    return _("must be {what} (got {given})").format(what=text, given=given)


def nearest(name: str, names: list[str]) -> str:
    """'; did you mean ...?' or, where nothing is near, what there is."""
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if near:
        return "; " + _("did you mean {near!r}?").format(near=near[0])
    return "; " + _("there is {names}").format(names=", ".join(names))


def locate(root: type[Settings], loc: tuple[int | str, ...]) -> tuple[str, type[Settings]]:
    """The path that a file would use for pydantic's location, and the class at its end."""
    path: list[str] = []
    place = root
    for part in loc:
        member = _member(place, part)
        if member is not None:  # the tag of a union, which files do not spell
            place = member
            continue
        path.append(_shown(str(part)))
        field = place.model_fields.get(str(part))
        place = (family_of(field) if field else None) or place
    return ".".join(path), place


def _shown(name: str) -> str:
    """A name as it is, or escaped and cut where it would tear the line."""
    name = name if name.isprintable() else ascii(name)
    return name if len(name) <= 60 else name[:57] + "..."


def _member(place: type[Settings], part: int | str) -> type[Settings] | None:
    if not issubclass(place, Choice) or ("kind" in place.__annotations__ and place is not Choice):
        return None
    return next((c for c in choices(place) if c.kind_name() == part), None)


def _kinds(place: type[Settings]) -> list[str]:
    return [c.kind_name() for c in choices(place)] if issubclass(place, Choice) else []
