"""The Init panel: the weights before the first step."""

from trainlab.engine.build import build_model
from trainlab.errors import Problem
from trainlab.text import _
from trainlab.widgets.pictures.look import Look, Spec, outline, picture

MOST_WEIGHTS = 5_000_000  # more take longer to draw than a person waits


def init_pictures(look: Look) -> list[Spec]:
    """The weights of each layer before the first step."""
    from trainlab.views.figures import histograms, to_svg  # matplotlib is slow to import

    _refuse_huge(look)
    model = build_model(look.experiment, look.data)
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


def _refuse_huge(look: Look) -> None:
    count = sum(parameter.numel() for parameter in outline(look).parameters())
    if count > MOST_WEIGHTS:
        raise Problem(
            _("{count:,} weights are too many to draw").format(count=count),
            _("The page would stand still meanwhile."),
            _("Press Start to train with them, or look at a narrower network."),
        )
