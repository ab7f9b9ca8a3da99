"""Inspected: what the panel Inspect shows of a run, as plain words and bytes: from what was recorded alone.

It is made in parts, each with a key: the page says which it has, and gets the others.
"""

import base64
import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter
from typing import Any, TypeVar

import numpy as np

from trainlab import events as ev
from trainlab.catalog.datasets import is_plane
from trainlab.diagnostics.verdicts.inside import DeadUnits, Saturated
from trainlab.runs.history import History
from trainlab.text import _
from trainlab.views.images import marked

LOOKS = 200  # of a long run, spread over it
LINES = 12  # layers with a curve, spread over the network
CARDS = 24  # layers with histograms
PLANE = 48  # pixels a side of a plane with one of its points
SHARES: dict[type[DeadUnits] | type[Saturated], str] = {
    DeadUnits: _("{share:.0%} dead"),
    Saturated: _("{share:.0%} saturated"),
}  # that the verdicts judge
Item = TypeVar("Item")
Part = tuple[dict[str, Any], dict[str, bytes]]  # words, and bytes by name


def answer(
    number: int, history: History, step: int | None, layer: str, known: Mapping[str, Any]
) -> Part:
    """The parts that the page does not have: "fixed", "curves", "look" and "pictures".

    Args:
        number: of the run on the chart.
        history: what it reported.
        step: what to look at; None for the newest.
        layer: whose feature maps are wanted.
        known: the keys of the parts that the page has.
    """
    words: dict[str, Any] = {"number": number, "parts": {}}
    buffers: dict[str, bytes] = {}
    if not history.probes:
        return words, buffers
    for name, key, make in _parts(number, history, step, layer):
        if known.get(name) != key:
            part, found = make()
            words["parts"][name] = part | {"key": key}
            buffers |= {f"{name}.{kind}": data for kind, data in found.items()}
    return words, buffers


def _parts(
    number: int, history: History, step: int | None, layer: str
) -> Iterator[tuple[str, str, Callable[[], Part]]]:
    probes, pictures = history.probes, history.pictures
    newest = probes[-1].step
    look = _at(probes, newest if step is None else step)
    yield "fixed", f"{number} {history.fixed is not None}", lambda: _fixed(history)
    yield "curves", f"{number} {newest}", lambda: _curves(history)
    yield "look", f"{number} {look.step} {step is None}", lambda: _look(history, look)
    if pictures:
        seen = _at(pictures, look.step)
        yield "pictures", f"{number} {seen.step} {layer}", lambda: _pictures(history, seen, layer)


def _at(items: list[Item], step: int) -> Item:
    """The newest by this step, or the first."""
    return items[max(0, bisect_right(items, step, key=attrgetter("step")) - 1)]


def spread(items: list[Item], most: int) -> list[Item]:
    """At most so many of them, from the first to the last."""
    if len(items) <= most:
        return items
    return [items[place] for place in np.linspace(0, len(items) - 1, most).round().astype(int)]


def _fixed(history: History) -> Part:
    """The images that the network is shown again and again."""
    fixed = history.fixed
    if fixed is None:
        return {"labels": [], "classes": []}, {}
    names = history.started.classes if history.started else ()
    named = [names[label] if label < len(names) else str(label) for label in fixed.classes]
    at = {label: place for place, label in enumerate(fixed.classes)}
    words = {
        "shape": fixed.shape,
        "labels": [at[label] for label in fixed.labels],
        "classes": named,
    }
    pixels = base64.b64decode(fixed.pixels)
    count, *sides, channels = fixed.shape
    if is_plane((channels, *sides)):
        places = np.frombuffer(pixels, np.uint8).reshape(count, 2) / 255
        tiles = marked(places, np.array(fixed.labels), range(count), PLANE)
        words["shape"] = (count, PLANE, PLANE, 3)
        pixels = tiles.transpose(0, 2, 3, 1).tobytes()
    return words, {"images": pixels}


