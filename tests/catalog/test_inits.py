"""Initialisations, against torch.nn.init, closed forms and real digits."""

import copy
import math
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import DeformConv2d

from trainlab import events as ev
from trainlab.catalog.datasets import Digits, Images
from trainlab.catalog.inits import InitChoice, class_prior, layers
from trainlab.catalog.models.blocks import Residual
from trainlab.catalog.norms import spectral_normed, weight_normed
from trainlab.choice import choices
from trainlab.engine.build import build_batches, build_model, first_inputs
from trainlab.engine.randomness import generator
from trainlab.engine.trainer import Trainer
from trainlab.experiment import Experiment

# what of torch.nn.init is a choice here, and the settings under which it does the same
OFFERED: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "constant_": ("constant", {"value": 0.3}, {"val": 0.3}),
    "eye_": ("dirac", {}, {}),
    "kaiming_normal_": ("kaiming_normal", {"a": 0.25, "nonlinearity": "leaky_relu"}, {"a": 0.25}),
    "kaiming_uniform_": ("kaiming_uniform", {"mode": "fan_out"}, {"mode": "fan_out", "nonlinearity": "relu"}),
    "normal_": ("small_random", {"std": 0.2}, {"std": 0.2}),
    "orthogonal_": ("orthogonal", {"gain": 1.4}, {"gain": 1.4}),
    "trunc_normal_": ("trunc_normal", {"std": 0.5}, {"std": 0.5, "a": -1.0, "b": 1.0}),
    "uniform_": ("small_uniform", {"bound": 0.2}, {"a": -0.2, "b": 0.2}),
    "xavier_normal_": ("xavier_normal", {"gain": 2.0}, {"gain": 2.0}),
    "xavier_uniform_": ("xavier_uniform", {}, {}),
    "zeros_": ("zeros", {}, {}),
}  # fmt: skip
TESTED_BELOW = {"dirac_": "dirac", "sparse_": "sparse"}  # not for matrices; no generator
EXCLUDED = {"ones_": "constant with the value 1"}
KINDS = {rule.kind_name(): rule for rule in choices(InitChoice)}


def fill(kind: str, model: nn.Module, *given: Tensor, **settings: Any) -> nn.Module:
    """The model, filled by a rule."""
    KINDS[kind](kind=kind, **settings).build(model, generator("test"), *given)
    return model


def wide() -> nn.Sequential:
    """Layers so large that a variance is known to half a per cent."""
    return nn.Sequential(
        nn.Linear(700, 900), nn.Conv2d(64, 128, 3), nn.Conv2d(128, 256, 3, groups=2)
    )


def fans(weight: Tensor) -> tuple[int, int]:
    area = weight[0, 0].numel()
    return weight.shape[1] * area, weight.shape[0] * area


@pytest.fixture(scope="module")
def digits() -> Images:
    return Digits().load()


def test_every_function_of_torch_is_offered_or_excluded() -> None:
    theirs = {name for name in vars(nn.init) if name.endswith("_") and not name.startswith("_")}
    assert set(OFFERED) | set(TESTED_BELOW) | set(EXCLUDED) == theirs
    assert {kind for kind, _ours, _theirs in OFFERED.values()} | set(TESTED_BELOW.values()) <= set(
        KINDS
    )


@pytest.mark.parametrize("name", OFFERED)
def test_the_same_numbers_as_torchs_function(name: str) -> None:
    kind, ours, theirs = OFFERED[name]
    layer = fill(kind, nn.Linear(7, 5), bias=0.5, **ours)
    assert isinstance(layer, nn.Linear)
    function: Callable[..., Tensor] = getattr(nn.init, name)
    drawn = name not in ("constant_", "eye_", "zeros_")
    expected = function(
        torch.empty(5, 7), **theirs, **({"generator": generator("test")} if drawn else {})
    )
    assert torch.equal(layer.weight, expected)
    assert torch.equal(layer.bias, torch.full((5,), 0.5))


@pytest.mark.parametrize(
    ("kind", "settings", "rule"),
    [
        ("calibrated", {}, lambda ins, _outs: 1 / ins),
        ("kaiming_normal", {}, lambda ins, _outs: 2 / ins),
        ("kaiming_uniform", {}, lambda ins, _outs: 2 / ins),
        ("kaiming_normal", {"mode": "fan_out"}, lambda _ins, outs: 2 / outs),
        ("kaiming_normal", {"a": 0.25, "nonlinearity": "leaky_relu"}, lambda ins, _outs: 2 / 1.0625 / ins),
        ("xavier_normal", {}, lambda ins, outs: 2 / (ins + outs)),
        ("xavier_uniform", {}, lambda ins, outs: 2 / (ins + outs)),
        ("small_random", {}, lambda _ins, _outs: 1e-4),
        ("small_uniform", {"bound": 0.01 * math.sqrt(3)}, lambda _ins, _outs: 1e-4),
        ("trunc_normal", {"std": 0.1}, lambda _ins, _outs: 0.01 * 0.7737),
        ("sparse", {"sparsity": 0.75, "std": 0.2}, lambda _ins, _outs: 0.04 / 4),
    ],
)  # fmt: skip
def test_variances_follow_the_rule(
    kind: str, settings: dict[str, Any], rule: Callable[[int, int], float]
) -> None:
    for layer in layers(fill(kind, wide(), **settings)):
        expected = rule(*fans(layer.weight))
        assert float(layer.weight.detach().var(correction=0)) == pytest.approx(expected, rel=0.02)
        assert not layer.bias.any()


