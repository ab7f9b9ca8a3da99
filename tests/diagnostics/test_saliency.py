"""Saliency against maps that were worked out by hand."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainlab.catalog.models.base import SmallModel
from trainlab.choice import choices
from trainlab.diagnostics.saliency import GRAD_CAM, GRADIENT, saliency

SIDE = 4


def net(weights: list[list[float]]) -> nn.Sequential:
    """One map as bright as the image, one as dark; then the mean of each, and scores of two classes."""
    conv, linear = nn.Conv2d(1, 2, 1), nn.Linear(2, 2)
    with torch.no_grad():
        conv.weight.copy_(torch.tensor([1.0, -1.0]).view(2, 1, 1, 1))
        conv.bias.copy_(torch.tensor([0.0, 1.0]))  # type: ignore[union-attr]
        linear.weight.copy_(torch.tensor(weights))
    return nn.Sequential(conv, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear).eval()


@pytest.fixture
def image() -> Tensor:
    return torch.linspace(0.0, 0.9, SIDE * SIDE).view(1, 1, SIDE, SIDE)


def test_the_map_is_the_weighted_sum_where_it_is_positive(image: Tensor) -> None:
    model = net([[2.0, -1.0], [-2.0, 1.0]])
    bright, dark = image[0, 0], 1 - image[0, 0]
    for target, sign in ((0, 1.0), (1, -1.0)):
        expected = F.relu(sign * (2 * bright - dark))
        found = saliency(model, image, target)
        assert found.source == GRAD_CAM
        assert found.cells == (SIDE, SIDE)
        torch.testing.assert_close(found.heat, expected / expected.max())


def test_nothing_speaks_for_a_class_that_all_speaks_against(image: Tensor) -> None:
    found = saliency(net([[-1.0, -1.0], [1.0, 1.0]]), image, 0)
    assert found.heat.abs().sum() == 0


def test_a_smaller_map_is_brought_to_the_size_of_the_image(image: Tensor) -> None:
    model = nn.Sequential(nn.MaxPool2d(2), *net([[1.0, 0.0], [0.0, 1.0]])).eval()
    found = saliency(model, image, 0)
    small = F.max_pool2d(image, 2)
    expected = F.interpolate(small, (SIDE, SIDE), mode="bilinear")[0, 0]
    assert found.cells == (2, 2)
    torch.testing.assert_close(found.heat, expected / expected.max())


def test_without_a_convolution_it_is_the_slope_of_the_input(image: Tensor) -> None:
    linear = nn.Linear(SIDE * SIDE, 2)
    found = saliency(nn.Sequential(nn.Flatten(), linear).eval(), image, 1)
    expected = linear.weight.detach()[1].abs().view(SIDE, SIDE)
    assert found.source == GRADIENT
    torch.testing.assert_close(found.heat, expected / expected.max())


def test_of_several_positions_the_likeliest_counts(image: Tensor) -> None:
    linear = nn.Linear(SIDE * SIDE, 6)  # three classes at two positions
    model = nn.Sequential(nn.Flatten(), linear, nn.Unflatten(1, (3, 2))).eval()
    position = int(model(image)[0, 1].argmax())
    expected = linear.weight.detach()[2 + position].abs().view(SIDE, SIDE)
    torch.testing.assert_close(saliency(model, image, 1).heat, expected / expected.max())


class Mixed(nn.Module):
    """A convolution whose places torch's own attention mixes."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.mix = nn.Conv2d(1, 2, 1), nn.MultiheadAttention(2, 1, batch_first=True)

    def forward(self, images: Tensor) -> Tensor:
        places = self.conv(images).flatten(2).mT
        mixed: Tensor = self.mix(places, places, places)[0].mean(1)
        return mixed


def test_after_attention_no_place_of_a_map_is_a_place_of_the_image(image: Tensor) -> None:
    assert saliency(Mixed().eval(), image, 0).source == GRADIENT


@pytest.mark.parametrize("kind", choices(SmallModel), ids=lambda kind: kind.kind_name())  # type: ignore[type-abstract]
def test_every_model_has_one_or_the_other(kind: type[SmallModel]) -> None:
    model = kind(kind=kind.kind_name()).make((3, 16, 16), 4).eval()
    found = saliency(model, torch.rand(1, 3, 16, 16), 1)
    without = kind.kind_name() in ("mlp", "vit")
    assert found.source == (GRADIENT if without else GRAD_CAM)
    assert found.heat.shape == (16, 16)
    assert found.heat.isfinite().all()
    assert len(model._forward_hooks) == 0
