"""Verdicts on real runs: sick ones are found out, healthy ones are left alone, and what is advised can be done."""

from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
import pytest

from benchmarks import verdicts as benchmark
from benchmarks.verdict_runs import spoil
from trainlab import events as ev
from trainlab.catalog.inits import InitChoice
from trainlab.catalog.models import ModelChoice
from trainlab.catalog.optimizers import OptimizerChoice
from trainlab.changes import changed, difference, refuse_fixed
from trainlab.choice import choices
from trainlab.diagnostics.verdicts import Feed, Rule, Signals, judge, rules
from trainlab.diagnostics.verdicts.signals import falls
from trainlab.engine.failures import guard
from trainlab.engine.probe import Probe
from trainlab.engine.trainer import Trainer
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.runs import train
from trainlab.runs.history import History
from trainlab.runs.judged import signals

BASE = Experiment.from_data(
    {
        "model": {"kind": "mlp", "width": 32, "depth": 2},
        "optimizer": {"kind": "adamw", "lr": 5e-3},
        "schedule": "cosine",
        "training": {"epochs": 8, "batch_size": 48, "device": "cpu", "threads": 1},
    }
)
CONSTANT = {"schedule": "constant"}


def at(kind: str, lr: float, **more: Any) -> dict[str, Any]:
    momentum = {"momentum": 0.9} if kind == "sgd" else {}
    return {"optimizer": {"kind": kind, "lr": lr, **momentum, **more}, **CONSTANT}


def deep(depth: int, activation: str, init: dict[str, Any]) -> dict[str, Any]:
    model = {"kind": "mlp", "width": 24, "depth": depth, "activation": activation}
    return {"model": model, "init": init, "training.epochs": 4}


def drawn(std: float) -> dict[str, Any]:
    return {"kind": "small_random", "std": std}


def toy(kind: str, noise: float, depth: int, epochs: int) -> dict[str, Any]:
    data = {"kind": kind, "points": 600, "noise": noise}
    model = {"kind": "mlp", "width": 8, "depth": depth}
    return at("adamw", 1e-2) | {"dataset": data, "model": model, "training.epochs": epochs}


def split(share: float) -> dict[str, Any]:
    return {"split": {"kind": "stratified", "validation_share": share}}


SICK: dict[str, dict[str, Any]] = {
    "nan": at("sgd", 8.0) | {"loss": "mse"},
    "diverging": at("sgd", 8.0) | {"model.norm": "batch", "training.epochs": 3},
    "lr_high": at("adamw", 0.5),
    "lr_low": at("adamw", 2e-5),
    "plateau": toy("circles", 0.35, 1, 40) | {"optimizer.lr": 0.03},
    "overfitting": at("adamw", 3e-3) | split(0.95) | {"model.width": 128, "training.epochs": 60},
    "underfitting": toy("circles", 0.05, 0, 20),
    "noisy": at("sgd", 0.02) | split(0.8) | {"training.batch_size": 2, "training.epochs": 1},
    "vanishing": deep(9, "sigmoid", {"kind": "xavier_normal"}),
    "exploding": deep(8, "relu", drawn(0.6)),
    "dead_units": {"init": {"kind": "kaiming_normal", "bias": -7.0}, "training.epochs": 2},
    "saturated": deep(3, "tanh", drawn(1.0)),
    "update_ratio": at("sgd", 1e-5),
    "bad_start": {"init": drawn(1.0), "training.epochs": 1},
    "regularised": at("adamw", 5e-3) | {"regularizers": [{"kind": "l2", "strength": 1.0}]},
    "label_noise": at("adamw", 4e-3) | {"model.width": 64, "training.epochs": 40},
    "mismatch": {"split": "file_time"},
    "val_better": {"model.dropout": 0.7, "model.width": 96},
    "starved": {"augmentations": [{"kind": "elastic", "p": 1.0}, "rotation"], "training.epochs": 1},
}
SPOILT = {"label_noise": "mixed-0.35-5", "mismatch": "inverted-1.0-5"}
HEALTHY: dict[str, dict[str, Any]] = {
    "as it is": {},
    "one-cycle": {"schedule": "onecycle", "model.norm": "batch"},
    "convolutions": {"model": {"kind": "convnet", "width": 8}, "optimizer.lr": 3e-3},
    "slow": at("sgd", 5e-3) | {"training.epochs": 20},
    "momentum": at("sgd", 0.05) | {"schedule": "cosine"},
    "squared error": {
        "loss": "mse",
        "model.width": 64,
        "optimizer.lr": 3e-3,
        "training.epochs": 12,
    },
    "smoothed to the end": at("adamw", 3e-3)
    | {"loss.label_smoothing": 0.3, "model.width": 64, "training.epochs": 24},
    "light dropout": {"model.dropout": 0.15, "model.norm": "batch"},
}


