"""The Model panel: what each layer of the network gives, weighs and costs."""

from functools import lru_cache

import torch

from trainlab.catalog.models import ModelChoice, Pretrained
from trainlab.engine.layers import FLOAT, Layer, measure, table
from trainlab.text import _
from trainlab.widgets.pictures.activations import activation_pictures
from trainlab.widgets.pictures.look import Look, Spec, picture

FEW_IMAGES = 5_000  # fewer than this are a small set for fine-tuning


def model_pictures(look: Look) -> list[Spec]:
    """A row a layer, what the whole costs, and the activation; for trained weights, what to do with them."""
    return [*_advice(look), _summary(look), *activation_pictures(look)]


def _summary(look: Look) -> Spec:
    outputs = len(look.data.classes) * look.data.positions
    whole, rows = layers(look.experiment.model, look.shape, outputs)
    batch = look.experiment.batch_size(look.train_images())
    words = _(
        "{total:,} parameters ({weights}), for images of {c} x {h} x {w}. One image takes {flops} of "
        "multiplications and additions; a batch of {batch:,} keeps {memory} of outputs for the way back."
    ).format(
        total=whole.parameters,
        weights=shortly(whole.parameters * FLOAT, "B"),
        c=look.shape[0],
        h=look.shape[1],
        w=look.shape[2],
        flops=shortly(whole.flops, "FLOP"),
        batch=batch,
        memory=shortly(whole.memory * batch, "B"),
    )
    more = _(
        "The last column is the side of the square of pixels that one output sees; empty: all of them."
    )
    head = [_("layer"), _("output"), _("parameters"), _("FLOPs"), _("memory"), _("sees")]
    spec = picture("layers", _("Layers"), "", f"{words} {more}")
    return spec | {"html_rows": [head, *(_row(layer) for layer in rows)]}


def _row(layer: Layer) -> list[str]:
    return [
        f"{layer.name} {layer.kind}".strip(),
        " x ".join(str(side) for side in layer.shape),
        f"{layer.parameters:,}" if layer.parameters else "",
        shortly(layer.flops) if layer.flops else "",
        shortly(layer.memory, "B"),
        str(layer.field or ""),
    ]


@lru_cache(maxsize=16)
def layers(
    model: ModelChoice, shape: tuple[int, int, int], outputs: int
) -> tuple[Layer, list[Layer]]:
    """The whole network, and the rows of its table."""
    with torch.device("meta"):
        network = model.make(shape, outputs)
    measured = measure(network, shape)
    return measured[0], table(measured)


def shortly(number: float, unit: str = "") -> str:
    """A number with three digits and a prefix: 1,234,567 B is 1.23 MB."""
    for prefix in ("", "k", "M", "G", "T"):
        if number < 999.5 or prefix == "T":
            break
        number /= 1000
    digits = f"{number:.0f}" if not prefix else f"{number:.3g}"
    return f"{digits} {prefix}{unit}".strip()


def _advice(look: Look) -> list[Spec]:
    """The two-by-two rule of fine-tuning, for this many images; a word on the preprocessing."""
    if not isinstance(look.experiment.model, Pretrained):
        return []
    count = look.train_images()
    if count < FEW_IMAGES:
        words = _(
            "{count:,} training images are few. If they resemble photographs, train the last layer alone "
            "(freeze: body). If not, what the last stages know does not help: freeze the first stages only."
        )
    else:
        words = _(
            "{count:,} training images are many. Freeze nothing, with a small learning rate; if they "
            "resemble photographs this is safe, and if not, trained weights are still the better start."
        )
    title = _("How much to freeze")
    if look.experiment.preprocessing.kind != "imagenet":
        title = _("These weights expect ImageNet's mean and deviation: choose that preprocessing")
    return [picture("fine_tuning", title, "", words.format(count=count))]
