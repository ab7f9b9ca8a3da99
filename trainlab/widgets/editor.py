"""Editor: the experiment behind the forms. It changes only from one valid value to another.

A value that is refused stays in its field, with the reason beside it, until it is mended.
"""

import copy
from typing import Any

from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.text import _


class Editor:
    """The experiment being put together, and the values that were refused.

    `refused` maps the path of a field to what was typed and why it cannot be; and the path of a list
    to what could not be added, until the next edit. It is replaced, never changed: forms may be drawn
    of it in another thread.
    """

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self.refused: dict[str, tuple[Any, str]] = {}
        self._seen: dict[str, Any] = {}  # settings of choices that were left, to come back to

    @property
    def wrong(self) -> tuple[str, str] | None:
        """The first field that holds a refused value, and why it is refused."""
        fields = ((path, why) for path, (_typed, why) in self.refused.items() if "." in path)
        return next(fields, None)

    def set(self, path: str, value: Any) -> None:
        """Give the field at `path` a value; choosing a kind brings back the settings it last had."""
        data = self.experiment.model_dump(mode="json")
        owner, name = _find(data, path)
        if owner is data or isinstance(owner[name], dict):
            raise Problem(_("{path}: is no single setting").format(path=path[:80]))
        if name == "kind" and isinstance(owner, dict):
            self._choose(data, path.removesuffix(".kind"), value)
        else:
            owner[name] = value
        self._take(data, path, value)

    def add(self, path: str, kind: Any) -> None:
        """Add a choice at the end of the list at `path`."""
        data = self.experiment.model_dump(mode="json")
        items = _list(data, path)
        data[path] = [*items, {"kind": kind}]
        self._take(data, path, kind)

    def remove(self, path: str) -> None:
        """Take the item at `path` (such as "augmentations.1") out of its list."""
        data = self.experiment.model_dump(mode="json")
        name, index = _item(data, path)
        data[name] = [item for i, item in enumerate(data[name]) if i != index]
        self._take(data, name, None)

    def move(self, path: str, by: Any) -> None:
        """Move the item at `path` up (-1) or down (1) in its list."""
        data = self.experiment.model_dump(mode="json")
        name, index = _item(data, path)
        items = list(data[name])
        to = index + (1 if by == 1 else -1)
        if 0 <= to < len(items):
            items.insert(to, items.pop(index))
        data[name] = items
        self._take(data, name, None)

    def _choose(self, data: dict[str, Any], path: str, kind: Any) -> None:
        owner, name = _find(data, path)
        self._seen[f"{path}:{owner[name]['kind']}"] = owner[name]
        owner[name] = copy.deepcopy(self._seen.get(f"{path}:{kind}", {"kind": kind}))

    def _take(self, data: dict[str, Any], path: str, value: Any) -> None:
        """Accept the changed data if it is valid; else remember what was refused and why."""
        self.refused = {key: entry for key, entry in self.refused.items() if "." in key}
        try:
            self.experiment = Experiment.from_data(data)
        except Problem as problem:
            where, _colon, reason = problem.what.partition(": ")
            here = where.startswith(path) or path.startswith(where)
            entry = (value, reason if here and reason else problem.what)
            self.refused = {**self.refused, path: entry}
            return
        gone = path.rpartition(".")[0] + "." if path.endswith(".kind") else f"{path}."
        self.refused = {
            key: entry
            for key, entry in self.refused.items()
            if key != path and not key.startswith(gone)
        }
        self._retry()

    def _retry(self) -> None:
        """Accept refused values that are valid by now: what was wrong was another setting."""
        for path, (value, _reason) in self.refused.items():
            data = self.experiment.model_dump(mode="json")
            try:
                owner, name = _find(data, path)
                owner[name] = value
                self.experiment = Experiment.from_data(data)
            except Problem:
                continue
            self.refused = {key: entry for key, entry in self.refused.items() if key != path}


def _find(data: Any, path: str) -> tuple[Any, Any]:
    """What holds the value at `path`, and the key or index it has there. Raises Problem."""
    owner: Any = data
    *parents, last = path.split(".")
    try:
        for part in parents:
            owner = owner[_key(owner, part)]
        key = _key(owner, last)
        owner[key]
    except (KeyError, IndexError, TypeError, ValueError):
        raise Problem(_("{path}: there is no such setting").format(path=path[:80])) from None
    return owner, key


def _key(owner: Any, part: str) -> Any:
    return int(part) if isinstance(owner, list) else part


def _list(data: dict[str, Any], path: str) -> list[Any]:
    items = data.get(path)
    if not isinstance(items, list):
        raise Problem(_("{path}: there is no such list").format(path=path[:80]))
    return items


def _item(data: dict[str, Any], path: str) -> tuple[str, int]:
    name, _dot, number = path.rpartition(".")
    known = [str(index) for index in range(len(_list(data, name)))]
    if number not in known:
        raise Problem(_("{path}: there is no such item").format(path=path[:80]))
    return name, known.index(number)
