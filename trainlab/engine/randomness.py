"""Keyed randomness: every draw comes from a generator named by (seed, purpose, number).

Nothing is carried from draw to draw, so previews, pauses and other threads cannot disturb a run, and
resuming needs no generator's state.
"""

import hashlib

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


def key_dropout(model: nn.Module, device: torch.device) -> torch.Generator | None:
    """Give every dropout layer of the model one common generator, and return it; None where there is no dropout."""
    common = None
    for module in model.modules():
        if type(module) is nn.Dropout:
            module.__class__ = KeyedDropout
            common = common or torch.Generator(device)
            module.__dict__["generator"] = common
    return common