@pytest.mark.parametrize("layer", [nn.Linear(40, 60), nn.Linear(60, 40), nn.Conv2d(4, 16, 3)])
def test_orthogonal_weights_rotate(layer: nn.Module) -> None:
    fill("orthogonal", layer, gain=1.5)
    matrix = next(layer.parameters()).detach().flatten(1)
    matrix = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    assert torch.allclose(matrix @ matrix.T, 2.25 * torch.eye(len(matrix)), atol=1e-5)


def test_sparse_columns_have_their_share_of_zeros() -> None:
    model = nn.Sequential(nn.Linear(30, 25), nn.Conv2d(3, 20, 3), nn.Linear(9, 1))
    fill("sparse", model, sparsity=0.9)
    counts = [(layer.weight.flatten(1) == 0).sum(0).unique().tolist() for layer in layers(model)]
    assert counts == [[math.ceil(0.9 * 25)], [18], [0]]
    torchs = nn.init.sparse_(torch.empty(25, 30), 0.9)
    assert (torchs == 0).sum(0).unique().tolist() == counts[0]


def test_dirac_passes_channels_on() -> None:
    images = torch.rand(2, 6, 5, 5, generator=generator("x"))
    for groups in (1, 3, 6):
        conv = fill("dirac", nn.Conv2d(6, 6, 3, padding=1, groups=groups))
        assert torch.equal(conv(images), images)
    linear = fill("dirac", nn.Linear(4, 6))
    assert torch.equal(linear(torch.ones(4)), torch.tensor([1.0, 1, 1, 1, 0, 0]))


def test_only_filters_and_matrices_are_filled() -> None:
    model = nn.ModuleList(
        [
            nn.Conv2d(2, 3, 3, bias=False), nn.ConvTranspose2d(3, 2, 3), DeformConv2d(2, 3, 3),
            nn.MultiheadAttention(8, 2), nn.LayerNorm((2, 4, 4)), nn.BatchNorm2d(3), nn.Embedding(5, 4),
            nn.PReLU(),
        ]
    )  # fmt: skip
    before = {name: t.detach().clone() for name, t in model.named_parameters()}
    fill("constant", model, value=0.7, bias=0.1)
    for name, t in model.named_parameters():
        module = int(name.split(".")[0])
        if module >= 4 or "in_proj_bias" in name:
            assert torch.equal(t, before[name]), name
        else:
            assert t.unique().tolist() == [pytest.approx(0.1 if "bias" in name else 0.7)], name


def test_the_default_leaves_what_was_built() -> None:
    model = wide()
    before = copy.deepcopy(model.state_dict())
    fill("default", model)
    assert all(torch.equal(before[name], t) for name, t in model.state_dict().items())


@pytest.mark.parametrize("kind", ["kaiming_normal", "sparse", "orthogonal"])
def test_weight_norm_holds_the_weight_that_was_drawn(kind: str) -> None:
    plain = fill(kind, nn.Conv2d(3, 8, 3))
    normed = fill(kind, weight_normed(nn.Conv2d(3, 8, 3)))
    expected = next(plain.parameters()).flatten(1)
    lengths = expected.norm(dim=1)
    got: Any = normed
    assert torch.allclose(got.weight.flatten(1), expected, atol=1e-6)
    assert torch.allclose(got.parametrizations.weight.original0.flatten(), lengths, atol=1e-6)


def test_weight_norm_can_start_at_zero_and_learn() -> None:
    layer: Any = fill("zeros", weight_normed(nn.Linear(4, 3)))
    assert not layer.weight.any()
    layer(torch.ones(2, 4)).sum().backward()
    slopes = layer.parametrizations.weight.original0.grad
    assert slopes.isfinite().all()
    assert slopes.all(), "the old directions are kept, so that the lengths have a gradient"


def test_spectral_norm_knows_the_new_weight() -> None:
    layer: Any = fill("sparse", spectral_normed(nn.Linear(60, 50)), std=3.0)
    largest = torch.linalg.matrix_norm(layer.eval().weight.detach(), 2)
    assert float(largest) == pytest.approx(1, rel=0.03)


def variances(model: nn.Module, inputs: Tensor) -> list[float]:
    """Of the output of each layer with weights."""
    found: list[float] = []
    hooks = [
        layer.register_forward_hook(lambda _l, _i, output: found.append(float(output.var(correction=0))))
        for layer in layers(model)
    ]  # fmt: skip
    with torch.no_grad():
        model.eval()(inputs)
    for hook in hooks:
        hook.remove()
    return found


