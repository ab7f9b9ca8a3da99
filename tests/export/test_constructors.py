"""Constructors draw in the order in which the script writes them: every model begins with the same weights."""

from typing import Any

import pytest
import torch
from torch import nn

from tests.conformance.combinations import MORE
from trainlab.catalog import families
from trainlab.catalog.datasets import Images
from trainlab.choice import choices
from trainlab.draws import DrawsFrom
from trainlab.engine.build import network
from trainlab.experiment import Experiment
from trainlab.export.module_code import module_code
from trainlab.export.names import public_name

DATA = Images(torch.zeros(2, 3, 16, 16, dtype=torch.uint8), torch.arange(2), ("a", "b"))
KINDS = [
    kind.kind_name() for kind in choices(families()["models"]) if kind.kind_name() != "pretrained"
]
CASES: dict[str, Any] = {
    **{f"{kind}": {"kind": kind} for kind in KINDS},
    **{name: case["model"] for name, case in MORE["models"].items() if "spectral" not in name},
    **{f"norms {name}": case["model"] for name, case in MORE["norms"].items()},
    **{f"convolutions {name}": case["model"] for name, case in MORE["convolutions"].items()},
}


@pytest.mark.parametrize("name", CASES)
def test_a_model_is_written_in_the_order_of_its_draws(name: str) -> None:
    choice = Experiment.from_data({"model": {"kind": "mlp"} | CASES[name]}).model
    if "width" in type(choice).model_fields:
        choice = choice.but(width=8)
    with DrawsFrom(torch.Generator().manual_seed(3)):
        made = network(choice, DATA)
    names: dict[str, Any] = {"nn": nn, "torch": torch}

    def name_of(target: Any) -> str:
        public = public_name(target)
        if public is None:
            names[target.__qualname__] = target
        elif public[1]:
            exec(public[1], names)  # noqa: S102 (an import line that we wrote)
        return public[0] if public else target.__qualname__

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        again = eval(module_code(made, name_of), names)  # noqa: S307 (the expression under test)
    for (path, one), (other_path, other) in zip(
        made.state_dict().items(), again.state_dict().items(), strict=True
    ):
        assert path == other_path
        assert torch.equal(one, other), path
