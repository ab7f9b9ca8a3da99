"""Fine-tuning: torchvision's networks with trained weights, a new last layer, and frozen stages."""

import re
from collections.abc import Iterator
from typing import Any, Self

import torch
import torchvision
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.hub import load_state_dict_from_url

# containers that are looked into, so that their parts count as stages
OPEN = ("features", "layers", "trunk_output", "encoder", "blocks", "classifier", "heads")
# without the extra classifiers that only help to train them from nothing
PLAIN: dict[str, dict[str, Any]] = {
    "googlenet": {"aux_logits": False, "init_weights": False, "transform_input": True},
    "inception_v3": {"aux_logits": False, "init_weights": False, "transform_input": True},
}


def fine_tuned(
    name: str, classes: int, weights: str, freeze: str = "nothing", stages: int = 0
) -> nn.Module:
    """torchvision's network with trained weights, a new last layer, and its first stages frozen.

    Args:
        name: torchvision's name of the network.
        classes: units of the new last layer.
        weights: "default" for torchvision's best, else the path of a state dict, .pth or .safetensors;
            "" for none.
        freeze: "nothing", the first "stages", or the whole "body": all but the last layer.
        stages: how many are frozen by "stages".
    """
    model: nn.Module = torchvision.models.get_model(
        name, num_classes=classes, **PLAIN.get(name, {})
    )
    head = head_name(model)
    if weights:
        own, state = model.state_dict(), trained(name, weights)
        for key in [key for key in state if extra(key, head)]:
            del state[key]
        state.update({key: own[key] for key in own if extra(key, head)})
        model.load_state_dict(state)
    parts = [part for part in stage_names(model) if part[0] != head]
    frozen = {"nothing": 0, "stages": stages, "body": len(parts)}[freeze]
    if frozen:
        freeze_all_but(model, [*(name for part in parts[frozen:] for name in part), head])
    return model


def trained(name: str, weights: str) -> dict[str, Tensor]:
    """The state dict that torchvision offers, or that a file holds: numbers only, no code is run."""
    state: dict[str, Tensor]
    if weights == "default":
        url = torchvision.models.get_model_weights(name).DEFAULT.url
        state = load_state_dict_from_url(
            url, map_location="cpu", check_hash=True, weights_only=True
        )
    elif weights.endswith(".safetensors"):
        state = load_file(weights)
    else:
        state = torch.load(weights, map_location="cpu", weights_only=True)
    for key in list(state):  # old files of DenseNet have other names
        new = re.sub(r"(denselayer\d+\.(?:norm|conv))\.([12])", r"\1\2", key)
        state[new] = state.pop(key)
    return state


def extra(key: str, head: str) -> bool:
    """Whether a tensor belongs to the last layer, or to a classifier that only helps training."""
    return key.startswith(f"{head}.") or key.lower().startswith("aux")


def head_name(model: nn.Module) -> str:
    """The last layer, which gives a score a class."""
    names = [n for n, part in model.named_modules() if isinstance(part, nn.Linear | nn.Conv2d)]
    return str(names[-1])


def stage_names(model: nn.Module) -> list[list[str]]:
    """The parts of a network in order; a norm belongs to the layer before it."""
    stages: list[list[str]] = []
    for name, part in opened(model):
        if any(parameter.ndim > 1 for parameter in part.parameters()):
            stages.append([name])
        elif stages and any(True for _parameter in part.parameters()):
            stages[-1].append(name)
    return stages


def opened(model: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The children, and in the place of plain containers theirs."""
    for name, part in model.named_children():
        if name in OPEN and list(part.children()):
            yield from opened(part, f"{prefix}{name}.")
        else:
            yield prefix + name, part


def freeze_all_but(model: nn.Module, names: list[str]) -> None:
    """Only the named parts learn; batch norms elsewhere keep the statistics they have."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(within(name, names))
    for name, norm in list(model.named_modules()):
        if isinstance(norm, nn.BatchNorm2d) and not within(name, names):
            fixed = FixedNorm(norm.num_features, norm.eps, norm.momentum)
            fixed.load_state_dict(norm.state_dict())
            model.set_submodule(name, fixed.requires_grad_(False).eval())


class FixedNorm(nn.BatchNorm2d):
    """Batch norm that keeps the statistics it has, in training too."""

    def train(self, mode: bool = True) -> Self:
        """Stay in evaluation."""
        return super().train(False)


def within(name: str, parts: list[str]) -> bool:
    """Whether a name is one of these parts, or inside of one."""
    return any(name == part or name.startswith(f"{part}.") for part in parts)
