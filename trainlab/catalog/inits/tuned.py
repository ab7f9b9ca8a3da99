"""Rules that look at more than a layer's shape: at its output on real images, or at the block around it."""

from typing import Any, Literal

import torch
from torch import Tensor, nn

from trainlab.catalog.inits.base import RuleChoice, layers
from trainlab.catalog.inits.fans import kaiming_normal
from trainlab.catalog.inits.shaped import orthogonal
from trainlab.choice import Card, Knob


def lsuv(
    model: nn.Module,
    generator: torch.Generator,
    inputs: Tensor,
    tolerance: float = 0.1,
    iterations: int = 10,
    bias: float = 0.0,
) -> None:
    """Orthogonal weights, each layer's then divided by the standard deviation of its output.

    One pass does all layers: the images reach a layer when those before it are done.
    """

    def calibrate(layer: Any, given: tuple[Tensor, ...], output: Tensor) -> Tensor:
        for _attempt in range(iterations):
            variance = output.var(correction=0)
            if variance == 0 or abs(variance - 1) < tolerance:
                break
            rescale(layer, variance.rsqrt())
            output = layer.forward(*given)
        return output

    orthogonal(model, generator, bias=bias)
    plain = [layer for layer in layers(model) if not isinstance(layer, nn.MultiheadAttention)]
    hooks = [layer.register_forward_hook(calibrate) for layer in plain]
    was_training = model.training
    with torch.no_grad():
        model.eval()(inputs)
    model.train(was_training)
    for hook in hooks:
        hook.remove()


def zero_residual(model: nn.Module, generator: torch.Generator, bias: float = 0.0) -> None:
    """Kaiming normal, and zero what ends each residual branch: every block starts as its shortcut."""
    kaiming_normal(model, generator, bias=bias)
    for block in residual_blocks(model):
        silence(block.last)


def fixup(model: nn.Module, generator: torch.Generator, bias: float = 0.0) -> None:
    """Kaiming normal; L blocks' branches of m layers times L^(-1/(2m-2)); branch ends and classifier zero."""
    kaiming_normal(model, generator, bias=bias)
    blocks = residual_blocks(model)
    for block in blocks:
        inside = list(layers(block.branch))
        for layer in inside:
            rescale(layer, len(blocks) ** (-1 / max(1, 2 * len(inside) - 2)))
        silence(block.last)
    *_others, classifier = layers(model)
    silence(classifier)


def residual_blocks(model: nn.Module) -> list[Any]:
    """The modules that add a branch to their input, and know what ends it."""
    return [module for module in model.modules() if hasattr(module, "last")]


def silence(layer: Any) -> None:
    """Multiply a layer's output by zero: the gain of a norm, or the filters themselves."""
    if layer.weight.ndim > 1:
        rescale(layer, 0.0)
    else:
        nn.init.zeros_(layer.weight)


def rescale(layer: Any, factor: Tensor | float) -> None:
    """Multiply a layer's weight."""
    weight = layer.weight.detach() * factor
    assign = vars(layer).get("assign")
    if assign:
        assign(layer, weight)
    else:
        layer.weight.detach().copy_(weight)


class LSUV(RuleChoice):
    """Orthogonal weights, rescaled layer by layer until real images give outputs of variance 1."""

    kind: Literal["lsuv"] = "lsuv"
    tolerance: float = Knob(0.1, ge=1e-3, le=1, help="how far from 1 a layer's variance may stay")
    iterations: int = Knob(10, ge=1, le=100, help="corrections of a layer at most; one is the rule")

    needs = ("inputs",)
    target = lsuv
    card = Card(
        source="Mishkin & Matas 2016, All you need is a good init",
        url="https://arxiv.org/abs/1511.06422",
        formula=r"$W \leftarrow W/\sqrt{Var(W x)}$",
        use="Any activation and any depth, since it measures instead of assuming.",
        pitfalls=(
            "Measured in evaluation mode, where batch norm still does nothing and dropout is off. "
            "It cannot rescale what spectral norm holds at 1, nor the inside of attention."
        ),
    )


class ZeroResidual(RuleChoice):
    """Kaiming normal, with the end of each residual branch at zero."""

    kind: Literal["zero_residual"] = "zero_residual"

    label = "Zero residual"
    target = zero_residual
    card = Card(
        source="Goyal et al. 2017, Accurate, large minibatch SGD (zero gain of the last batch norm)",
        url="https://arxiv.org/abs/1706.02677",
        formula=r"$\gamma_{last} = 0:\quad y = f(x + 0)$",
        use="Residual networks: they start shallow and grow, and take higher learning rates.",
        pitfalls="Other networks have no such branch: there it is Kaiming normal and nothing else.",
    )


class Fixup(RuleChoice):
    """Residual branches scaled down by their number, so that they train without normalisation."""

    kind: Literal["fixup"] = "fixup"

    target = fixup
    card = Card(
        source="Zhang, Dauphin & Ma 2019, Fixup initialization: residual learning without normalization",
        url="https://arxiv.org/abs/1901.09321",
        formula=r"$W \leftarrow L^{-1/(2m-2)}\cdot W_{He}$",
        use="Deep residual networks with the norm set to none: L blocks, m layers in each branch.",
        pitfalls=(
            "The paper's third rule, scalar biases and a multiplier in each branch, changes the network and "
            "is not part of this. The classifier starts at zero too: the first loss is that of chance."
        ),
    )
