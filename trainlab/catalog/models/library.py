"""torchvision's networks for photographs, from nothing or from trained weights."""

import pickle
import re
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import torch
from torch import nn

from trainlab.catalog.datasets.download import UnreachableError, download
from trainlab.catalog.models.base import ModelChoice, Shape
from trainlab.catalog.models.blocks import ToColour
from trainlab.choice import Card, Knob
from trainlab.draws import DrawsFrom
from trainlab.errors import Problem
from trainlab.events import Progress
from trainlab.text import _

MOST_BYTES = 6 << 30  # of a file of weights: half as much again as the largest of torchvision's

Name = Literal[
    "alexnet",
    "convnext_tiny", "convnext_small", "convnext_base", "convnext_large",
    "densenet121", "densenet161", "densenet169", "densenet201",
    "efficientnet_b0", "efficientnet_b1", "efficientnet_b2", "efficientnet_b3", "efficientnet_b4",
    "efficientnet_b5", "efficientnet_b6", "efficientnet_b7",
    "efficientnet_v2_s", "efficientnet_v2_m", "efficientnet_v2_l",
    "googlenet", "inception_v3", "maxvit_t",
    "mnasnet0_5", "mnasnet0_75", "mnasnet1_0", "mnasnet1_3",
    "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large",
    "regnet_x_400mf", "regnet_x_800mf", "regnet_x_1_6gf", "regnet_x_3_2gf", "regnet_x_8gf",
    "regnet_x_16gf", "regnet_x_32gf",
    "regnet_y_400mf", "regnet_y_800mf", "regnet_y_1_6gf", "regnet_y_3_2gf", "regnet_y_8gf",
    "regnet_y_16gf", "regnet_y_32gf", "regnet_y_128gf",
    "resnet18", "resnet34", "resnet50", "resnet101", "resnet152",
    "resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d",
    "shufflenet_v2_x0_5", "shufflenet_v2_x1_0", "shufflenet_v2_x1_5", "shufflenet_v2_x2_0",
    "squeezenet1_0", "squeezenet1_1",
    "swin_t", "swin_s", "swin_b", "swin_v2_t", "swin_v2_s", "swin_v2_b",
    "vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn",
    "vit_b_16", "vit_b_32", "vit_l_16", "vit_l_32", "vit_h_14",
    "wide_resnet50_2", "wide_resnet101_2",
]  # fmt: skip
SIDES = (8, 16, 32, 48, 64, 75, 96, 128, 160, 192, 224, 256, 299, 320, 384, 448, 512)


class LibraryModel(ModelChoice):
    """A network of torchvision, which takes three channels and often a certain size."""

    name: Name = Knob("resnet18", help="torchvision's name of the network")
    size: int | None = Knob(
        None,
        ge=8,
        le=1024,
        unit="pixels",
        help="side that images are scaled to first; as they are if empty",
    )

    def around(self, network: nn.Module, shape: Shape) -> nn.Module:
        """The network behind what makes the images fit. Raises Problem where they cannot."""
        channels, *sides = shape
        if channels not in (1, 3):
            raise Problem(
                _("model: {name} takes images of 1 or 3 channels").format(name=self.name),
                _("these have {channels}").format(channels=channels),
                _("choose the MLP, or a data set of photographs"),
            )
        height, width = (self.size, self.size) if self.size else sides
        if not runs(network, height, width):
            needed = next((side for side in SIDES if runs(network, side, side)), None)
            raise Problem(
                _("model.name: {name} cannot work on images of {height}x{width}").format(
                    name=self.name, height=height, width=width
                ),
                _("its layers are made for larger ones, or for one size only"),
                _("set model.size to {side}: images are scaled to it").format(side=needed)
                if needed
                else _("choose another network"),
            )
        stem: list[nn.Module] = [ToColour()] if channels == 1 else []
        if self.size and sides != [self.size, self.size]:
            stem.append(nn.Upsample((self.size, self.size), mode="bilinear"))
        return nn.Sequential(*stem, network) if stem else network


class FromTorchvision(LibraryModel):
    """A network of torchvision, for images of 224 pixels and their like, from nothing."""

    kind: Literal["torchvision"] = "torchvision"

    label = "torchvision's"
    target = nn.Sequential
    card = Card(
        source="torchvision.models; each network's paper is named there",
        url="https://docs.pytorch.org/vision/stable/models.html",
        use="Photographs, a GPU and time: the networks as they were published.",
        pitfalls="Small images vanish in them, since they halve five times: use the small variants below 64 pixels.",
    )

    def make(self, shape: Shape, classes: int) -> nn.Module:
        """torchvision's network with as many outputs as there are classes."""
        import torchvision  # importing it takes a second

        plain = self.name in ("googlenet", "inception_v3")  # no extra classifiers in training
        settings: dict[str, Any] = {"aux_logits": False, "init_weights": False} if plain else {}
        recipe = partial(getattr(torchvision.models, self.name), num_classes=classes, **settings)
        network = outlined(recipe) if _outlining() else recipe()
        vars(network)["recipe"] = recipe
        return self.around(network, shape)


