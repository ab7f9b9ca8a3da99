"""Names: values and calls as Python text."""

import inspect
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

LIBRARIES = ("torch", "torchvision")
NameOf = Callable[[Callable[..., Any]], str]
SHORT = {
    "torch.nn.functional": ("F", "import torch.nn.functional as F"),
    "torch.nn": ("nn", "from torch import nn"),
}


class Named(int):
    """A whole number that the script computes: printed as the expression that gives it.

    Products keep the expression; any other arithmetic leaves a plain number, which is right as well.
    """

    expression: str

    def __new__(cls, value: int, expression: str) -> "Named":
        """The number `value`, printed as `expression`."""
        number = super().__new__(cls, value)
        number.expression = expression
        return number

    def __mul__(self, other: int) -> int:
        product = int(self) * int(other)
        if not isinstance(other, Named):
            return product
        return Named(product, f"{self.expression} * {other.expression}")


def literal(value: object, name_of: NameOf | None = None) -> str:
    """A setting's value as people write it: 1e-5, not 1e-05.

    Functions, and calls of them that wait for more (`functools.partial`), are named by `name_of`.
    """
    if name_of is not None and isinstance(value, partial):
        words = call(name_of(value.func), value.func, (), value.keywords, name_of)
        head, rest = words.split("(", 1)
        return f"{name_of(partial)}({head}, {rest}" if rest != ")" else head
    if name_of is not None and callable(value):
        return name_of(value)
    if isinstance(value, Named):
        return value.expression
    if isinstance(value, float):
        return repr(value).replace("e-0", "e-").replace("e+", "e")
    if isinstance(value, tuple):
        items = ", ".join(literal(item, name_of) for item in value)
        return f"({items},)" if len(value) == 1 else f"({items})"
    return repr(value)


def public_name(target: Callable[..., Any]) -> tuple[str, str] | None:
    """A library's function or class by its shortest public name, and its import; None for trainlab's own."""
    if target is partial:
        return "partial", "from functools import partial"
    if target.__module__ == "builtins":
        return target.__qualname__, ""
    parts = target.__module__.split(".")
    if parts[0] not in LIBRARIES:
        return None
    name = target.__qualname__
    for length in range(1, len(parts) + 1):
        path = ".".join(parts[:length])
        if getattr(sys.modules[path], name, None) is target:
            break
    short, statement = SHORT.get(path, (path, f"import {parts[0]}"))
    return f"{short}.{name}", statement


def call(
    name: str,
    target: Callable[..., Any],
    given: tuple[str, ...],
    settings: Mapping[str, Any],
    name_of: NameOf | None = None,
) -> str:
    """`name(given, setting=value)` with the settings that differ from the target's own defaults."""
    defaults = inspect.signature(target).parameters
    keywords = [
        f"{key}={literal(value, name_of)}"
        for key, value in settings.items()
        if key not in defaults or not same(value, defaults[key].default)
    ]
    return f"{name}({', '.join((*given, *keywords))})"


def same(one: object, other: object) -> bool:
    """Equal, and of one kind: 1 is not True, though 1 is 1.0."""
    return isinstance(one, bool) == isinstance(other, bool) and one == other
