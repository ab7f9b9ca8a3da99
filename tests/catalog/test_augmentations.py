"""What holds for every augmentation: probability, draws an image, keys, ranges; and label safety."""

from typing import Any

import pytest
import torch
from torch import Tensor

from trainlab.catalog.augmentations import (
    AugmentationChoice,
    AutoAugment,
    ColourJitter,
    CutMix,
    Erasing,
    GaussianNoise,
    Grayscale,
    HorizontalFlip,
    Mixing,
    MixUp,
    RandomResizedCrop,
    Rotation,
    Scale,
    Shear,
    Shift,
    TrivialAugmentWide,
    VerticalFlip,
    changes,
    label_warnings,
    mixes,
)
from trainlab.catalog.augmentations.draws import happens
from trainlab.catalog.datasets import DatasetChoice
from trainlab.choice import choices
from trainlab.engine.randomness import generator

EVERY = choices(AugmentationChoice)
SURE = ("horizontal_flip", "vertical_flip", "grayscale")  # nothing but p is drawn
SHAPES = [(3, 32, 32), (1, 8, 8), (3, 17, 12), (1, 1, 5)]


def colour(shape: tuple[int, int, int], count: int = 64) -> Tensor:
    batch = torch.rand(count, *shape, generator=generator("images"))
    return batch.mul(255).round().div(255).contiguous(memory_format=torch.channels_last)


def changed(choice: AugmentationChoice, batch: Tensor, *key: int) -> tuple[Tensor, Tensor]:
    """Images and labels after the choice."""
    labels = torch.eye(10)[torch.arange(len(batch)) % 10]
    for call in changes((choice,)):
        batch = call(batch, generator("draws", *key))
    for mix in mixes((choice,)):
        batch, labels = mix(batch, labels, generator("draws", *key))
    return batch, labels


def touched(before: Tensor, after: Tensor) -> Tensor:
    """Which images differ."""
    return (before != after).flatten(1).any(1)


@pytest.fixture(params=EVERY, ids=lambda kind: kind.kind_name())
def kind(request: pytest.FixtureRequest) -> type[AugmentationChoice]:
    return request.param  # type: ignore[no-any-return]


def made(kind: type[AugmentationChoice], **fields: Any) -> AugmentationChoice:
    return kind(kind=kind.kind_name(), **fields)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_images_keep_their_shape_kind_and_range(
    kind: type[AugmentationChoice], shape: tuple[int, int, int]
) -> None:
    batch = colour(shape, 16)
    kept = batch.clone()
    after, labels = changed(made(kind, p=1.0), batch)
    assert torch.equal(batch, kept), "the batch itself was written to"
    assert after.shape == batch.shape
    assert after.dtype == torch.float32
    assert 0 <= float(after.min()) <= float(after.max()) <= 1 + 1e-6
    assert torch.allclose(labels.sum(1), torch.ones(16))


def test_points_pass(kind: type[AugmentationChoice]) -> None:
    points = torch.rand(32, 2, 1, 1)
    after, _labels = changed(made(kind, p=1.0), points)
    assert after.shape == points.shape
    assert after.isfinite().all()


def test_without_probability_nothing_changes(kind: type[AugmentationChoice]) -> None:
    batch = colour((3, 32, 32), 16)
    after, labels = changed(made(kind, p=0.0), batch)
    assert torch.equal(after, batch)
    assert torch.equal(labels, torch.eye(10)[torch.arange(16) % 10])


def test_with_certainty_all_change(kind: type[AugmentationChoice]) -> None:
    batch = colour((3, 32, 32))
    after, _labels = changed(made(kind, p=1.0), batch)
    share = float(touched(batch, after).float().mean())
    # a shift by nothing, a piece of no size, a policy that draws "identity" or no strength
    assert share >= (0.5 if kind.slow or kind.kind_name() in ("shift", "cutmix") else 1.0)


def test_a_share_of_the_images_changes(kind: type[AugmentationChoice]) -> None:
    batch = colour((3, 32, 32))
    after, _labels = changed(made(kind, p=0.3), batch)
    drawn = happens(batch, generator("draws"), 0.3)
    assert 8 < drawn.sum() < 32
    assert not touched(batch, after)[~drawn].any()
    assert touched(batch, after)[drawn].float().mean() >= 0.5


def test_labels_are_mixed_where_images_are() -> None:
    batch = colour((3, 8, 8))
    for choice in (MixUp(p=0.3, alpha=1.0), CutMix(p=0.3)):
        after, labels = changed(choice, batch)
        unmixed = (labels == torch.eye(10)[torch.arange(64) % 10]).all(1)
        assert torch.equal(touched(batch, after), ~unmixed)
        assert unmixed.sum() > 32


