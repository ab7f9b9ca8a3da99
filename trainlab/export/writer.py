"""Writer: what the parts of a script share: names, calls, and what has to be brought along for them."""

import textwrap
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from trainlab.catalog.datasets import Images
from trainlab.choice import Choice
from trainlab.engine.build import network
from trainlab.engine.randomness import KEYED
from trainlab.experiment import Experiment
from trainlab.export.names import call, literal, public_name
from trainlab.export.source import Sources
from trainlab.export.tidy import WIDTH

Lines = list[str]


class Writer:
    """One script in the making: calls bring along the imports and sources that they need."""

    def __init__(
        self, experiment: Experiment, data: Images, sources: Sources | None = None
    ) -> None:
        self.experiment, self.data = experiment, data
        self.ahead = 0  # steps by which the plan is ahead of the count of steps
        self.sources = sources or Sources()
        with torch.device("meta"):
            self.model = network(experiment.model, data)

    def name(self, target: Callable[..., Any]) -> str:
        """The name that the script has for a function or class; it is imported or included."""
        public = public_name(target)
        if public is None:
            return self.sources.add(target)
        name, statement = public
        if statement:
            self.sources.imports.add(statement)
        return name

    def call(self, choice: Choice, *given: str, **derived: Any) -> str:
        """The call of a choice's target, as `choice.build` makes it."""
        return self.plain_call(type(choice).target, *given, **choice.arguments() | derived)

    def plain_call(self, target: Callable[..., Any], *given: str, **settings: Any) -> str:
        """The call of a function, with the settings that differ from its defaults."""
        return call(self.name(target), target, given, settings, self.name)

    def finished(self, call: Callable[..., Any], *given: str) -> str:
        """The call that a function, or a `functools.partial`, becomes once it is given the rest."""
        if isinstance(call, partial):
            return self.plain_call(call.func, *given, **call.keywords)
        return self.plain_call(call, *given)

    def value(self, value: object) -> str:
        """A setting's value as people write it."""
        return literal(value, self.name)

    @property
    def noisy(self) -> bool:
        """Whether layers draw at every step."""
        return any(type(module).__name__ in KEYED for module in self.model.modules())

    @property
    def forward(self) -> str:
        """What is called with a batch."""
        return "forward" if self.experiment.training.compile else "model"

    def within(self, lines: Lines, *contexts: str) -> Lines:
        """The lines in these contexts and in the precision of the training."""
        precision = self.experiment.training.precision
        if precision != "float32":
            contexts = (*contexts, f"torch.autocast(device.type, torch.{precision})")
        return [f"with {', '.join(contexts)}:", *indented(lines)] if contexts else lines


def reasons(*choices: Choice) -> Lines:
    """Comments that say when each of these is the right one, in the words of its card."""
    texts = [f"{choice.title()}: {choice.card.use}" for choice in choices]
    return [line for text in texts for line in textwrap.wrap(text, WIDTH, **_ITEM)]


_ITEM: Any = {"initial_indent": "# ", "subsequent_indent": "#   "}


def indented(lines: Lines) -> Lines:
    """The lines one level further in."""
    return [f"    {line}" if line else "" for line in lines]
