"""Models: the networks, from images to logits. The menu offers them in the order imported here."""

# isort: off
from trainlab.catalog.models.base import ModelChoice
from trainlab.catalog.models.simple import MLP, ConvNet
from trainlab.catalog.models.classic import VGG, AlexNet, GoogLeNet, LeNet5, NiN
from trainlab.catalog.models.residual import DenseNet, ResNet, ResNeXt, SEResNet, WideResNet
from trainlab.catalog.models.mobile import (
    EfficientNet,
    MNASNet,
    MobileNetV1,
    MobileNetV2,
    MobileNetV3,
    ShuffleNet,
    SqueezeNet,
)
from trainlab.catalog.models.attention import ConvNeXt, ViT
from trainlab.catalog.models.library import FromTorchvision, Pretrained

__all__ = [
    "MLP",
    "VGG",
    "AlexNet",
    "ConvNeXt",
    "ConvNet",
    "DenseNet",
    "EfficientNet",
    "FromTorchvision",
    "GoogLeNet",
    "LeNet5",
    "MNASNet",
    "MobileNetV1",
    "MobileNetV2",
    "MobileNetV3",
    "ModelChoice",
    "NiN",
    "Pretrained",
    "ResNeXt",
    "ResNet",
    "SEResNet",
    "ShuffleNet",
    "SqueezeNet",
    "ViT",
    "WideResNet",
]
