"""What a script is made of: names, sources, networks."""

import torch
import torch.nn.functional as F
from torch import nn

from trainlab.catalog.augmentations.geometric import shift
from trainlab.catalog.datasets.mnist_family import mnist
from trainlab.catalog.inits.fans import kaiming_normal
from trainlab.catalog.schedules import Plan
from trainlab.export.module_code import module_code
from trainlab.export.names import Named, call, literal, public_name
from trainlab.export.source import Sources


def code(module: nn.Module) -> str:
    return module_code(module, lambda kind: f"nn.{kind.__qualname__}")


def test_torchs_own_go_by_their_public_names() -> None:
    assert public_name(F.cross_entropy) == ("F.cross_entropy", "import torch.nn.functional as F")
    assert public_name(nn.Conv2d) == ("nn.Conv2d", "from torch import nn")
    assert public_name(torch.optim.SGD) == ("torch.optim.SGD", "import torch")
    one_cycle = "torch.optim.lr_scheduler.OneCycleLR"
    assert public_name(torch.optim.lr_scheduler.OneCycleLR) == (one_cycle, "import torch")
    clip = public_name(nn.utils.clip_grad_norm_)
    assert clip is not None
    assert clip[0].endswith("nn.utils.clip_grad_norm_")
    assert public_name(shift) is None


def test_values_are_written_as_people_write_them() -> None:
    values = (1e-5, 0.001, 1e16, (0.9, 0.999), (3,), True, None)
    texts = ["1e-5", "0.001", "1e16", "(0.9, 0.999)", "(3,)", "True", "None"]
    assert [literal(value) for value in values] == texts


def test_a_named_number_prints_as_the_product_that_gave_it() -> None:
    plan = Plan(Named(5, "EPOCHS"), Named(7, "per_epoch"), 0.1)
    assert plan.steps == 35
    assert literal(plan.steps) == "EPOCHS * per_epoch"
    assert literal(plan.steps // 2) == "17"


def test_a_call_leaves_defaults_out_and_tells_one_from_true() -> None:
    def target(a: int, b: float = 1.0, c: bool = True) -> None: ...

    assert call("f", target, ("x",), {"a": 1, "b": 1, "c": True}) == "f(x, a=1)"
    assert call("f", target, (), {"b": 2.0, "c": 1}) == "f(b=2.0, c=1)"


def test_a_source_brings_what_it_uses_and_leaves_annotations() -> None:
    sources = Sources()
    assert sources.add(kaiming_normal) == "kaiming_normal"
    text = sources.code()
    assert text.index("def weights(model, bias=0.0):") < text.index(
        "def kaiming_normal(model, generator"
    )
    assert sources.imports == {"import torch", "from torch import nn"}
    assert "Mode" not in text


def test_imports_inside_of_a_function_go_to_the_top() -> None:
    sources = Sources()
    sources.add(mnist)
    assert "import" not in sources.code()
    assert "from torchvision.datasets import MNIST" in sources.imports
    assert "class MNIST" not in sources.code(), "the import hides the module's own MNIST"


def test_layers_are_written_with_what_makes_a_difference() -> None:
    layers = {
        "nn.Conv2d(1, 8, 3)": nn.Conv2d(1, 8, 3),
        "nn.Conv2d(8, 8, (3, 5), padding=(1, 2), bias=False)": nn.Conv2d(
            8, 8, (3, 5), padding=(1, 2), bias=False
        ),
        "nn.Conv2d(8, 8, 3, padding='same', groups=4)": nn.Conv2d(
            8, 8, 3, padding="same", groups=4
        ),
        "nn.MaxPool2d(2)": nn.MaxPool2d(2),
        "nn.MaxPool2d(3, stride=2)": nn.MaxPool2d(3, 2),
        "nn.Linear(4, 2, bias=False)": nn.Linear(4, 2, bias=False),
        "nn.BatchNorm1d(4, momentum=None)": nn.BatchNorm1d(4, momentum=None),
        "nn.LayerNorm(4)": nn.LayerNorm(4),
        "nn.LayerNorm((4, 3), elementwise_affine=False)": nn.LayerNorm(
            (4, 3), elementwise_affine=False
        ),
        "nn.GroupNorm(2, 4, eps=0.001)": nn.GroupNorm(2, 4, eps=1e-3),
        "nn.LeakyReLU(negative_slope=0.2)": nn.LeakyReLU(0.2),
        "nn.GELU(approximate='tanh')": nn.GELU("tanh"),
        "nn.Dropout(p=0.3)": nn.Dropout(0.3),
        "nn.Flatten()": nn.Flatten(),
        "nn.Sequential(nn.ReLU(),nn.Sequential(nn.Tanh(),),)": nn.Sequential(
            nn.ReLU(), nn.Sequential(nn.Tanh())
        ),
    }
    for text, layer in layers.items():
        assert code(layer) == text