def _curves(history: History) -> Part:
    """Of each layer with weights two curves, and the chances of each image's classes, over the looks."""
    looks = spread(history.probes, LOOKS)
    weighed = [name for name, row in looks[-1].layers.items() if "update_ratio" in row]
    names = spread(weighed, LINES)
    words = {
        "steps": [look.step for look in looks],
        "layers": [_label(name, history) for name in names],
        "left_out": len(weighed) - len(names),
    }
    buffers = {
        measure: np.array(
            [
                [look.layers.get(name, {}).get(measure, math.nan) for look in looks]
                for name in names
            ],
            "<f4",
        ).tobytes()
        for measure in ("update_ratio", "grad_norm")
    }
    shape = np.shape(looks[-1].predictions)
    if len(shape) == 2:
        nothing = np.zeros(shape)
        chances = [look.predictions or nothing for look in looks]
        buffers["chances"] = (
            np.nan_to_num(np.array(chances) * 255).round().astype(np.uint8).tobytes()
        )
    return words, buffers


def _look(history: History, look: ev.Probed) -> Part:
    """One look: its step in words, and a card a layer."""
    rows = history.steps.rows
    place = int(np.searchsorted(rows[:, 0], look.step))
    says = [_("step {step}").format(step=f"{look.step:,}")]
    if place < len(rows):
        says.append(_("lr {lr:.3g}").format(lr=rows[place, 4]))
    says.append(
        _("momentum {value:.3g}").format(value=look.momentum) if look.momentum else _("no momentum")
    )
    order = {
        name: place for place, name in enumerate(history.fixed.layers if history.fixed else ())
    }
    names = sorted(look.layers, key=lambda name: order.get(name, len(order)))
    cards = [_card(name, look, history) for name in spread(names, CARDS)]
    costs = [probe.seconds for probe in history.probes]
    cost = _("{count} looks at this run so far, {ms:.1f} ms each")
    return {
        "step": look.step,
        "says": " · ".join(says),
        "cost": cost.format(count=len(costs), ms=1000 * float(np.median(costs))),
        "cards": cards,
        "left_out": len(names) - len(cards),
        "rules": [
            f"{_(rule.rule)} ({_(rule.source)})"
            for rule in SHARES
            if any(row.get(rule.measure, 0) >= rule.limit for row in look.layers.values())
        ],
    }, {}


def _card(name: str, look: ev.Probed, history: History) -> dict[str, Any]:
    """A layer: its histograms and what to know of them in words, some of them a warning."""
    row = look.layers[name]
    says, warns = list[str](), list[str]()
    if "mean" in row:
        says.append(_("mean {mean:.2g}, std {std:.2g}").format(mean=row["mean"], std=row["std"]))
    for rule, words in SHARES.items():
        if rule.measure in row:
            share = row[rule.measure]
            (warns if share >= rule.limit else says).append(words.format(share=share))
    if "near_zero" in row:
        says.append(_("{share:.1%} of its weights near 0").format(share=row["near_zero"]))
    return {
        "name": name,
        "label": _label(name, history),
        "outputs": _bars(look.histograms.get(name)),
        "gradients": _bars(look.histograms.get(f"{name} gradient")),
        "says": says,
        "warns": warns,
    }


def _bars(histogram: tuple[float, ...] | None) -> list[float] | None:
    """The least and the largest value to two digits, and the counts."""
    if not histogram:
        return None
    low, high, *counts = histogram
    return [float(f"{low:.2g}"), float(f"{high:.2g}"), *map(int, counts)]


def _pictures(history: History, seen: ev.Pictured, layer: str) -> Part:
    """The first layer's filters, and the feature maps of one layer: the first where it has none such."""
    names = [name for name in seen.shapes if name != "filters"]
    chosen = layer if layer in names else next(iter(names), "")
    words: dict[str, Any] = {
        "step": seen.step,
        "image": seen.image,
        "layers": [{"value": name, "label": _label(name, history)} for name in names],
        "layer": chosen,
        "filters": seen.shapes.get("filters"),
        "maps": seen.shapes.get(chosen),
    }
    wanted = {"filters": "filters", "maps": chosen}
    return words, {
        kind: base64.b64decode(seen.pixels[name])
        for kind, name in wanted.items()
        if name in seen.pixels
    }


def _label(name: str, history: History) -> str:
    """A layer as people read it: what it is, and its place in the network."""
    kind = history.fixed.layers.get(name, "") if history.fixed else ""
    return f"{kind} {name}".strip()
