"""Signal: how much of it gets through a network before the first step, forward and back."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from trainlab.catalog.inits import layers
from trainlab.engine.randomness import generator, key_noise

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class LayerSignal:
    """One layer's output on a batch: its standard deviation, and that of the loss's gradient there."""

    name: str
    activation: float
    gradient: float


def layer_signals(
    model: nn.Module, loss: Loss, inputs: Tensor, labels: Tensor
) -> list[LayerSignal]:
    """The layers in the order in which the batch passes them, by one pass in training mode.

    The pass is a copy's, and draws from a generator of its own: nothing that exists changes.
    """
    model = copy.deepcopy(model).train()
    noise = key_noise(model, inputs.device)
    if noise is not None:
        noise.manual_seed(generator("signal").initial_seed())
    names = {module: name for name, module in model.named_modules()}
    outputs: list[tuple[str, float]] = []
    gradients: dict[int, float] = {}

    def note(layer: nn.Module, _inputs: object, output: Any) -> None:
        if isinstance(output, Tensor):  # attention gives a pair
            place = len(outputs)
            outputs.append((names[layer], _spread(output)))
            if output.requires_grad:  # nothing reaches back into layers that are frozen
                output.register_hook(lambda gradient: gradients.update({place: _spread(gradient)}))

    for layer in layers(model):
        layer.register_forward_hook(note)
    with torch.enable_grad():
        loss(model(inputs), labels).backward()
    return [
        LayerSignal(name, activation, gradients.get(place, 0.0))
        for place, (name, activation) in enumerate(outputs)
    ]


def _spread(values: Tensor) -> float:
    return float(values.detach().float().std(correction=0))
