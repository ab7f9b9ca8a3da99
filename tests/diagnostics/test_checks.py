"""The checks before training: what they say of sound and of broken experiments, and that they disturb nothing."""

import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn

from trainlab import events as ev
from trainlab.catalog.datasets import Digits, Images, Xor
from trainlab.diagnostics.checks import CHECKS, Check, check, made, preflight
from trainlab.diagnostics.checks.base import Subject
from trainlab.diagnostics.range_test import LRS, range_test
from trainlab.engine.trainer import Trainer
from trainlab.experiment import Experiment

RULES = {rule.id: rule for rule in CHECKS}
TINY: dict[str, Any] = {
    "model": {"kind": "mlp", "width": 16, "dropout": 0.2},
    "training": {"epochs": 2, "threads": 1},
}


@pytest.fixture(scope="module")
def data() -> Images:
    return Digits().load()


def look(name: str, data: Images, **settings: Any) -> Check:
    return made(RULES[name], Subject(Experiment.from_data(TINY | settings), data))


def test_the_default_experiment_passes_in_time() -> None:
    start = time.process_time()
    found = check()
    assert time.process_time() - start < 10
    assert [made.id for made in found] == [rule.id for rule in CHECKS]
    assert {made.verdict for made in found} == {"pass", "skip"}
    assert all(made.says and made.reference and made.title for made in found)
    assert all(made.to_data()["seconds"] >= 0 for made in found)


@pytest.mark.parametrize(
    ("loss", "chance"), [("cross_entropy", 2.302585), ("hinge", 9.0), ("mse", 0.09)]
)
def test_chance_is_what_the_rule_says(data: Images, loss: str, chance: float) -> None:
    subject = Subject(Experiment.from_data(TINY | {"loss": loss}), data)
    assert subject.chance(data.labels) == pytest.approx(chance, rel=1e-5)
    if loss != "mse":  # whose first loss is that of zero, not of 1/K
        found = look("chance_loss", data, loss=loss, init="small_random")
        assert found.value == pytest.approx(chance, rel=0.01)
        assert found.verdict == "pass"


class Told(Subject):
    """A subject whose network knows the labels before the first step."""

    def model(self) -> nn.Module:
        known = 9 * nn.functional.one_hot(self.sample(256)[1], self.classes).float()
        return Answers(known)


class Even(Subject):
    """A subject whose network gives every class the same, whatever its last bias was to be."""

    def model(self) -> nn.Module:
        return Answers(torch.zeros(len(self.sample(256)[1]), self.classes))


