"""A run that was edited while it trained: its script gives the same numbers, whatever was edited and when."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conformance.playing import MEANS, Result
from tests.engine.test_edits import BASE, MANY, Edits, only, trained
from trainlab import events as ev
from trainlab.engine.trainer import Trainer
from trainlab.experiment import Experiment
from trainlab.export import script
from trainlab.export.tidy import tidy

CASES: dict[str, tuple[dict[str, Any], Edits]] = {
    "everything": ({}, MANY),
    "augmentation comes and goes": (
        {"augmentations": ["shift"]},
        {5: {"augmentations": ["mixup", "rotation"]}, 20: {"augmentations": []}},
    ),
    "batches of many sizes": (
        {},
        {3: {"training.batch_size": 7}, 90: {"training.batch_size": 1437}, 92: {"training.batch_size": 1}},
    ),
    "the full batch, and back": (
        {"schedule": "constant"},
        {4: {"optimizer": "lbfgs"}, 5: {"optimizer": {"kind": "adamw", "lr": 0.01}}},
    ),
    "memory that changes its shape": (
        {"optimizer": {"kind": "rmsprop", "lr": 1e-3}},
        {4: {"optimizer.momentum": 0.9}, 9: {"optimizer.centered": True}, 17: {"optimizer.alpha": 0.9}},
    ),
    "plateau remembers": (
        {"schedule": {"kind": "plateau", "patience": 0, "threshold": 0.9}},
        {31: {"schedule.patience": 1}, 33: {"training.epochs": 4}},
    ),
    "another activation": (
        {"model": {"kind": "convnet", "width": 4, "stages": 1, "dropout": 0.3}},
        {8: {"model.activation": "gelu"}, 9: {"model.dropout": 0.0}, 20: {"model.dropout": 0.4}},
    ),
    "warm-up and momentum on the way": (
        {"schedule": "cosine"},
        {6: {"schedule.warmup": 20}, 10: {"schedule.momentum_end": 0.5}, 30: {"schedule.warmup": 0}},
    ),
    "momentum on its way, and another length": (
        {
            "optimizer": {"kind": "sgd", "lr": 0.05, "momentum": 0.5},
            "schedule": {"kind": "constant", "momentum_end": 0.99},
        },
        {10: {"training.batch_size": 300}, 12: {"optimizer.momentum": 0.3}, 15: {"schedule.momentum_end": None}},
    ),
    "one-cycle is left": ({}, {20: {"schedule": "constant"}, 33: {"schedule": "step"}}),
    "longer at the very end": (
        {"regularizers": [{"kind": "early_stopping", "patience": 2}], "training": {"epochs": 2}},
        {30: {"training.epochs": 4, "schedule": "step"}, 45: {"optimizer.lr": 0.003}},
    ),
    "bfloat16": ({"training": {"precision": "bfloat16"}}, {7: {"loss": "hinge", "optimizer.lr": 0.02}}),
    "stops early": (
        {"regularizers": [{"kind": "early_stopping", "patience": 1}]},
        {20: {"optimizer.lr": 5.0}},
    ),
}  # fmt: skip

SETTINGS: dict[str, st.SearchStrategy[Any]] = {
    "augmentations": st.lists(
        st.sampled_from(["shift", "rotation", "erasing", "mixup", "gaussian_noise"]), max_size=2
    ),
    "loss": st.sampled_from(["cross_entropy", "mse", "hinge", "focal"]),
    "model.dropout": st.sampled_from([0.0, 0.1, 0.5]),
    "optimizer.lr": st.sampled_from([1e-4, 1e-3, 3e-3]),
    "optimizer": st.sampled_from(["sgd", "adam", "adamw", "rmsprop", "nadam", "muon"]),
    "regularizers": st.lists(st.sampled_from(["l1", "l2", "max_norm", "clip_norm"]), max_size=2),
    "schedule": st.sampled_from(["constant", "cosine", "onecycle", "step", "plateau"]),
    "schedule.warmup": st.integers(0, 40),
    "training.batch_size": st.sampled_from([64, 100, 333, 1438]),
    "training.epochs": st.integers(2, 4),
}
CHANGES = st.sampled_from([*SETTINGS]).flatmap(
    lambda path: st.builds(lambda value: {path: value}, SETTINGS[path])
)


def numbers(events: list[ev.Event]) -> Result:
    """What a script prints of such a run."""
    found: Result = {
        name: [getattr(end, name) for end in only(events, ev.EpochEnd)] for name in MEANS
    }
    return found | {"weights_sha256": only(events, ev.Finished)[0].weights_sha256}


def written(experiment: Experiment, events: list[ev.Event]) -> str:
    return script(experiment, 1, edits=only(events, ev.Edited))


@pytest.mark.parametrize("name", CASES)
def test_the_script_repeats_an_edited_run(name: str, replay: Callable[[str], Result | str]) -> None:
    change, edits = CASES[name]
    data = BASE.to_data()
    for field, value in change.items():
        data[field] = {**data[field], **value} if field == "training" else value
    experiment = Experiment.from_data(data)
    events = trained(Trainer(experiment), edits)
    assert [answer.reason for answer in only(events, ev.Answered) if not answer.applied] == []
    assert len(only(events, ev.Edited)) == len(edits)
    text = written(experiment, events)
    assert text == tidy(text)
    assert replay(text) == numbers(events)


@given(edits=st.dictionaries(st.integers(0, 40), CHANGES, min_size=1, max_size=4))
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_edits_are_repeated(edits: Edits, replay: Callable[[str], Result | str]) -> None:
    events = trained(Trainer(BASE), dict(sorted(edits.items())))
    assert replay(written(BASE, events)) == numbers(events)


def test_a_script_says_what_was_edited_and_when() -> None:
    text = written(BASE, trained(Trainer(BASE), {7: {"optimizer.lr": 0.002}}))
    assert "if stage == 0 and step == 7:" in text
    assert "stage = 1  # optimizer.lr" in text
    assert "stage" not in script(BASE, 1)
