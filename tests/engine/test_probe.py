"""Looking into a run: what is seen is true, and the run is the same with and without."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from trainlab import events as ev
from trainlab.catalog.activations import ActivationChoice, Hardtanh, Sigmoid
from trainlab.catalog.activations import Tanh as TanhChoice
from trainlab.catalog.augmentations import Elastic
from trainlab.catalog.inits.fixed import SmallRandom
from trainlab.catalog.models import MLP, ConvNet, ModelChoice, ResNet, ViT
from trainlab.catalog.norms import NormChoice, SpectralNorm, WeightNorm
from trainlab.catalog.optimizers import AdamW, OptimizerChoice
from trainlab.catalog.regularizers import L2
from trainlab.catalog.schedules import Constant
from trainlab.catalog.training import Training
from trainlab.choice import choices
from trainlab.engine.build import Parts, build_parts
from trainlab.engine.probe import Probe, dead_share, histogram, saturated_share
from trainlab.engine.trainer import Trainer
from trainlab.experiment import Experiment

TINY = Experiment(
    model=MLP(width=8),
    regularizers=(L2(),),
    schedule=Constant(),
    training=Training(epochs=1, batch_size=480, threads=1, device="cpu"),
)


class Witness(Trainer):
    """A run that also keeps the weights before and after each step, and looks into each."""

    def __init__(self, experiment: Experiment, every: int) -> None:
        super().__init__(experiment)
        self.probe = Probe(every)
        self.kept: list[dict[str, Tensor]] = []

    def _train_step(self, index: Tensor) -> None:
        named = list(self.parts.model.named_parameters())
        self.kept.append({name: p.detach().double().clone() for name, p in named})
        super()._train_step(index)
        self.kept.append({name: p.detach().double().clone() for name, p in named})


def run(trainer: Trainer) -> tuple[list[ev.Probed], str]:
    """What was seen, and the hash of the last weights."""
    events = list(trainer.run(SimpleQueue()))
    (finished,) = (event for event in events if isinstance(event, ev.Finished))
    return [event for event in events if isinstance(event, ev.Probed)], finished.weights_sha256


@pytest.mark.parametrize("optimizer", choices(OptimizerChoice), ids=lambda c: c.kind_name())
def test_update_ratio_is_that_of_the_weights(optimizer: type[OptimizerChoice]) -> None:
    settings: dict[str, Any] = {"max_iter": 2} if optimizer.kind_name() == "lbfgs" else {}
    trainer = Witness(TINY.but(optimizer=optimizer(**settings)), every=1)
    seen, _sha = run(trainer)
    assert [event.step for event in seen] == list(range(1, trainer.at.step + 1))
    for event in seen:
        before, after = trainer.kept[2 * event.step - 2 : 2 * event.step]
        for name in ("1", "3", "5"):
            old, new = before[f"{name}.weight"], after[f"{name}.weight"]
            ratio = float((new - old).norm() / old.norm())
            assert event.layers[name]["update_ratio"] == pytest.approx(ratio, rel=1e-6, abs=1e-9)
            assert event.layers[name]["weight_norm"] == pytest.approx(float(old.norm()), rel=1e-6)


class Shut(Probe):
    """Looks at no step, not even the first."""

    @contextmanager
    def around(self, parts: Parts, step: int) -> Iterator[None]:
        yield


class Blind(Trainer):
    def __init__(self, experiment: Experiment) -> None:
        super().__init__(experiment)
        self.probe = Shut()


@pytest.mark.parametrize(
    "model",
    [
        ConvNet(width=4, dropout=0.3),
        ResNet(width=4, stages=2, blocks=1, norm=WeightNorm()),
        ConvNet(width=4, stages=1, norm=SpectralNorm()),
        ViT(width=16, depth=1),
        MLP(width=8, activation=Sigmoid()),
    ],
    ids=lambda model: str(model.kind),
)
def test_the_run_is_the_same_with_and_without(model: ModelChoice) -> None:
    experiment = TINY.but(model=model, optimizer=AdamW())
    seen, looked_at = run(Witness(experiment, every=1))
    none, alone = run(Blind(experiment))
    assert looked_at == alone
    assert (len(seen), len(none)) == (3, 0)
    ratios = [row["update_ratio"] for row in seen[0].layers.values() if "update_ratio" in row]
    assert len(ratios) >= 2
    assert all(0 < ratio < 1 for ratio in ratios)
    assert all(ev.from_json(ev.to_json(event)) == event for event in seen)


@pytest.mark.parametrize("norm", [WeightNorm(), SpectralNorm()], ids=lambda norm: norm.kind)
def test_a_parametrised_layer_goes_by_its_name(norm: NormChoice) -> None:
    trainer = Witness(TINY.but(model=ConvNet(width=4, stages=1, norm=norm)), every=1)
    look = run(trainer)[0][0]
    assert not any("parametrizations" in name for name in look.layers)
    ends = [name for name in trainer.kept[0] if name.startswith("0.parametrizations.")]
    before, after = (weights[ends[-1]] for weights in trainer.kept[:2])
    ratio = float((after - before).norm() / before.norm())
    assert look.layers["0"]["update_ratio"] == pytest.approx(ratio, rel=1e-6)
    assert {"0", "0 gradient"} <= {*look.histograms}


def test_gradient_norm_is_that_of_the_step() -> None:
    found: list[float] = []

    class Reader(Trainer):
        def _train_step(self, index: Tensor) -> None:
            super()._train_step(index)
            weight: Any = self.parts.model.get_parameter("1.weight")
            found.append(float(weight.grad.norm()))

    trainer = Reader(TINY)
    trainer.probe = Probe(every=1)
    seen, _sha = run(trainer)
    assert [event.layers["1"]["grad_norm"] for event in seen] == pytest.approx(found)


def test_dead_units_are_those_without_an_output() -> None:
    output = torch.tensor([[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0]])
    assert dead_share(output) == 0.5
    channels = torch.zeros(2, 4, 3, 3)
    channels[1, 2, 0, 0] = 1.0
    assert dead_share(channels) == 0.75
    tokens = torch.zeros(2, 5, 4)
    tokens[0, 3, 1] = 1.0
    assert dead_share(tokens) == 0.75


def test_saturated_is_near_an_end_of_the_range() -> None:
    values = torch.tensor([-0.999, -0.5, 0.0, 0.98])
    assert saturated_share(values, -1, 1) == 0.5
    assert saturated_share(torch.tensor([0.001, 0.5, 0.99, 0.97]), 0, 1) == 0.5


@pytest.mark.parametrize("bend", [TanhChoice(), Sigmoid(), Hardtanh()], ids=lambda bend: bend.kind)
def test_large_weights_saturate(bend: ActivationChoice) -> None:
    wide = TINY.but(model=MLP(width=32, activation=bend), init=SmallRandom(std=1.0))
    narrow = wide.but(init=SmallRandom(std=0.02))
    shares = []
    for experiment in (wide, narrow):
        trainer = Trainer(experiment)
        trainer.probe = Probe(every=10**9)
        shares.append(run(trainer)[0][0].layers["2"]["saturated"])
    assert shares[0] > 0.4
    assert shares[1] < 0.05


def test_histogram_holds_every_finite_value() -> None:
    values = torch.tensor([0.0, 1.0, 2.0, math.nan, math.inf, 2.0])
    low, high, *counts = histogram(values)
    assert (low, high, sum(counts), counts[0], counts[-1]) == (0.0, 2.0, 4.0, 1.0, 2.0)
    same = histogram(torch.full((7,), 3.0))
    assert (same[0], same[1], sum(same[2:])) == (3.0, 3.0, 7.0)
    assert histogram(torch.tensor([math.nan])) == ()
    draws = torch.randn(2000, generator=torch.Generator().manual_seed(0))
    expected, _edges = np.histogram(draws.double().numpy(), 24)
    assert histogram(draws)[2:] == tuple(expected)


def test_share_of_the_time_that_goes_into_the_batch() -> None:
    def share(experiment: Experiment) -> float:
        trainer = Trainer(experiment)
        trainer.probe = Probe(every=1)
        return float(np.median([event.data_share for event in run(trainer)[0]]))

    assert share(TINY.but(augmentations=(Elastic(p=1.0),))) > 0.5
    assert share(TINY.but(model=ConvNet(width=32, convs=2))) < 0.2


def test_by_time_it_looks_so_rarely_that_it_costs_little() -> None:
    def steps(trainer: Trainer) -> list[int]:
        return [event.step for event in run(trainer)[0]]

    short = TINY.but(training=TINY.training.but(batch_size=8))
    found = steps(Trainer(short))  # 180 steps, under a second
    assert found[0] == 1
    assert len(found) < 10


def test_writing_a_look_down_is_part_of_what_it_costs() -> None:
    parts, probe = build_parts(TINY, TINY.dataset.load()), Probe()

    def looked(step: int) -> bool:
        with probe.around(parts, step):
            parts.forward(parts.train.inputs(torch.arange(8))[0])
        found = False
        for _event in probe.found():
            time.sleep(0.05)  # a slow disk
            found = True
        return found

    assert looked(1)  # what this one costs does not count
    probe.inspect("usual", 0)
    assert looked(2)
    time.sleep(2)
    assert not looked(3)  # of so slow a disk 0.7 % of the time are seven seconds and more


def test_a_step_that_fails_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = Trainer(TINY)
    trainer.probe = Probe(every=1)

    def broken(_parts: Parts) -> None:
        raise ValueError("broken")

    events = trainer.run(SimpleQueue())
    for event in events:
        if isinstance(event, ev.Started):
            monkeypatch.setattr(trainer, "_train_step", broken)
        if event == ev.Changed("running"):
            break
    with pytest.raises(ValueError, match="broken"):
        list(events)
    model: nn.Module = trainer.parts.model
    assert not any(module._forward_hooks for module in model.modules())
    assert list(trainer.probe.found()) == []
