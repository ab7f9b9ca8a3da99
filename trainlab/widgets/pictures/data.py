"""The Data panel: the images, and how many there are of each class."""

from collections import Counter

from trainlab.text import _
from trainlab.views.images import grid_png
from trainlab.widgets.pictures.look import Look, Spec, picture

COLUMNS, ROWS = 8, 4


def data_pictures(look: Look) -> list[Spec]:
    """A sample of the images, and how many there are of each class."""
    data = look.data
    grid = picture(
        "sample",
        _("A sample"),
        _("{count} images drawn at random from the data set").format(count=COLUMNS * ROWS),
        _("{n:,} images of {c} x {h} x {w}, {k} classes").format(
            n=len(data.images), c=look.shape[0], h=look.shape[1], w=look.shape[2],
            k=len(data.classes),
        ),
        png=grid_png(look.sample(COLUMNS * ROWS).numpy(), COLUMNS),
    )  # fmt: skip
    counts = Counter(data.labels.tolist())
    rows = [[name, f"{counts[label]:,}"] for label, name in enumerate(data.classes[:50])]
    table = picture("classes", _("Classes"), "", "\n".join(data.notes[:5]))
    return [grid, table | {"html_rows": [[_("class"), _("images")], *rows]}]
