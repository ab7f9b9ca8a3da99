"""Where each family stands in an experiment, and every choice of it in a small one."""

from typing import Any

import pytest

from tests.conformance.playing import play, replay  # noqa: F401 (fixtures)
from trainlab.catalog import families
from trainlab.choice import Choice, choices
from trainlab.experiment import Experiment

EVERY = [(family, choice) for family, base in families().items() for choice in choices(base)]

# the path of a choice in an experiment, "0" for the first of a list
PLACES = {
    "activations": "model.activation",
    "augmentations": "augmentations.0",
    "convolutions": "model.convolution",
    "datasets": "dataset",
    "inits": "init",
    "losses": "loss",
    "models": "model",
    "norms": "model.norm",
    "optimizers": "optimizer",
    "preprocessing": "preprocessing",
    "regularizers": "regularizers.0",
    "schedules": "schedule",
    "splits": "split",
}


@pytest.fixture(params=EVERY, ids=lambda entry: f"{entry[0]}-{entry[1].kind_name()}")
def entry(request: pytest.FixtureRequest) -> tuple[str, type[Choice]]:
    """Every choice with its family's name, one after the other."""
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def choice(entry: tuple[str, type[Choice]]) -> type[Choice]:
    """Every choice of every family."""
    return entry[1]


@pytest.fixture
def place(entry: tuple[str, type[Choice]]) -> str:
    """Where the choice stands in an experiment."""
    return PLACES[entry[0]]


@pytest.fixture
def data(choice: type[Choice], place: str) -> dict[str, Any]:
    """An experiment with this choice, as plain data."""
    return placed(place, {"kind": choice.kind_name()})


@pytest.fixture
def experiment(data: dict[str, Any]) -> Experiment:
    """An experiment with this choice."""
    return Experiment.from_data(data)


def placed(place: str, value: Any) -> dict[str, Any]:
    """Plain data with a value at a path: `placed("model.norm", x)` is a network with the norm x."""
    for part in reversed(place.split(".")):
        if part == "0":
            value = [value]
        elif part == "model":
            value = {"model": {"kind": "convnet" if "convolution" in value else "mlp"} | value}
        else:
            value = {part: value}
    return dict(value)


@pytest.fixture(scope="session")
def defaults() -> dict[str, dict[str, dict[str, Any]]]:
    """By family and kind: an experiment with this choice's defaults, as plain data."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for family, choice in EVERY:
        kind = choice.kind_name()
        value: dict[str, Any] = {"kind": kind}
        if getattr(choice, "slow", False):  # one image at a time: a fifth of them will do
            value["p"] = 0.2
        found.setdefault(family, {})[kind] = placed(PLACES[family], value)
    return found
