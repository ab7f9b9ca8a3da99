"""The Augment panel: fresh draws of the pipeline on the user's own images."""

import torch

from trainlab.engine.build import augmenter
from trainlab.engine.randomness import generator
from trainlab.text import _
from trainlab.views.images import grid_png
from trainlab.widgets.pictures.look import Look, Spec, picture

COLUMNS, ROWS = 8, 4


def augment_pictures(look: Look) -> list[Spec]:
    """Each column an image: as it is at the top, and fresh draws of the pipeline below."""
    originals = look.sample(COLUMNS)
    augment = augmenter(look.experiment)
    rows = [originals]
    if augment:
        batch = originals.float().div(255).repeat(ROWS - 1, 1, 1, 1)
        drawn = augment(batch, generator("look", look.draw))
        rows.append(drawn.clamp(0, 1).mul(255).round().byte())
    else:
        rows.append(originals.repeat(ROWS - 1, 1, 1, 1))
    caption = _("Top row: the images as they are. Below: what the network would see of them.")
    return [
        picture(
            "augmented",
            _("Originals and draws"),
            _("{columns} images, the original above {draws} draws of the augmentation each").format(
                columns=COLUMNS, draws=ROWS - 1
            ),
            caption if augment else _("Nothing is changed: every draw is the original."),
            png=grid_png(torch.cat(rows).numpy(), COLUMNS),
        )
    ]
