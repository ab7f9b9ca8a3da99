"""What initialisations share: the contract, the walk over a model's weights, and the last layer's bias."""

from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from trainlab.choice import Choice, Knob

DOCS = "https://docs.pytorch.org/docs/stable/nn.init.html"


class InitChoice(Choice):
    """A rule that fills a model: `target(model, generator, [inputs], [labels], **fields)`."""

    needs: ClassVar[tuple[str, ...]] = ()  # which of "inputs" and "labels" `target` is given
    engine_fields = ("class_prior",)

    class_prior: bool = Knob(
        False,
        help="start the last bias at the log of the class frequencies: no first steps to learn them",
    )

    @classmethod
    def __pydantic_init_subclass__(cls, **_settings: Any) -> None:
        """What rules have in common comes last, in forms and lists."""
        for shared in ("bias", "class_prior"):
            if shared in cls.model_fields:
                cls.model_fields[shared] = cls.model_fields.pop(shared)


class RuleChoice(InitChoice):
    """A rule for weights, beside which every bias starts at one constant."""

    bias: float = Knob(0.0, ge=-10, le=10, help="what every bias starts at; norms are left alone")


def layers(model: nn.Module) -> Iterator[Any]:
    """The layers with filters or a weight matrix, in the order of the model's modules."""
    for module in model.modules():
        weight = getattr(module, "weight", getattr(module, "in_proj_weight", None))
        as_made = isinstance(module, nn.Embedding | nn.LayerNorm | nn.RMSNorm)
        if getattr(weight, "ndim", 0) > 1 and not as_made:
            yield module


def weights(model: nn.Module, bias: float = 0.0) -> Iterator[Tensor]:
    """Every filter bank and weight matrix, to be filled in place; biases become constant on the way."""
    for layer in layers(model):
        yield from fillable(layer, bias)


def fillable(layer: Any, bias: float) -> Iterator[Tensor]:
    """A layer's weight; three of attention; a copy, assigned afterwards, where it is computed from others."""
    if isinstance(layer, nn.MultiheadAttention):
        yield from layer.in_proj_weight.detach().chunk(3)
        return
    if getattr(layer, "bias", None) is not None:
        nn.init.constant_(layer.bias, bias)
    assign = vars(layer).get("assign")
    weight = torch.empty_like(layer.weight) if assign else layer.weight
    yield weight
    if assign:
        assign(layer, weight)


def class_prior(model: nn.Module, labels: Tensor, classes: int) -> None:
    """The classifier's bias becomes the log of each class's frequency, every count being one more than it is.

    The classifier is the last layer with a bias for each of the logits; where none has, nothing is done.

    Args:
        model: gives K logits an image, or K * P as Unflatten(1, (K, P)) takes them.
        labels: (N,) or (N, P), of the training images.
        classes: K.
    """
    positions = labels.reshape(len(labels), -1).T
    counts = torch.stack([position.bincount(minlength=classes) for position in positions], 1) + 1
    prior = (counts / counts.sum(0)).log().flatten()
    biases = [layer.bias for layer in layers(model) if getattr(layer, "bias", None) is not None]
    for bias in [bias for bias in biases if bias.shape == prior.shape][-1:]:
        bias.detach().copy_(prior)
