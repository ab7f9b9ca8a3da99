"""The panel Results: a checkpoint's answers as numbers, galleries and pictures, as the page takes them."""

from collections.abc import Sequence

from torch import Tensor

from trainlab.catalog.datasets import is_plane
from trainlab.diagnostics.results import Results, Score
from trainlab.diagnostics.saliency import GRAD_CAM
from trainlab.text import _
from trainlab.views.images import Pixels, grid_png, marked
from trainlab.widgets.pictures.look import Spec, picture, thumbnails

MOST_READ = 20  # classes of a matrix whose numbers are read; of more, the worst pairs are told, too
MOST_CELLS = 100  # classes of a matrix whose cells can be chosen; more are drawn
MOST_PAIRS = 20
MOST_IMAGES = 12  # of a gallery
MOST_IN_CELL = 24
MOST_LIKELY = 3  # classes that are named beside an image
SMALL, LARGE = 64, 224  # pixels a side at most, of an image among others and of one alone
DASH = "–"


def results_spec(found: Results) -> Spec:
    """All that the page shows of a checkpoint."""
    few = len(found.classes) <= MOST_CELLS
    dense = len(found.classes) > MOST_READ
    pairs = found.confused(MOST_PAIRS) if dense else []
    return {
        "classes": list(found.classes),
        "says": _says(found),
        "confusion": found.confusion.tolist() if few else None,
        "dense": dense,
        "pictures": [*([] if few else [_map(found)]), _calibration(found)],
        "pairs": [{"label": one, "answer": other, "count": count} for one, other, count in pairs],
        "scores": _table(found.scores),
        "galleries": _galleries(found),
    }


def images_spec(found: Results, images: Sequence[int]) -> list[Spec]:
    """Images as buttons: each with its picture, and what was answered how surely."""
    return [
        {
            "image": image,
            "png": grid_png(_shown(found, image, SMALL), 1),
            "words": answer_words(found, image),
        }
        for image in images
    ]


def cell_spec(found: Results, label: int, answer: int) -> Spec:
    """The images of one cell of the confusion matrix."""
    images = found.cell(label, answer)
    words = _("{label} answered with {answer}: {shown} of {count} images, the surest first")
    said = words.format(
        label=found.classes[label],
        answer=found.classes[answer],
        shown=min(MOST_IN_CELL, len(images)),
        count=len(images),
    )
    return {"says": said, "images": images_spec(found, images[:MOST_IN_CELL])}


def image_spec(found: Results, image: int, target: int) -> Spec:
    """One image, and what in it speaks for a class; for its answer where `target` is negative."""
    from trainlab.views.results import coloured, glowing  # matplotlib is slow to import

    about = target if target >= 0 else int(found.answers[image, 0])
    words = {"about": about, "words": answer_words(found, image), "likely": _likely(found, image)}
    (shown,) = _shown(found, image, LARGE)
    if is_plane(found.images.shape):
        how = _("One point among all that validation asks about. What speaks for each class: the decision boundary, "
                "above the curves.")  # fmt: skip
        return words | {"png": grid_png(shown[None], 1), "heat": "", "how": how}
    seen = found.saliency(image, about)
    heat = thumbnails(seen.heat[None, None], LARGE)[0, 0]
    plain = seen.source != GRAD_CAM
    glow = coloured(heat) if plain else glowing(shown, heat)
    how = _("What speaks for {name} in its last maps, of {h} x {w} places. {source}.")
    if plain:
        how = _(
            "No Grad-CAM: this network has no convolution that sees places, or attention mixes them. "
            "Instead, how much each pixel moves the score of {name}. {source}."
        )
    if not seen.heat.any():
        how = _("Nothing in this image speaks for {name}. {source}.")
    h, w = seen.cells
    return words | {
        "png": grid_png(shown[None], 1),
        "heat": grid_png(glow[None], 1),
        "how": how.format(name=found.classes[about], h=h, w=w, source=_(seen.source)),
    }


def answer_words(found: Results, image: int) -> str:
    """What an image shows, what was answered, and how surely."""
    label, answer = (_names(found, each[image]) for each in (found.labels, found.answers))
    words = (
        _("{label}: {sure:.0%}")
        if found.right[image]
        else _("{label}, answered {answer}: {sure:.0%}")
    )
    return words.format(label=label, answer=answer, sure=float(found.confidence[image]))