def trained(experiment: Experiment) -> Signals:
    """The signals of a whole run, looked into thirty times."""
    history, trainer = History(), Trainer(experiment)
    for event in guard(trainer.run(SimpleQueue())):
        history.add(event)
        if isinstance(event, ev.Started):
            trainer.probe = Probe(every=-(-event.epochs * event.steps_per_epoch // 30))
    found = signals(history, experiment)
    assert found is not None
    return found


def heard(known: Signals) -> dict[str, int]:
    """The first step after which each rule spoke, of those at which it was asked."""
    last = known.last_step
    moments = sorted({*range(1, min(8, last) + 1), *range(last, 0, -max(1, last // 15))})
    found: dict[str, int] = {}
    for step in moments:
        for rule in rules():
            if rule.id not in found and rule.find(known.until(step)):
                found[rule.id] = step
    return found


@pytest.mark.parametrize("verdict", SICK)
def test_sick_run_is_found(verdict: str, tmp_path: Path) -> None:
    changes = SICK[verdict]
    if verdict in SPOILT:
        root = tmp_path / SPOILT[verdict]
        spoil(root)
        data = {"kind": "folder", "root": str(root), "size": 8, "grey": True}
        changes = changes | {"dataset": data}
    experiment = changed(BASE, changes)
    known = trained(experiment)
    found = heard(known)
    assert verdict in found
    (rule,) = (rule for rule in rules() if rule.id == verdict)
    spoke = rule.judge(known.until(found[verdict]))
    assert spoke is not None
    assert 0 < spoke.first <= spoke.last <= max(known.last_step, known.broken)
    assert any(character.isdigit() for character in spoke.seen)
    assert spoke.remedies
    if verdict == "update_ratio":  # the steps are too short here
        assert spoke.remedies[0].changes["optimizer.lr"] > experiment.optimizer.lr


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_run_is_left_alone(name: str) -> None:
    known = trained(changed(BASE, HEALTHY[name]))
    assert known.epochs["val_accuracy"][-1] > 0.9
    assert heard(known) == {}


def test_short_steps_are_no_underfitting_but_a_dead_layer_is() -> None:
    (rule,) = (rule for rule in rules() if rule.id == "underfitting")
    dead = {"model.width": 2, "init": {"kind": "kaiming_normal", "bias": -7.0}}
    short = at("sgd", 1e-7)
    for changes, found in ((dead, True), (short, False)):
        known = trained(changed(BASE, changes))
        assert np.median(list(known.layers("update_ratio").values())) < 1e-4
        assert (rule.find(known) is not None) == found


def test_no_table_is_written_without_the_mnist_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "verdicts.md"
    monkeypatch.setattr(benchmark, "MNIST_FILES", tmp_path)
    monkeypatch.setattr(benchmark, "RESULTS", table)
    monkeypatch.setattr("sys.argv", ["verdicts"])
    assert benchmark.main() == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert str(tmp_path) in line
    assert "t10k-labels-idx1-ubyte.gz" in line
    assert not table.exists()


def test_every_rule_has_a_sick_run_and_a_card() -> None:
    assert {rule.id for rule in rules()} == set(SICK)
    for rule in rules():
        assert min(len(rule.title), len(rule.rule), len(rule.source)) > 8
        assert rule.__doc__


ODD = {
    "sgd at its most": at("sgd", 10.0),
    "all at once": {
        "regularizers": ["l2", "clip_norm", "early_stopping"],
        "model.dropout": 0.5,
        "augmentations": ["shift"],
        "preprocessing": "none",
    },
    **{
        f"{family}={choice.kind_name()}": {family: choice.kind_name()}
        for family, base in (
            ("model", ModelChoice),
            ("optimizer", OptimizerChoice),
            ("init", InitChoice),
        )
        for choice in choices(base)
    },
    **{f"sick: {verdict}": changes for verdict, changes in SICK.items()},
}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.id)
def test_remedies_are_changes_that_can_be_made(rule: type[Rule]) -> None:
    for name, changes in ODD.items():
        experiment = changed(BASE, changes)
        remedies = rule.remedies(experiment)
        labels = [remedy.label for remedy in remedies]
        assert len(set(labels)) == len(labels), name
        for remedy in remedies:
            after = changed(experiment, remedy.changes)
            if remedy.how == "edit":
                refuse_fixed(difference(experiment, after))


@pytest.fixture(scope="module")
def diverged() -> Signals:
    return trained(changed(BASE, at("sgd", 2.0) | {"model.activation": "tanh"}))


def test_at_most_three_by_rank_and_none_that_was_dismissed(diverged: Signals) -> None:
    everything = [rule.id for rule in rules() if rule.find(diverged)]
    assert len(everything) > 3
    told = [verdict.id for verdict in judge(diverged)]
    assert 1 < len(told) <= 3
    assert told == [verdict for verdict in everything if verdict in told]
    assert told[0] == everything[0]
    assert [verdict.id for verdict in judge(diverged, {told[0]})][: len(told) - 1] == told[1:]


@pytest.mark.parametrize(
    ("changes", "told", "implied"),
    [
        (at("sgd", 2.0) | {"model.activation": "tanh"}, "diverging", "lr_high"),
        (at("sgd", 2e-5), "lr_low", "update_ratio"),
    ],
)
def test_no_two_cards_give_the_same_advice(
    changes: dict[str, Any], told: str, implied: str
) -> None:
    whole = trained(changed(BASE, changes))
    moments = (whole.until(step) for step in range(40, whole.last_step, 10))
    both = [rule for rule in rules() if rule.id in (told, implied)]
    known = next(known for known in moments if all(rule.find(known) for rule in both))
    for dismissed in ((), (told,)):  # what was dismissed is not said again in other words
        heard = judge(known, dismissed)
        advice = [verdict.remedies[0].changes for verdict in heard if verdict.remedies]
        assert all(advice.count(best) == 1 for best in advice)
        assert implied not in [verdict.id for verdict in heard]
    assert told in [verdict.id for verdict in judge(known)]


def test_a_verdict_marks_whole_epochs() -> None:
    known = trained(changed(BASE, SICK["plateau"]))
    (rule,) = (rule for rule in rules() if rule.id == "plateau")
    middle = known.until(known.last_step - 3)  # an epoch that is under way counts for nothing
    found = rule.judge(middle)
    assert found is not None
    ends = middle.epochs["step"]
    assert found.last == ends[-1] < middle.last_step
    assert found.first - 1 in ends
    count = int(found.seen.split()[1])
    assert found.first - 1 == ends[-count - 1]


def test_what_only_creeps_has_reached_its_plateau_however_quiet_it_is() -> None:
    (rule,) = (rule for rule in rules() if rule.id == "plateau")
    steps = {"schedule": {"kind": "step", "step_size": 8, "gamma": 0.1}, "optimizer.lr": 0.03}
    known = trained(changed(BASE, toy("moons", 0.4, 1, 16) | steps))
    assert falls(known.epochs["val_loss"][-8:]) > 5, "far more than its noise"
    assert rule.find(known) is not None


@pytest.mark.parametrize(
    ("usual", "disturbed", "every", "found"),
    [
        (0.55, 0.02, 6, True),  # now and then the training of a batch was made to wait
        (0.35, 0.98, 3, False),  # and here the making of it
        (0.45, 0.55, 2, False),  # as long as each other
    ],
)
def test_a_look_that_another_program_disturbed_says_little(
    diverged: Signals, usual: float, disturbed: float, every: int, found: bool
) -> None:
    (rule,) = (rule for rule in rules() if rule.id == "starved")
    probes = tuple(
        replace(probe, data_share=usual if place % every else disturbed)
        for place, probe in enumerate(diverged.probes)
    )
    assert len(probes) > 24
    assert (rule.find(replace(diverged, probes=probes)) is not None) == found
    crowded = [replace(probe, data_share=0.98) for probe in probes[-5:]]  # five of the last eight
    mixed = (*(replace(probe, data_share=0.35) for probe in probes[:-5]), *crowded)
    assert rule.find(replace(diverged, probes=mixed)) is None


def test_feed_tells_each_once_while_it_lasts(diverged: Signals) -> None:
    feed = Feed()
    first = feed.hear(diverged)
    assert [verdict.id for verdict in first] == [verdict.id for verdict in judge(diverged)]
    assert feed.hear(diverged) == ()
    feed.dismiss(first[0].id)
    assert first[0].id not in [verdict.id for verdict in feed.now]
    assert first[0].id not in [verdict.id for verdict in feed.hear(diverged)]
    assert feed.hear(diverged.until(1)) == ()  # it is over
    assert feed.now == ()
    assert feed.hear(diverged) == feed.now  # and begins again


def test_verdicts_of_a_finished_run(runs: Path) -> None:
    run = train(changed(BASE, SICK["lr_low"]), runs)
    assert "lr_low" in [verdict.id for verdict in run.verdicts]


def test_without_looks_inside_only_the_curves_speak(diverged: Signals) -> None:
    blind = replace(diverged, probes=())
    inside = {
        "dead_units",
        "saturated",
        "vanishing",
        "exploding",
        "update_ratio",
        "regularised",
        "starved",
    }
    assert not inside & {rule.id for rule in rules() if rule.find(blind)}


def test_little_says_nothing(diverged: Signals) -> None:
    empty = diverged.until(0)
    assert empty.last_step == 0
    assert judge(empty) == ()
    for steps in (1, 2, 3):
        assert judge(replace(diverged.until(steps), probes=())) == ()


def test_numbers_that_are_not_finite_do_no_harm(diverged: Signals) -> None:
    epochs = {name: column.copy() for name, column in diverged.epochs.items()}
    epochs["val_loss"][:] = np.nan
    epochs["val_loss"][1] = np.inf
    with np.errstate(invalid="ignore"):
        assert len(judge(replace(diverged, epochs=epochs))) <= 3
    probe = diverged.probes[-1]
    broken = {name: dict.fromkeys(row, np.nan) for name, row in probe.layers.items()}
    probes = (replace(probe, layers=broken),) * 5
    judge(replace(diverged, probes=probes))


def test_only_what_came_after_the_last_edit_counts() -> None:
    experiment = changed(BASE, {"training.epochs": 2})
    history = History()
    started = ev.Started(2, 30, 1437, 360, tuple("0123456789"), 1, "cpu", 1)
    history.add(started)
    history.add(ev.Steps(1, (2.3, 40.0, 80.0, 160.0), (0.1,) * 4, (0.1,) * 4, 1.0))
    before = signals(history, experiment)
    assert before is not None
    assert [verdict.id for verdict in judge(before)] == ["nan"]
    history.add(ev.Edited(4, 0.1, {"optimizer.lr": 1e-3}, 2, 30))
    history.add(ev.Steps(5, (150.0, 140.0), (0.1,) * 2, (1e-3,) * 2, 1.0))
    after = signals(history, experiment)
    assert after is not None
    assert (after.since, after.first_step, len(after.loss)) == (4, 5, 2)
    assert after.experiment.optimizer.lr == 1e-3
    assert judge(after) == ()


def test_a_fall_is_measured_in_its_own_errors() -> None:
    noise = np.random.default_rng(0).normal(size=200)
    assert abs(falls(noise)) < 3
    assert falls(noise - 0.05 * np.arange(200)) > 10
    assert falls(0.05 * np.arange(200.0) + noise) < -10


def test_changes_of_a_remedy_that_cannot_be_are_refused() -> None:
    with pytest.raises(Problem):
        changed(BASE, {"model.nothing": 1})


def test_from_far_too_high_it_leads_back_with_one_click() -> None:
    far = changed(BASE, at("adamw", 10.0))
    (rule,) = (rule for rule in rules() if rule.id == "lr_high")
    best = rule.remedies(far)[0]
    assert (best.changes, best.how) == ({"optimizer.lr": 0.01}, "restart")
    mended = trained(changed(far, best.changes))
    assert mended.epochs["val_accuracy"][-1] > 0.9
    near = rule.remedies(changed(BASE, at("adamw", 0.05)))[0]
    assert (near.changes, near.how) == ({"optimizer.lr": 0.005}, "edit")
