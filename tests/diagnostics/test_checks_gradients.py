"""The gradient check: right on every model and loss, and every planted error is found by its parameter's name."""

from collections.abc import Callable
from itertools import takewhile
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trainlab.catalog.datasets import Digits, Images
from trainlab.catalog.losses import LossChoice
from trainlab.catalog.models.base import SmallModel
from trainlab.choice import bounds, choices
from trainlab.diagnostics.checks import made
from trainlab.diagnostics.checks.base import Subject
from trainlab.diagnostics.checks.slopes import GRADIENTS
from trainlab.diagnostics.gradients import GradientCheck, Slope, layer_kinds, within
from trainlab.diagnostics.steps import Bench
from trainlab.engine.randomness import generator
from trainlab.errors import Problem
from trainlab.experiment import Experiment

SMALL = choices(SmallModel)  # type: ignore[type-abstract]


@pytest.fixture(scope="module")
def data() -> Images:
    return Digits().load()


def first_of_each_kind(experiment: Experiment, data: Images) -> list[Slope]:
    """They come first."""
    subject = Subject(experiment, data)
    inputs, labels = subject.sample(8)
    model = subject.model().to(torch.float64, memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    bench = Bench(model, subject.loss, torch.optim.Adam(model.parameters(), lr=1e-3))
    bench.step(inputs[3:].double(), labels[3:])
    check = GradientCheck(bench, inputs[:3].double(), labels[:3], points=2)
    kinds: set[str] = set()
    fresh = takewhile(lambda slope: slope.kind not in kinds, check.run())
    found = []
    for slope in fresh:
        kinds.add(slope.kind)
        found.append(slope)
    return found


@pytest.mark.parametrize("kind", SMALL, ids=lambda kind: kind.kind_name())
def test_every_small_model_passes(kind: type[SmallModel], data: Images) -> None:
    least = bounds(kind.model_fields["width"])["ge"]
    model = kind(kind=kind.kind_name(), width=max(4, int(least)))
    found = first_of_each_kind(Experiment(model=model), data)
    assert len(found) >= 2
    for slope in found:
        assert slope.median <= 1e-6, slope
        assert slope.worst <= 1e-4, slope


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("alexnet", 64), ("convnext_tiny", 32), ("densenet121", 64), ("efficientnet_b0", 64),
        ("efficientnet_v2_s", 64), ("googlenet", 64), ("inception_v3", 128), ("maxvit_t", 224),
        ("mnasnet0_5", 64), ("mobilenet_v2", 64), ("mobilenet_v3_small", 64), ("regnet_x_400mf", 64),
        ("regnet_y_400mf", 64), ("resnet18", 64), ("resnext50_32x4d", 64), ("shufflenet_v2_x0_5", 64),
        ("squeezenet1_1", 32), ("swin_t", 32), ("swin_v2_t", 32), ("vgg11_bn", 64), ("vit_b_32", 224),
        ("wide_resnet50_2", 64),
    ],
)  # fmt: skip
def test_a_network_of_every_kind_of_torchvision_passes(name: str, size: int, data: Images) -> None:
    """Of 32 pixels a batch norm over three single places is left, which magnifies every rounding."""
    model = {"kind": "torchvision", "name": name, "size": size}
    found = first_of_each_kind(Experiment.from_data({"model": model}), data)
    assert len(found) >= 2
    assert max(slope.median for slope in found) <= 1e-6
    assert max(slope.worst for slope in found) <= 1e-2  # fine with kinks, as deep as they are


@pytest.mark.parametrize("kind", choices(LossChoice), ids=lambda kind: kind.kind_name())
def test_every_loss_passes(kind: type[LossChoice], data: Images) -> None:
    experiment = Experiment(loss=kind(kind=kind.kind_name())).but(
        model=SMALL[0](kind="mlp", width=8, dropout=0.5)
    )
    found = first_of_each_kind(experiment, data)
    assert max(slope.median for slope in found) <= 1e-6
    assert max(slope.worst for slope in found) <= 1e-4


