"""The gradient check on the real network and loss, after a few steps; then on the penalties alone."""

import math
from itertools import groupby

import torch

from trainlab.catalog.regularizers import L1, L2
from trainlab.diagnostics.checks.base import Finding, Rule, Subject, Table, Verdict
from trainlab.diagnostics.checks.fitting import penalty
from trainlab.diagnostics.gradients import RIGHT, GradientCheck, H, Slope, layer_kinds, within
from trainlab.diagnostics.steps import Bench
from trainlab.engine.randomness import generator
from trainlab.errors import Problem
from trainlab.text import _

LEARNT, ASKED, STEPS = 16, 4, 5  # images and steps of the burn-in; images of the check
SECONDS = 3.0  # tensors that are left then are not looked at
WRONG, SUSPECT = 1e-2, 1e-4  # relative errors
SHOWN = 5  # names in a sentence


def _gradients(subject: Subject) -> Finding:
    """C4: autograd against centred differences; dropout draws the same in every pass."""
    slopes, tensors = slopes_of(subject)
    slopes += [
        _alone(rule) for rule in subject.experiment.regularizers if isinstance(rule, L1 | L2)
    ]
    if not slopes:
        return Finding("skip", _("No parameter learns."))
    worst = max(slopes, key=lambda slope: slope.worst)
    median = max(slope.median for slope in slopes)
    wrong = [slope.name for slope in slopes if slope.worst > WRONG]
    verdict: Verdict = "fail" if wrong else "warn" if worst.worst > SUSPECT else "pass"
    says = _(
        "{points} derivatives in {count} of {tensors} tensors: the largest median error of a tensor is {median:.1e}, "
        "the largest error {worst:.1e} ({name}); kinks crossed: {kinks}."
    ).format(
        points=sum(slope.points for slope in slopes), count=len(slopes), tensors=max(tensors, len(slopes)),
        median=median, worst=worst.worst, name=worst.name, kinks=sum(slope.kinks for slope in slopes),
    )  # fmt: skip
    remedy = ""
    if wrong:
        names = ", ".join(wrong[:SHOWN]) + (" …" if len(wrong) > SHOWN else "")
        remedy = _(
            "The gradient is wrong in {names}: look at the backward pass of what follows."
        ).format(names=names)
    elif verdict == "warn":
        remedy = _(
            "Errors from 1e-4 to 1e-2 are suspect; in networks ten layers deep they may be kinks alone."
        )
    expected = _("median at most {right:g}, none above {suspect:g}").format(
        right=RIGHT, suspect=SUSPECT
    )
    return Finding(
        verdict, says, median, expected, remedy, _table(slopes, by_kind=not subject.layers)
    )


GRADIENTS = Rule(
    "gradients",
    "Gradient check",
    "Centred differences, h = 1e-5 in float64: relative errors above 1e-2 are wrong, 1e-4 is fine with kinks, "
    "1e-7 is right. CS231n notes, Gradient checks",
    _gradients,
)


def slopes_of(subject: Subject) -> tuple[list[Slope], int]:
    """The chosen layers' parameters, as far as time goes; and how many there would be.

    Raises Problem where no layer has such a name.
    """
    # no float64 on MPS, not even on its way to the CPU
    device = torch.device("cpu") if subject.device.type == "mps" else subject.device
    model = subject.model().to(device)
    model = model.to(torch.float64, memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    learning = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    if not learning:
        return [], 0
    chosen = [name for name, _p in learning if within(name, subject.layers)]
    if not chosen:
        layers = layer_kinds(model)
        raise Problem(
            _("no layer that learns is called {names}").format(names=", ".join(subject.layers)),
            _("the layers are {layers}").format(layers=", ".join(layers)),
        )
    inputs, labels = subject.sample(LEARNT + ASKED)
    inputs, labels = inputs.to(device).double(), labels.to(device)
    adam = torch.optim.Adam([p for _name, p in learning], lr=1e-3)
    bench = Bench(model, subject.loss, adam, key="check")
    for _step in range(STEPS):
        bench.step(inputs[:LEARNT], labels[:LEARNT])
    check = GradientCheck(bench, inputs[LEARNT:], labels[LEARNT:])
    seconds = math.inf if subject.layers else SECONDS  # who chooses gets all of them
    return list(check.run(subject.layers, seconds, subject.go_on)), len(chosen)


def _alone(rule: L1 | L2) -> Slope:
    """What a regulariser adds to the gradient, without the loss, against differences of its penalty."""
    weight = torch.nn.Parameter(
        torch.randn(4, 4, generator=generator("penalty"), dtype=torch.float64)
    )
    weight.grad = torch.zeros_like(weight)
    rule.build([weight])
    errors = []
    for row, column in ((0, 0), (1, 2), (2, 1), (3, 3)):
        step = torch.zeros_like(weight)
        step[row, column] = H
        sides = [penalty(rule, [weight.detach() + sign * step]) for sign in (1, -1)]
        numeric, slope = (sides[0] - sides[1]) / (2 * H), float(weight.grad[row, column])
        errors.append(abs(slope - numeric) / max(abs(slope), abs(numeric), 1e-10))
    median = float(torch.tensor(errors, dtype=torch.float64).median())
    return Slope(
        _("{rule} alone").format(rule=_(rule.title())),
        type(rule).__name__,
        4,
        median,
        max(errors),
        0,
    )


def _table(slopes: list[Slope], by_kind: bool) -> Table:
    """A row a kind of parameter, or a tensor."""
    head = (_("parameter"), _("derivatives"), _("median error"), _("largest"), _("in"), _("kinks"))
    key = (lambda slope: slope.kind) if by_kind else (lambda slope: slope.name)
    rows = []
    for name, group in groupby(sorted(slopes, key=key), key):
        members = list(group)
        worst = max(members, key=lambda slope: slope.worst)
        points = sum(slope.points for slope in members)
        median = max(slope.median for slope in members)
        kinks = sum(slope.kinks for slope in members)
        rows.append(
            (name, str(points), f"{median:.1e}", f"{worst.worst:.1e}", worst.name, str(kinks))
        )
    return head, *rows
