"""From what is typed to an experiment: a file or `default`, and `--set path=value`."""

import json
import tomllib
from collections.abc import Sequence
from typing import Any

from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.text import _


def read_experiment(source: str | None, settings: Sequence[str] = ()) -> Experiment:
    """The experiment of a file (`default` or None: the default one) with these settings changed."""
    base = Experiment() if source in (None, "default") else Experiment.load(str(source))
    if not settings:
        return base
    data = base.to_data()
    for setting in settings:
        path, given, value = setting.partition("=")
        parts = path.strip().split(".")
        if not given or not all(parts):
            raise Problem(_("--set {setting}: write path=value").format(setting=setting))
        change(data, parts, parse(value.strip()))
    return Experiment.from_data(data)


def parse(text: str) -> Any:
    """A JSON or TOML literal, else the text itself."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        found = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return found["value"] if len(found) == 1 else text


def change(data: dict[str, Any], parts: Sequence[str], value: Any) -> None:
    """Put `value` at a path of plain data. Another kind drops the fields of the old one."""
    *way, last = parts
    if last == "kind" and way:  # "model.norm.kind=layer" is "model.norm=layer"
        last, value = way.pop(), {"kind": value}
    place: Any = data
    for depth, part in enumerate(way):
        place = _child(place, part, ".".join(parts[: depth + 1]))
    key = _key(place, last, ".".join(parts))
    if isinstance(place, list) and key == len(place):
        place.append(value)
    else:
        place[key] = value


def _child(place: Any, part: str, path: str) -> Any:
    """What `part` names, made a table where it is a bare kind or not there: validation judges it."""
    key = _key(place, part, path)
    if isinstance(place, list) and key == len(place):
        place.append({})
    child = place[key] if isinstance(place, list) else place.get(key)
    if not isinstance(child, dict | list):
        child = place[key] = {"kind": child} if isinstance(child, str) else {}
    return child


def _key(place: Any, part: str, path: str) -> Any:
    """The key in a table, or the index in a list; one past its end adds an item."""
    if isinstance(place, dict):
        return part
    if not part.isdecimal() or int(part) > len(place):
        raise Problem(
            _("{path}: there is no such item").format(path=path),
            _("the list has {count} items, counted from 0").format(count=len(place)),
        )
    return int(part)
