"""The Data panel: the images, how they are split, what is odd about them, and their preprocessing."""

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from trainlab.catalog.datasets import is_plane
from trainlab.diagnostics import data as diagnostics
from trainlab.diagnostics.data import Survey
from trainlab.engine.build import split_rows
from trainlab.engine.randomness import generator
from trainlab.errors import Problem
from trainlab.text import _
from trainlab.views.images import grid_png
from trainlab.widgets.pictures.look import Look, Spec, picture, thumbnails, unavailable
from trainlab.widgets.pictures.preprocess import canyon_picture, preprocessing_picture

COLUMNS, ROWS = 8, 4
MOST_POINTS = 600
MOST_LINES = 20  # of a table
MOST_LETTERS = 40  # of a name
CHANCE = 0.01  # a difference less likely than this is called one

_surveys = WeakTensorKeyDictionary()  # of the data sets in memory


@dataclass(frozen=True)
class Halves:
    """The two parts of a data set as masks (N,), and what was found in all of it."""

    train: Tensor
    val: Tensor
    survey: Survey
    sampled: str  # a word on how many images were looked at, where it was not all

    @classmethod
    def of(cls, look: Look, train_rows: Tensor, val_rows: Tensor) -> "Halves":
        """The halves of the images that are looked at; each data set is surveyed once."""
        images = look.data.images
        found = _surveys.get(images)
        if found is None:
            found = diagnostics.survey(images, generator("look", "survey"))
            _surveys[images] = found
        count = len(images)
        words = _("From {n:,} images drawn at random.").format(n=len(found.rows))
        train, val = (diagnostics.mask_of(rows, count) for rows in (train_rows, val_rows))
        return cls(train, val, found, "" if len(found.rows) == count else words)


def data_pictures(look: Look) -> list[Spec]:
    """All that should be known of the images before a network sees them."""
    first = [_sample(look), *_notes(look)]
    try:
        train_rows, val_rows = split_rows(look.experiment, look.data)
    except Problem as problem:
        return [*first, *unavailable(problem)]
    halves = Halves.of(look, train_rows, val_rows)
    return [
        *first,
        _classes(look, halves),
        _channels(look, halves),
        preprocessing_picture(look, halves.train.nonzero().flatten()),
        _twins(look, halves),
        *([] if is_plane(look.shape) else [_outliers(look, halves)]),
        canyon_picture(),
    ]


def _sample(look: Look) -> Spec:
    data = look.data
    words = _("{n:,} images of {c} x {h} x {w}, {k} classes").format(
        n=len(data.images), c=look.shape[0], h=look.shape[1], w=look.shape[2], k=len(data.classes)
    )
    if is_plane(look.shape):
        from trainlab.views.data import points_figure  # matplotlib is slow to import
        from trainlab.views.figures import to_svg

        order = torch.randperm(len(data.images), generator=generator("look", "points"))
        rows = order[:MOST_POINTS]
        cloud = data.images[rows].flatten(1).double().numpy()
        words = _("{n:,} points of the plane, {k} classes").format(
            n=len(data.images), k=len(data.classes)
        )
        svg = to_svg(points_figure([cloud], data.labels[rows].numpy()))
        return picture("sample", _("A sample"), words, words, svg=svg)
    alt = _("{count} images drawn at random from the data set").format(count=COLUMNS * ROWS)
    png = grid_png(thumbnails(look.sample(COLUMNS * ROWS)), COLUMNS)
    return picture("sample", _("A sample"), alt, words, png=png)


def _notes(look: Look) -> list[Spec]:
    """What the data set has to say of itself, such as files that were left out and why."""
    notes = look.data.notes
    if not notes:
        return []
    rows = [[cut(note, 400)] for note in notes[:MOST_LINES]]
    return [_table("notes", _("Notes on the data"), [[_("note")], *rows], _rest(len(notes)))]


def _classes(look: Look, halves: Halves) -> Spec:
    """Counts and shares of the classes on both sides, and whether the two mixes differ."""
    names = look.data.classes
    train, val = (
        diagnostics.class_counts(look.data.labels, mask, len(names))
        for mask in (halves.train, halves.val)
    )
    shares = tuple(tuple(count / max(1, sum(part)) for count in part) for part in (train, val))
    head = [_("class"), _("training"), _("share"), _("validation"), _("share")]
    lines = [
        [cut(name), f"{a:,}", f"{share_a:.1%}", f"{b:,}", f"{share_b:.1%}"]
        for name, a, share_a, b, share_b in zip(
            names, train, shares[0], val, shares[1], strict=True
        )
    ]
    chance = diagnostics.same_mix(train, val)
    title = _("Classes")
    verdict = _(
        "Both parts have the same mix of classes, as far as a chi-squared test can tell ({p})."
    )
    if chance < CHANCE:
        title = _("Classes: the two parts differ")
        verdict = _(
            "The two parts have different mixes of classes (chi-squared test, {p}): the validation score "
            "speaks of other data than are learnt from."
        )
    caption = [_("Blue: training. Orange: validation."), verdict.format(p=_chance(chance))]
    unseen = [cut(name) for name, a, b in zip(names, train, val, strict=True) if b and not a]
    if unseen:
        text = _("Without a training image: {names}.")
        caption.append(text.format(names=", ".join(unseen[:5]) + (" …" if unseen[5:] else "")))
    words = " ".join(part for part in (*caption, _rest(len(names))) if part)
    spec = _table("classes", title, [head, *lines[:MOST_LINES]], words)
    return spec | {"svg": _mix_svg(*shares), "alt": _("Shares of the classes in both parts")}


