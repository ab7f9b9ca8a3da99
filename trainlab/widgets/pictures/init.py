"""The Init panel: the weights before the first step, and how far a signal gets through them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from trainlab.catalog.datasets import Images
from trainlab.catalog.inits import InitChoice, layers
from trainlab.choice import choices
from trainlab.engine.build import build_batches, build_model, first_inputs
from trainlab.engine.randomness import generator
from trainlab.engine.signal import LayerSignal, layer_signals
from trainlab.errors import Problem
from trainlab.text import _
from trainlab.widgets.pictures.look import Look, Spec, outline, picture
from trainlab.widgets.pictures.model import layers as summary

MOST_WEIGHTS = 5_000_000  # more take longer to draw than a person waits
MOST_DRAWN = 20_000  # of a layer's weights: the shape of a histogram needs no more
MOST_LAYERS = 12  # histograms
MOST_IMAGES = 2_048  # statistics of more would take longer than the picture
BATCH, WORK = 64, 5 * 10**8  # images of the batch at most, and operations of its forward pass
MOST_WORK = 2 * 10**10  # operations of a rule that measures, on 256 images


@dataclass(frozen=True)
class _Start:
    """A network before its first step: its rule's name, its weights by layer, and its signal."""

    rule: str
    weights: list[tuple[str, NDArray[np.float64]]]
    signal: list[LayerSignal]


def init_pictures(look: Look) -> list[Spec]:
    """The weights of each layer before the first step, and the signal; those of a second rule beside them."""
    _refuse_huge(look)
    small = replace(look, data=_portion(look.data))
    rules = [look.experiment.init]
    others = [rule for rule in choices(InitChoice) if rule.kind_name() == look.compare]
    rules += [rule(kind=look.compare) for rule in others]
    starts = [_start(small, rule) for rule in rules]
    return [_signal_picture(starts), _weights_picture(starts)]


def compared_rules() -> dict[str, str]:
    """What may be drawn beside the chosen rule: nothing, or another by its kind."""
    return {"": _("nothing")} | {rule.kind_name(): _(rule.title()) for rule in choices(InitChoice)}


def _start(look: Look, rule: InitChoice) -> _Start:
    experiment, outputs = (
        look.experiment.but(init=rule),
        len(look.data.classes) * look.data.positions,
    )
    whole, _rows = summary(experiment.model, look.shape, outputs)
    if rule.needs and 256 * whole.flops > MOST_WORK:
        raise _too_much(_("{rule} takes too long to draw").format(rule=_(rule.title())))
    train, _val = build_batches(experiment, look.data, torch.device("cpu"))
    model = build_model(experiment, look.data, train)
    affordable = max(2, WORK // max(1, whole.flops))
    count = min(len(train), experiment.training.batch_size, BATCH, affordable)
    loss = partial(type(experiment.loss).target, **experiment.loss.arguments())
    signal = layer_signals(model, loss, first_inputs(train, count), train.labels[:count])
    weights = list(_weights(model))
    if not all(np.isfinite(values).all() for _name, values in weights):
        raise Problem(
            _("{rule} does not give this network finite weights").format(rule=_(rule.title())),
            _("Spectral norm divides by the size of the weights, which is zero here."),
            _("Choose another initialisation, or another norm."),
        )
    return _Start(_(rule.title()), weights, signal)


def _weights(model: nn.Module) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Each layer's name and weights, as its forward pass uses them."""
    names = {module: name for name, module in model.named_modules()}
    for layer in layers(model):
        held = layer.in_proj_weight if isinstance(layer, nn.MultiheadAttention) else layer.weight
        weight = held.detach().flatten()
        yield names[layer], weight[:: max(1, len(weight) // MOST_DRAWN)].double().numpy()


def _signal_picture(starts: Sequence[_Start]) -> Spec:
    from trainlab.views.figures import to_svg  # matplotlib is slow to import
    from trainlab.views.signal import signal_figure

    sides = [
        (
            np.array([layer.activation for layer in start.signal]),
            np.array([layer.gradient for layer in start.signal]),
        )
        for start in starts
    ]
    caption = _(
        "Standard deviation of each layer's output (left) and of the loss's gradient there (right), on one "
        "real batch. Level lines are wanted: a signal that fades or explodes trains badly."
    )
    words = [caption, *(_in_words(start) for start in starts)]
    if len(starts) == 2:
        words.append(_("Solid: {first}. Dashed: {second}.").format(
            first=starts[0].rule, second=starts[1].rule
        ))  # fmt: skip
    title = _("The signal, layer by layer")
    return picture(
        "signal", title, " ".join(words), " ".join(words), svg=to_svg(signal_figure(sides))
    )


def _in_words(start: _Start) -> str:
    first, last = start.signal[0], start.signal[-1]
    dead = sum(layer.activation == 0 for layer in start.signal)
    words = _(
        "{rule}: outputs from {first:.2g} in the first layer to {last:.2g} in the last, gradients from "
        "{back:.2g} in the last to {reached:.2g} in the first."
    ).format(
        rule=start.rule,
        first=first.activation,
        last=last.activation,
        back=last.gradient,
        reached=first.gradient,
    )
    if dead:
        words += " " + _("{dead} of {count} layers give the same for every image.").format(
            dead=dead, count=len(start.signal)
        )
    return words


def _weights_picture(starts: Sequence[_Start]) -> Spec:
    from trainlab.views.figures import histograms, to_svg

    shown = starts[0].weights[:MOST_LAYERS]
    named = [(f"{name[-14:]} · σ {w.std():.3g}", w) for name, w in shown]
    others = [w for start in starts[1:] for _name, w in start.weights[:MOST_LAYERS]]
    caption = _(
        "One histogram a layer, from its least to its greatest weight, with the standard deviation σ."
    )
    if len(starts[0].weights) > len(shown):
        caption += " " + _("The first {shown} of {count} layers.").format(
            shown=len(shown), count=len(starts[0].weights)
        )
    if others:
        caption += " " + _("Outlined: {second}.").format(second=starts[1].rule)
    alt = _("Histograms of the weights of each layer: {widths}")
    return picture(
        "weights",
        _("Weights before the first step"),
        alt.format(widths=", ".join(name for name, _w in named)),
        caption,
        svg=to_svg(histograms(named, others)),
    )


def _portion(data: Images) -> Images:
    """Some of the images, in their order, where all would be too many."""
    if len(data.labels) <= MOST_IMAGES:
        return data
    picks = torch.randperm(len(data.labels), generator=generator("portion"))[:MOST_IMAGES].sort()[0]
    names = tuple(data.names[row] for row in picks.tolist()) if data.names else ()
    return replace(data, images=data.images[picks], labels=data.labels[picks], names=names)


def _refuse_huge(look: Look) -> None:
    count = sum(parameter.numel() for parameter in outline(look).parameters())
    if count > MOST_WEIGHTS:
        raise _too_much(_("{count:,} weights are too many to draw").format(count=count))


def _too_much(what: str) -> Problem:
    return Problem(
        what,
        _("The page would stand still meanwhile."),
        _("Press Start to train with them, or look at a narrower network."),
    )
