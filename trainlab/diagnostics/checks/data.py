"""Before any network: the classes, odd and double images, the two parts of the split, augmentation."""

from collections.abc import Iterable

import torch

from trainlab.catalog.augmentations.safety import label_warnings
from trainlab.catalog.datasets import is_plane
from trainlab.diagnostics import data as look
from trainlab.diagnostics.checks.base import Finding, Rule, Subject, Verdict
from trainlab.engine.randomness import generator
from trainlab.text import _

SHOWN = 8  # names in a sentence
FEW = 5  # images of a class to learn from
UNEVEN = 10.0  # times as many images in one class as in another
CHANCE = 0.001  # a difference less likely than this is called one
MOST_VALUES = 2_000_000  # numbers that are looked at: a check is quicker than a picture


def _classes(subject: Subject) -> Finding:
    """D1: how many images, or labels, each class has to learn from, and what the data set says of itself."""
    counts = look.class_counts(subject.data.labels, _mask(subject, 0), subject.classes)
    names, least, most = subject.data.classes, min(counts), max(counts)
    rare = [name for name, count in zip(names, counts, strict=True) if count < FEW]
    several, notes = subject.data.positions > 1, subject.data.notes
    what = _("training labels") if several else _("training images")
    says = _("{n:,} {what} in {k} classes, {least:,} to {most:,} in each.").format(
        n=sum(counts), what=what, k=len(names), least=least, most=most
    )
    if rare:
        says += " " + _("Fewer than {few}: {names}.").format(few=FEW, names=_some(rare))
    if notes:
        says += " " + _("Notes on the data: {notes}").format(notes=_some(notes, " · "))
    uneven = most > UNEVEN * max(1, least)
    verdict: Verdict = "fail" if not least else "warn" if rare or uneven else "pass"
    remedies = []
    if rare or (uneven and not several):
        remedies.append(_("Get more images of the rare classes, or split by class (stratified)."))
    if uneven:
        words = _(
            "Look at the score of each class, not at the accuracy alone: {share:.0%} of the labels are {name}."
        )
        remedies.append(words.format(share=most / sum(counts), name=names[counts.index(most)]))
    return Finding(
        verdict,
        says,
        most / max(1, least),
        _("some of every class, none with {times:g} times as many as another").format(times=UNEVEN),
        " ".join(remedies),
        ((_("class"), what), *((_("note"), note) for note in notes),
         *((n, f"{c:,}") for n, c in zip(names, counts, strict=True))),
    )  # fmt: skip


CLASSES = Rule(
    "classes",
    "Look at the data: classes",
    "Look at the data before any network: how many images each class has, and how unequal they are. "
    "Karpathy 2019, A recipe for training neural networks",
    _classes,
)


def _duplicates(subject: Subject) -> Finding:
    """D1: images with the same pixels, and those among them that are learnt and asked again."""
    if is_plane(subject.data.images.shape[1:]):
        return Finding("skip", _("The data are points: equal ones are no copies."))
    groups = look.twins(subject.data.images)
    both = look.straddling(groups, _mask(subject, 0), _mask(subject, 1))
    labels = subject.data.labels
    torn = [group for group in groups if (labels[list(group)] != labels[group[0]]).any()]
    asked = sum(len(group) for group in both) / len(labels)
    says = _(
        "{count:,} images are copies of another; groups on both sides of the split: {both:,}; with different "
        "labels: {torn:,}."
    ).format(count=sum(map(len, groups)), both=len(both), torn=len(torn))
    verdict: Verdict = "fail" if asked > 0.01 else "warn" if both or torn else "pass"
    remedy = _("Take the copies out, or split by group: validation asks what was learnt by heart.")
    expected = _("none on both sides, none with two labels")
    return Finding(verdict, says, float(len(both)), expected, "" if verdict == "pass" else remedy)


DUPLICATES = Rule(
    "duplicates",
    "Look at the data: copies",
    "Copies of training images in the validation set make its score a measure of memory. "
    "Barz & Denzler 2020, Do we train on test data?",
    _duplicates,
)


def _distribution(subject: Subject) -> Finding:
    """D4: whether both parts have the same mix of classes, and images of the same brightness."""
    masks = _mask(subject, 0), _mask(subject, 1)
    counts = [look.class_counts(subject.data.labels, mask, subject.classes) for mask in masks]
    mix = look.same_mix(*counts)
    survey = look.survey(subject.data.images, generator("check", "survey"), MOST_VALUES)
    means = look.same_means(*(survey.means[mask[survey.rows]] for mask in masks))
    says = _(
        "Same mix of classes: p = {mix:.2g} (chi-squared). Same means of the channels: p = {means:.2g} (Welch)."
    )
    differs = min(mix, means) < CHANCE
    totals = [max(1, sum(part)) for part in counts]
    shares = zip(subject.data.classes, *counts, strict=True)
    return Finding(
        "warn" if differs else "pass",
        says.format(mix=mix, means=means),
        min(mix, means),
        _("p above {chance:g}").format(chance=CHANCE),
        _("Split at random or by class (panel Data), unless the parts are meant to differ.") if differs else "",
        (
            (_("class"), _("training"), _("validation")),
            *((name, f"{a / totals[0]:.1%}", f"{b / totals[1]:.1%}") for name, a, b in shares),
        ),
    )  # fmt: skip


DISTRIBUTION = Rule(
    "distribution",
    "One distribution on both sides",
    "Training and validation images come from the same distribution, or the score speaks of other data. "
    "CS231n notes, Validation sets",
    _distribution,
)


def _label_safety(subject: Subject) -> Finding:
    """A8: augmentations that may change the class."""
    augmentations = subject.experiment.augmentations
    expected = _("no change that turns an image into one of another class")
    if not augmentations:
        return Finding("skip", _("No augmentation: right for a first baseline."), None, expected)
    found = label_warnings(subject.experiment.dataset, augmentations)
    if not found:
        says = _("Nothing known of these data speaks against the augmentations.")
        return Finding("pass", says, 0.0, expected)
    remedy = _("Take it out of the list, or make it weaker (panel Augment): look at the preview.")
    return Finding("warn", " ".join(found), float(len(found)), expected, remedy)


LABEL_SAFETY = Rule(
    "label_safety",
    "Augmentation keeps the class",
    "An augmentation must not change the class: a turned 6 is a 9. Shorten & Khoshgoftaar 2019, A survey on "
    "image data augmentation",
    _label_safety,
)


def _mask(subject: Subject, side: int) -> torch.Tensor:
    """The training (0) or validation (1) images as a mask."""
    return look.mask_of(subject.rows[side], len(subject.data.labels))


def _some(names: Iterable[str], between: str = ", ") -> str:
    listed = [*names]
    return between.join(listed[:SHOWN]) + (" …" if len(listed) > SHOWN else "")
