"""The networks: every one builds, runs and learns for images of 4 to 64 pixels, or says what to do instead."""

from typing import Any

import pytest
import torch
from torch import nn

from trainlab.catalog.activations import ActivationChoice
from trainlab.catalog.inits.base import weights
from trainlab.catalog.models import (
    MLP,
    VGG,
    AlexNet,
    ConvNet,
    ConvNeXt,
    DenseNet,
    EfficientNet,
    LeNet5,
    ModelChoice,
    NiN,
    ResNet,
    SEResNet,
    ViT,
    WideResNet,
)
from trainlab.catalog.models.base import SmallModel, strides
from trainlab.catalog.models.blocks import Attention, Concat, Residual, Split, SqueezeExcite
from trainlab.catalog.norms import NormChoice
from trainlab.choice import choices
from trainlab.draws import DrawsFrom
from trainlab.errors import Problem

SHAPES = [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 64, 64), (3, 4, 4), (1, 9, 13)]
SMALL = choices(SmallModel)  # type: ignore[type-abstract]
small = pytest.mark.parametrize("kind", SMALL, ids=lambda kind: kind.kind_name())


def of(kind: type[SmallModel], **settings: Any) -> SmallModel:
    """A choice of this kind, with these settings."""
    return kind(kind=kind.kind_name(), **settings)


