"""Before the first step: the loss at chance, the signal, images apart from each other, loaded weights."""

import math

import torch

from trainlab.catalog.models import Pretrained
from trainlab.catalog.preprocessing.pixelwise import ImageNetChoice
from trainlab.diagnostics.checks.base import Finding, Rule, Subject, Verdict
from trainlab.engine.batches import gather
from trainlab.engine.randomness import generator, key_noise
from trainlab.engine.signal import layer_signals
from trainlab.text import _

IMAGES = 256  # whose mean loss is measured
FEW = 64  # whose signal is
NEAR, FAR = (
    1.5,
    50.0,
)  # times chance: usual for calibrated weights; a start that wastes the first epoch
FAINT, GONE = 3e-4, 1e-5  # a layer's gradient over the largest: weak; too weak to learn from
LARGE = 1e3  # an output's deviation that nothing after it can take


def _chance_loss(subject: Subject) -> Finding:
    """C1: the loss of the fresh network, in training mode, against that of answers without any image."""
    inputs, labels = subject.sample(IMAGES)
    model = subject.model().train()
    noise = key_noise(model, subject.device)
    if noise is not None:
        noise.manual_seed(generator("check").initial_seed())
    with torch.no_grad():
        value = float(subject.loss(model(inputs), labels))
    chance, guess = subject.chance(labels), _guess(subject, labels)
    begins = guess if subject.experiment.init.class_prior else chance
    high, far = begins + (NEAR - 1) * chance, begins + (FAR - 1) * chance
    verdict: Verdict = "pass" if 0.8 * guess <= value <= high else "warn"
    if not 0.5 * guess <= value <= far:
        verdict = "fail"
    says = _(
        "The first loss is {value:.4g}; the same score for each of {k} classes would give {chance:.4g}."
    ).format(value=value, k=subject.classes, chance=chance)
    if guess < 0.8 * chance:
        says += " " + _("The classes' frequencies would give {guess:.4g}.").format(guess=guess)
    if verdict == "pass":
        remedy = ""
    elif value < guess:
        remedy = _(
            "No answer that is the same for all images costs so little. Try another seed: the first weights may tell "
            "the classes apart by luck. If it stays, the labels leak into the images."
        )
    else:
        remedy = _(
            "Start with smaller weights in the last layer, or another initialisation (panel Init): the first steps "
            "only unlearn what is said too surely."
        )
    expected = _("{low:.4g} to {high:.4g}").format(low=0.8 * guess, high=high)
    return Finding(verdict, says, value, expected, remedy)


def _guess(subject: Subject, labels: torch.Tensor) -> float:
    """The least loss of an answer that is the same for all images: 1/K, or the classes' frequencies."""
    one_hot = torch.nn.functional.one_hot(subject.train.labels, subject.classes).float()
    shares = ((one_hot.sum(0) + 1) / (len(one_hot) + subject.classes)).movedim(-1, 0)
    answers = [each.expand(len(labels), *shares.shape) for each in (shares, shares.log())]
    return min(subject.chance(labels), *(float(subject.loss(each, labels)) for each in answers))


CHANCE_LOSS = Rule(
    "chance_loss",
    "Loss at chance",
    "A network that knows nothing has the loss of chance: ln K for a softmax over K classes, K - 1 for the "
    "hinge; with the classes' frequencies in its last bias, their entropy. CS231n notes, Sanity checks",
    _chance_loss,
)