class Answers(nn.Module):
    """Gives these logits, whatever it is shown."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, _batch: Tensor) -> Tensor:
        return self.logits


def test_a_start_at_the_classes_frequencies_is_no_leak(data: Images) -> None:
    uneven = two_classes(data, 170, 5)
    init = {"kind": "small_random", "class_prior": True}
    found = look("chance_loss", uneven, init=init)
    assert found.verdict == "pass"
    assert found.value == pytest.approx(0.13, abs=0.03)  # the entropy of 170 to 5
    for subject in (data, uneven):
        told = made(RULES["chance_loss"], Told(Experiment.from_data(TINY), subject))
        assert told.verdict == "fail"
        assert "leak" in told.remedy


def test_frequencies_that_did_not_reach_the_last_bias_are_missed(data: Images) -> None:
    uneven = two_classes(data, 170, 5)
    for prior, verdict in ((False, "pass"), (True, "warn")):
        init = {"kind": "small_random", "class_prior": prior}
        even = Even(Experiment.from_data(TINY | {"init": init}), uneven)
        assert made(RULES["chance_loss"], even).verdict == verdict


def test_a_loud_start_is_seen(data: Images) -> None:
    loud = {"kind": "small_random", "std": 1.0}
    model = TINY["model"] | {"norm": "none"}
    found = look("chance_loss", data, init=loud, model=model)
    assert found.verdict != "pass"
    assert found.remedy.startswith("Start with smaller weights")


def test_symmetry_fails_where_it_shows(data: Images) -> None:
    for name in ("signal", "overfit"):
        found = look(name, data, init="zeros")
        assert (name, found.verdict) == (name, "fail")
        assert found.remedy
    assert look("chance_loss", data, init="zeros").verdict == "pass"


def test_vanishing_gradients_are_seen(data: Images) -> None:
    deep = {"kind": "mlp", "width": 32, "depth": 10, "norm": "none", "activation": "sigmoid"}
    found = look("signal", data, model=deep)
    assert found.verdict == "fail"
    assert len(found.details) == 1 + 11  # a row a layer
    assert look("signal", data, model=deep | {"activation": "relu"}).verdict == "pass"


@pytest.mark.parametrize("lr", [1e-7, 10.0])
def test_a_bad_learning_rate_is_told_from_a_broken_network(data: Images, lr: float) -> None:
    found = look("overfit", data, optimizer={"kind": "sgd", "lr": lr})
    assert found.verdict == "warn"
    assert "range test" in found.remedy


def test_labels_are_learnt_by_heart_without_smoothing(data: Images) -> None:
    found = look("overfit", data, loss={"kind": "cross_entropy", "label_smoothing": 0.4})
    assert found.verdict == "pass"
    assert found.value is not None
    assert found.value < 0.05 * 2.303  # smoothed so, no loss is below 1.5


@pytest.mark.parametrize("model", [{"depth": 0}, {"width": 2, "depth": 1}])
def test_a_network_that_is_too_small_is_told_so(model: dict[str, Any]) -> None:
    plane = Xor().load()
    found = look("overfit", plane, dataset="xor", model={"kind": "mlp", **model})
    assert found.verdict == "fail"
    assert found.remedy.startswith("Either the network is too small")


def test_labels_that_belong_to_other_images_are_seen(data: Images) -> None:
    shuffled = data.labels[
        torch.randperm(len(data.labels), generator=torch.Generator().manual_seed(0))
    ]
    assert look("zero_input", replace(data, labels=shuffled)).verdict == "fail"
    assert look("overfit", replace(data, labels=shuffled)).verdict == "pass"  # passing is no proof


def two_classes(data: Images, zeros: int, ones: int) -> Images:
    """So many images of the digits 0 and 1."""
    rows = torch.cat([(data.labels == d).nonzero()[:n, 0] for d, n in ((0, zeros), (1, ones))])
    some = replace(data, images=data.images[rows], labels=data.labels[rows])
    return replace(some, classes=("0", "1"))


def test_what_is_found_in_the_images_is_told_from_luck(data: Images) -> None:
    """Unequal classes, a loss that starts far from chance, the same answer for all, too few images."""
    uneven = two_classes(data, 170, 30)
    found = look("zero_input", uneven, model={"kind": "mlp", "width": 64})
    assert found.verdict == "pass"
    order = torch.randperm(len(uneven.labels), generator=torch.Generator().manual_seed(0))
    found = look("zero_input", replace(uneven, labels=uneven.labels[order]))
    assert found.verdict == "warn"  # too few of the second class to be sure
    assert look("zero_input", data, loss="mse").verdict == "pass"
    assert look("zero_input", data, init="zeros").value == 1  # the same answer for every image
    few = look("zero_input", two_classes(data, 25, 25))
    assert (few.verdict, few.says) == ("skip", "Too few validation images to tell: 10.")


class Together(nn.Module):
    """Subtracts the mean over the batch."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, batch: Tensor) -> Tensor:
        logits: Tensor = self.inner(batch)
        return logits - logits.mean(0)


class Mixed(Subject):
    """A subject whose network mixes the images of a batch."""

    def model(self) -> nn.Module:
        return Together(super().model())


def test_images_that_change_each_other_are_seen(data: Images) -> None:
    found = made(RULES["batch_dependency"], Mixed(Experiment.from_data(TINY), data))
    assert found.verdict == "fail"
    assert found.value == pytest.approx(1 / 3, rel=1)
    apart = look("batch_dependency", data)
    assert (apart.verdict, apart.value) == ("pass", 0.0)


def test_rare_and_missing_classes(data: Images) -> None:
    some = (data.labels != 3) | (torch.arange(len(data.labels)) < 40)
    few = replace(data, images=data.images[some], labels=data.labels[some])
    found = look("classes", few)
    assert found.verdict == "warn"
    assert "Fewer than 5: 3." in found.says
    none = replace(data, images=data.images[data.labels != 3], labels=data.labels[data.labels != 3])
    assert look("classes", none).verdict == "fail"


