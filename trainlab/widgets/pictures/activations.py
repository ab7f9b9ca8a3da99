"""The activation of a network, in the Model panel: the bend, its slope, and where that is gone."""

from trainlab.engine.curve import REACH, Curve, Zone, activation_curve, slope_of_the_square
from trainlab.text import _
from trainlab.widgets.pictures.look import Look, Spec, picture


def activation_pictures(look: Look) -> list[Spec]:
    """The curve of the network's activation and of its derivative; none where the network names no activation."""
    choice = getattr(look.experiment.model, "activation", None)
    if choice is None:
        return []
    from trainlab.views.activations import activation_figure  # matplotlib is slow to import
    from trainlab.views.ink import to_svg

    curve = activation_curve(choice.build())
    zones = [(zone.start, zone.end, zone.dead) for zone in curve.zones]
    drawn = activation_figure(curve.x.numpy(), curve.y.numpy(), curve.slope.numpy(), zones)
    name = _(choice.title())
    words = " ".join([*_in_words(name, curve), _example(name, slope_of_the_square(choice.build()))])
    title = _("The activation and its slope: {name}").format(name=name)
    return [picture("activation", title, words, words, svg=to_svg(drawn))]


def _in_words(name: str, curve: Curve) -> list[str]:
    words = [
        _("Solid: {name}; dashed: its slope, at most {most:.3g}.").format(
            name=name, most=float(curve.slope.max())
        )
    ]
    dead = [_interval(zone) for zone in curve.zones if zone.dead]
    faint = [_interval(zone) for zone in curve.zones if not zone.dead]
    if dead:
        words.append(
            _("Shaded: slope exactly 0, for x in {where}; what lies there does not learn.").format(
                where=", ".join(dead)
            )
        )
    if faint:
        words.append(
            _(
                "Lightly shaded: saturated, slope under 5 % of its largest, for x in {where}."
            ).format(where=", ".join(faint))
        )
    return words


def _interval(zone: Zone) -> str:
    start = "-∞" if zone.start == -REACH else f"{zone.start:.2g}"
    end = "∞" if zone.end == REACH else f"{zone.end:.2g}"
    return f"({start}, {end})"


def _example(name: str, slope: float) -> str:
    words = _(
        "A unit with weights (-1, -1) and inputs from [0, 1]² sees numbers from -2 to 0 alone: {name} "
        "lets {slope:.3f} of its gradient through there, on average."
    ).format(name=name, slope=slope)
    return f"{words} {_('It is dead: no image ever moves it.')}" if slope == 0 else words
