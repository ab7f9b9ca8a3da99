"""The signal of a fresh network: right numbers, no trace left, in time."""

import statistics
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.clock import seconds
from trainlab.catalog.datasets import Digits, Images
from trainlab.engine.build import build_batches, build_model, first_inputs
from trainlab.engine.randomness import generator
from trainlab.engine.signal import layer_signals
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.views.signal import signal_figure
from trainlab.widgets.pictures.init import init_pictures
from trainlab.widgets.pictures.look import Look


@pytest.fixture(scope="module")
def data() -> Images:
    return Digits().load()


def deep(init: str, activation: str = "relu") -> Experiment:
    """Ten hidden layers of 128 units."""
    model = {"kind": "mlp", "depth": 10, "width": 128, "activation": activation}
    return Experiment.from_data({"model": model, "init": init})


def test_deviations_are_those_of_a_pass_by_hand() -> None:
    draws = generator("x")
    model = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3))
    x, labels = torch.randn(9, 6, generator=draws), torch.randint(3, (9,), generator=draws)
    one, two = layer_signals(model, F.cross_entropy, x, labels)
    with torch.no_grad():
        hidden = model[0](x)
        logits = model[2](hidden.tanh())
        back = (logits.softmax(1) - F.one_hot(labels, 3)) / 9
        to_hidden = back @ model[2].weight * (1 - hidden.tanh() ** 2)
    assert (one.name, two.name) == ("0", "2")
    assert one.activation == pytest.approx(float(hidden.std(correction=0)), rel=1e-5)
    assert two.activation == pytest.approx(float(logits.std(correction=0)), rel=1e-5)
    assert one.gradient == pytest.approx(float(to_hidden.std(correction=0)), rel=1e-5)
    assert two.gradient == pytest.approx(float(back.std(correction=0)), rel=1e-5)


def test_nothing_else_changes() -> None:
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Dropout(0.5), nn.Flatten(),
        nn.Linear(144, 3),
    )  # fmt: skip
    model.eval()
    before = {name: t.clone() for name, t in model.state_dict().items()}
    shared = torch.get_rng_state()
    x, labels = torch.rand(8, 1, 8, 8, generator=generator("x")), torch.arange(8) % 3
    first = layer_signals(model, F.cross_entropy, x, labels)
    assert layer_signals(model, F.cross_entropy, x, labels) == first, "the same draws"
    assert torch.equal(torch.get_rng_state(), shared)
    assert not model.training
    assert all(torch.equal(before[name], t) for name, t in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())
    assert type(model[3]) is nn.Dropout


def test_layers_that_are_frozen_have_no_gradient() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
    model[0].requires_grad_(False)
    frozen, head = layer_signals(model, F.cross_entropy, torch.ones(2, 4), torch.tensor([0, 1]))
    assert frozen.gradient == 0
    assert head.gradient > 0


@pytest.mark.parametrize(
    ("init", "activation", "forward", "back"),
    [
        ("kaiming_normal", "relu", (0.2, 5), (0.1, 10)),  # He: level
        ("xavier_normal", "relu", (0, 0.1), (0, 0.1)),  # half the variance goes in each layer
        ("small_random", "tanh", (0, 1e-6), (0, 1e-6)),
        ("zeros", "relu", (0, 0), (0, 0)),
        ("lsuv", "tanh", (0.8, 1.25), (0.05, 20)),
        ("kaiming_normal", "sigmoid", (0.05, 5), (0, 1e-3)),  # slopes of at most 1/4
    ],
)
def test_rules_and_activations_do_to_a_signal_what_they_are_known_for(
    init: str,
    activation: str,
    forward: tuple[float, float],
    back: tuple[float, float],
    data: Images,
) -> None:
    network = build_model(deep(init, activation), data)
    train, _val = build_batches(deep(init, activation), data, torch.device("cpu"))
    signal = layer_signals(network, F.cross_entropy, first_inputs(train, 64), train.labels[:64])
    assert len(signal) == 11
    first, last = signal[0], signal[9]
    if first.activation:
        assert forward[0] <= last.activation / first.activation <= forward[1]
    if signal[-1].gradient and init != "zeros":
        assert back[0] <= first.gradient / signal[9].gradient <= back[1]
    if init == "zeros":
        assert [layer.activation for layer in signal] == [0] * 11
        assert first.gradient == 0


@pytest.mark.alone
def test_the_pictures_of_ten_layers_take_less_than_300_ms(
    data: Images, record_property: Callable[[str, object], None]
) -> None:
    look = Look(deep("kaiming_normal"), data)
    init_pictures(look)  # matplotlib is imported once
    took = statistics.median(seconds(lambda: init_pictures(look), times=5))
    record_property("init pictures, median of 5, ms", round(1000 * took))
    assert took <= 0.3


def test_a_second_rule_is_drawn_beside_the_first(data: Images) -> None:
    experiment = deep("kaiming_normal")
    signal, weights = init_pictures(Look(experiment, data, compare="small_random"))
    alone, _weights = init_pictures(Look(experiment, data))
    assert "Solid: Kaiming (He) normal. Dashed: Small random, normal." in signal["caption"]
    assert "Small random, normal: outputs from" in signal["caption"]
    assert "Outlined: Small random, normal." in weights["caption"]
    assert "Dashed" not in alone["caption"]


def test_the_figure_leaves_zeros_out() -> None:
    some, none = np.array([1.0, 0.1, 0.0]), np.zeros(3)
    figure = signal_figure([(some, none), (none, none)])
    left, right = figure.axes
    assert [axes.get_yscale() for axes in (left, right)] == ["log", "log"]
    drawn = [np.isfinite(np.asarray(line.get_ydata(), float)).sum() for line in left.lines]
    assert drawn == [2, 0]
    assert right.get_ylim()[0] > 0


def test_what_would_take_too_long_or_has_no_numbers_says_so(data: Images) -> None:
    wide = {"kind": "convnet", "width": 96, "stages": 3}
    large = Images(torch.zeros(40, 3, 64, 64, dtype=torch.uint8), torch.arange(40) % 2, ("a", "b"))
    init_pictures(Look(Experiment.from_data({"model": wide}), large))
    with pytest.raises(Problem, match="LSUV takes too long"):
        init_pictures(Look(Experiment.from_data({"model": wide, "init": "lsuv"}), large))
    zeros = {"init": "zeros", "model": {"kind": "mlp", "norm": "spectral"}}
    with pytest.raises(Problem, match="All zeros does not give this network finite weights"):
        init_pictures(Look(Experiment.from_data(zeros), data))