def parameters(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


@small
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_gives_a_score_a_class_and_finite_gradients(
    kind: type[SmallModel], shape: tuple[int, int, int]
) -> None:
    network = of(kind).make(shape, 7)
    logits = network(torch.randn(2, *shape))
    assert logits.shape == (2, 7)
    logits.square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, f"{name} is not used"
        assert parameter.grad.isfinite().all(), name


@small
def test_the_outline_on_the_meta_device_is_the_same_network(kind: type[SmallModel]) -> None:
    with torch.device("meta"):
        outline = of(kind).make((3, 32, 32), 5)
    real = of(kind).make((3, 32, 32), 5)
    assert repr(outline) == repr(real)
    assert outline(torch.empty(2, 3, 32, 32, device="meta")).shape == (2, 5)


@small
def test_every_activation_and_every_norm_fits(kind: type[SmallModel]) -> None:
    images = torch.randn(4, 1, 8, 8)
    changes: list[dict[str, Any]] = [{"norm": norm.kind_name()} for norm in choices(NormChoice)]
    changes += [{"activation": bend.kind_name()} for bend in choices(ActivationChoice)]
    if kind is LeNet5:  # 6 channels cannot be cut into 8 groups
        changes.remove({"norm": "group"})
        with pytest.raises(Problem, match=r"model\.norm\.num_groups: 6 channels"):
            of(kind, norm="group").make((1, 8, 8), 10)
    for change in changes:
        network = of(kind, **change).make((1, 8, 8), 10)
        logits = network(images)
        assert logits.shape == (4, 10), change
        assert logits.isfinite().all(), change


@small
def test_a_norm_that_was_chosen_is_there_and_none_leaves_biases(kind: type[SmallModel]) -> None:
    plain = of(kind, norm="none").make((1, 8, 8), 10)
    assert not [m for m in plain.modules() if isinstance(m, nn.BatchNorm2d | nn.BatchNorm1d)]
    weighted = [m for m in plain.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert all(layer.bias is not None for layer in weighted)
    batch = of(kind, norm="batch").make((1, 8, 8), 10)
    assert [m for m in batch.modules() if isinstance(m, nn.BatchNorm2d | nn.BatchNorm1d)]


@small
def test_draws_come_from_the_generator_that_is_given(kind: type[SmallModel]) -> None:
    def made(seed: int) -> list[torch.Tensor]:
        with DrawsFrom(torch.Generator().manual_seed(seed)):
            return [p.detach().clone() for p in of(kind).make((1, 8, 8), 10).parameters()]

    before = torch.get_rng_state()
    once, again, other = made(1), made(1), made(2)
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(once, again, strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(once, other, strict=True))


@small
def test_the_width_is_a_knob(kind: type[SmallModel]) -> None:
    narrow, wide = (of(kind, width=width).make((1, 8, 8), 10) for width in (8, 16))
    assert parameters(narrow) < parameters(wide)


@small
def test_channels_last_gives_the_same(kind: type[SmallModel]) -> None:
    torch.manual_seed(0)
    network, images = of(kind).make((3, 16, 16), 10).eval(), torch.randn(2, 3, 16, 16)
    expected = network(images)
    network.to(memory_format=torch.channels_last)
    found = network(images.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("choice", "shape", "count"),
    [
        (LeNet5(), (1, 28, 28), 61_706),  # 32 x 32 without padding, in every textbook
        (LeNet5(), (3, 32, 32), 62_006),  # PyTorch's CIFAR tutorial
        # He et al. 2015, table 6: ResNet-20 has 0.27 million; this is with 1x1 shortcuts
        (ResNet(blocks=3), (3, 32, 32), 272_474),
        # Zagoruyko & Komodakis 2016, table 5: WRN-16-4 has 2.7, WRN-28-10 36.5 million
        (WideResNet(blocks=2, widen=4), (3, 32, 32), 2_748_890),
        (WideResNet(blocks=4, widen=10), (3, 32, 32), 36_479_194),
        (MLP(width=128, depth=2), (1, 28, 28), 784 * 128 + 128 + 128 * 128 + 128 + 1290),
    ],
)
def test_sizes_are_those_of_the_papers(
    choice: SmallModel, shape: tuple[int, int, int], count: int
) -> None:
    with torch.device("meta"):
        assert parameters(choice.make(shape, 10)) == count


def test_vgg_16_has_the_convolutions_of_torchvision() -> None:
    import torchvision

    with torch.device("meta"):
        ours = VGG(layers=16, width=64).make((3, 224, 224), 10)
        theirs = torchvision.models.vgg16_bn().features
    convs = [[m for m in net.modules() if isinstance(m, nn.Conv2d)] for net in (ours, theirs)]
    assert [c.weight.shape for c in convs[0]] == [c.weight.shape for c in convs[1]]


def test_the_image_is_halved_only_while_there_is_room() -> None:
    assert strides((1, 8, 8), 4) == [1, 2, 1, 1]
    assert strides((1, 28, 28), 4) == [1, 2, 2, 1]
    assert strides((3, 64, 64), 5) == [1, 2, 2, 2, 2]
    assert strides((3, 64, 9), 3) == [1, 2, 1]


@pytest.mark.parametrize(
    ("choice", "shape", "what", "remedy"),
    [
        (ConvNet(stages=4), (1, 8, 8), "model.stages: 4 is too many", "at most 3"),
        (ResNet(), (2, 1, 1), "model: ResNet cannot work on images of 1x1", "choose the MLP"),
        (ViT(heads=3), (1, 8, 8), "model.heads: 3 heads cannot share 64", "divisor of 64"),
        (ViT(patch=9), (1, 8, 8), "model.patch: 9 pixels", "at most 8"),
    ],
)
def test_what_cannot_be_built_is_refused_with_a_remedy(
    choice: ModelChoice, shape: tuple[int, int, int], what: str, remedy: str
) -> None:
    with pytest.raises(Problem) as refusal:
        choice.make(shape, 10)
    assert what in refusal.value.what
    assert remedy in refusal.value.remedy


def test_points_of_toy_sets_go_through_the_mlp() -> None:
    assert MLP().make((2, 1, 1), 3)(torch.randn(5, 2, 1, 1)).shape == (5, 3)


@pytest.mark.parametrize("choice", [ResNet(), WideResNet(), SEResNet(), ConvNeXt(), ViT()])
def test_a_block_whose_last_layer_is_zero_is_its_shortcut(choice: SmallModel) -> None:
    torch.manual_seed(0)
    network = choice.make((3, 16, 16), 10)
    blocks = [m for m in network.modules() if isinstance(m, Residual)]
    assert blocks
    for block in blocks:
        assert isinstance(block.last.weight, nn.Parameter)
        nn.init.zeros_(block.last.weight)
        if getattr(block.last, "bias", None) is not None:
            nn.init.zeros_(block.last.bias)  # type: ignore[arg-type]
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []

    def note(block: Any, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        shortcut = block.shortcut
        seen.append((inputs[0] if shortcut is None else shortcut(inputs[0]), output))

    for block in blocks:
        block.register_forward_hook(note)
    network.eval()(torch.randn(2, 3, 16, 16))
    assert len(seen) == len(blocks)
    assert all(torch.equal(expected, found) for expected, found in seen)


def test_stochastic_depth_rises_to_its_value_at_the_last_block() -> None:
    network = ResNet(stages=2, blocks=2, stochastic_depth=0.4).make((1, 8, 8), 10)
    rates = [m.p for m in network.modules() if type(m).__name__ == "StochasticDepth"]
    assert rates == pytest.approx([0.1, 0.2, 0.3, 0.4])
    for kind in (ConvNeXt, ViT, EfficientNet):
        off, on = (of(kind, stochastic_depth=rate).make((1, 8, 8), 10) for rate in (0.0, 0.5))
        assert "StochasticDepth" not in repr(off)
        assert "StochasticDepth(p=0.5, mode=row)" in repr(on)


def test_dropout_is_where_it_was_asked_for() -> None:
    units = ConvNet(dropout=0.5).make((1, 8, 8), 10)
    channels = ConvNet(dropout=0.5, dropout_kind="channel").make((1, 8, 8), 10)
    assert [type(m) for m in units.modules() if "Dropout" in type(m).__name__] == [nn.Dropout]
    assert [type(m) for m in channels.modules() if "Dropout" in type(m).__name__] == [
        nn.Dropout2d
    ] * 2
    assert sum(isinstance(m, nn.Dropout) for m in AlexNet().make((1, 8, 8), 10)) == 2
    for kind in SMALL:
        network = of(kind, dropout=0.25).make((1, 8, 8), 10)
        assert any(isinstance(m, nn.Dropout) and m.p == 0.25 for m in network.modules()), kind


def test_attention_is_torchs_own() -> None:
    torch.manual_seed(0)
    theirs = nn.MultiheadAttention(12, 3, batch_first=True)
    tokens = torch.randn(2, 5, 12)
    expected, _weights = theirs(tokens, tokens, tokens)
    packed = nn.functional.linear(tokens, theirs.in_proj_weight, theirs.in_proj_bias)
    torch.testing.assert_close(theirs.out_proj(Attention(3)(packed)), expected)


def test_blocks_put_channels_where_they_belong() -> None:
    images = torch.randn(2, 4, 3, 3)
    double = nn.Conv2d(4, 4, 1, groups=4, bias=False)
    nn.init.constant_(double.weight, 2.0)
    half = nn.Conv2d(2, 2, 1, groups=2, bias=False)
    nn.init.constant_(half.weight, -1.0)
    assert torch.equal(Concat(nn.Identity(), double)(images), torch.cat([images, 2 * images], 1))
    assert torch.equal(Split(half)(images), torch.cat([images[:, :2], -images[:, 2:]], 1))
    assert torch.equal(
        SqueezeExcite(nn.AdaptiveAvgPool2d(1))(images), images * images.mean((2, 3), keepdim=True)
    )
    assert torch.equal(Residual(nn.Sequential(double))(images), 3 * images)


def test_nin_ends_without_a_linear_layer_and_densenet_keeps_what_it_had() -> None:
    assert not [m for m in NiN().make((1, 8, 8), 10).modules() if isinstance(m, nn.Linear)]
    grown = [m for m in DenseNet(stages=1).make((1, 8, 8), 10) if isinstance(m, Concat)]
    images = torch.randn(2, 16, 8, 8)
    assert torch.equal(grown[0](images)[:, :16], images)


def test_initialisations_reach_every_filter_of_every_network() -> None:
    for kind in SMALL:
        network = of(kind).make((1, 8, 8), 10)
        filled = {id(weight) for weight in weights(network)}
        left = [n for n, p in network.named_parameters() if p.ndim > 1 and id(p) not in filled]
        assert left == (["1.position"] if kind is ViT else []), kind
