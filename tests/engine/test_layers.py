"""The table of layers: against numbers by hand, torchvision's own figures, and gradients."""

from queue import SimpleQueue
from typing import Any

import pytest
import torch
from torch import nn

from trainlab import events as ev
from trainlab.catalog.models import ConvNet, DenseNet, GoogLeNet, ModelChoice, ResNet, SEResNet, ViT
from trainlab.catalog.models.base import SmallModel
from trainlab.catalog.norms import NoNorm
from trainlab.choice import choices
from trainlab.engine.layers import Layer, measure, table
from trainlab.engine.trainer import Trainer
from trainlab.experiment import Experiment


def measured(model: ModelChoice, shape: tuple[int, int, int]) -> list[Layer]:
    with torch.device("meta"):
        network = model.make(shape, 10)
    return measure(network, shape)


def test_a_convolution_and_a_linear_layer_by_hand() -> None:
    whole, *layers = measured(ConvNet(width=4, stages=1, norm=NoNorm()), (3, 8, 6))
    conv, bend, pool, flat, linear = layers
    assert conv == Layer("0", "Conv2d", (4, 8, 6), 4 * 27 + 4, 2 * 27 * 4 * 48, 4 * 4 * 48, 3)
    assert bend == Layer("1", "ReLU", (4, 8, 6), 0, 0, 4 * 4 * 48, 3)
    assert pool == Layer("2", "MaxPool2d", (4, 4, 3), 0, 0, 4 * 4 * 12, 4)
    assert flat == Layer("3", "Flatten", (48,), 0, 0, 4 * 48, None)
    assert linear == Layer("4", "Linear", (10,), 490, 2 * 48 * 10, 40, None)
    assert whole.parameters == 112 + 490
    assert whole.flops == conv.flops + linear.flops
    assert whole.memory == sum(layer.memory for layer in layers)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", "vit_b_32", "densenet121"])
def test_torchvision_counts_as_many_parameters_and_operations(name: str) -> None:
    import torchvision

    with torch.device("meta"):
        network = torchvision.models.get_model(name)
    meta = torchvision.models.get_model_weights(name).DEFAULT.meta
    whole = measure(network, (3, 224, 224))[0]
    assert whole.parameters == meta["num_params"]
    assert whole.flops / 2e9 == pytest.approx(meta["_ops"], abs=0.01)


SMALL = choices(SmallModel)  # type: ignore[type-abstract]


@pytest.mark.parametrize("kind", SMALL, ids=lambda kind: kind.kind_name())
def test_rows_add_up_to_the_network(kind: type[SmallModel]) -> None:
    whole, *layers = measured(kind(kind=kind.kind_name()), (3, 32, 32))
    for most in (1000, 40, 1):
        rows = table([whole, *layers], most)
        assert sum(row.parameters for row in rows) == whole.parameters
        assert sum(row.flops for row in rows) == whole.flops
        assert sum(row.memory for row in rows) == whole.memory
        assert rows[-1].shape == (10,)


def test_long_networks_are_shown_by_their_blocks() -> None:
    import torchvision

    with torch.device("meta"):
        network = torchvision.models.resnet18()
    rows = table(measure(network, (3, 64, 64)))
    names = [
        "conv1",
        "bn1",
        "relu",
        "maxpool",
        "layer1",
        "layer2",
        "layer3",
        "layer4",
        "avgpool",
        "fc",
    ]
    assert [row.name for row in rows] == names
    assert len(table(measured(ViT(), (1, 28, 28)))) <= 40
    assert {row.kind for row in table(measured(ResNet(), (3, 32, 32)))} >= {"Residual"}


@pytest.mark.parametrize(
    "model",
    [
        ConvNet(stages=3, convs=2),
        ConvNet(stages=1, convolution={"kind": "dilated", "dilation": 3}),  # type: ignore[arg-type]
        ResNet(stages=2, blocks=1),
        GoogLeNet(blocks=1),
        DenseNet(stages=2, blocks=2),
        SEResNet(stages=2, blocks=1),
    ],
    ids=lambda model: model.kind,
)
def test_what_a_layer_sees_is_where_its_gradient_goes(model: SmallModel) -> None:
    """Positive weights, and means for maxima, so that every path counts; the image is larger than any field."""
    side, model = 96, model.but(norm="none")
    fields = {layer.name: layer.field for layer in measured(model, (1, side, side))}
    network = model.make((1, side, side), 10)
    for parameter in network.parameters():
        nn.init.constant_(parameter, 0.01)
    for name, part in list(network.named_modules()):
        if isinstance(part, nn.MaxPool2d):
            network.set_submodule(name, nn.AvgPool2d(part.kernel_size, part.stride, part.padding))
        elif type(part).__name__ == "SqueezeExcite":  # the table leaves out that it looks at all
            network.set_submodule(name, nn.Identity())
    deep = [int(name) for name, field in fields.items() if field and name.isdigit()]
    assert len(deep) >= 3
    for depth in deep:
        images = torch.ones(1, 1, side, side, requires_grad=True)
        out = network[: depth + 1](images)
        out[0, :, out.shape[2] // 2, out.shape[3] // 2].sum().log().backward()
        assert images.grad is not None
        seen = images.grad[0, 0].abs().sum(0).nonzero()
        assert int(seen.max() - seen.min()) + 1 == fields[str(depth)]


def test_modules_of_other_threads_are_left_alone() -> None:
    from torch.nn.modules import module as registry

    seen: list[int] = []
    with torch.device("meta"):
        network = nn.Sequential(nn.Linear(3, 3), Spy(seen))
    measure(network, (1, 1, 3))
    assert seen == [0]
    assert not registry._global_forward_hooks
    assert not [hook for m in network.modules() for hook in m._forward_hooks]


class Spy(nn.Module):
    """Counts the hooks that would run for every module of the process."""

    def __init__(self, seen: list[int]) -> None:
        super().__init__()
        self.seen = seen

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        from torch.nn.modules import module as registry

        self.seen.append(len(registry._global_forward_hooks))
        return x


@pytest.mark.parametrize(
    ("model", "share"),
    [
        ({"kind": "mlp", "dropout": 0.3}, 0.3),
        ({"kind": "resnet", "width": 8, "stochastic_depth": 0.25}, 0.25),
        ({"kind": "torchvision", "name": "mobilenet_v3_small"}, 0.2),
        ({"kind": "convnet", "width": 8}, 0.0),
    ],
)
def test_what_a_network_leaves_out_is_on_record(model: dict[str, Any], share: float) -> None:
    plan = next(
        event
        for event in Trainer(Experiment.from_data({"model": model})).run(SimpleQueue())
        if isinstance(event, ev.Started)
    )
    assert plan.left_out == pytest.approx(share)