class Wrong(torch.autograd.Function):
    """A linear layer with tanh, whose backward pass has one error."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, error: str) -> Tensor:
        out = (x @ weight.T + bias).tanh()
        ctx.save_for_backward(x, weight, out)
        ctx.error = error
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        x, weight, out = ctx.saved_tensors
        error = ctx.error
        back = grad if error == "no derivative of tanh" else grad * (1 - out**2)
        if error == "tanh of the input":
            back = grad * (1 - out)
        to_weight, to_bias = back.T @ x, back.sum(0)
        match error:
            case "sign of the weight":
                to_weight = -to_weight
            case "bias scaled by the batch":
                to_bias = back.mean(0)
            case "one image forgotten":
                to_weight = back[1:].T @ x[1:]
            case "last unit forgotten":
                to_weight[-1] = 0
            case "bias without gradient":
                to_bias = torch.zeros_like(to_bias)
            case "a percent too much":
                to_weight = 1.03 * to_weight
        return back @ weight, to_weight, to_bias, None


class Layer(nn.Linear):
    """A linear layer with tanh and an error in its backward pass; "" for none."""

    error = ""

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = Wrong.apply(x, self.weight, self.bias, self.error)
        return out


class Net(nn.Module):
    """Two layers, with a gate that both branches use."""

    def __init__(self, error: str) -> None:
        super().__init__()
        self.first, self.second, self.head = Layer(6, 5), Layer(5, 5), nn.Linear(5, 3)
        self.gate = nn.Parameter(torch.ones(5))
        self.error = error
        self.second.error = error
        draws = generator("planted")
        for parameter in self.parameters():
            parameter.detach().copy_(torch.randn(parameter.shape, generator=draws))

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.first(x)
        gate = self.gate
        branch = gate * hidden
        if self.error == "a branch is detached":
            branch = (gate.detach() * hidden) + 0 * branch
        if self.error == "a term is missing":
            branch = branch + (gate.detach() ** 2) * hidden
        logits: Tensor = self.head(branch + self.second(hidden))
        return logits


PLANTED: dict[str, str] = {  # the error, and the parameter that has to be named
    "sign of the weight": "second.weight",
    "bias scaled by the batch": "second.bias",
    "one image forgotten": "second.weight",
    "last unit forgotten": "second.weight",
    "bias without gradient": "second.bias",
    "a percent too much": "second.weight",
    "no derivative of tanh": "second.weight",
    "tanh of the input": "second.bias",
    "a branch is detached": "gate",
    "a term is missing": "gate",
}


def planted(error: str) -> dict[str, Slope]:
    draws = generator("planted", "data")
    inputs = torch.randn(9, 6, generator=draws, dtype=torch.float64)
    labels = torch.randint(3, (9,), generator=draws)
    model = Net(error).double()
    bench = Bench(model, nn.functional.cross_entropy, torch.optim.SGD(model.parameters()))
    return {slope.name: slope for slope in GradientCheck(bench, inputs, labels, points=25).run()}


@pytest.mark.parametrize(("error", "name"), PLANTED.items(), ids=[*PLANTED])
def test_a_planted_error_is_found_by_name(error: str, name: str) -> None:
    found = planted(error)
    wrong = {slope.name for slope in found.values() if slope.worst > 1e-2}
    assert name in wrong
    assert found["head.weight"].worst <= 1e-6  # what lies behind the error is right
    assert found["head.bias"].worst <= 1e-6


def test_the_same_network_without_an_error_is_right() -> None:
    assert all(slope.worst <= 1e-6 for slope in planted("").values())


def by_hand(make: Callable[[], nn.Module], inputs: Tensor) -> Slope:
    model = make().double()
    bench = Bench(model, lambda out, _labels: out.sum(), torch.optim.SGD(model.parameters()))
    (slope,) = GradientCheck(bench, inputs.double(), torch.zeros(len(inputs))).run()
    return slope


def test_kinks_are_counted_and_passed_by() -> None:
    def near_the_bend() -> nn.Module:
        layer = nn.Linear(1, 1, bias=False)
        nn.init.constant_(layer.weight, 5e-6)
        return nn.Sequential(layer, nn.ReLU())

    near = by_hand(near_the_bend, torch.ones(1, 1))
    assert near.kinks == 1
    assert near.worst <= 1e-6  # nearer points have no kink between them
    far = by_hand(near_the_bend, torch.full((1, 1), -1.0))
    assert far.kinks == 1


class Elbow(nn.Module):
    """A slope of 1 that is a thousandth steeper from just above 1 on."""

    def forward(self, x: Tensor) -> Tensor:
        return x + 1e-3 * (x - 1 - 2e-8).relu()


def test_beside_a_kink_a_slope_between_those_of_both_sides_is_no_error() -> None:
    def bent() -> nn.Module:
        layer = nn.Linear(1, 1, bias=False)
        nn.init.ones_(layer.weight)
        return nn.Sequential(layer, Elbow())

    found = by_hand(bent, torch.ones(1, 1))
    assert (found.points, found.kinks, found.worst) == (0, 1, 0.0)


def test_weights_are_left_as_they_were_and_dropout_draws_the_same() -> None:
    def dropped() -> nn.Module:
        return nn.Sequential(nn.Linear(4, 6, bias=False), nn.Dropout(0.5))

    inputs = torch.randn(5, 4, generator=generator("x"))
    torch.manual_seed(0)
    model = dropped().double()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    bench = Bench(
        model, lambda out, _labels: out.square().sum(), torch.optim.SGD(model.parameters())
    )
    (slope,) = GradientCheck(bench, inputs.double(), torch.zeros(5)).run()
    assert slope.worst <= 1e-6
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


def test_layers_are_chosen_by_name() -> None:
    settings = {"model": {"kind": "mlp", "width": 8}, "regularizers": ["l2", "l1"]}
    experiment = Experiment.from_data(settings)
    subject = Subject(experiment, Digits().load(), layers=("1",))
    found = made(GRADIENTS, subject)
    assert [row[0] for row in found.details[1:]] == ["1.bias", "1.weight", "L1 alone", "L2 alone"]
    assert found.verdict == "pass"
    with pytest.raises(Problem, match=r"no layer that learns is called nowhere"):
        made(GRADIENTS, Subject(experiment, subject.data, layers=("nowhere",)))
    assert layer_kinds(subject.model()) == {"1": "Linear", "3": "Linear", "5": "Linear"}
    assert [within(name, ("1",)) for name in ("1.weight", "10.weight", "0.1.weight")] == [
        True,
        False,
        False,
    ]
