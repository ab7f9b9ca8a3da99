"""Steps shaped by how weights act together: Muon on whole matrices, L-BFGS on the loss's curvature."""

from collections.abc import Callable, Iterable
from typing import Any, Literal

import torch
from torch import nn

from trainlab.catalog.optimizers.base import (
    DOCS,
    OptimizerChoice,
    decay_knob,
    lr_knob,
    momentum_knob,
)
from trainlab.choice import Card, Knob


def muon_groups(parameters: Iterable[nn.Parameter]) -> list[dict[str, Any]]:
    """Three groups: hidden matrices; other weights and the last; biases and norms, never decayed."""
    parameters = list(parameters)
    weights = [p for p in parameters if p.ndim > 1]
    hidden, last = weights[:-1], weights[-1:]
    return [
        {"params": [p for p in hidden if p.ndim == 2]},
        {"params": [p for p in hidden if p.ndim > 2] + last},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


class MuonAdamW(torch.optim.Optimizer):
    """torch's Muon for the first group and torch's AdamW for the others, at one learning rate.

    The three share their groups and their state, so that this one alone is saved, loaded and scheduled.
    """

    def __init__(
        self,
        groups: list[dict[str, Any]],
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_steps: int = 5,
    ) -> None:
        self.muon = torch.optim.Muon(
            groups[:1],
            lr,
            weight_decay,
            momentum,
            nesterov,
            ns_steps=ns_steps,
            adjust_lr_fn="match_rms_adamw",
        )
        self.adamw = torch.optim.AdamW(groups[1:], lr, weight_decay=weight_decay, fused=True)
        super().__init__(groups, {"lr": lr, "momentum": momentum})

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step of both."""
        loss = closure() if closure else None
        self.muon.param_groups, self.adamw.param_groups = (
            self.param_groups[:1],
            self.param_groups[1:],
        )
        self.muon.state = self.adamw.state = self.state
        self.muon.step()
        self.adamw.step()
        return loss


class Muon(OptimizerChoice):
    """Steps along a hidden matrix's momentum M with all its scales S set to one; AdamW for the rest."""

    kind: Literal["muon"] = "muon"
    lr: float = lr_knob(1e-3, "step size, of Muon and of AdamW: what suits AdamW suits both")
    weight_decay: float = decay_knob(0.1, "decoupled pull of the weights towards zero")
    momentum: float = momentum_knob(0.95)
    nesterov: bool = Knob(True, help="gradient where momentum leads")
    ns_steps: int = Knob(5, ge=1, le=20, help="Newton-Schulz steps towards a rotation")

    groups = muon_groups
    target = MuonAdamW
    card = Card(
        source="Jordan et al. 2024, Muon; Liu et al. 2025, Muon is scalable (the common learning rate)",
        url=DOCS + "Muon.html",
        formula=r"$M = U S V^T \qquad W \leftarrow W - 0.2\,\eta\,\sqrt{\max(n, m)}\;U V^T$",
        use="Networks made of matrices: MLPs and transformers, often in fewer steps than AdamW.",
        pitfalls="torch's Muon takes matrices only: filters of convolutions, the last layer and biases "
        "are trained by AdamW, so a small ConvNet is trained by AdamW alone.",
    )


def contiguous_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Lay each gradient out in its own order: L-BFGS views all of them as one vector."""
    for parameter in parameters:
        if parameter.grad is not None:
            parameter.grad = parameter.grad.contiguous()


class LBFGS(OptimizerChoice):
    """Learns the curvature from its last steps and jumps towards the minimum; each step sees all images."""

    kind: Literal["lbfgs"] = "lbfgs"
    lr: float = lr_knob(1.0, "share of the jump to take; 1 where the curvature can be trusted")
    max_iter: int = Knob(20, ge=1, le=1000, scale="log", help="jumps in one step of the run")
    tolerance_grad: float = Knob(
        1e-7, ge=0, le=1, scale="log", help="a step ends when no gradient is larger"
    )
    tolerance_change: float = Knob(
        1e-9, ge=0, le=1, scale="log", help="a step ends when loss and weights change less"
    )
    history_size: int = Knob(
        100,
        ge=1,
        le=1000,
        scale="log",
        help="jumps remembered; each costs two copies of the weights",
    )
    line_search_fn: Literal["strong_wolfe"] | None = Knob(
        None, help="try lengths until one lowers the loss enough: safer, and more passes"
    )

    label = "L-BFGS"
    groups = list
    full_batch = True
    target = torch.optim.LBFGS
    card = Card(
        source="Liu & Nocedal 1989, On the limited memory BFGS method for large scale optimization",
        url=DOCS + "LBFGS.html",
        formula=r"$w \leftarrow w - \eta\,H g, \qquad H \approx (\nabla^2 L)^{-1}$",
        use="Small data and small networks: very few steps, to a very low loss.",
        pitfalls="Does not scale: it compares gradients from one jump to the next, and between two "
        "mini-batches they differ by noise, not by curvature. So the batch is the whole training set, "
        "passed many times a step. Dropout and augmentation disturb it as well.",
    )
