"""Draws: code that would use torch's shared random generator, given one of its own.

The shared one belongs to every thread and every cell of a notebook; a run's draws must not.
"""

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class DrawsFrom(TorchDispatchMode):
    """Inside this context whatever is drawn without a generator is drawn from this one.

    The numbers are those that the shared generator would give from the same seed. Other threads are
    left alone.
    """

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.generator = generator

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """The same operation, with the generator where it takes one and was given none."""
        kwargs = dict(kwargs or {})
        name = "generator" if func._overloadname == "default" else f"{func._overloadname}_generator"
        if name in func.overloadpacket.overloads():  # rand, randn, randint, randperm
            func = getattr(func.overloadpacket, name)
        names = [argument.name for argument in func._schema.arguments]
        if "generator" in names:
            position = names.index("generator")
            given = args[position] if position < len(args) else kwargs.get("generator")
            if given is None:
                kwargs["generator"] = self.generator
        return func(*args, **kwargs)
