"""The fingerprint of a network's weights."""

import hashlib

import torch
from torch import nn


def weights_sha256(model: nn.Module) -> str:
    """SHA-256 over the state dict's tensors in order, little-endian bytes."""
    digest = hashlib.sha256()
    for tensor in model.state_dict().values():
        data = tensor.cpu().contiguous().flatten().view(torch.uint8)
        digest.update(data.numpy().tobytes())
    return digest.hexdigest()
