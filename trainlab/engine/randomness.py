"""Keyed randomness: every draw comes from a generator named by (seed, purpose, number).

Nothing is carried from draw to draw, so previews, pauses and other threads cannot disturb a run, and
resuming needs no generator's state.
"""

import hashlib
import math
from typing import Any

import torch
from torch import Tensor, nn


def key_seed(*key: int | str) -> int:
    """63 bits that belong to this key alone."""
    digest = hashlib.sha256(repr(key).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def generator(*key: int | str, device: torch.device | str = "cpu") -> torch.Generator:
    """A random stream that belongs to this key alone."""
    return torch.Generator(device).manual_seed(key_seed(*key))


class KeyedDropout(nn.Dropout):
    """nn.Dropout that draws from a generator of its own: torch's default one is shared by all threads."""

    generator: torch.Generator

    def forward(self, input: Tensor) -> Tensor:
        """The same arithmetic as torch's own CPU kernel, in the same order."""
        if not self.training:
            return input
        noise = torch.empty_like(input).bernoulli_(1 - self.p, generator=self.generator)
        return input * noise.div_(1 - self.p)


class KeyedChannelDropout(nn.Dropout2d):
    """nn.Dropout2d that draws from a generator of its own: whole channels (N, C) at a time."""

    generator: torch.Generator

    def forward(self, input: Tensor) -> Tensor:
        """The same arithmetic as torch's own CPU kernel, in the same order."""
        if not self.training:
            return input
        shape = (*input.shape[:2], *[1] * (input.ndim - 2))
        noise = input.new_empty(shape).bernoulli_(1 - self.p, generator=self.generator)
        return input * noise.div_(1 - self.p)


class KeyedAlphaDropout(nn.AlphaDropout):
    """nn.AlphaDropout that draws from a generator of its own; it keeps mean and variance of SELU units."""

    generator: torch.Generator

    def forward(self, input: Tensor) -> Tensor:
        """The same arithmetic as torch's own CPU kernel, in the same order."""
        if not self.training:
            return input
        alpha = 1.7580993408473766
        a = 1 / math.sqrt((alpha * alpha * self.p + 1) * (1 - self.p))
        noise = torch.empty_like(input).bernoulli_(1 - self.p, generator=self.generator)
        shift = noise.add(-1).mul_(alpha * a).add_(alpha * a * self.p)
        return input * noise.mul_(a) + shift


class KeyedStochasticDepth(nn.Module):
    """torchvision's StochasticDepth (importing it takes a second) with a generator of its own."""

    p: float
    mode: str
    generator: torch.Generator

    def forward(self, input: Tensor) -> Tensor:
        """The same arithmetic as torchvision's, in the same order."""
        if not self.training or self.p == 0:
            return input
        rows = len(input) if self.mode == "row" else 1
        noise = input.new_empty([rows] + [1] * (input.ndim - 1))
        noise = noise.bernoulli_(1 - self.p, generator=self.generator)
        return input * (noise.div_(1 - self.p) if self.p < 1 else noise)


class KeyedRReLU(nn.RReLU):
    """nn.RReLU that draws from a generator of its own."""

    generator: torch.Generator

    def forward(self, input: Tensor) -> Tensor:
        """torch's own kernel, which takes a generator."""
        noise = torch.empty_like(input, memory_format=torch.contiguous_format)
        slopes = (self.lower, self.upper)
        kernel: Any = torch.ops.aten.rrelu_with_noise
        output: Tensor = kernel(input, noise, *slopes, self.training, self.generator)
        return output


KEYED = {
    "Dropout": KeyedDropout,
    "Dropout2d": KeyedChannelDropout,
    "AlphaDropout": KeyedAlphaDropout,
    "StochasticDepth": KeyedStochasticDepth,
    "RReLU": KeyedRReLU,
}


def key_noise(model: nn.Module, device: torch.device) -> torch.Generator | None:
    """Give every layer that draws one common generator, and return it; None where none draws."""
    common = None
    for module in model.modules():
        kind = type(module)  # a copy of a network may have been given one before
        keyed = kind if kind in KEYED.values() else KEYED.get(kind.__name__)
        if keyed:
            module.__class__ = keyed
            common = common or torch.Generator(device)
            module.__dict__["generator"] = common
    return common
