"""Label safety: which augmentation may change the class of which data set's images, and why."""

from trainlab.catalog.augmentations.base import AugmentationChoice
from trainlab.catalog.datasets.base import Cue, DatasetChoice
from trainlab.text import _


def reasons() -> dict[Cue, str]:
    """What goes wrong where an augmentation takes away what tells the class."""
    return {
        "handedness": _("mirrored, they are of another class or of none"),
        "orientation": _("turned or upside down, they are of another class or of none, as 6 and 9"),
        "colour": _("the colour is part of what tells their class"),
        "parts": _("every part of the picture counts, and a part may be lost"),
        "coordinates": _("they are points, with no pixels to be moved or coloured"),
    }


def label_warnings(
    dataset: DatasetChoice, augmentations: tuple[AugmentationChoice, ...]
) -> list[str]:
    """A sentence for each augmentation that may change the class of these data, and why."""
    told_by = type(dataset).cues
    found: dict[str, None] = {}  # in order, each once
    for augmentation in augmentations:
        broken = augmentation.breaks() if augmentation.p else set()
        if augmentation.p and type(augmentation).pixels:
            broken = broken | {"coordinates"}
        words = [why for cue, why in reasons().items() if cue in broken & told_by]
        if words:
            sentence = _("{augmentation} may change the class of {data}: {why}.").format(
                augmentation=_(type(augmentation).title()),
                data=_(type(dataset).title()),
                why="; ".join(words),
            )
            found[sentence] = None
    return list(found)
