"""The Augment panel: draws of the pipeline on the user's own images, how strong it is, and how slow."""

import torch
from torch import Tensor

from trainlab.catalog.augmentations import AugmentationChoice, Mixing, label_warnings
from trainlab.engine.build import augmenter, mixer
from trainlab.engine.randomness import generator
from trainlab.engine.strength import BATCH, tried
from trainlab.text import _
from trainlab.views.images import grid_png
from trainlab.widgets.pictures.look import Look, Spec, picture, thumbnails

COLUMNS, ROWS = 8, 4


def augment_pictures(look: Look) -> list[Spec]:
    """Warnings first; then draws of all changes together, mixed images, and each change on its own."""
    if look.shape[0] not in (1, 3):
        return [*_warnings(look), _no_pictures()]
    originals = _floats(look.sample(COLUMNS))
    choices = look.experiment.augmentations
    alone = tuple(choice for choice in choices if not isinstance(choice, Mixing))
    pictures = [*_warnings(look), _draws(look, originals)]
    if len(alone) < len(choices):
        pictures.append(_mixed(look, originals))
    if alone:
        clearest = originals.flatten(1).std(1).argmax()
        pictures.append(_strengths(alone, originals[clearest]))
    return pictures


def _warnings(look: Look) -> list[Spec]:
    """Which changes may change the class of these images."""
    sentences = label_warnings(look.experiment.dataset, look.experiment.augmentations)
    if not sentences:
        return []
    return [picture("labels", _("Look out for the labels"), "", " ".join(sentences))]


def _draws(look: Look, originals: Tensor) -> Spec:
    """Each column an image: as it is at the top, and fresh draws of the pipeline below."""
    augment = augmenter(look.experiment)
    batch = originals.repeat(ROWS - 1, 1, 1, 1)
    if augment:
        batch = augment(batch, generator("look", look.draw))
    caption = _(
        "Top row: the images as they are. Below: what the network would see of them in training. "
        "Leave all of it off while making the baseline: one more place for a bug."
    )
    return picture(
        "augmented",
        _("Originals and draws"),
        _("{columns} images, the original above {draws} draws of the augmentation each").format(
            columns=len(originals), draws=ROWS - 1
        ),
        caption if augment else _("Nothing is changed: every draw is the original."),
        png=grid_png(thumbnails(torch.cat([originals, batch])), len(originals)),
    )


def _mixed(look: Look, originals: Tensor) -> Spec:
    """The images as they are mixed, and of what each then consists."""
    augment, mix = augmenter(look.experiment), mixer(look.experiment, len(originals))
    draws = generator("look", look.draw)
    batch = augment(originals, draws) if augment else originals
    every = torch.arange(
        len(batch)
    )  # each image a class of its own: its label says of what it is made
    if mix:
        batch, shares = mix(batch, every, draws)
    rows = [[str(i + 1), _parts(shares[i])] for i in range(len(batch))]
    shown = picture(
        "mixed",
        _("Mixed images"),
        _("{columns} originals, and below them what they are mixed to").format(columns=len(batch)),
        _(
            "Top row: the images as they are. Below: mixed. Each label counts with its image's share."
        ),
        png=grid_png(thumbnails(torch.cat([originals, batch])), len(originals)),
    )
    return shown | {"html_rows": [[_("image"), _("made of")], *rows]}


def _parts(shares: Tensor) -> str:
    """`62 % of 1, 38 % of 8`, the larger first."""
    order = shares.argsort(descending=True).tolist()
    words = _("{share:.0%} of {image}")
    return ", ".join(
        words.format(share=shares[i], image=i + 1) for i in order if shares[i] >= 0.005
    )


def _strengths(choices: tuple[AugmentationChoice, ...], image: Tensor) -> Spec:
    """A row an augmentation: an image, and the least, a typical and the greatest change of it."""
    trials = [tried(choice, image) for choice in choices]
    rows = torch.cat([torch.cat([image[None], trial.changed]) for trial in trials])
    lines = []
    for number, (choice, trial) in enumerate(zip(choices, trials, strict=True), 1):
        how = _("one image at a time: slow") if choice.slow else _("all images at once")
        ms = trial.milliseconds
        took = _("about {ms} ms").format(ms=f"{ms:.1f}" if ms < 10 else f"{ms:,.0f}")
        lines.append([f"{number}. {_(type(choice).title())}", how, took])
    shown = picture(
        "strengths",
        _("How strong, and how slow"),
        _(
            "{rows} rows: an original, and the least, a typical and the greatest change of it"
        ).format(rows=len(choices)),
        _(
            "A row for each augmentation: the original, then the least, a typical and the greatest of "
            "some dozen draws, by how much the pixels differ. Times are of a batch of {batch} images "
            "on this machine's processor."
        ).format(batch=BATCH),
        png=grid_png(thumbnails(rows), 4),
    )
    head = [_("row"), _("how"), _("a batch of {batch}").format(batch=BATCH)]
    return shown | {"html_rows": [head, *lines]}


def _no_pictures() -> Spec:
    words = _("These data are points, not pictures: only noise and MixUp mean something for them.")
    return picture("points", _("Nothing to look at"), "", words)


def _floats(images: Tensor) -> Tensor:
    return images.float().div(255) if images.dtype == torch.uint8 else images
