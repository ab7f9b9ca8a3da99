"""Preprocessing that moves and scales each number: by channel, by feature, or by constants."""

from typing import Literal

import torch
from torch import Tensor

from trainlab.catalog.preprocessing.base import (
    PreprocessingChoice,
    channel_statistics,
    feature_mean,
    in_doubles,
)
from trainlab.choice import Card

_NOTES = "https://cs231n.github.io/neural-networks-2/#datapre"


class Raw:
    """Pixels in [0, 1], as they are."""

    def __init__(self, images: Tensor) -> None:
        pass

    def __call__(self, batch: Tensor) -> Tensor:
        """The batch itself."""
        return batch


class Center:
    """Subtract the mean of each channel."""

    def __init__(self, images: Tensor) -> None:
        self.mean, _ = channel_statistics(images)

    def __call__(self, batch: Tensor) -> Tensor:
        """The batch without the mean."""
        return batch - self.mean


class Standardize:
    """Subtract the mean of each channel and divide by its standard deviation."""

    def __init__(self, images: Tensor) -> None:
        self.mean, std = channel_statistics(images)
        self.std = std.clamp(min=1 / 255)  # a channel without contrast stays finite

    def __call__(self, batch: Tensor) -> Tensor:
        """The standardised batch."""
        return (batch - self.mean) / self.std


class Symmetric:
    """Scale pixels to [-1, 1]."""

    def __init__(self, images: Tensor) -> None:
        pass

    def __call__(self, batch: Tensor) -> Tensor:
        """The batch in [-1, 1]."""
        return batch * 2 - 1


class CenterFeatures:
    """Subtract the mean image."""

    def __init__(self, images: Tensor) -> None:
        self.mean = feature_mean(images).float().to(images.device)

    def __call__(self, batch: Tensor) -> Tensor:
        """The batch without the mean image."""
        return batch - self.mean


class CenterImages:
    """Subtract from each image its own mean."""

    def __init__(self, images: Tensor) -> None:
        pass

    def __call__(self, batch: Tensor) -> Tensor:
        """The batch with every image around zero."""
        return batch - batch.mean((1, 2, 3), keepdim=True)


class StandardizeFeatures:
    """Subtract the mean image and divide each feature by its standard deviation."""

    def __init__(self, images: Tensor) -> None:
        mean = feature_mean(images)
        squares = torch.zeros_like(mean)
        for part in in_doubles(images):
            squares += (part - mean).square().sum(0)
        std = (
            (squares / len(images)).sqrt().clamp(min=1 / 255)
        )  # a border that never varies stays 0
        self.mean, self.std = mean.float().to(images.device), std.float().to(images.device)

    def __call__(self, batch: Tensor) -> Tensor:
        """The standardised batch."""
        return (batch - self.mean) / self.std


class ImageNet:
    """Subtract ImageNet's mean and divide by its deviation; images without three colours get their means."""

    def __init__(self, images: Tensor) -> None:
        mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        if images.shape[1] != 3:
            mean, std = mean.mean(0, keepdim=True), std.mean(0, keepdim=True)
        self.mean = mean[:, None, None].to(images.device)
        self.std = std[:, None, None].to(images.device)

    def __call__(self, batch: Tensor) -> Tensor:
        """The batch on ImageNet's scale."""
        return (batch - self.mean) / self.std


class RawChoice(PreprocessingChoice):
    """Leaves pixels in [0, 1]."""

    kind: Literal["none"] = "none"

    label = "None"
    target = Raw
    card = Card(
        source="",
        formula=r"$x$",
        use="To see what centring is worth.",
        pitfalls="All inputs are positive: the gradients of a unit's weights all share one sign.",
    )


class StandardizeChoice(PreprocessingChoice):
    """Zero mean and unit variance for each channel."""

    kind: Literal["standardize"] = "standardize"

    label = "Standardise"
    target = Standardize
    card = Card(
        source="LeCun et al. 1998, Efficient backprop",
        url="https://doi.org/10.1007/3-540-49430-8_2",
        formula=r"$(x - \mu_c)/\sigma_c$",
        use="The default: inputs on the scale that the initialisation expects.",
        pitfalls="The mean and deviation belong to the training split; use the same ones ever after.",
    )


class StandardizeFeaturesChoice(PreprocessingChoice):
    """Zero mean and unit variance for each feature: each place of each channel."""

    kind: Literal["standardize_features"] = "standardize_features"

    label = "Standardise, by feature"
    target = StandardizeFeatures
    card = Card(
        source="LeCun et al. 1998, Efficient backprop",
        url=_NOTES,
        formula=r"$(x_j - \mu_j)/\sigma_j$",
        use="Features of unlike kinds or scales, such as columns of a table.",
        pitfalls="Border pixels that hardly ever vary are blown up; neighbours no longer look alike.",
    )


class CenterChoice(PreprocessingChoice):
    """Zero mean for each channel."""

    kind: Literal["center"] = "center"

    label = "Zero-mean"
    target = Center
    card = Card(
        source="CS231n notes, Data preprocessing",
        url=_NOTES,
        formula=r"$x - \mu_c$",
        use="Natural images, whose channels have like scales already.",
        pitfalls="Dark images with little contrast stay small.",
    )


class CenterFeaturesChoice(PreprocessingChoice):
    """Zero mean for each feature: subtracts the mean image."""

    kind: Literal["center_features"] = "center_features"

    label = "Zero-mean, by feature"
    target = CenterFeatures
    card = Card(
        source="Krizhevsky et al. 2012, ImageNet classification with deep convolutional networks",
        url=_NOTES,
        formula=r"$x_j - \mu_j$",
        use="Images that are framed alike, such as digits or faces in the middle.",
        pitfalls="Images that are shifted or cropped by augmentation no longer fit the mean image.",
    )


class CenterImagesChoice(PreprocessingChoice):
    """Zero mean for each image: subtracts the image's own mean."""

    kind: Literal["center_images"] = "center_images"

    label = "Zero-mean, image by image"
    target = CenterImages
    pointwise = False
    card = Card(
        source="Ng et al., UFLDL tutorial: per-example mean subtraction",
        formula=r"$x - \frac{1}{CHW}\,\sum_j x_j$",
        use="Grey images whose brightness says nothing about their class.",
        pitfalls="Brightness is lost, and so is a tint that all pixels share.",
    )


class SymmetricChoice(PreprocessingChoice):
    """Scales pixels to [-1, 1]."""

    kind: Literal["symmetric"] = "symmetric"

    label = "Scale to [-1, 1]"
    target = Symmetric
    card = Card(
        source="CS231n notes, Data preprocessing: normalization",
        url=_NOTES,
        formula=r"$2x - 1$",
        use="When no statistics of the data should be used.",
        pitfalls="Mostly black or white images are far from zero mean.",
    )


class ImageNetChoice(PreprocessingChoice):
    """The mean and deviation of ImageNet's channels, which pretrained weights expect."""

    kind: Literal["imagenet"] = "imagenet"

    label = "ImageNet's mean and deviation"
    target = ImageNet
    card = Card(
        source="torchvision, Models and pre-trained weights: the transforms of the weights",
        url="https://docs.pytorch.org/vision/stable/models.html",
        formula=r"$(x - \mu_{\mathrm{ImageNet}})/\sigma_{\mathrm{ImageNet}}$",
        use="Fine-tuning: loaded weights keep the mean and deviation that they were trained with.",
        pitfalls="On images unlike photographs the inputs are not centred. Grey images get the mean of "
        "the three colours' numbers.",
    )