def _says(found: Results) -> str:
    low, high = found.interval
    words = _(
        "{accuracy:.1%} of {n:,} validation images are right; for other images like these "
        "{low:.1%} to {high:.1%}, with 95 % certainty. Loss {loss:.4g}."
    )
    return words.format(accuracy=found.accuracy, n=len(found), low=low, high=high, loss=found.loss)


def _table(scores: tuple[Score, ...]) -> list[list[str]]:
    head = [_("class"), _("precision"), _("recall"), _("F1"), _("images")]
    numbers = [[_number(value) for value in (s.precision, s.recall, s.f1)] for s in scores]
    rows = [[s.name, *three, str(s.support)] for s, three in zip(scores, numbers, strict=True)]
    return [head, *rows]


def _number(value: float) -> str:
    return f"{value:.3f}" if value == value else DASH


def _galleries(found: Results) -> list[Spec]:
    galleries: list[tuple[str, str, str, list[int]]] = [
        ("hardest", _("Hardest"), _("The largest loss. Wrong labels are found here."), found.hardest()),
        ("surprising", _("Most surprising"),
         _("Right, with the least probability for the answer: it was nearly wrong."), found.surprising()),
        ("confident", _("Most confidently wrong"),
         _("Wrong, with the largest probability for the answer."), found.confident_wrong()),
    ]  # fmt: skip
    return [
        {
            "id": name,
            "title": title,
            "caption": caption,
            "images": images_spec(found, images[:MOST_IMAGES]),
        }
        for name, title, caption, images in galleries
    ]


def _calibration(found: Results) -> Spec:
    from trainlab.views.figures import to_svg  # matplotlib is slow to import
    from trainlab.views.results import calibration_figure

    bins = [(part.count, part.confidence, part.accuracy) for part in found.calibration]
    caption = _(
        "Up: how often answers are right. Across: how sure the network is of them, in 15 parts. The dashes are "
        "what to hope for, the grey bars how many answers there are. Expected calibration error {error:.3f}. "
        "Guo et al. 2017, On calibration of modern neural networks."
    ).format(error=found.calibration_error)
    if not found.probable:
        caption += " " + _(
            "The loss of this run asks for no probabilities: these are a softmax of its scores."
        )
    rows = [f"{sure:.2f}: {right:.2f}" for _count, sure, right in bins]
    alt = _("Share right by probability: {rows}").format(rows=", ".join(rows))
    return picture(
        "calibration", _("Calibration"), alt, caption, svg=to_svg(calibration_figure(bins))
    )


def _map(found: Results) -> Spec:
    """The confusion matrix of many classes: a pixel for each pair."""
    from trainlab.views.results import coloured  # matplotlib is slow to import

    counts = found.confusion.double()
    shares = counts / counts.sum(1, keepdim=True).clamp(min=1)
    heat = shares.sqrt().mul(255).round().byte().numpy()  # the root: few mistakes are seen too
    caption = _("Rows: what is right. Columns: what was answered. The lighter, the more often.")
    alt = _("Confusion matrix of {k} classes; its worst pairs follow as a list").format(
        k=len(counts)
    )
    png = grid_png(coloured(heat)[None], 1)
    return picture("confusion", _("Confusion matrix"), alt, caption, png=png)


def _likely(found: Results, image: int) -> list[Spec]:
    """The classes with the largest probabilities, of all positions."""
    best = found.chances[image].amax(1).topk(min(MOST_LIKELY, len(found.classes)))
    pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
    return [{"name": found.classes[index], "share": f"{share:.1%}"} for index, share in pairs]


def _names(found: Results, labels: Tensor) -> str:
    return " ".join(found.classes[label] for label in labels.tolist())


def _shown(found: Results, image: int, most: int) -> Pixels:
    """An image as the data set has it, (1, C, H, W) of at most so many pixels a side; a point in its plane."""
    images = found.images.images
    if is_plane(found.images.shape):
        places = images.cpu().double().view(-1, 2).numpy()
        return marked(places, found.labels[:, 0].numpy(), [image], most)
    return thumbnails(images[[image]].permute(0, 3, 1, 2).cpu(), most)
