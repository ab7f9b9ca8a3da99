"""Saliency: which pixels of an image speak for a class, by Grad-CAM or by the gradient of the input."""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

GRAD_CAM = "Grad-CAM: Selvaraju et al. 2017"
GRADIENT = "Gradient of the input: Simonyan, Vedaldi & Zisserman 2014"


@dataclass(frozen=True, eq=False)
class Saliency:
    """How much each pixel says for a class.

    Args:
        heat: (H, W) float32 from 0 to 1, or 0 all over where nothing speaks for the class.
        source: how it was found, and by whom: GRAD_CAM, or GRADIENT where no layer can tell.
        cells: (h, w) of the maps it was made of; of the input for GRADIENT.
    """

    heat: Tensor
    source: str
    cells: tuple[int, ...]


def saliency(model: nn.Module, inputs: Tensor, target: int) -> Saliency:
    """What speaks for class `target` in one image; of several positions, where it is the likeliest.

    Args:
        model: in evaluation mode, and not in use elsewhere meanwhile.
        inputs: (1, C, H, W), as the network gets them.
        target: the class.
    """
    outputs: list[tuple[nn.Module, Any]] = []

    def keep(module: nn.Module, _inputs: Any, output: Any) -> None:
        outputs.append((module, output))

    hooks = [module.register_forward_hook(keep) for module in model.modules()]
    try:
        with torch.enable_grad():
            leaf = inputs.detach().requires_grad_()
            score = model(leaf.clone())[0, target].max()
    finally:
        for hook in hooks:
            hook.remove()
    maps = _last_maps(outputs)
    if maps is None:
        (slope,) = torch.autograd.grad(score, leaf)
        heat, source, cells = slope.abs().amax(1), GRADIENT, inputs.shape[2:]
    else:
        (slope,) = torch.autograd.grad(score, maps)
        weights = slope.mean((2, 3), keepdim=True)
        cam = F.relu((weights * maps.detach()).sum(1, keepdim=True)).float()
        heat = F.interpolate(cam, inputs.shape[2:], mode="bilinear")[0]
        source, cells = GRAD_CAM, maps.shape[2:]
    heat = heat.view(inputs.shape[2:]).float()
    return Saliency((heat / heat.max().clamp_min(1e-30)).cpu(), source, tuple(cells))


def _last_maps(outputs: list[tuple[nn.Module, Any]]) -> Tensor | None:
    """Maps (1, C, h, w) of the last convolution, after what follows at their size: norm, activation, a sum.

    None where no convolution sees more than one place, or attention mixes the places after it.
    """
    maps: Tensor | None = None
    for module, output in outputs:
        if "attention" in type(module).__name__.lower():
            maps = None
        elif isinstance(output, Tensor) and output.ndim == 4:
            convolved = isinstance(module, nn.Conv2d) and output[0, 0].numel() > 1
            if convolved or (maps is not None and output.shape[2:] == maps.shape[2:]):
                maps = output
    return maps
