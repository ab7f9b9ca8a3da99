"""What the engine computes, against closed forms, numpy and torchvision."""

import numpy as np
import pytest
import torch
from torch import nn

from trainlab.catalog.preprocessing import Standardize, channel_statistics
from trainlab.catalog.regularizers import L2, ClipNorm, ClipValue
from trainlab.engine.batches import Batches, check_split, epoch_order, probabilities, right
from trainlab.engine.meter import Meter
from trainlab.engine.randomness import generator, key_seed
from trainlab.engine.weights import weights_sha256
from trainlab.errors import Problem


def weighted() -> list[nn.Parameter]:
    parameters = [nn.Parameter(torch.randn(5, 3)), nn.Parameter(torch.randn(5))]
    for parameter in parameters:
        parameter.grad = 10 * torch.randn_like(parameter)
    return parameters


def test_l2_adds_its_gradient_to_weights_and_spares_biases() -> None:
    matrix, bias = weighted()
    assert matrix.grad is not None
    assert bias.grad is not None
    before = matrix.grad.clone(), bias.grad.clone()
    L2(strength=0.3).build([matrix, bias])
    assert torch.allclose(matrix.grad, before[0] + 0.3 * matrix)
    assert torch.equal(bias.grad, before[1])


def test_clipping_the_norm_keeps_the_direction() -> None:
    parameters = weighted()
    before = torch.cat([p.grad.flatten() for p in parameters if p.grad is not None])
    ClipNorm(max_norm=2.0).build(parameters)
    after = torch.cat([p.grad.flatten() for p in parameters if p.grad is not None])
    assert torch.allclose(after, before * 2 / before.norm(), atol=1e-5)
    ClipNorm(max_norm=100.0).build(parameters)
    assert torch.allclose(
        torch.cat([p.grad.flatten() for p in parameters if p.grad is not None]), after
    )


def test_clipping_values_cuts_components() -> None:
    parameters = weighted()
    before = [p.grad.clone() for p in parameters if p.grad is not None]
    ClipValue(clip_value=0.7).build(parameters)
    for parameter, gradient in zip(parameters, before, strict=True):
        assert parameter.grad is not None
        assert torch.equal(parameter.grad, gradient.clamp(-0.7, 0.7))


@pytest.mark.parametrize("shape", [(50, 1, 8, 8), (7, 3, 5, 9)])
def test_channel_statistics_are_numpys(shape: tuple[int, ...]) -> None:
    pixels = torch.randint(256, shape, dtype=torch.uint8, generator=generator("pixels"))
    mean, std = channel_statistics(pixels)
    floats = pixels.numpy().astype(np.float64) / 255
    np.testing.assert_allclose(mean.flatten(), floats.mean((0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(std.flatten(), floats.std((0, 2, 3)), rtol=1e-6)


def test_a_channel_without_contrast_stays_finite() -> None:
    pixels = torch.full((4, 1, 3, 3), 17, dtype=torch.uint8)
    assert Standardize(pixels)(pixels.float() / 255).abs().max() < 1e-3


def test_an_answer_is_right_for_each_position() -> None:
    logits = torch.tensor([[[5.0, 0.0], [0.0, 5.0]], [[0.0, 5.0], [5.0, 0.0]]])  # (N, K, P)
    labels = torch.tensor([[0, 1], [1, 1]])
    assert right(logits, labels).tolist() == [[True, True], [True, False]]
    mixed = probabilities(labels, 2)
    assert mixed.shape == (2, 2, 2)
    assert torch.equal(mixed.argmax(1), labels)
    assert torch.equal(right(logits, mixed), right(logits, labels))


def test_an_empty_side_of_the_split_is_a_problem() -> None:
    for sides in ((torch.arange(3), torch.arange(0)), (torch.arange(0), torch.arange(3))):
        with pytest.raises(Problem, match="split: "):
            check_split(*sides)


def test_an_order_is_a_permutation_of_its_own() -> None:
    first, second = epoch_order(50, 0, 0), epoch_order(50, 0, 1)
    assert sorted(first.tolist()) == list(range(50))
    assert not torch.equal(first, second)
    assert torch.equal(first, epoch_order(50, 0, 0))
    assert key_seed(1, "order", 2) != key_seed(1, "order", 3) != key_seed(12, "order", 3)
    assert 0 <= key_seed("any") < 2**63


def test_prepared_batches_are_the_same_as_fresh_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = torch.randint(256, (30, 3, 8, 8), dtype=torch.uint8, generator=generator("pixels"))
    labels, index = torch.arange(30), torch.tensor([3, 0, 29])
    preprocess = Standardize(pixels)
    prepared = Batches.make(pixels, labels, preprocess, None)
    monkeypatch.setattr("trainlab.engine.batches.PREPARED_BYTES", 0)
    fresh = Batches.make(pixels, labels, preprocess, None)
    assert prepared.prepared is not None
    assert fresh.prepared is None
    for batches in (prepared, fresh):
        inputs, found = batches.inputs(index)
        assert inputs.is_contiguous(memory_format=torch.channels_last)
        assert torch.equal(inputs, preprocess(pixels[index].float() / 255))
        assert torch.equal(found, index)


def test_the_meter_weighs_batches_by_their_size() -> None:
    meter = Meter(10)
    assert meter.read() is None
    meter.add(torch.tensor(1.0), torch.tensor(2), 4, 0.1)
    meter.add(torch.tensor(4.0), torch.tensor(1), 2, 0.2)
    steps = meter.read()
    assert steps is not None
    assert (steps.first, steps.loss, steps.accuracy, steps.lr) == (
        11,
        (1, 4),
        (0.5, 0.5),
        (0.1, 0.2),
    )
    assert meter.end_epoch() == (2.0, 0.5)
    meter.add(torch.tensor(3.0), torch.tensor(0), 2, 0.2)
    meter.add(torch.tensor(float("inf")), torch.tensor(0), 2, 0.2)
    steps = meter.read()
    assert steps is not None
    assert (steps.first, steps.loss) == (13, (3,)), "what was finite is reported"
    assert meter.broken is not None
    assert (meter.broken.step, meter.broken.loss) == (14, float("inf"))


def test_the_fingerprint_is_of_bytes_in_order() -> None:
    import hashlib

    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    state = model.state_dict().values()
    expected = hashlib.sha256(b"".join(t.contiguous().numpy().tobytes() for t in state)).hexdigest()
    assert weights_sha256(model) == expected
