"""Layers: what each part of a network gives, weighs and costs, by a pass on the meta device."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized, type_before_parametrizations
from torch.utils._python_dispatch import TorchDispatchMode

from trainlab.catalog.activations import ActivationChoice
from trainlab.catalog.models.blocks import Concat, LayerScale, Residual, Split, SqueezeExcite
from trainlab.choice import choices

Shape = tuple[int, int, int]
Seen = tuple[int, int]  # side of what one output sees, and pixels from one output to the next
FLOAT = 4  # bytes
FEWEST = 8  # rows that still say something of a network
# what a layer calls the numbers that it mixes by: a weight norm their directions, a spectral norm what it divides
WEIGHT = re.compile(r"\.(weight|in_proj_weight|parametrizations\.weight\.original1?)$")
LENGTHS = "parametrizations.weight.original0"  # of a weight norm: one number a unit, as other norms' scales
SIDE_BY_SIDE = (Residual, Concat, Split)
# modules that look at one place only, a norm's statistics and the weighing of channels aside
PLACE_BY_PLACE = {
    "activation", "dropout", "batchnorm", "normalization", "instancenorm", "channelshuffle",
    "norms", "stochastic_depth",
}  # fmt: skip


@dataclass(frozen=True)
class Layer:
    """A module of a network, for one image.

    Args:
        name: its path in the network, "" for the whole.
        kind: the name of its class.
        shape: of its output, without the batch.
        parameters: how many numbers it learns.
        flops: multiplications and additions of convolutions and matrix products: two a multiply-add.
        memory: bytes of the outputs of the layers in it, which training keeps for the way back.
        field: the side of the square of pixels that one output sees; None where that is the whole image
            or cannot be told.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    flops: int
    memory: int
    field: int | None


class Flops(TorchDispatchMode):
    """Counts operations by torch's own table of formulas.

    torch.utils.flop_counter.FlopCounterMode would hook every module of every thread: a run's, too.
    """

    def __init__(self) -> None:
        from torch.utils.flop_counter import (
            flop_registry,
        )  # a quarter of a second: not for the first page

        super().__init__()  # type: ignore[no-untyped-call]
        self.total, self._costs = 0, flop_registry

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """The operation itself, its cost added up."""
        out = func(*args, **(kwargs or {}))
        count = self._costs.get(func._overloadpacket)
        if count is not None:
            self.total += count(*args, **(kwargs or {}), out_val=out)
        return out


def measure(model: nn.Module, shape: Shape) -> list[Layer]:
    """Every module of a network that lies on the meta device, in the order they begin; the whole first."""
    names = {
        module: name for name, module in model.named_modules() if "parametrizations" not in name
    }
    shapes: dict[str, tuple[int, ...]] = {}
    costs: Counter[str] = Counter()
    flops = Flops()

    def before(module: nn.Module, _inputs: Any) -> None:
        shapes.setdefault(names[module], ())
        costs[names[module]] -= flops.total

    def after(module: nn.Module, _inputs: Any, output: Any) -> None:
        tensor = output if isinstance(output, Tensor) else next(iter(output))
        shapes[names[module]] = tuple(tensor.shape[1:])
        costs[names[module]] += flops.total

    with _hooked(names, before, after), torch.no_grad(), flops:
        model.eval()(torch.empty(1, *shape, device="meta"))
    memory = _memory(shapes)
    fields: dict[str, Seen | None] = {}
    _see(model, "", (1, 1), fields)
    return [
        Layer(
            name,
            type_before_parametrizations(module := model.get_submodule(name)).__name__,
            outs,
            sum(parameter.numel() for parameter in module.parameters()),
            costs[name],
            memory[name],
            seen[0] if (seen := fields.get(name)) else None,
        )
        for name, outs in shapes.items()
    ]


