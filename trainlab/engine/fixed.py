"""Fixed: a few validation images that the network is shown again and again while it trains.

It is in evaluation mode meanwhile, and each module goes back to the mode it was in: nothing is drawn, no statistic
moves. A compiled network is asked as it was before compiling, so that its graphs know nothing of this.
"""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrize import type_before_parametrizations

from trainlab import events as ev
from trainlab.catalog.datasets import is_plane
from trainlab.engine.batches import gather
from trainlab.engine.build import Parts
from trainlab.engine.layers import has_filters, telling

IMAGES = 8
CLASSES = 16  # of more, only those of the images are followed
SIDE = 28  # pixels of an image, and of a filter without colours
SMALL = 14  # pixels of a feature map, and of a filter with colours
TILES = 16  # filters, and channels of a layer
LAYERS = 6  # whose feature maps are kept
Drawn = tuple[tuple[int, ...], str]  # shape (N, H, W, C), and base64 of its bytes


def rows(parts: Parts) -> Tensor:
    """The rows (8,) of the validation images, spread over all of them."""
    count = min(IMAGES, len(parts.val))
    return torch.linspace(0, len(parts.val) - 1, count).long().to(parts.device)


def fixed_batch(parts: Parts) -> ev.Fixed:
    """What the network is shown, and what its layers are."""
    index = rows(parts)
    labels = parts.val.labels[index].view(len(index), -1)[:, 0]  # the first of several
    images = gather(parts.val.images, index)
    small = images if is_plane(parts.val.shape) else shrunk(images, SIDE)
    shape, pixels = drawn(small.clamp(0, 1) * 255)
    wanted = [int(label) for label in labels]
    some = len(parts.classes) > CLASSES
    return ev.Fixed(
        shape=shape,
        pixels=pixels,
        labels=tuple(wanted),
        classes=tuple(sorted({*wanted}) if some else range(len(parts.classes))),
        layers={
            name: type_before_parametrizations(layer).__name__
            for name, layer in telling(parts.model)
        },
    )


@torch.no_grad()
def answers(parts: Parts, classes: tuple[int, ...]) -> tuple[tuple[float, ...], ...]:
    """The chances (N, K) of these classes for each of the images, to three places."""
    with evaluating(parts.model):
        found = chances(parts.model(parts.val.inputs(rows(parts))[0]))[:, list(classes)]
    return tuple(tuple(round(value, 3) for value in row) for row in found.tolist())


@torch.no_grad()
def pictures(parts: Parts, step: int, image: int) -> ev.Pictured:
    """The first layer's filters, and what some layers make of one of the images."""
    index = rows(parts)
    index = index[min(image, len(index) - 1) :][:1]
    model, maps, found = parts.model, dict[str, Tensor](), dict[str, Drawn]()
    inputs = parts.val.inputs(index)[0]
    with evaluating(model):
        weight = first_filters(model, inputs.shape[1:])
        with noting(model, maps):
            model(inputs)
    if weight is not None:
        found["filters"] = drawn(weight)
    places = torch.linspace(0, len(maps) - 1, min(LAYERS, len(maps))).round().int().tolist()
    for name in [[*maps][place] for place in places]:
        found[name] = drawn(brightened(shrunk(maps[name], SMALL)))
    shapes = {name: shape for name, (shape, _pixels) in found.items()}
    return ev.Pictured(
        step, image, shapes, {name: pixels for name, (_shape, pixels) in found.items()}
    )


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """In evaluation mode; then each module as it was."""
    before = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in before:
            module.training = training


@contextmanager
def noting(model: nn.Module, maps: dict[str, Tensor]) -> Iterator[None]:
    """Keep the first channels (C, 1, H, W) of what each layer makes of the one image that is shown inside."""

    def note(name: str, _module: nn.Module, _inputs: object, output: Any) -> None:
        if isinstance(output, Tensor) and output.ndim == 4 and output[0, 0].numel() > 1:
            maps[name] = (
                output[0, :TILES, None].float().clone()
            )  # the next layer may write in its place

    hooks = [layer.register_forward_hook(partial(note, name)) for name, layer in telling(model)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def chances(logits: Tensor) -> Tensor:
    """Softmax (N, K) of logits (N, K, ...), of the first label where there are several."""
    several = logits.ndim > 2
    return (logits.flatten(2)[:, :, 0] if several else logits).float().softmax(1)


def first_filters(model: nn.Module, shape: torch.Size) -> Tensor | None:
    """The first layer's weights as pictures (N, C, H, W) in 0..255, grey being 0; None where they are none.

    Args:
        model: in evaluation mode, where a spectral norm may be asked for its weight.
        shape: of its input (C, H, W).
    """
    layer = next((module for module in model.modules() if has_filters(module)), None)
    weight = getattr(layer, "weight", None)
    if not isinstance(weight, Tensor):
        return None
    weight = weight[:TILES].detach().float()
    if weight.ndim == 2 and weight.shape[1] == shape.numel():
        weight = weight.reshape(-1, *shape)
    if weight.ndim != 4 or weight[0, 0].numel() < 4:
        return None
    colours = weight.shape[1] == 3
    weight = shrunk(weight, SMALL if colours else SIDE)
    return (
        127.5
        + 127.5 * weight / weight.flatten(1).abs().amax(1).clamp(min=1e-12)[:, None, None, None]
    )


def shrunk(images: Tensor, side: int) -> Tensor:
    """Images (N, C, H, W) of at most side x side pixels, in colour or with their first channel."""
    images = images if images.shape[1] == 3 else images[:, :1]
    height, width = images.shape[2:]
    if max(height, width) <= side:
        return images
    if images.device.type == "mps":  # it pools to sides that divide the image's alone
        images = images.cpu()
    return F.adaptive_avg_pool2d(images, (min(side, height), min(side, width)))


def brightened(maps: Tensor) -> Tensor:
    """Feature maps from their lowest value, 0, to their highest, 255."""
    maps = maps.nan_to_num(0, 0, 0)
    low, high = maps.amin(), maps.amax()
    return (maps - low) * (255 / (high - low).clamp(min=1e-12))


def drawn(images: Tensor) -> Drawn:
    """Images (N, C, H, W) in 0..255 as bytes."""
    rows = images.nan_to_num(0, 0, 0).byte().permute(0, 2, 3, 1).cpu().contiguous()
    return tuple(rows.shape), base64.b64encode(rows.numpy().tobytes()).decode()