def _signal(subject: Subject) -> Finding:
    """I7: deviations of each layer's output and of the loss's gradient there, on one batch."""
    found = layer_signals(subject.model(), subject.loss, *subject.sample(FEW))
    frozen = not all(p.requires_grad for p in subject.model().parameters())
    hidden, last = found[:-1], found[-1]
    reached = [s.gradient for s in found if not frozen or s.gradient]
    weakest = min(reached) / (max(reached) or 1.0)
    largest = max(layer.activation for layer in found)
    silent = [layer.name for layer in hidden if layer.activation == 0]
    opens = last.activation == 0 and not silent and last.gradient > 0
    if silent or not math.isfinite(largest) or (weakest < GONE and not opens):
        verdict: Verdict = "fail"
    else:
        verdict = "warn" if weakest < FAINT or largest > LARGE else "pass"
    says = _(
        "Outputs have a deviation of {first:.2g} in the first layer and {last:.2g} in the last; the weakest gradient "
        "is {weakest:.2g} of the strongest."
    ).format(first=found[0].activation, last=last.activation, weakest=weakest)
    if silent:
        says += " " + _("{count} of {all} layers give the same for every image.").format(
            count=len(silent), all=len(found)
        )
    elif opens:
        says += " " + _("The last layer starts at zero: the others learn from the second step on.")
    return Finding(
        verdict,
        says,
        weakest,
        _("no layer without a signal; gradients above {least:g} of the strongest").format(least=FAINT),
        "" if verdict == "pass" or opens else _("Choose an initialisation for the activation (He for ReLU, Xavier for "
        "tanh), a normalisation, or skip connections (panels Init and Model). Weights that are all equal stay equal."),
        (
            (_("layer"), _("output σ"), _("gradient σ")),
            *((s.name, f"{s.activation:.3g}", f"{s.gradient:.3g}") for s in found),
        ),
    )  # fmt: skip


SIGNAL = Rule(
    "signal",
    "Signal through the layers",
    "The variance of outputs and of gradients should be about the same in every layer. Glorot & Bengio 2010; "
    "He et al. 2015, Delving deep into rectifiers",
    _signal,
)


def _batch_dependency(subject: Subject) -> Finding:
    """C6: the gradient of one image's logits to the other images of its batch, in evaluation mode."""
    inputs = subject.sample(4)[0].requires_grad_()
    model = subject.model().eval()
    with torch.enable_grad():
        model(inputs)[1].square().sum().backward()
    reach = torch.zeros(4) if inputs.grad is None else inputs.grad.abs().flatten(1).amax(1)
    own, others = float(reach[1]), float(reach[[0, 2, 3]].max())
    expected = _("exactly 0")
    if not own:
        says = _("No image changes its own answer: there is no gradient to follow.")
        return Finding("skip", says, None, expected)
    if not others:
        says = _("An image's answer depends on that image alone.")
        return Finding("pass", says, 0.0, expected)
    return Finding(
        "fail",
        _("Other images of the batch change an image's answer: their gradient is {share:.2g} of its own.").format(
            share=others / own
        ),
        others / own,
        expected,
        _("Look for a view, a flatten or a mean over the dimension of the batch, and for a norm that stays in "
          "training mode."),
    )  # fmt: skip


BATCH_DEPENDENCY = Rule(
    "batch_dependency",
    "Images apart from each other",
    "Follow the gradient of one answer back to the batch: in evaluation mode it reaches that image alone. "
    "Karpathy 2019, A recipe for training neural networks",
    _batch_dependency,
)


def _pretrained(subject: Subject) -> Finding:
    """M8: loaded weights get the mean and the deviation that they were trained with."""
    experiment = subject.experiment
    if not isinstance(experiment.model, Pretrained):
        return Finding("skip", _("The network starts from nothing: there is no mean to keep."))
    chosen = _(experiment.preprocessing.title())
    expected = _(ImageNetChoice.title())
    says = _("The weights were trained on ImageNet; the images get: {chosen}.").format(
        chosen=chosen
    )
    side = subject.train
    images = gather(side.images, torch.arange(min(FEW, len(side)), device=side.images.device))
    arrives, wanted = side.preprocess(images), ImageNetChoice().build(images)(images)
    if torch.allclose(arrives, wanted):
        return Finding("pass", says, None, expected)
    says += " " + _("They arrive with a mean of {mean:.2f} instead of {wanted:.2f}.").format(
        mean=arrives.mean(), wanted=wanted.mean()
    )
    remedy = _("Choose {expected} on the panel Data.").format(expected=expected)
    return Finding("fail", says, None, expected, remedy)


PRETRAINED = Rule(
    "pretrained",
    "Mean and deviation of loaded weights",
    "Loaded weights keep the mean and deviation that they were trained with. CS231n notes, Transfer learning; "
    "torchvision, the transforms of the weights",
    _pretrained,
)