def table(layers: list[Layer], most: int = 40) -> list[Layer]:
    """The layers, one row each; if there are more than `most`, the blocks that they are in."""
    inner = [layer for layer in layers if layer.name] or layers
    blocks = _blocks(layer.name for layer in inner)
    finest = [layer for layer in inner if layer.name not in blocks]
    if len(finest) <= most:
        return finest
    rows: list[Layer] = []
    for depth in range(1 + max(layer.name.count(".") for layer in inner)):
        # those at this depth, and layers that end before it
        finer = [
            layer
            for layer in inner
            if (level := layer.name.count(".")) == depth
            or (level < depth and layer.name not in blocks)
        ]
        if rows and len(finer) > most:
            break
        rows = finer
        if len(rows) >= FEWEST:
            break
    return rows


def _blocks(names: Iterable[str]) -> set[str]:
    """The modules that have others of these inside of them."""
    return {parent for name in names for parent in _parents(name)}


def _parents(name: str) -> list[str]:
    parts = name.split(".") if name else []
    return [".".join(parts[:length]) for length in range(len(parts))]


def _memory(shapes: dict[str, tuple[int, ...]]) -> Counter[str]:
    """Bytes of the outputs of the innermost modules, added up for those that they are in."""
    blocks, memory = _blocks(shapes), Counter[str]()
    for name, shape in shapes.items():
        if name not in blocks:
            for part in (name, *_parents(name)):
                memory[part] += FLOAT * math.prod(shape)
    return memory


def _see(module: nn.Module, name: str, seen: Seen | None, found: dict[str, Seen | None]) -> None:
    """Note what an output of each module sees of the image, given what its input sees."""
    found[name] = None
    parts = [(child, f"{name}.{key}".lstrip(".")) for key, child in module.named_children()]
    kind = type_before_parametrizations(module)
    if seen is None:
        return
    if kind is nn.Sequential:
        for child, path in parts:
            _see(child, path, seen, found)
            seen = found[path]
            if seen is None:
                return
        found[name] = seen
    elif kind in SIDE_BY_SIDE:
        for child, path in parts:
            _see(child, path, seen, found)
        ends = [found[path] for _child, path in parts]
        if ends and None not in ends:
            found[name] = max(end for end in ends if end)
    elif kind in (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d):
        field, jump = seen
        dilation = _side(getattr(module, "dilation", 1))
        field += (_side(module.kernel_size) - 1) * dilation * jump
        found[name] = (field, jump * _side(module.stride))
    elif kind.__module__.split(".")[-1] in PLACE_BY_PLACE or kind in (
        nn.Identity,
        LayerScale,
        SqueezeExcite,
    ):
        found[name] = seen


def _side(value: Any) -> int:
    """The larger of a setting's two sides."""
    return max(value) if isinstance(value, tuple) else int(value)


@contextmanager
def _hooked(modules: Any, before: Any, after: Any) -> Iterator[None]:
    hooks = [module.register_forward_pre_hook(before) for module in modules]
    hooks += [module.register_forward_hook(after) for module in modules]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def telling(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The layers whose outputs tell how a network works, by name: with weights that mix, and activations."""
    bends: Any = tuple(choice.target for choice in choices(ActivationChoice))
    for name, module in model.named_modules():
        if has_filters(module) or isinstance(module, bends):
            yield name, module


def layer_of(parameter: str) -> str:
    """The layer whose weight this parameter is; of any other, its own name."""
    return WEIGHT.sub("", parameter)


def has_filters(module: nn.Module) -> bool:
    """Whether it has filters or a weight matrix. Asking a spectral norm for its weight would move it."""
    if isinstance(module, nn.Embedding | nn.LayerNorm | nn.RMSNorm):
        return False
    own = dict(module.named_parameters(recurse=False))
    found = [own[name] for name in ("weight", "in_proj_weight") if own.get(name) is not None]
    if is_parametrized(module, "weight"):
        found = [*module.get_submodule("parametrizations.weight").parameters()]
    return any(parameter.ndim > 1 for parameter in found)


def left_out(model: nn.Module) -> float:
    """The largest share that a module leaves out while the network trains: of its units, or of its branches."""
    shares = (getattr(module, name, 0.0) for module in model.modules() for name in ("p", "dropout"))
    return max((share for share in shares if isinstance(share, float)), default=0.0)
