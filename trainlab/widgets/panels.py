"""The panels: which families each shows, in what words, with which pictures."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from trainlab.choice import Choice, family_of
from trainlab.experiment import Experiment
from trainlab.text import _
from trainlab.widgets import pictures
from trainlab.widgets.checking import check_spec, reference_spec
from trainlab.widgets.forms import Refused, Spec, section, sections_list
from trainlab.widgets.inspecting import inspect_spec
from trainlab.widgets.upload import upload_spec


@dataclass(frozen=True)
class Menu:
    """A drop-down beside a panel's title: it decides what is looked at, not what is run."""

    label: str
    options: Callable[[], dict[str, str]]  # what people read, by value; the first is chosen

    def spec(self, id: str, chosen: str) -> Spec:
        """The menu as the page takes it."""
        options = [{"value": value, "label": label} for value, label in self.options().items()]
        return {"id": id, "label": _(self.label), "value": chosen, "options": options}


@dataclass(frozen=True)
class Panel:
    """One tab: an id, a title, a sentence, the experiment's fields it edits, and what it draws.

    `parts` are things of the page's own making, by name, that this panel has as well.
    """

    id: str
    title: str
    intro: str
    fields: dict[str, str] = field(default_factory=dict)
    draw: Callable[[pictures.Look], list[Spec]] | None = None
    actions: dict[str, str] = field(default_factory=dict)
    parts: dict[str, Callable[[Experiment], Any]] = field(default_factory=dict)
    menus: dict[str, Menu] = field(default_factory=dict)

    def sections(self, experiment: Experiment, refused: Refused) -> list[Spec]:
        """The forms of this panel."""
        return [_section(name, label, experiment, refused) for name, label in self.fields.items()]


PANELS = (
    Panel(
        "data",
        "Data",
        "What the network learns from. Look at the images before anything else.",
        {"dataset": "Data set", "split": "Split", "preprocessing": "Preprocessing"},
        pictures.data_pictures,
        parts={"upload": upload_spec},
    ),
    Panel(
        "augment",
        "Augment",
        "Random changes that keep the class, drawn anew for every image and step. Off for validation.",
        {"augmentations": "Augmentations"},
        pictures.augment_pictures,
        {"redraw": "New draws"},
    ),
    Panel(
        "model",
        "Model",
        "The network, from images to one score a class.",
        {"model": "Model"},
        pictures.model_pictures,
    ),
    Panel(
        "init",
        "Init",
        "The weights before the first step decide whether a signal gets through.",
        {"init": "Initialisation"},
        pictures.init_pictures,
        menus={"compare": Menu("Compare with", pictures.compared_rules)},
    ),
    Panel(
        "optimizer",
        "Optimizer",
        "How a gradient becomes a step.",
        {"optimizer": "Optimizer", "regularizers": "Regularisers"},
        parts={"race": pictures.race_spec},
    ),
    Panel(
        "schedule",
        "Schedule",
        "How the learning rate moves during the run.",
        {"schedule": "Schedule"},
        pictures.schedule_pictures,
    ),
    Panel(
        "train",
        "Train",
        "How long, in what portions, on what, and with which seed.",
        {"training": "Training", "loss": "Loss"},
    ),
    Panel(
        "check",
        "Check",
        "What experienced people look at before they train. On copies: no run is changed by it.",
        parts={"check": check_spec, "human": reference_spec},
    ),
    Panel(
        "inspect",
        "Inspect",
        "The run from inside: now, or at any step of its past. Looking changes nothing.",
        parts={"inspect": inspect_spec},
    ),
    Panel(
        "results",
        "Results",
        "What a checkpoint of the run on the chart gets right and wrong. On copies: the run goes on meanwhile.",
        parts={"results": lambda _experiment: True},
    ),
)


def _section(name: str, label: str, experiment: Experiment, refused: Refused) -> Spec:
    value: Any = getattr(experiment, name)
    if isinstance(value, tuple):
        family = cast("type[Choice]", family_of(Experiment.model_fields[name]))
        return sections_list(name, label, value, family, refused) | {"empty": _EMPTY[name]()}
    return section(name, label, value, refused)


_EMPTY: dict[str, Callable[[], str]] = {
    "augmentations": lambda: _("No augmentation: right for a first baseline. Add one to see it."),
    "regularizers": lambda: _("No regulariser: overfit first, then add one at a time."),
}
