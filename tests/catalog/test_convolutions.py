"""Convolutions of every kind: they keep the size, and compute what their cards say."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainlab.catalog.convolutions import (
    ConvolutionChoice,
    Deformable,
    DeformableConv2d,
    Dilated,
    Grouped,
    Plain,
    Pointwise,
    Separable,
    Transposed,
)
from trainlab.catalog.models import VGG, ConvNet
from trainlab.catalog.norms import NormChoice
from trainlab.choice import choices

KINDS = choices(ConvolutionChoice)  # type: ignore[type-abstract]
every = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind_name())


def of(kind: type[ConvolutionChoice]) -> ConvolutionChoice:
    """A choice of this kind, with its defaults."""
    return kind(kind=kind.kind_name())


def weighted(module: nn.Module) -> list[Any]:
    return [m for m in module.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]


@every
@pytest.mark.parametrize("size", [(8, 8), (7, 7), (5, 12), (1, 1)], ids=str)
def test_keeps_the_size_of_even_and_odd_images(
    kind: type[ConvolutionChoice], size: tuple[int, int]
) -> None:
    for bias in (True, False):
        out = of(kind).layer(4, 6, bias)(torch.randn(2, 4, *size))
        assert out.shape == (2, 6, *size)


@every
def test_a_bias_is_one_number_a_channel(kind: type[ConvolutionChoice]) -> None:
    torch.manual_seed(0)
    layer = of(kind).layer(4, 6, bias=True)
    last = weighted(layer)[-1]
    images = torch.randn(2, 4, 8, 8)
    before = layer(images)
    with torch.no_grad():
        last.bias += torch.arange(6.0)
    moved = before + torch.arange(6.0)[:, None, None]
    torch.testing.assert_close(layer(images), moved)
    assert weighted(of(kind).layer(4, 6, bias=False))[-1].bias is None


@every
@pytest.mark.parametrize("model", [ConvNet, VGG])
def test_fits_its_models_with_every_norm(
    kind: type[ConvolutionChoice], model: type[ConvNet | VGG]
) -> None:
    for norm in choices(NormChoice):
        network = model(convolution=of(kind), norm=norm(kind=norm.kind_name()), width=8).make(
            (1, 8, 8), 10
        )
        logits = network(torch.randn(3, 1, 8, 8))
        assert logits.shape == (3, 10)
        logits.sum().backward()
        assert all(p.grad is not None for p in network.parameters()), norm


def impulse(layer: nn.Module) -> Tensor:
    """The input pixels that the middle output depends on, as a map of True."""
    images = torch.zeros(1, 1, 15, 15, requires_grad=True)
    layer(images)[0, :, 7, 7].sum().backward()
    assert images.grad is not None
    seen: Tensor = images.grad[0, 0] != 0
    return seen


@pytest.mark.parametrize(
    ("choice", "rows"),
    [
        (Plain(), [6, 7, 8]),
        (Plain(kernel_size=5), [5, 6, 7, 8, 9]),
        (Pointwise(), [7]),
        (Separable(), [6, 7, 8]),
        (Dilated(), [5, 7, 9]),
        (Dilated(kernel_size=5, dilation=3), [1, 4, 7, 10, 13]),
    ],
)
def test_sees_these_rows_and_columns(choice: ConvolutionChoice, rows: list[int]) -> None:
    torch.manual_seed(0)
    expected = torch.zeros(15, 15, dtype=torch.bool)
    expected[torch.tensor(rows)[:, None], torch.tensor(rows)] = True
    assert torch.equal(impulse(choice.layer(1, 3, bias=False)), expected)


def test_groups_do_not_talk_to_each_other() -> None:
    torch.manual_seed(0)
    layer = Grouped(groups=2).layer(4, 6, bias=False)
    images = torch.randn(1, 4, 5, 5)
    other = images.clone()
    other[:, 2:] = 0
    assert torch.equal(layer(images)[:, :3], layer(other)[:, :3])
    assert not torch.equal(layer(images)[:, 3:], layer(other)[:, 3:])
    assert weighted(Grouped(groups=4).layer(3, 32, bias=False))[0].groups == 1
    assert weighted(Grouped(groups=4).layer(6, 32, bias=False))[0].groups == 2


def test_separable_costs_about_an_eighth() -> None:
    def weights(choice: ConvolutionChoice) -> int:
        return sum(p.numel() for p in choice.layer(64, 64, bias=False).parameters())

    assert weights(Plain()) == 36_864
    assert weights(Separable()) == 64 * 9 + 64 * 64
    assert weights(Grouped(groups=4)) == 36_864 // 4


def test_deformable_starts_as_a_plain_convolution_and_moves_its_taps() -> None:
    torch.manual_seed(0)
    layer = Deformable().layer(2, 3, bias=True)
    assert isinstance(layer, DeformableConv2d)
    images = torch.randn(2, 2, 9, 9)
    plain = F.conv2d(images, layer.weight, layer.bias, padding=1)
    torch.testing.assert_close(layer(images), plain)
    with torch.no_grad():
        layer.offset_bias[0::2] = 1.0  # every tap looks one row further down
    lower = F.pad(images, (0, 0, 0, 1))[:, :, 1:]
    moved = F.conv2d(lower, layer.weight, layer.bias, padding=1)
    inside = (..., slice(1, -2), slice(1, -1))
    torch.testing.assert_close(layer(images)[inside], moved[inside])


def test_transposed_goes_through_half_the_size() -> None:
    layer: Any = Transposed().layer(2, 3, bias=True)
    assert layer.down(torch.randn(1, 2, 9, 8)).shape == (1, 3, 5, 4)
    back = F.conv_transpose2d(
        layer.down(images := torch.randn(1, 2, 9, 8)),
        layer.up.weight,
        layer.up.bias,
        stride=2,
        padding=1,
        output_padding=(0, 1),
    )
    torch.testing.assert_close(layer(images), back)
