"""Preprocessing that mixes features: PCA decorrelation, PCA whitening and ZCA whitening."""

from typing import Any, Literal

import torch
from torch import Tensor

from trainlab.catalog.preprocessing.base import PreprocessingChoice, feature_mean, in_doubles
from trainlab.choice import Card, Knob
from trainlab.errors import Problem
from trainlab.text import _

MOST_FEATURES = 4096  # eigenvectors of more take minutes, and memory by the square
_NOTES = "https://cs231n.github.io/neural-networks-2/#datapre"


def principal_axes(images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean (D,), eigenvalues (D,) of the covariance X'X/N, largest first, eigenvectors (D, D) as columns.

    In doubles on the CPU; D = C * H * W.
    """
    mean = feature_mean(images).flatten()
    covariance = torch.zeros(len(mean), len(mean), dtype=torch.float64)
    for part in in_doubles(images):
        rows = part.flatten(1) - mean
        covariance += rows.T @ rows
    values, vectors = torch.linalg.eigh(covariance / len(images))
    return mean, values.flip(0).clamp(min=0), vectors.flip(1)


class Rotation:
    """Subtract the mean image and multiply the features by a matrix."""

    def __init__(self, images: Tensor, mean: Tensor, matrix: Tensor) -> None:
        self.mean = mean.float().to(images.device)
        self.matrix = matrix.float().to(images.device)

    def __call__(self, batch: Tensor) -> Tensor:
        """The mixed features, in the shape of the batch."""
        return ((batch.flatten(1) - self.mean) @ self.matrix).view(batch.shape)


class PCA(Rotation):
    """Turn the features onto their principal axes; axes past a share of the variance are set to zero."""

    def __init__(self, images: Tensor, variance_kept: float = 1.0) -> None:
        mean, values, vectors = principal_axes(images)
        before = values.cumsum(0) - values  # the variance of the axes in front of each
        super().__init__(images, mean, vectors * (before < variance_kept * values.sum()))


class PCAWhitening(Rotation):
    """Turn the features onto their principal axes and give every axis unit variance."""

    def __init__(self, images: Tensor, eps: float = 1e-5) -> None:
        mean, values, vectors = principal_axes(images)
        super().__init__(images, mean, vectors / (values + eps).sqrt())


class ZCAWhitening(Rotation):
    """Give every principal axis unit variance, and turn back: images stay images."""

    def __init__(self, images: Tensor, eps: float = 1e-5) -> None:
        mean, values, vectors = principal_axes(images)
        super().__init__(images, mean, vectors / (values + eps).sqrt() @ vectors.T)


class RotatingChoice(PreprocessingChoice):
    """A matrix learnt from the covariance of all features."""

    pointwise = False

    def check(self, images: Tensor) -> None:
        """Raise Problem where the matrix would be too large."""
        shape = images.shape[1:]
        if shape.numel() > MOST_FEATURES:
            raise Problem(
                _("preprocessing: {name} of {features:,} features is too much").format(
                    name=self.title(), features=shape.numel()
                ),
                _(
                    "images of {shape} need a matrix of features by features; {most:,} is the most"
                ).format(shape=" x ".join(str(side) for side in shape), most=MOST_FEATURES),
                _("choose smaller or grey images, or standardise them"),
            )


def _eps() -> Any:
    return Knob(
        1e-5, ge=1e-8, le=10, scale="log", help="added to each variance; a larger one smooths more"
    )


class PCAChoice(RotatingChoice):
    """Decorrelates the features: turns them onto their principal axes."""

    kind: Literal["pca"] = "pca"
    variance_kept: float = Knob(
        1.0, gt=0, le=1, help="share of the variance kept; the weaker axes are set to zero"
    )

    label = "PCA decorrelation"
    target = PCA
    card = Card(
        source="CS231n notes, Data preprocessing: PCA and whitening",
        url=_NOTES,
        formula=r"$(x - \mu)\,U \qquad X^\top X / N = U\,S\,U^\top$",
        use="Few features and a network of fully connected layers; 99 % is often in a fraction of them.",
        pitfalls="The result is a list of axes, strongest first, and no image: convolutions lose their sense.",
    )


class PCAWhiteningChoice(RotatingChoice):
    """Decorrelates the features and gives every principal axis unit variance."""

    kind: Literal["pca_whitening"] = "pca_whitening"
    eps: float = _eps()

    label = "PCA whitening"
    target = PCAWhitening
    card = Card(
        source="CS231n notes, Data preprocessing: PCA and whitening",
        url=_NOTES,
        formula=r"$(x - \mu)\,U / \sqrt{S + \epsilon}$",
        use="To see what a network gains when no direction of its inputs is steeper than another.",
        pitfalls="The weakest axes are mostly noise and are made as strong as the rest. Rare with ConvNets.",
    )


class ZCAChoice(RotatingChoice):
    """Whitens the features and turns them back, so that the result still looks like the image."""

    kind: Literal["zca"] = "zca"
    eps: float = _eps()

    label = "ZCA whitening"
    target = ZCAWhitening
    card = Card(
        source="Krizhevsky 2009, Learning multiple layers of features from tiny images",
        url="https://www.cs.toronto.edu/~kriz/learning-features-2009-TR.pdf",
        formula=r"$(x - \mu)\,U\,(S + \epsilon)^{-1/2}\,U^\top$",
        use="Small natural images: edges stand out, and convolutions still see neighbours.",
        pitfalls="Amplifies noise: raise eps until the picture is smooth. Features times features of memory.",
    )