class Pretrained(LibraryModel):
    """Fine-tuning: a network of torchvision with trained weights and a new last layer."""

    kind: Literal["pretrained"] = "pretrained"
    weights: str = Knob(
        "default",
        max_length=4096,
        help="default: torchvision's, downloaded once; or a file, .pth or .safetensors",
    )
    freeze: Literal["nothing", "stages", "body"] = Knob(
        "body",
        help="what keeps its weights: nothing, the first stages, or all but the new last layer",
    )
    stages: int = Knob(2, ge=1, le=64, help="how many stages are frozen, where stages are")

    label = "Pretrained (fine-tuning)"
    target = nn.Sequential
    card = Card(
        source="CS231n notes, Transfer learning; Yosinski et al. 2014, How transferable are features",
        url="https://docs.pytorch.org/vision/stable/models.html",
        use=(
            "Nearly always for photographs. Few images like the old ones: train the last layer alone (body). Few and "
            "different: freeze only the first stages. Many and alike: freeze nothing. Many and different: the same."
        ),
        pitfalls=(
            "Keep the mean and deviation the weights were trained with (preprocessing: ImageNet's), and a learning "
            "rate ten times lower. Frozen batch norms keep their statistics."
        ),
    )

    def make(self, shape: Shape, classes: int) -> nn.Module:
        """The network with its weights; on the meta device, which holds none, without them."""
        from trainlab.catalog.models.finetune import fine_tuned

        recipe = partial(
            fine_tuned,
            self.name,
            classes,
            weights=self._path(),
            freeze=self.freeze,
            stages=self.stages if self.freeze == "stages" else 0,
        )
        bare = partial(recipe, weights="")
        network = outlined(bare) if _outlining() else self._loaded(recipe)
        vars(network)["recipe"] = recipe
        return self.around(network, shape)

    def fresh(self, model: nn.Module) -> str:
        """The new last layer."""
        from trainlab.catalog.models.finetune import head_name

        return head_name(model)

    def fetch(self) -> Iterator[Progress]:
        """Download torchvision's weights to the folder where it looks for them. Raises Problem offline."""
        if self.weights != "default" or self.file().exists():
            return
        url, path = self.url(), self.file()
        try:
            yield from download(url, path, sha256=_checksum(path))
        except UnreachableError as error:
            raise self._missing(str(error)) from error

    def url(self) -> str:
        """Where torchvision's weights come from."""
        import torchvision

        return str(torchvision.models.get_model_weights(self.name).DEFAULT.url)

    def file(self) -> Path:
        """Where torchvision looks for them first."""
        return Path(torch.hub.get_dir()) / "checkpoints" / Path(urlsplit(self.url()).path).name

    def _path(self) -> str:
        if self.weights == "default":
            return self.weights
        try:
            return str(Path(self.weights).expanduser().absolute())
        except (OSError, RuntimeError) as error:
            raise self._refused(_("it is no path"), error) from error

    def _missing(self, reason: str) -> Problem:
        return Problem(
            _("The weights of {name} could not be fetched").format(name=self.name),
            reason,
            _("download {url} in a browser into {folder}, or name a file in model.weights").format(
                url=self.url(), folder=self.file().parent
            ),
        )

    def _loaded(self, recipe: partial[nn.Module]) -> nn.Module:
        """The network with its weights. Raises Problem where they are not there, hostile, or of another network."""
        if self.weights == "default" and not self.file().exists():
            raise self._missing(_("they are not on this machine"))
        try:
            if self.weights != "default":
                refuse_bomb(Path(self._path()))
            return recipe()
        except pickle.UnpicklingError as error:
            raise self._refused(_("it holds more than numbers"), error) from error
        except RuntimeError as error:
            why = _("it is broken, or holds the weights of another network")
            raise self._refused(why, error) from error
        except Exception as error:  # whatever a broken file makes its reader raise
            raise self._refused(_("it cannot be read"), error) from error

    def _refused(self, why: str, error: Exception) -> Problem:
        shown = str(error).split("\n", 1)[0][:200]
        return Problem(
            _("model.weights: {file} was not loaded").format(file=ascii(self.weights)),
            f"{why} ({shown})" if shown else why,
            _("name a state dict of {name}, saved by torch.save or as .safetensors").format(
                name=self.name
            ),
        )


def refuse_bomb(path: Path) -> None:
    """Raise ValueError for a file that is too large, or would be once it is unpacked, and for a device."""
    if not path.is_file():
        raise ValueError(_("there is no such file"))
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(_("more than {limit} GiB").format(limit=MOST_BYTES >> 30))
    if zipfile.is_zipfile(path):  # as torch.save writes it: nothing in it is compressed
        with zipfile.ZipFile(path) as archive:
            if any(member.compress_type for member in archive.infolist()):
                raise ValueError(_("what is in it is compressed"))


def runs(network: nn.Module, height: int, width: int) -> bool:
    """Whether the network takes images of this size; tried on the meta device, where nothing is computed."""
    tensors = chain(network.named_parameters(), network.named_buffers())
    state = {name: tensor.detach().to("meta") for name, tensor in tensors}
    images = torch.empty(2, 3, height, width, device="meta")
    training = network.training
    network.eval()
    try:
        torch.func.functional_call(network, state, (images,))
    except Exception:  # whatever its layers raise for maps that are too small
        return False
    finally:
        network.train(training)
    return True


def _outlining() -> bool:
    return torch.get_default_device().type == "meta"


def outlined(recipe: Callable[[], nn.Module]) -> nn.Module:
    """The network on the meta device; RegNet computes with numbers as it is made, so it is made elsewhere first."""
    try:
        return recipe()
    except NotImplementedError:
        with torch.device("cpu"), DrawsFrom(torch.Generator()):
            return recipe().to("meta")


def _checksum(path: Path) -> str:
    """What a file's name says of it in torchvision: the beginning of its SHA-256."""
    found = re.search(r"-([0-9a-f]{8,})\.", path.name)
    return found[1] if found else ""
