"""The choices: one file a family, one class a choice."""

import importlib
import pkgutil

from trainlab.choice import Choice


def families() -> dict[str, type[Choice]]:
    """The base class of every family by its file's name: `families()["optimizers"]`."""
    found: dict[str, type[Choice]] = {}
    for entry in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{entry.name}")
        for base in Choice.__subclasses__():
            if base.__module__.startswith(module.__name__):
                found[entry.name] = base
    return found
