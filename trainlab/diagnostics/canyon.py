"""The canyon: two inputs of unlike variance make one direction of the loss far steeper than the other."""

from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

VARIANCES = (100.0, 1.0)
STEPS = 20


@dataclass(frozen=True)
class Descent:
    """Gradient descent on a linear regression of two weights.

    `path` (steps + 1, 2) are the weights, `losses` the mean squared error at each; the loss at w is
    w' hessian w / 2 around `best`, up to a constant.
    """

    path: Tensor
    losses: list[float]
    hessian: Tensor
    best: Tensor
    lr: float


@cache
def canyon(standardised: bool) -> Descent:
    """20 steps on inputs of variance 100 and 1, as they are or standardised, each at its best step size."""
    draws = torch.Generator().manual_seed(0)
    inputs = torch.randn(500, 2, generator=draws) * torch.tensor(VARIANCES).sqrt()
    inputs -= inputs.mean(0)
    targets = inputs @ torch.tensor([0.5, 5.0])
    if standardised:
        inputs = inputs / inputs.std(0, correction=0)
    hessian = 2 * inputs.T @ inputs / len(inputs)
    curvatures = torch.linalg.eigvalsh(hessian)
    lr = float(2 / (curvatures[0] + curvatures[-1]))  # the best for a bowl of these curvatures
    weights = torch.zeros(2, requires_grad=True)
    path, losses = [], []
    for _step in range(STEPS + 1):
        loss = F.mse_loss(inputs @ weights, targets)
        path.append(weights.detach().clone())
        losses.append(loss.item())
        (gradient,) = torch.autograd.grad(loss, weights)
        with torch.no_grad():
            weights -= lr * gradient
    best = torch.linalg.solve(hessian, 2 * inputs.T @ targets / len(inputs))
    return Descent(torch.stack(path), losses, hessian, best, lr)
