"""The pictures of the preprocessing: the same images before and after it, and why scales matter."""

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from trainlab.catalog.datasets import is_plane
from trainlab.catalog.preprocessing import PreprocessingChoice, RotatingChoice
from trainlab.diagnostics.canyon import STEPS, VARIANCES, canyon
from trainlab.engine.randomness import generator
from trainlab.errors import Problem
from trainlab.text import _
from trainlab.views.images import grid_png
from trainlab.widgets.pictures.look import Look, Spec, picture, thumbnails, unavailable

COLUMNS = 8
MOST_POINTS = 600
LEARNT_FROM = 1_000  # images that a preprocessing is shown with, if they are small
MOST_VALUES = 2_000_000  # numbers of them, but for a matrix of features by features
MOST_FEATURES = 450  # of images that are shown with such a matrix


def preprocessing_picture(look: Look, train_rows: Tensor) -> Spec:
    """Training images before and after the preprocessing, with their mean and deviation."""
    choice, rows, words = look.experiment.preprocessing, train_rows, []
    try:
        choice.check(look.data.images)
    except Problem as problem:
        return unavailable(problem)[0]
    most = LEARNT_FROM
    if not isinstance(choice, RotatingChoice):
        most = min(most, max(COLUMNS, MOST_VALUES // look.data.images[0].numel()))
    if len(rows) > most:
        order = torch.randperm(len(rows), generator=generator("look", "preprocessing"))
        rows = rows[order[:most]]
        text = _("Learnt here from {n:,} training images drawn at random; a run learns from all.")
        words.append(text.format(n=most))
    images = look.data.images[rows]
    before = images.float() / 255 if images.dtype == torch.uint8 else images
    small = _small(before, choice)
    if small is not before:
        text = _("Shown on images of {h} x {w}: at full size it takes seconds.")
        words.append(text.format(h=small.shape[2], w=small.shape[3]))
    after = choice.build(small)(small)
    numbers = _("Mean {mean:.3f} and deviation {std:.3f} before, {mean2:.3f} and {std2:.3f} after.")
    words.insert(0, numbers.format(
        mean=small.mean(), std=small.std(), mean2=after.mean(), std2=after.std()
    ))  # fmt: skip
    title = _("Before and after: {name}").format(name=_(choice.title()))
    labels = look.data.labels[rows]
    draw = _points if is_plane(look.shape) else _images
    return draw((small, after), labels, title, " ".join(words))


@cache
def canyon_picture() -> Spec:
    """Gradient descent on inputs of variance 100 and 1, as they are and standardised."""
    from trainlab.views.data import canyon_figure  # matplotlib is slow to import
    from trainlab.views.figures import to_svg

    raw, standardised = canyon(False), canyon(True)
    caption = _(
        "A linear regression on two inputs of variance {large:.0f} and {small:.0f}. Its two weights are "
        "the axes, the cross is the best pair. The gradient of a weight is proportional to its input, so "
        "one direction is a hundred times as steep (left). Standardised, the canyon is a bowl (right). "
        "Each is given {steps} steps of its best size: the loss falls from {first:.0f} to {left:.0f} on "
        "the left, to {right:.0g} on the right."
    ).format(
        large=VARIANCES[0], small=VARIANCES[1], steps=STEPS, first=raw.losses[0],
        left=raw.losses[-1], right=standardised.losses[-1],
    )  # fmt: skip
    bowls = [
        (bowl.hessian.double().numpy(), bowl.best.double().numpy(), bowl.path.double().numpy())
        for bowl in (raw, standardised)
    ]
    svg = to_svg(canyon_figure(bowls))
    return picture("canyon", _("Why scales matter: the canyon"), caption, caption, svg=svg)


def _points(pair: tuple[Tensor, Tensor], labels: Tensor, title: str, words: str) -> Spec:
    from trainlab.views.data import points_figure
    from trainlab.views.figures import to_svg

    clouds = [part[:MOST_POINTS].flatten(1).double().numpy() for part in pair]
    caption = _("Before on the left, after on the right. {words}").format(words=words)
    svg = to_svg(points_figure(clouds, labels[:MOST_POINTS].numpy()))
    return picture("preprocessed", title, caption, caption, svg=svg)


def _images(pair: tuple[Tensor, Tensor], _labels: Tensor, title: str, words: str) -> Spec:
    before, after = (part[:COLUMNS] for part in pair)
    low, high = after.quantile(torch.tensor([0.005, 0.995]))
    seen = (after - low) / (high - low).clamp(min=1e-6)
    caption = _("Above before, below after, from black to white. {words}").format(words=words)
    png = grid_png(thumbnails(torch.cat([before, seen])), COLUMNS)
    return picture("preprocessed", title, caption, caption, png=png)


def _small(images: Tensor, choice: PreprocessingChoice) -> Tensor:
    """The images, shrunk where a matrix for all their features would take seconds."""
    _n, channels, height, width = images.shape
    share = (MOST_FEATURES / (channels * height * width)) ** 0.5
    if share >= 1 or not isinstance(choice, RotatingChoice):
        return images
    size = [max(1, int(side * share)) for side in (height, width)]
    return F.interpolate(images, size=size, mode="area")