@pytest.mark.parametrize(
    "model",
    [
        {"kind": "mlp", "depth": 8, "activation": "tanh"},
        {"kind": "mlp", "depth": 4, "norm": "weight", "activation": "softplus"},
        {"kind": "convnet", "norm": "none", "convs": 2},
        {"kind": "resnet", "blocks": 1, "width": 8},
    ],
    ids=["tanh", "weight norm", "convolutions", "residual"],
)
def test_lsuv_gives_every_layer_variance_one(model: dict[str, Any], digits: Images) -> None:
    tolerance = 0.02
    init = {"kind": "lsuv", "tolerance": tolerance}
    network = build_model(Experiment.from_data({"model": model, "init": init}), digits)
    assert network.training
    assert not any(module._forward_hooks for module in network.modules())
    buffers = dict(network.named_buffers())
    assert all(not t.any() for name, t in buffers.items() if name.endswith("running_mean"))
    train, _val = build_batches(Experiment(), digits, torch.device("cpu"))
    for variance in variances(network, first_inputs(train)):
        assert abs(variance - 1) <= tolerance


@pytest.mark.parametrize("norm", ["batch", "none"])
def test_zero_residual_blocks_start_as_their_shortcuts(norm: str, digits: Images) -> None:
    settings = {"model": {"kind": "resnet", "norm": norm, "width": 8}, "init": "zero_residual"}
    network = build_model(Experiment.from_data(settings), digits).eval()
    blocks = [module for module in network.modules() if isinstance(module, Residual)]
    assert len(blocks) > 2
    for block in blocks:
        first: Any = next(module for module in block.modules() if isinstance(module, nn.Conv2d))
        x = torch.rand(2, first.in_channels, 8, 8, generator=generator("x"))
        shortcut = x if block.shortcut is None else block.shortcut(x)
        assert torch.equal(block(x), shortcut)


def test_fixup_scales_branches_by_their_number(digits: Images) -> None:
    model = {"kind": "resnet", "norm": "none", "width": 32, "blocks": 2}
    fixed, plain = (
        build_model(Experiment.from_data({"model": model, "init": init}), digits)
        for init in ("fixup", "kaiming_normal")
    )
    blocks = [module for module in fixed.modules() if isinstance(module, Residual)]
    others = [module for module in plain.modules() if isinstance(module, Residual)]
    for block, other in zip(blocks, others, strict=True):
        (first, last), (before, _end) = list(layers(block.branch)), list(layers(other.branch))
        assert torch.allclose(first.weight, before.weight * len(blocks) ** -0.5)  # m = 2
        assert not last.weight.any()
    images = digits.images[:50].float() / 255
    loss = F.cross_entropy(fixed(images), digits.labels[:50]).detach()
    assert float(loss) == pytest.approx(math.log(10))


def imbalanced(digits: Images) -> Images:
    """All zeros and ones of the digits, and twelve of each other."""
    rows = [
        row
        for label in range(10)
        for row in (digits.labels == label).nonzero().flatten()[: 400 if label < 2 else 12].tolist()
    ]
    return Images(digits.images[rows], digits.labels[rows], digits.classes)


def entropy(frequencies: Tensor) -> float:
    return float(torch.special.entr(frequencies).sum())


def test_the_first_loss_is_the_entropy_of_the_labels(digits: Images) -> None:
    data = imbalanced(digits)
    frequencies = data.labels.bincount().float() / len(data.labels)
    init = {"kind": "small_random", "class_prior": True}
    network = build_model(Experiment.from_data({"model": {"kind": "mlp"}, "init": init}), data)
    loss = float(F.cross_entropy(network(data.images.float() / 255), data.labels).detach())
    assert loss == pytest.approx(entropy(frequencies), rel=0.03)
    assert loss < 0.75 * math.log(10)


def test_class_prior_of_several_positions_is_laid_out_as_the_heads_take_it() -> None:
    labels = torch.tensor([[0, 2], [0, 1], [0, 2], [1, 2]])
    model = fill("zeros", nn.Sequential(nn.Linear(5, 6), nn.Unflatten(1, (3, 2))))
    class_prior(model, labels, classes=3)
    chances = model(torch.ones(1, 5)).softmax(1)[0]
    assert torch.allclose(chances, torch.tensor([[4.0, 1], [2, 2], [1, 4]]) / 7)


def test_zeros_learn_the_class_frequencies_and_nothing_else(digits: Images) -> None:
    experiment = Experiment.from_data(
        {
            "model": {"kind": "mlp", "width": 32},
            "init": "zeros",
            "optimizer": {"kind": "sgd", "lr": 0.5},
            "schedule": "cosine",
            "training": {"epochs": 6, "threads": 1},
        }
    )
    trainer = Trainer(experiment)
    last = [event for event in trainer.run(SimpleQueue()) if isinstance(event, ev.EpochEnd)][-1]
    with torch.no_grad():
        logits = trainer.parts.model(torch.rand(20, 1, 8, 8, generator=generator("x")))
    assert torch.equal(logits, logits[:1].expand(20, -1)), "every image gets the same answer"
    frequencies = digits.labels.bincount() / len(digits.labels)
    assert torch.allclose(logits[0].softmax(0), frequencies, atol=0.02)
    assert last.val_loss == pytest.approx(entropy(frequencies), rel=0.01)
