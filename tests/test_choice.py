"""The mechanism: one class a choice, and everything follows from it."""

import json
import subprocess
import sys

import pytest
from pydantic import ValidationError

from trainlab.catalog import families
from trainlab.catalog.optimizers import SGD, AdamW, OptimizerChoice
from trainlab.choice import choices

ADDED = """
import json
from typing import Literal
import torch
from trainlab.catalog.optimizers import OptimizerChoice
from trainlab.choice import Card, Knob

class Own(OptimizerChoice):
    \"\"\"Remembers every gradient.\"\"\"
    kind: Literal["own"] = "own"
    lr: float = Knob(1e-2, gt=0, le=10, help="step size")
    target = torch.optim.Adagrad
    card = Card(source="Duchi et al. 2011", use="Sparse features.", pitfalls="Slows down for ever.")

from trainlab.cli.listing import as_json, select
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.runs import train
import sys

listed = json.loads(as_json(select("optimizers")))["optimizers"]
chosen = Experiment.from_data({"optimizer": {"kind": "own", "lr": 0.05}})
again = Experiment.from_data(json.loads(chosen.to_json()))
try:
    Experiment.from_data({"optimizer": {"kind": "own", "lr": 99.0}})
    refusal = ""
except Problem as problem:
    refusal = str(problem)
small = chosen.but(schedule="constant", training={"epochs": 1, "threads": 1})
print(json.dumps({
    "listed": [choice["kind"] for choice in listed],
    "same": again == chosen,
    "refusal": refusal,
    "state": train(small, sys.argv[1]).state,
}))
"""


def test_a_new_choice_is_one_class(runs: object) -> None:
    command = [sys.executable, "-c", ADDED, str(runs)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    result = json.loads(done.stdout)
    assert "own" in result["listed"]
    assert result["same"]
    assert result["refusal"].startswith("optimizer.lr: must be less than or equal to 10")
    assert result["state"] == "done"


def test_families_are_the_files_of_the_catalogue() -> None:
    found = families()
    assert found["optimizers"] is OptimizerChoice
    assert {"datasets", "augmentations", "models", "inits", "losses", "schedules"} <= found.keys()
    for family in found.values():
        kinds = [choice.kind_name() for choice in choices(family)]
        assert len(set(kinds)) == len(kinds) > 0


def test_a_choice_is_a_frozen_value() -> None:
    choice = AdamW(lr=0.1)
    with pytest.raises(ValidationError):
        choice.lr = 0.2  # type: ignore[misc]
    assert choice.but(lr=0.2) == AdamW(lr=0.2)
    assert choice.lr == 0.1
    with pytest.raises(ValidationError):
        choice.but(lr=-1.0)


def test_a_rule_between_two_fields_names_the_field() -> None:
    assert SGD(momentum=0.9, nesterov=True).nesterov
    with pytest.raises(ValidationError, match="nesterov"):
        SGD(nesterov=True)