@lru_cache(maxsize=8)
def _mix_svg(train: tuple[float, ...], val: tuple[float, ...]) -> str:
    from trainlab.views.data import mix_figure
    from trainlab.views.figures import to_svg

    return to_svg(mix_figure(train, val))


def _channels(look: Look, halves: Halves) -> Spec:
    """Mean and deviation of each channel on both sides, and whether brightness differs."""
    found = halves.survey
    names = {1: [_("grey")], 3: [_("red"), _("green"), _("blue")]}.get(look.shape[0])
    if is_plane(look.shape) or names is None:
        names = [str(number + 1) for number in range(look.shape[0])]
    columns = [part for mask in (halves.train, halves.val) for part in found.channels(mask)]
    head = [
        _("channel"),
        _("training: mean"),
        _("deviation"),
        _("validation: mean"),
        _("deviation"),
    ]
    lines = [
        [name, *(f"{value:.3f}" for value in values)]
        for name, *values in zip(names, *columns, strict=True)
    ]
    sides = (found.means[mask[found.rows]] for mask in (halves.train, halves.val))
    chance = diagnostics.same_means(*sides)
    title, words = _("Channels"), [_("Pixels are counted from 0 to 1."), halves.sampled]
    if chance < CHANCE:
        title = _("Channels: the two parts differ")
        text = _(
            "Training and validation images differ in their channels' means (Welch's test, {p})."
        )
        words.append(text.format(p=_chance(chance)))
    return _table("channels", title, [head, *lines], " ".join(part for part in words if part))


def _twins(look: Look, halves: Halves) -> Spec:
    """Images with the same pixels, those on both sides of the split first."""
    groups = halves.survey.twins
    both = diagnostics.straddling(groups, halves.train, halves.val)
    title = _("Duplicates")
    if not groups:
        return picture("twins", title, "", _("No two images have the same pixels."))
    labels = look.data.labels
    torn = [group for group in groups if (labels[list(group)] != labels[group[0]]).any()]
    caption = _(
        "{count:,} images are exact copies of another. Groups of copies: {groups:,}; with images on both "
        "sides of the split: {both:,}; with different labels: {torn:,}."
    ).format(
        count=sum(len(group) for group in groups), groups=len(groups), both=len(both), torn=len(torn)
    )  # fmt: skip
    if both:
        title = _("Duplicates: some are learnt and asked again")
    if is_plane(look.shape):
        return picture("twins", title, "", caption)
    shown = sorted(groups, key=lambda group: group not in set(both))[: 2 * COLUMNS]
    png = grid_png(thumbnails(look.data.images[[group[0] for group in shown]]), COLUMNS)
    caption += " " + _("One image of each group is shown.")
    return picture("twins", title, caption, caption, png=png)


def _outliers(look: Look, halves: Halves) -> Spec:
    """The images least like the mean image."""
    data, found = look.data, halves.survey.farthest(2 * COLUMNS)
    rows = [row for row, _distance in found]
    typical = float(halves.survey.distances.median())
    lines = [
        [_file(look, row), _label(look, row), f"{distance:.3f}"]
        for row, distance in found[:COLUMNS]
    ]
    caption = " ".join([
        _("The images farthest from the mean image, farthest first: odd ones, mistakes, or just extremes."),
        _("Distances are root mean squares of pixels from 0 to 1; {typical:.3f} is typical.").format(
            typical=typical
        ),
        halves.sampled,
    ]).strip()  # fmt: skip
    table = _table(
        "outliers", _("Outliers"), [[_("image"), _("class"), _("distance")], *lines], caption
    )
    png = grid_png(thumbnails(data.images[rows]), COLUMNS)
    return table | {
        "png": png,
        "alt": _("The {n} images farthest from the mean").format(n=len(rows)),
    }


def _file(look: Look, row: int) -> str:
    """An image by its file name, or by its place in the data set."""
    return cut(look.data.names[row]) if look.data.names else f"{row:,}"


def _label(look: Look, row: int) -> str:
    labels = look.data.labels[row].reshape(-1).tolist()
    return cut(" ".join(look.data.classes[label] for label in labels))


def cut(text: str, most: int = MOST_LETTERS) -> str:
    """Somebody's text on one line, with an ellipsis where it is too long."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= most else line[: most - 1] + "…"


def _chance(p: float) -> str:
    """A probability as people write it."""
    return f"p = {p:.1g}" if p >= 1e-9 else "p < 1e-9"


def _rest(count: int) -> str:
    if count <= MOST_LINES:
        return ""
    return _("The first {shown} of {count:,} are listed.").format(shown=MOST_LINES, count=count)


def _table(id: str, title: str, rows: list[list[str]], caption: str) -> Spec:
    return picture(id, title, "", caption) | {"html_rows": rows}
