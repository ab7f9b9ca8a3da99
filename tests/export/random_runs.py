"""Random experiments with random edits: every family, any settings, small enough to be run by the hundred."""

import types
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin

from hypothesis import strategies as st
from pydantic.fields import FieldInfo

from trainlab.catalog import families
from trainlab.catalog.models import MLP
from trainlab.changes import changed
from trainlab.choice import Choice, bounds, choices, family_of
from trainlab.errors import Problem
from trainlab.experiment import Experiment

Edits = dict[int, dict[str, Any]]

POINTS = ("spiral", "circles", "moons", "xor")  # one pixel an image: only an MLP makes sense of it
LEFT_OUT = {
    "datasets": {kind.kind_name() for kind in choices(families()["datasets"])}
    - {*POINTS, "digits"},
    "models": {"pretrained", "torchvision"},  # the first needs files; both are large
    "splits": {"grouped", "file_time"},  # they need files' names
}
SMALL: dict[str, list[Any]] = {  # what would make a run slow
    "width": [4, 8],
    "depth": [1, 2],
    "stages": [1, 2],
    "blocks": [1, 2],
    "convs": [1, 2],
    "layers": [11],
    "widen": [1, 2],
    "heads": [1, 2],
    "groups": [1, 2, 4],
    "points": [150, 301],
    "max_iter": [2, 5],
    "kernel_size": [1, 3],
}
RUN: dict[str, list[Any]] = {
    "epochs": [1, 2, 3],
    "batch_size": [24, 100, 179, 256, 719, 4096],
    "device": ["cpu"],
    "threads": [1],
    "compile": [False],
}
MOST_CHANGED = 4  # settings of a choice that differ from their defaults


@dataclass(frozen=True)
class Case:
    """An experiment, and what is changed after which step of its run."""

    experiment: Experiment
    edits: Edits


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """An experiment that is valid, and edits of it; some of them may be refused by the run."""
    experiment = draw(experiments())
    edits: Edits = {}
    for step in sorted(draw(st.sets(st.integers(0, 25), min_size=1, max_size=3))):
        edits[step] = draw(changes(experiment))
    return Case(experiment, edits)


@st.composite
def experiments(draw: st.DrawFn) -> Experiment:
    """A valid experiment, of the default one and random choices that are taken in one by one."""
    data: dict[str, Any] = {
        "dataset": draw(st.just({"kind": "digits"}) | choice("datasets")),
        "split": {"kind": "stratified", "validation_share": 0.6},
        "model": {"kind": "mlp", "width": 8, "depth": 1},
        "training": {name: draw(st.sampled_from(values)) for name, values in RUN.items()},
    }
    data["training"]["seed"] = draw(st.integers(0, 2**53))
    data["training"]["precision"] = draw(st.sampled_from(["float32", "bfloat16"]))
    experiment = Experiment.from_data(data)
    plane = experiment.dataset.kind in POINTS
    for name in draw(st.sets(st.sampled_from([*FIELDS]), min_size=3)):
        experiment = _taken(
            experiment, {name: draw(NETS if plane and name == "model" else FIELDS[name])}
        )
    return experiment


@st.composite
def changes(draw: st.DrawFn, experiment: Experiment) -> dict[str, Any]:
    """One to two changes of a run of this experiment."""
    model = st.sampled_from(
        [name for name in type(experiment.model).model_fields if name != "kind"]
    )
    live = {name: FIELDS[name] for name in LIVE}
    live["optimizer.lr"] = st.sampled_from([1e-4, 1e-3, 3e-3])
    live["training.epochs"] = st.integers(1, 4)
    live["training.batch_size"] = st.sampled_from(RUN["batch_size"])
    found = {}
    for path in draw(
        st.lists(st.sampled_from([*live, "model"]), min_size=1, max_size=2, unique=True)
    ):
        if path == "model":
            name = draw(model)
            found[f"model.{name}"] = draw(setting(name, type(experiment.model).model_fields[name]))
        else:
            found[path] = draw(live[path])
    return found


def choice(family: str) -> st.SearchStrategy[Any]:
    """Any choice of a family, with any settings."""
    return _of(families()[family], frozenset(LEFT_OUT.get(family, ())))


def setting(name: str, field: FieldInfo) -> st.SearchStrategy[Any]:
    """Values of one field, as JSON has them."""
    if name in SMALL:
        return st.sampled_from(SMALL[name])
    family = family_of(field)
    if family is not None and issubclass(family, Choice):
        return st.deferred(lambda: _of(family, frozenset()))
    annotation: Any = field.annotation
    none: st.SearchStrategy[Any] = st.nothing()
    if get_origin(annotation) in (Union, types.UnionType):
        inner = [part for part in get_args(annotation) if part is not type(None)]
        annotation, none = inner[0], st.none()
    if get_origin(annotation) is Literal:
        return st.sampled_from(get_args(annotation)) | none
    if annotation is bool:
        return st.booleans() | none
    return _number(annotation, field) | none


def _of(family: type[Choice], left_out: frozenset[str]) -> st.SearchStrategy[dict[str, Any]]:
    kinds = [kind for kind in choices(family) if kind.kind_name() not in left_out]
    return st.sampled_from(kinds).flatmap(_settings)


@st.composite
def _settings(draw: st.DrawFn, kind: type[Choice]) -> dict[str, Any]:
    """A choice as data: what makes it small, and a few more settings that are not the default."""
    fields = {name: field for name, field in kind.model_fields.items() if name != "kind"}
    names = draw(st.sets(st.sampled_from([*fields]), max_size=MOST_CHANGED)) if fields else set()
    names |= fields.keys() & SMALL.keys()
    if getattr(kind, "slow", False):
        names |= {"p"}
    found: dict[str, Any] = {"kind": kind.kind_name()}
    for name in sorted(names):
        found[name] = draw(setting(name, fields[name]))
    if getattr(kind, "slow", False):
        found["p"] = 0.1
    return found


def _number(annotation: Any, field: FieldInfo) -> st.SearchStrategy[Any]:
    """The default and what is near it, within bounds; a default that is no number alone."""
    default, limits = field.default, bounds(field)
    if not isinstance(default, int | float) or annotation not in (int, float):
        return st.just(list(default) if isinstance(default, tuple) else default)
    low = max(limits.get("ge", limits.get("gt", -1e9)), default / 3 if default else 0)
    high = min(limits.get("le", limits.get("lt", 1e9)), 2 * default if default else 0.4)
    if annotation is int:
        return st.integers(int(-(-low // 1)), max(int(-(-low // 1)), int(high)))
    middle = (low + high) / 2
    return st.sampled_from([default, middle, (low + middle) / 2, (high + middle) / 2])


def _taken(experiment: Experiment, change: dict[str, Any]) -> Experiment:
    """The experiment with a change, as far as the two go together."""
    try:
        return changed(experiment, change)
    except Problem:
        return experiment


FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "augmentations": st.lists(choice("augmentations"), max_size=2),
    "init": choice("inits"),
    "loss": choice("losses"),
    "model": choice("models"),
    "optimizer": choice("optimizers"),
    "preprocessing": choice("preprocessing"),
    "regularizers": st.lists(choice("regularizers"), max_size=2),
    "schedule": choice("schedules"),
    "split": choice("splits"),
}
NETS = _settings(MLP)
LIVE = ("augmentations", "loss", "optimizer", "regularizers", "schedule")