def test_each_image_gets_draws_of_its_own(kind: type[AugmentationChoice]) -> None:
    batch = colour((3, 32, 32), 1).expand(64, -1, -1, -1).contiguous()
    if issubclass(kind, Mixing):  # the same neighbour for all
        batch[1::2] = batch[:1].flip(3)
    after, _labels = changed(made(kind, p=1.0), batch)
    different = len(after.flatten(1).unique(dim=0))
    if kind.kind_name() in SURE:
        assert different == 1
    elif kind is Shift:
        assert different == 9
    else:
        assert different >= (20 if kind.slow else 40)  # AutoAugment has 25 pairs


def test_the_same_key_gives_the_same_images(kind: type[AugmentationChoice]) -> None:
    batch = colour((3, 32, 32), 16)
    choice = made(kind, p=0.5)
    once, labels = changed(choice, batch, 1)
    torch.rand(7)  # what others draw is nothing to it
    again, same_labels = changed(choice, batch, 1)
    other, _labels = changed(choice, batch, 2)
    assert torch.equal(once, again)
    assert torch.equal(labels, same_labels)
    assert not torch.equal(once, other)


def test_the_shared_generator_is_left_alone(kind: type[AugmentationChoice]) -> None:
    before = torch.get_rng_state()
    changed(made(kind, p=0.9), colour((3, 32, 32), 8))
    assert torch.equal(torch.get_rng_state(), before)


def test_moves_between_other_changes_are_resampled_apart_and_mixing_comes_last() -> None:
    pipeline = (MixUp(), Shift(), HorizontalFlip(), ColourJitter(), Rotation(), CutMix(), Scale())
    names = [getattr(call, "func", call).__name__ for call in changes(pipeline)]
    assert names == ["resample", "colour_jitter", "resample"]
    assert [mix.func.__name__ for mix in mixes(pipeline)] == ["mixup", "cutmix"]  # type: ignore[attr-defined]
    first, _jitter, last = changes(pipeline)
    assert [len(call.keywords["moves"]) for call in (first, last)] == [2, 2]  # type: ignore[attr-defined]
    modes = [call.keywords["mode"] for call in (first, last)]  # type: ignore[attr-defined]
    assert modes == ["nearest", "bilinear"]


# what each data set's classes are told by, beyond shape: from what its images are
SIGNS = {"handedness", "orientation"}
CUES: dict[str, set[str]] = {
    **dict.fromkeys(("digits", "mnist", "kmnist", "emnist", "svhn"), SIGNS),
    **dict.fromkeys(("numbers", "svhn_numbers"), SIGNS | {"parts"}),
    **{toy: {"coordinates"} for toy in ("spiral", "circles", "moons", "xor")},
    "gtsrb": SIGNS | {"colour"},
    "flowers102": {"colour"},
}
BREAKS: list[tuple[AugmentationChoice, set[str]]] = [
    (HorizontalFlip(), {"handedness"}),
    (VerticalFlip(), SIGNS),
    (Rotation(degrees=10.0), set()),
    (Rotation(degrees=90.0), {"orientation"}),
    (Shear(degrees=50.0), {"orientation"}),
    (ColourJitter(), set()),
    (ColourJitter(hue=0.5), {"colour"}),
    (Grayscale(), {"colour"}),
    (Erasing(), {"parts"}),
    (CutMix(), {"parts"}),
    (RandomResizedCrop(), {"parts"}),
    (TrivialAugmentWide(), {"orientation"}),
    (AutoAugment(), {"colour"}),
    (GaussianNoise(), set()),
    (MixUp(), set()),
]


@pytest.mark.parametrize("dataset", choices(DatasetChoice), ids=lambda choice: choice.kind_name())
def test_a_data_set_is_warned_of_what_changes_its_classes(dataset: type[DatasetChoice]) -> None:
    cues = CUES.get(dataset.kind_name(), set())
    assert dataset.cues == cues
    data = dataset.model_construct(kind=dataset.kind_name())
    for augmentation, breaks in BREAKS:
        pixels = {"coordinates"} if augmentation.pixels else set()
        warnings = label_warnings(data, (augmentation,))
        assert len(warnings) == bool(cues & (breaks | pixels)), augmentation.kind
        if warnings:
            assert augmentation.title() in warnings[0]
            assert dataset.title() in warnings[0]


def test_no_warning_of_what_never_happens_and_none_twice() -> None:
    digits = next(choice for choice in choices(DatasetChoice) if choice.kind_name() == "digits")
    data = digits.model_construct(kind="digits")
    assert label_warnings(data, (HorizontalFlip(p=0.0),)) == []
    assert len(label_warnings(data, (HorizontalFlip(), HorizontalFlip(p=0.2)))) == 1
    (sentence,) = label_warnings(data, (VerticalFlip(),))
    assert sentence == (
        "Vertical flip may change the class of Digits: mirrored, they are of another class or of "
        "none; turned or upside down, they are of another class or of none, as 6 and 9."
    )
