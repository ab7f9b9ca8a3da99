"""The pictures of the panels: what was chosen, seen before it is used."""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from trainlab.catalog.datasets import Images
from trainlab.catalog.schedules import Plan, ScheduleChoice
from trainlab.engine.batches import stratified_split
from trainlab.engine.build import augmenter, build_model
from trainlab.engine.preview import layer_table, preview_lrs
from trainlab.engine.randomness import generator
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.text import _
from trainlab.views.images import grid_png

Spec = dict[str, Any]
COLUMNS, ROWS = 8, 4
MOST_WEIGHTS = 5_000_000  # more take longer to draw than a person waits
MOST_STEPS = 2_000  # of a schedule's picture: it is not wider


@dataclass(frozen=True)
class Look:
    """What pictures are drawn from: the experiment, its data if at hand, and which random draws to show."""

    experiment: Experiment
    data: Images
    draw: int = 0

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of an image."""
        _n, c, h, w = self.data.images.shape
        return c, h, w

    def train_images(self) -> int:
        """How many images the split leaves for training."""
        training = self.experiment.training
        rows, _held = stratified_split(self.data.labels, training.validation_share, training.seed)
        return len(rows)

    def sample(self, count: int) -> torch.Tensor:
        """Images to show, spread over the data set: (count, C, H, W) uint8."""
        n = len(self.data.images)
        picks = torch.randperm(n, generator=generator("look", n))[:count]
        return self.data.images[picks]


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


def model_pictures(look: Look) -> list[Spec]:
    """The layers with the shapes they give and the parameters they have."""
    layers = layer_table(_outline(look), look.shape)
    rows = [[name, shape, f"{count:,}" if count else ""] for name, shape, count in layers]
    total = sum(count for _name, _shape, count in layers)
    words = _("{total:,} parameters, for images of {c} x {h} x {w}").format(
        total=total, c=look.shape[0], h=look.shape[1], w=look.shape[2]
    )
    table = picture("layers", _("Layers"), "", words)
    return [table | {"html_rows": [[_("layer"), _("output"), _("parameters")], *rows]}]


def init_pictures(look: Look) -> list[Spec]:
    """The weights of each layer before the first step."""
    from trainlab.views.figures import histograms, to_svg  # matplotlib is slow to import

    experiment = look.experiment
    _refuse_huge(look)
    model = build_model(
        experiment.model,
        experiment.init,
        look.shape,
        len(look.data.classes),
        experiment.training.seed,
    )
    values = [
        (f"{name} · σ {w.std(correction=0):.3f}", w.detach().flatten().double().numpy())
        for name, w in model.named_parameters()
        if w.ndim > 1
    ]
    values = [(name, w[:: max(1, len(w) // 50_000)]) for name, w in values]
    widths = ", ".join(name for name, _w in values)
    return [
        picture(
            "weights",
            _("Weights before the first step"),
            _("Histograms of the weights of each layer: {widths}").format(widths=widths),
            _("One histogram a layer, with its standard deviation."),
            svg=to_svg(histograms(values[:16])),
        )
    ]


def _outline(look: Look) -> nn.Module:
    """The network without its weights: it takes no memory and no time."""
    with torch.device("meta"):
        return look.experiment.model.make(look.shape, len(look.data.classes))


def _refuse_huge(look: Look) -> None:
    count = sum(parameter.numel() for parameter in _outline(look).parameters())
    if count > MOST_WEIGHTS:
        raise Problem(
            _("{count:,} weights are too many to draw").format(count=count),
            _("The page would stand still meanwhile."),
            _("Press Start to train with them, or look at a narrower network."),
        )


def schedule_pictures(look: Look) -> list[Spec]:
    """The learning rate of the whole run."""
    from trainlab.views.figures import lr_figure, to_svg  # matplotlib is slow to import

    experiment = look.experiment
    plan = experiment.plan(look.train_images())
    drawn = replace(plan, steps_per_epoch=_steps_drawn(experiment.schedule, plan))
    lrs = preview_lrs(experiment.optimizer, experiment.schedule, drawn)
    caption = _(
        "{steps:,} steps in {epochs} epochs: from {first:.3g} over at most {most:.3g} to {last:.3g}."
    )
    caption = caption.format(
        steps=plan.steps, epochs=plan.epochs, first=lrs[0], most=max(lrs), last=lrs[-1]
    )
    if experiment.schedule.interval == "validation":
        caption = _(
            "It falls when the validation loss stalls, which only the run itself will show."
        )
    return [
        picture(
            "lr",
            _("Learning rate over the whole run"),
            caption,
            caption,
            svg=to_svg(lr_figure(lrs, drawn.steps_per_epoch)),
        )
    ]


def _steps_drawn(schedule: ScheduleChoice, plan: Plan) -> int:
    """Steps an epoch of the picture. A long run is drawn in fewer, unless a setting counts steps."""
    units = [field.json_schema_extra for field in type(schedule).model_fields.values()]
    if any(isinstance(extra, dict) and extra.get("unit") == "steps" for extra in units):
        return plan.steps_per_epoch
    return max(1, min(plan.steps_per_epoch, MOST_STEPS // plan.epochs))


def picture(
    id: str, title: str, alt: str, caption: str, *, svg: str | None = None, png: str | None = None
) -> Spec:
    """One picture as the page takes it."""
    spec = {"id": id, "title": title, "alt": alt, "caption": caption, "svg": svg, "png": png}
    return spec | {"pixelated": True, "html_rows": None}


def unavailable(problem: Problem) -> list[Spec]:
    """In the place of pictures that cannot be drawn: why, and what to do."""
    parts = [part.rstrip(".") + "." for part in (problem.why, problem.remedy) if part]
    return [picture("unavailable", problem.what, "", " ".join(parts))]
