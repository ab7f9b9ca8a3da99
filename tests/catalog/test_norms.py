"""Normalisations, against torch's modules and closed forms."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules import batchnorm, instancenorm, normalization

from trainlab.catalog.norms import (
    InstanceNorm,
    LayerNorm,
    LocalResponseNorm,
    NoNorm,
    NormChoice,
    RMSNorm,
    RMSNorm2d,
    SpectralNorm,
    WeightNorm,
)
from trainlab.choice import choices
from trainlab.engine.randomness import generator
from trainlab.export.module_code import module_code

EXCLUDED = {
    "BatchNorm3d": "for volumes", "InstanceNorm3d": "for volumes", "InstanceNorm1d": "for sequences",
    "LazyBatchNorm1d": "counts channels itself", "LazyBatchNorm2d": "counts channels itself",
    "LazyBatchNorm3d": "counts channels itself", "LazyInstanceNorm1d": "counts channels itself",
    "LazyInstanceNorm2d": "counts channels itself", "LazyInstanceNorm3d": "counts channels itself",
    "SyncBatchNorm": "for several GPUs", "CrossMapLRN2d": "LocalResponseNorm, older",
}  # fmt: skip
CHOICES: list[NormChoice] = [norm(kind=norm.kind_name()) for norm in choices(NormChoice)]


def images() -> Tensor:
    return torch.randn(4, 8, 5, 6, generator=generator("x")) * 3 + 1


def code(module: nn.Module) -> str:
    return module_code(module, lambda target: target.__name__)


def test_every_norm_of_torch_is_offered_or_excluded() -> None:
    theirs = {*batchnorm.__all__, *instancenorm.__all__, *normalization.__all__}
    made = {type(norm.layer(8, spatial)).__name__ for norm in CHOICES for spatial in (True, False)}
    assert (made - {"Identity", "RMSNorm2d"}) | set(EXCLUDED) == theirs
    assert not made & set(EXCLUDED)


@pytest.mark.parametrize("norm", CHOICES, ids=lambda norm: norm.kind)
def test_shapes_are_kept_and_gradients_flow(norm: NormChoice) -> None:
    for x in (images(), images()[:, :, 0, 0]):
        layer: Any = nn.Conv2d(8, 8, 3, padding=1) if x.ndim == 4 else nn.Linear(8, 8)
        block = nn.Sequential(norm.around(layer), norm.layer(8, spatial=x.ndim == 4))
        y = block(x)
        assert y.shape == x.shape
        y.square().mean().backward()
        assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in block.parameters())


def test_rms_norm_divides_by_the_root_mean_square_of_an_image() -> None:
    x = images()
    layer = RMSNorm2d(8, eps=1e-6)
    expected = torch.nn.functional.rms_norm(x, (8, 5, 6), eps=1e-6)
    assert torch.allclose(layer(x), expected, atol=1e-5)
    assert torch.allclose(layer(x).square().mean((1, 2, 3)), torch.ones(4), atol=1e-4)
    nn.init.constant_(layer.weight, 2)
    assert torch.allclose(layer(x), 2 * expected, atol=1e-5)
    flat = RMSNorm(eps=1e-6).layer(8, spatial=False)
    assert torch.allclose(flat(x[:, :, 0, 0]).square().mean(1), torch.ones(4), atol=1e-4)


def test_layer_norm_standardises_an_image() -> None:
    y = LayerNorm().layer(8, spatial=True)(images())
    assert torch.allclose(y.mean((1, 2, 3)), torch.zeros(4), atol=1e-5)
    assert torch.allclose(y.var((1, 2, 3), correction=0), torch.ones(4), atol=1e-3)


def test_instance_norm_standardises_each_channel_of_each_image() -> None:
    y = InstanceNorm().layer(8, spatial=True)(images())
    assert torch.allclose(y.mean((2, 3)), torch.zeros(4, 8), atol=1e-5)
    assert torch.allclose(y.var((2, 3), correction=0), torch.ones(4, 8), atol=1e-3)
    assert isinstance(InstanceNorm().layer(8, spatial=False), nn.Identity)


def test_local_response_norm_is_alexnets_formula() -> None:
    x, norm = images(), LocalResponseNorm(size=3, alpha=0.5, beta=0.6, k=2.0)
    y = norm.layer(8, spatial=True)(x)
    for channel in range(8):
        near = x[:, max(0, channel - 1) : channel + 2].square().sum(1)
        assert torch.allclose(y[:, channel], x[:, channel] / (2 + 0.5 / 3 * near) ** 0.6, atol=1e-5)


def test_weight_norm_splits_length_and_direction() -> None:
    layer: Any = WeightNorm().around(nn.Linear(6, 4))
    before = layer.weight.detach().clone()
    with torch.no_grad():
        layer.parametrizations.weight.original0.mul_(3)
        layer.parametrizations.weight.original1.mul_(5)
    assert torch.allclose(layer.weight, 3 * before, atol=1e-6)


def test_spectral_norm_brings_the_largest_singular_value_to_one() -> None:
    layer: Any = SpectralNorm(n_power_iterations=20).around(nn.Linear(30, 20))
    with torch.no_grad():
        for _step in range(10):
            layer(torch.ones(30))
    largest = torch.linalg.matrix_norm(layer.eval().weight.detach(), 2)
    assert float(largest) == pytest.approx(1, abs=1e-3)


def test_the_script_writes_wrapped_layers_as_calls() -> None:
    conv = nn.Conv2d(3, 8, 3, padding=1, bias=False)
    assert code(WeightNorm().around(conv)) == (
        "weight_normed(Conv2d(3, 8, 3, padding=1, bias=False))"
    )
    linear = SpectralNorm(n_power_iterations=2).around(nn.Linear(4, 3))
    assert code(linear) == "spectral_normed(Linear(4, 3), n_power_iterations=2)"
    assert code(NoNorm().around(nn.Linear(4, 3))) == "Linear(4, 3)"
