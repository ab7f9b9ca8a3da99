"""What a few fixed images show of a network while it trains: true, small, and without a trace in the run."""

import base64
from queue import SimpleQueue

import numpy as np
import pytest
import torch
from torch import nn

from trainlab import commands as cmd
from trainlab import events as ev
from trainlab.catalog.models import MLP, ConvNet, ModelChoice, ResNet
from trainlab.catalog.norms import SpectralNorm
from trainlab.catalog.training import Training
from trainlab.engine import fixed
from trainlab.engine.probe import TIERS, Probe
from trainlab.engine.trainer import Trainer
from trainlab.experiment import Experiment

TINY = Experiment(
    model=ConvNet(width=4, stages=2, dropout=0.3),
    training=Training(epochs=1, batch_size=64, threads=1, device="cpu"),
)


def run(trainer: Trainer, *commands: cmd.Command) -> list[ev.Event]:
    inbox: cmd.Commands = SimpleQueue()
    for command in commands:
        inbox.put(command)
    return list(trainer.run(inbox))


def looked(model: ModelChoice, every: int = 10) -> tuple[Trainer, list[ev.Event]]:
    trainer = Trainer(TINY.but(model=model))
    trainer.probe = Probe(every)
    return trainer, run(trainer)


def sha(events: list[ev.Event]) -> str:
    return next(event.weights_sha256 for event in events if isinstance(event, ev.Finished))


def picture(pictured: ev.Pictured, name: str) -> np.ndarray:
    data = base64.b64decode(pictured.pixels[name])
    return np.frombuffer(data, np.uint8).reshape(pictured.shapes[name]).astype(float)


@pytest.mark.parametrize(
    "model",
    [ConvNet(width=4, stages=1, dropout=0.3), ConvNet(width=4, stages=1, norm=SpectralNorm())],
    ids=["dropout", "spectral"],
)
def test_no_tier_changes_the_run(model: ModelChoice) -> None:
    experiment = TINY.but(model=model)
    hashes = {}
    for tier in TIERS:
        trainer = Trainer(experiment)
        trainer.probe = Probe(every=2)
        events = run(trainer, cmd.Inspect(tier, image=3))
        assert (
            ev.Answered(next(e.command for e in events if isinstance(e, ev.Answered)), True)
            in events
        )
        hashes[tier] = sha(events)
        pictured = [event for event in events if isinstance(event, ev.Pictured)]
        drawn = [event.histograms for event in events if isinstance(event, ev.Probed)]
        assert bool(pictured) == any(drawn) == (tier != "cheap")
        assert all(event.image == 3 for event in pictured)
    trainer = Trainer(experiment)
    trainer.probe = Probe(every=10**9)
    assert {*hashes.values()} == {sha(run(trainer))}


def test_other_layers_are_told_of() -> None:
    trainer = Trainer(TINY.but(model=MLP(width=8)))
    trainer.probe = Probe(every=1)
    inbox: cmd.Commands = SimpleQueue()
    inbox.put(cmd.Pause())
    inbox.put(cmd.StepOnce())
    events = []
    for event in trainer.run(inbox):
        events.append(event)
        if isinstance(event, ev.Steps) and event.first == 1:
            for command in (cmd.Edit({"model.activation": {"kind": "tanh"}}), cmd.Resume()):
                inbox.put(command)
    told = [{*event.layers.values()} for event in events if isinstance(event, ev.Fixed)]
    assert told == [{"Linear", "ReLU"}, {"Linear", "Tanh"}]


def test_an_unknown_tier_is_refused() -> None:
    probe = Probe()
    assert probe.inspect("all", 0)
    assert probe.inspect("cheap", 8)
    assert not probe.inspect("cheap", 7)


def test_predictions_are_the_chances_after_the_step() -> None:
    trainer, events = looked(MLP(width=8), every=1)
    probed = [event for event in events if isinstance(event, ev.Probed)]
    (shown,) = (event for event in events if isinstance(event, ev.Fixed))
    parts = trainer.parts
    inputs, labels = parts.val.inputs(fixed.rows(parts))
    assert shown.labels == tuple(labels.tolist())
    assert shown.classes == tuple(range(10))
    with torch.no_grad():
        chances = parts.model.eval()(inputs).softmax(1)
    assert torch.tensor(probed[-1].predictions) == pytest.approx(chances, abs=6e-4)
    assert probed[0].predictions != probed[-1].predictions
    pixels = np.frombuffer(base64.b64decode(shown.pixels), np.uint8).reshape(shown.shape)
    assert pixels == pytest.approx(parts.val.images[fixed.rows(parts)].numpy(), abs=1)


@pytest.mark.parametrize("model", [MLP(width=8), ConvNet(width=4, stages=1)], ids=["mlp", "conv"])
def test_filters_are_the_first_layers_weights(model: ModelChoice) -> None:
    trainer, events = looked(model, every=1)
    last = [event for event in events if isinstance(event, ev.Pictured)][-1]
    weight = next(p for p in trainer.parts.model.parameters() if p.ndim > 1).detach()
    weight = weight.reshape(len(weight), -1)
    expected = 127.5 + 127.5 * weight / weight.abs().amax(1, keepdim=True)
    assert picture(last, "filters").reshape(len(weight), -1) == pytest.approx(
        expected.numpy(), abs=1
    )


def test_feature_maps_are_what_the_layers_make_of_the_image() -> None:
    trainer, events = looked(ConvNet(width=4, stages=1), every=1)
    last = [event for event in events if isinstance(event, ev.Pictured)][-1]
    parts = trainer.parts
    inputs, _labels = parts.val.inputs(fixed.rows(parts)[:1])
    with torch.no_grad():
        out = parts.model.eval()[0](inputs)[0]  # type: ignore[index]
    expected = (out - out.min()) * (255 / (out.max() - out.min()))
    assert picture(last, "0")[..., 0] == pytest.approx(expected.numpy(), abs=1)


def test_pictures_stay_small() -> None:
    _trainer, events = looked(ResNet(width=8, stages=3, blocks=2), every=10**9)
    (pictured,) = (event for event in events if isinstance(event, ev.Pictured))
    maps = [name for name in pictured.shapes if name != "filters"]
    assert len(maps) == fixed.LAYERS
    assert all(np.prod(pictured.shapes[name]) <= 16 * 14 * 14 for name in maps)
    assert ev.from_json(ev.to_json(pictured)) == pictured
    colours = fixed.first_filters(nn.Conv2d(3, 64, 33), torch.Size((3, 64, 64)))
    assert colours is not None
    assert colours.shape == (16, 3, 14, 14)


def test_each_module_goes_back_to_the_mode_it_was_in() -> None:
    model = nn.Sequential(nn.BatchNorm1d(2), nn.Sequential(nn.Dropout()), nn.ReLU())
    model.train()
    model[1].eval()
    with fixed.evaluating(model):
        assert not any(module.training for module in model.modules())
    assert [module.training for module in model.modules()] == [True, True, False, False, True]