def test_labels_of_several_positions_and_notes_are_told(data: Images) -> None:
    pairs = torch.stack([data.labels, torch.zeros_like(data.labels)], 1)
    images, notes = data.images.repeat(1, 1, 1, 2), ("1 of 9 files is left out:", "a.png: empty")
    found = look("classes", replace(data, images=images, labels=pairs, notes=notes))
    assert found.says.startswith("2,876 training labels in 10 classes, ")
    assert found.says.endswith("Notes on the data: 1 of 9 files is left out: · a.png: empty")
    assert found.verdict == "warn"
    assert found.remedy.endswith("not at the accuracy alone: 55% of the labels are 0.")
    assert ("note", "a.png: empty") in found.details


def test_copies_on_both_sides_of_the_split(data: Images) -> None:
    twice = replace(
        data, images=data.images[:400].repeat(2, 1, 1, 1), labels=data.labels[:400].repeat(2)
    )
    assert look("duplicates", twice).verdict == "fail"
    assert look("duplicates", data).verdict == "pass"


def test_two_distributions(data: Images) -> None:
    order = data.labels.argsort()
    by_class = replace(data, images=data.images[order], labels=data.labels[order])
    assert look("distribution", by_class, split={"kind": "time"}).verdict == "warn"
    assert look("distribution", by_class).verdict == "pass"


def test_augmentation_that_changes_the_class(data: Images) -> None:
    found = look("label_safety", data, augmentations=["vertical_flip"])
    assert found.verdict == "warn"
    assert "6 and 9" in found.says
    assert look("label_safety", data, augmentations=["shift"]).verdict == "pass"
    assert look("label_safety", data).verdict == "skip"


def test_loaded_weights_want_their_own_mean(data: Images, tmp_path: Path) -> None:
    file, name = tmp_path / "own.pth", "shufflenet_v2_x0_5"
    torch.save(torchvision.models.get_model(name).state_dict(), file)
    model = {"kind": "pretrained", "name": name, "weights": str(file), "size": 32}
    found = look("pretrained", data, model=model)
    assert found.verdict == "fail"
    assert found.says.endswith("They arrive with a mean of -0.01 instead of -0.65.")
    assert look("pretrained", data, model=model, preprocessing="imagenet").verdict == "pass"
    assert look("pretrained", data).verdict == "skip"


def test_more_regularisation_is_more_loss(data: Images) -> None:
    light, heavy = (
        look("penalty", data, regularizers=[{"kind": "l2", "strength": strength}, "l1"])
        for strength in (1e-4, 1.0)
    )
    assert (light.verdict, heavy.verdict) == ("pass", "warn")
    assert light.value is not None
    assert heavy.value is not None
    assert heavy.value > light.value > 0
    assert light.says.endswith(
        "weight decay of 0.01 acts in its step, not in the loss: it is not counted here."
    )
    assert "weight decay" not in look("penalty", data, optimizer="sgd").says


def test_it_stops_when_nobody_wants_to_know(data: Images) -> None:
    asked = iter([False] * 20 + [True] * 1000)
    found = list(preflight(Experiment.from_data(TINY), data, lambda: next(asked)))
    assert 0 < len(found) < len(CHECKS)


def trained(*looks: Iterator[object]) -> str:
    """The hash of a run's weights; after every event some of `looks` is done."""
    experiment = Experiment.from_data(TINY | {"augmentations": ["shift"]})
    for event in Trainer(experiment).run(SimpleQueue()):
        list(islice(chain(*looks), 8))
        if isinstance(event, ev.Finished):
            return event.weights_sha256
    raise AssertionError("it never finished")


def test_a_run_is_the_same_with_checks_before_and_during_it(data: Images) -> None:
    alone = trained()
    experiment = Experiment.from_data(TINY | {"augmentations": ["shift"]})
    shared = torch.get_rng_state()
    looks = chain(range_test(experiment, data, lrs=LRS[::5]), preflight(experiment, data))
    assert trained(looks) == alone
    assert isinstance(next(looks, None), Check | None)  # the range test was made during the run
    list(looks)
    assert torch.equal(shared, torch.get_rng_state())
    assert trained() == alone
