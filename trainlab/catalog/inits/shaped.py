"""Rules that give a weight matrix a shape: rotations, identities, few connections."""

import math
from typing import Literal

import torch
from torch import nn

from trainlab.catalog.inits.base import DOCS, RuleChoice, fillable, layers, weights
from trainlab.choice import Card, Knob


def orthogonal(
    model: nn.Module, generator: torch.Generator, gain: float = 1.0, bias: float = 0.0
) -> None:
    """Orthonormal rows or columns, times gain; filters count as rows."""
    for weight in weights(model, bias):
        nn.init.orthogonal_(weight, gain=gain, generator=generator)


def dirac(model: nn.Module, generator: torch.Generator, bias: float = 0.0) -> None:  # noqa: ARG001 (as all rules)
    """Filters that pass one channel each, and matrices with ones on the diagonal."""
    for layer in layers(model):
        for weight in fillable(layer, bias):
            if weight.ndim > 2:
                nn.init.dirac_(weight, groups=layer.groups)
            else:
                nn.init.eye_(weight)


def sparse_normal(
    model: nn.Module,
    generator: torch.Generator,
    sparsity: float = 0.9,
    std: float = 0.1,
    bias: float = 0.0,
) -> None:
    """std * N(0, 1), with a share of each column zero, but never all; filters count as rows."""
    for weight in weights(model, bias):
        matrix = nn.init.normal_(weight.detach().flatten(1), std=std, generator=generator)
        ranks = torch.rand(matrix.shape, generator=generator).argsort(0)
        matrix[ranks < min(len(matrix) - 1, math.ceil(sparsity * len(matrix)))] = 0


class Orthogonal(RuleChoice):
    """Weights that rotate without stretching."""

    kind: Literal["orthogonal"] = "orthogonal"
    gain: float = Knob(1.0, gt=0, le=10, help="extra factor: sqrt(2) for ReLU")

    target = orthogonal
    card = Card(
        source="Saxe et al. 2013, Exact solutions to the nonlinear dynamics of learning",
        url=DOCS,
        formula=r"$W^T W = gain^2\cdot I$",
        use="Very deep plain networks and recurrent ones.",
        pitfalls="Needs a decomposition of each layer: slow for very wide ones.",
    )


class Dirac(RuleChoice):
    """Every layer passes its input on unchanged, as far as its shape allows."""

    kind: Literal["dirac"] = "dirac"

    label = "Dirac (identity)"
    target = dirac
    card = Card(
        source="Zagoruyko & Komodakis 2017, DiracNets; torch.nn.init.dirac_ and eye_",
        url=DOCS,
        formula=r"$W * x = x$",
        use="Deep networks whose layers have one width: the image itself reaches the end.",
        pitfalls=(
            "A layer wider than its input has units of zeros, which ReLU leaves dead. "
            "Linear layers, for which torch has no dirac_, get ones on the diagonal (eye_)."
        ),
    )


class Sparse(RuleChoice):
    """Normal draws, most of them replaced by zero."""

    kind: Literal["sparse"] = "sparse"
    sparsity: float = Knob(
        0.9, ge=0, lt=1, help="share of zeros in each column: of what one input feeds"
    )
    std: float = Knob(
        0.1, gt=0, le=10, scale="log", help="of the others; torch's own default is 0.01"
    )

    target = sparse_normal
    card = Card(
        source="Martens 2010, Deep learning via Hessian-free optimization; torch.nn.init.sparse_",
        url=DOCS,
        formula=r"$w = 0\ (\lceil s\,n_{out}\rceil\ of\ each\ column),\quad else\ \sigma N(0, 1)$",
        use="Wide layers: units start unlike each other, and none is flooded by its inputs.",
        pitfalls=(
            "The count is rounded up, and one of each column stays; torch's function would empty small "
            "layers, takes matrices alone and no generator for its zeros. Here filters count as rows."
        ),
    )
