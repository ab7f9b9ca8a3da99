"""The settings that verdicts are measured on: healthy ones, and ones made sick in a known way.

Those for tuning the rules and those for the table are two separate sets, of other settings and seeds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path
from typing import Any, Literal

from trainlab.changes import Changes, changed
from trainlab.experiment import Experiment

PROJECT = Path(__file__).resolve().parents[1]
BUILD = PROJECT / "build" / "verdicts"
MNIST = PROJECT.parent / "shared" / "data" / "mnist"

Part = Literal["tune", "table"]


@dataclass(frozen=True)
class Case:
    """One run: what it was made sick with (empty for a healthy one), and its experiment."""

    verdict: str
    name: str
    experiment: Experiment


@dataclass(frozen=True)
class Ill:
    """A way to make runs sick: on which bases, with which changes for tuning and for the table."""

    bases: tuple[str, ...]
    tune: tuple[Changes, ...]
    table: tuple[Changes, ...]


def _adamw(lr: float, **more: Any) -> dict[str, Any]:
    return {"kind": "adamw", "lr": lr, **more}


def _sgd(lr: float, momentum: float = 0.9, **more: Any) -> dict[str, Any]:
    return {"kind": "sgd", "lr": lr, "momentum": momentum, **more}


def _mlp(width: int, depth: int, activation: str = "relu", **more: Any) -> dict[str, Any]:
    return {"kind": "mlp", "width": width, "depth": depth, "activation": activation, **more}


def _base(epochs: int, batch: int, **families: Any) -> dict[str, Any]:
    training = {"epochs": epochs, "batch_size": batch, "device": "cpu", "threads": 1}
    return {"optimizer": _adamw(2e-3), **families, "training": training}


CONSTANT, COSINE, ONECYCLE = ({"kind": kind} for kind in ("constant", "cosine", "onecycle"))
_MNIST = {"kind": "mnist", "root": str(MNIST), "split": "test"}
_CONV = {"kind": "convnet", "width": 8}
_RINGS = {"kind": "circles", "points": 1200}
_MOONS = {"kind": "moons", "points": 1200}
_ARMS = {"kind": "spiral", "points": 900, "noise": 0.8}
_SPIRAL = {"kind": "spiral", "points": 1500, "noise": 0.1}

BASES: dict[str, dict[str, Any]] = {
    "digits mlp": _base(10, 32, model=_mlp(64, 2)),
    "digits mlp bn": _base(8, 32, model=_mlp(48, 2, norm="batch")),
    "digits conv": _base(8, 48, model=_CONV),
    "digits resnet": _base(
        4, 32, model={"kind": "resnet", "width": 8, "stages": 2, "blocks": 1}, schedule=COSINE
    ),
    "digits lenet": _base(8, 32, model={"kind": "lenet5"}, optimizer=_sgd(0.05)),
    "digits tanh": _base(10, 32, model=_mlp(64, 2, "tanh"), init="xavier_normal", schedule=COSINE),
    "mnist mlp": _base(3, 64, dataset=_MNIST, model=_mlp(48, 1), schedule=COSINE),
    "rings mlp": _base(12, 32, dataset=_RINGS, model=_mlp(24, 2), optimizer=_adamw(1e-2)),
    "moons mlp": _base(15, 32, dataset=_MOONS, model=_mlp(32, 2), optimizer=_adamw(1e-2)),
    "spiral mlp": _base(20, 32, dataset=_SPIRAL, model=_mlp(64, 2), optimizer=_adamw(1e-2)),
    "arms mlp": _base(20, 32, dataset=_ARMS, model=_mlp(64, 2)),
}
NETS = ("digits mlp", "digits mlp bn", "digits conv", "digits tanh", "mnist mlp")
PLAIN = ("digits mlp", "digits tanh", "digits lenet", "mnist mlp", "moons mlp")
BOUNDED = ("digits tanh", "digits lenet", "digits mlp bn", "digits conv")  # no NaN at once
EVERY = tuple(BASES)[:-1]  # the last has too much noise to be learnt
RISING = {"kind": "linear", "start_factor": 1e-4, "end_factor": 1.0}
STEPS = {"kind": "step", "step_size": 20, "gamma": 0.3}
WARM = {"kind": "cosine", "warmup": 30}


def _deep(depth: int, activation: str, **more: Any) -> Changes:
    return {"model": _mlp(48, depth, activation), "optimizer": _adamw(1e-3), **more}


def _at(optimizer: dict[str, Any], **more: Any) -> Changes:
    return {"optimizer": optimizer, "schedule": CONSTANT} | more


def _few(share: float, epochs: int, width: int) -> Changes:
    split = {"kind": "stratified", "validation_share": share}
    return _at(_adamw(3e-3), split=split, model=_mlp(width, 2)) | {"training.epochs": epochs}


def _own(kind: str, strength: float, seed: int, **more: Any) -> Changes:
    """Digits as image files, spoilt; `mixed` up labels, or a `drift` in the last files."""
    root = BUILD / "images" / f"{kind}-{strength}-{seed}"
    split = {"kind": "file_time"} if kind != "mixed" else {"kind": "stratified"}
    data = {"kind": "folder", "root": str(root), "size": 8, "grey": True}
    return {"dataset": data, "split": split, **more}


def _dead(bias: float, **more: Any) -> Changes:
    return {"init": {"kind": "kaiming_normal", "bias": bias}, **more}


def _steep(std: float, **more: Any) -> Changes:
    return {"init": {"kind": "small_random", "std": std}, **more}


def _wide(gain: float) -> Changes:
    return {"init": {"kind": "xavier_normal", "gain": gain}}


def _augmented(*steps: Any) -> Changes:
    return {"augmentations": list(steps), "training.epochs": 2}


def _dropped(share: float) -> Changes:
    return {"model.dropout": share}


_LONGER = {"training.epochs": 6}
_ONCE = {"training.epochs": 1}
_NOISY_MOONS = {"kind": "moons", "points": 600, "noise": 0.35}
_NOISY_XOR = {"kind": "xor", "points": 800, "noise": 0.4}
_NOISY_RINGS = {"kind": "circles", "points": 800, "noise": 0.25}


def _held(kind: str, strength: float, lr: float = 2e-3) -> Changes:
    return _at(_adamw(lr), regularizers=[{"kind": kind, "strength": strength}])


def _toy(data: dict[str, Any], width: int, depth: int, lr: float, epochs: int) -> Changes:
    return _at(_adamw(lr), dataset=data, model=_mlp(width, depth)) | {"training.epochs": epochs}


def _elastic(p: float) -> list[Any]:
    return [{"kind": "elastic", "p": p}, "rotation", "perspective", "gaussian_blur"]


ILLS: dict[str, Ill] = {
    "lr_low": Ill(
        NETS, (_at(_sgd(1e-4, 0)), _at(_adamw(1e-5))), (_at(_sgd(2e-4, 0)), _at(_adamw(4e-6)))
    ),
    "lr_high": Ill(  # the moons are learnt in spite of it
        ("digits mlp", "digits tanh", "digits lenet", "mnist mlp", "digits mlp bn"),
        (_at(_adamw(0.3)), _at(_sgd(2.0))),
        (_at(_adamw(0.5)), _at(_sgd(1.5))),
    ),
    "diverging": Ill(
        BOUNDED,
        (_at(_sgd(6.0)), _at(_adamw(4.0), schedule=RISING)),
        (_at(_sgd(8.0)), _at(_adamw(3.0), schedule=RISING)),
    ),
    "nan": Ill(
        PLAIN,
        (_at(_sgd(5.0), loss="mse"),),
        (_at(_sgd(8.0), loss="mse"), _at(_sgd(4.0), loss="mse")),
    ),
    "plateau": Ill(
        ("moons mlp",),
        (
            _toy(_NOISY_MOONS, 16, 1, 1e-2, 60),
            _toy({**_NOISY_XOR, "noise": 0.5}, 16, 1, 1e-2, 60),
            _toy({**_NOISY_RINGS, "noise": 0.3}, 16, 1, 1e-2, 60),
            _toy({**_NOISY_MOONS, "noise": 0.45}, 10, 1, 1.5e-2, 50),
            _toy({**_NOISY_XOR, "noise": 0.35}, 24, 1, 6e-3, 80),
            _toy({**_NOISY_RINGS, "noise": 0.4}, 8, 1, 9e-3, 65),
            _toy({**_NOISY_MOONS, "noise": 0.38}, 14, 1, 8e-3, 65),
            _toy({**_NOISY_MOONS, "noise": 0.33}, 6, 1, 1.2e-2, 55),
            _toy({**_NOISY_MOONS, "noise": 0.5}, 6, 2, 2e-2, 45),
            _toy({**_NOISY_XOR, "noise": 0.45}, 10, 2, 5e-3, 60),
            _toy({**_NOISY_RINGS, "noise": 0.27}, 10, 2, 7e-3, 70),
            _toy(_NOISY_MOONS, 16, 1, 1e-2, 75) | {"optimizer": _sgd(0.05)},
            _toy(_NOISY_XOR, 8, 1, 1e-2, 60) | {"training.batch_size": 16},
            _toy(_NOISY_MOONS, 12, 1, 1e-2, 70) | {"schedule": STEPS},
            _toy(_NOISY_RINGS, 12, 1, 1e-2, 60) | {"model": _mlp(12, 1, "tanh")},
        ),
        (
            _toy({**_NOISY_MOONS, "noise": 0.4}, 12, 1, 9e-3, 70),
            _toy(_NOISY_XOR, 20, 1, 8e-3, 70),
            _toy(_NOISY_RINGS, 12, 1, 8e-3, 70),
            _toy({**_NOISY_MOONS, "noise": 0.3}, 8, 1, 1e-2, 60),
            _toy({**_NOISY_RINGS, "noise": 0.35}, 24, 1, 1.2e-2, 60),
        ),
    ),
    "overfitting": Ill(
        ("digits mlp", "mnist mlp", "arms mlp"),
        (_few(0.975, 60, 128), _few(0.95, 50, 64), _few(0.965, 75, 256)),
        (_few(0.96, 70, 200), _few(0.97, 80, 96)),
    ),
    "underfitting": Ill(
        ("moons mlp",),
        (
            _toy({"kind": "circles"}, 1, 0, 1e-2, 25),
            _toy({"kind": "xor"}, 1, 1, 1e-2, 25),
            _toy({"kind": "digits"}, 2, 1, 1e-2, 30),
            _toy(_MNIST, 3, 1, 4e-3, 9),
            _toy(_MNIST, 1, 1, 1e-2, 7),
            _toy(_MNIST, 2, 1, 3e-3, 10),
            _toy(_MNIST, 2, 1, 8e-3, 7),
            _toy(_MNIST, 2, 2, 8e-3, 12),
            _toy({"kind": "digits"}, 3, 1, 5e-3, 40),
            _toy({"kind": "spiral", "arms": 3}, 2, 1, 2e-2, 20),
            _toy({"kind": "spiral", "arms": 5}, 4, 1, 5e-3, 40),
        ),
        (
            _toy({"kind": "spiral"}, 1, 0, 1e-2, 25),
            _toy({"kind": "spiral", "arms": 4}, 3, 1, 1e-2, 30),
            _toy({"kind": "digits"}, 1, 1, 1e-2, 30),
            _toy(_MNIST, 2, 1, 5e-3, 8),
            _toy({"kind": "xor"}, 1, 0, 1e-2, 25),
        ),
    ),
    "noisy": Ill(
        ("digits mlp", "digits tanh", "digits lenet", "spiral mlp"),
        (_at(_sgd(0.01, 0)) | {"training.batch_size": 1, "training.epochs": 1},),
        (
            _at(_sgd(0.02, 0)) | {"training.batch_size": 1, "training.epochs": 1},
            _at(_adamw(2e-3)) | {"training.batch_size": 2, "training.epochs": 2},
        ),
    ),
    "vanishing": Ill(
        ("digits mlp", "mnist mlp", "digits conv"),
        (_deep(10, "sigmoid", init="xavier_normal"), _deep(12, "tanh", **_steep(0.02))),
        (
            _deep(12, "sigmoid", init="kaiming_normal"),
            _deep(15, "tanh", **_steep(0.03)),
            _deep(9, "sigmoid", init="xavier_uniform"),
        ),
    ),
    "exploding": Ill(
        ("digits mlp", "mnist mlp", "digits conv"),
        (_deep(10, "relu", **_steep(0.5)), _deep(12, "elu", **_steep(0.4))),
        (
            _deep(12, "relu", **_steep(0.45)),
            _deep(15, "leaky_relu", **_steep(0.5)),
            _deep(9, "gelu", **_steep(0.6)),
        ),
    ),
    "dead_units": Ill(
        ("digits mlp", "mnist mlp", "digits lenet", "moons mlp"),
        (_dead(-6.0) | {"model": _mlp(48, 2)}, _at(_adamw(0.2)) | {"model": _mlp(32, 3)}),
        (
            _dead(-8.0) | {"model": _mlp(32, 2)},
            _at(_adamw(0.3)) | {"model": _mlp(48, 3)},
            _dead(-7.0) | {"model": _mlp(64, 1)},
        ),
    ),
    "saturated": Ill(
        ("digits mlp", "mnist mlp", "digits lenet"),
        (_deep(3, "tanh", **_steep(1.0)), _deep(2, "sigmoid", **_wide(8.0))),
        (
            _deep(4, "tanh", **_steep(0.8)),
            _deep(3, "sigmoid", **_wide(10.0)),
            _deep(2, "hardtanh", **_steep(0.9)),
        ),
    ),
    "update_ratio": Ill(
        NETS, (_at(_adamw(0.15)), _at(_sgd(2e-5, 0))), (_at(_adamw(0.2)), _at(_sgd(1e-5, 0)))
    ),
    "bad_start": Ill(
        ("digits mlp", "digits mlp bn", "digits conv", "digits lenet", "digits tanh", "mnist mlp"),
        (_steep(1.0, **_ONCE), _wide(5.0) | _ONCE),
        (_steep(0.9, **_ONCE), _wide(6.0) | _ONCE),
    ),
    "regularised": Ill(
        ("digits mlp", "mnist mlp", "digits tanh", "digits lenet"),  # a norm undoes any shrinking
        (_held("l2", 1.0), _held("l1", 0.05), _at(_sgd(0.05, 0, weight_decay=0.9))),
        (_held("l2", 0.7), _held("l1", 0.03), _at(_sgd(0.05, 0, weight_decay=0.6))),
    ),
    "label_noise": Ill(
        ("digits mlp", "digits conv", "digits mlp bn", "digits tanh"),
        tuple(
            _own("mixed", p, seed, **_at(_adamw(3e-3))) | {"training.epochs": 40}
            for p, seed in ((0.25, 7), (0.4, 7), (0.22, 8))
        ),
        tuple(
            _own("mixed", p, seed, **_at(_adamw(4e-3))) | {"training.epochs": 36}
            for p, seed in ((0.2, 1), (0.3, 2), (0.35, 3))
        ),
    ),
    "mismatch": Ill(
        ("digits mlp", "digits conv", "digits tanh"),
        (_own("inverted", 1.0, 7), _own("noise", 0.5, 7)),
        (_own("inverted", 0.8, 1), _own("noise", 0.6, 2), _own("turned", 1.0, 3)),
    ),
    "val_better": Ill(
        ("digits mlp", "digits conv", "mnist mlp"),
        (
            _dropped(0.7),
            _augmented({"kind": "mixup", "alpha": 1.0}) | _LONGER,
            _augmented({"kind": "erasing", "p": 1.0, "scale": [0.3, 0.5]}) | _LONGER,
            _augmented({"kind": "cutmix", "alpha": 0.5}) | _LONGER,
        ),
        (
            _dropped(0.65),
            _augmented("cutmix") | _LONGER,
            _augmented({"kind": "erasing", "p": 1.0, "scale": [0.25, 0.5]}, "rotation") | _LONGER,
        ),
    ),
    "starved": Ill(
        ("mnist mlp",),
        (
            _augmented(*_elastic(1.0)),
            _augmented("elastic"),
            _augmented("trivial_augment") | {"model": _mlp(40, 1)},
            _augmented("shear", "perspective", "gaussian_blur") | {"model": _mlp(24, 1)},
            _augmented("rand_augment", "scale") | {"model": _mlp(48, 2)},
            _augmented("perspective", "scale") | {"model": _mlp(32, 2)} | _ONCE,
            _augmented("rotation", "gaussian_blur") | {"training.batch_size": 128},
            _augmented("rotation", "shear") | {"model": _mlp(16, 1)} | _ONCE,
        ),
        (
            _augmented(*_elastic(0.8)) | _ONCE,
            _augmented("rand_augment") | {"model": _mlp(32, 1)} | _ONCE,
            _augmented("perspective", "rotation") | {"model": _mlp(24, 2)} | _ONCE,
            _augmented("elastic", "shear") | {"model": _mlp(16, 1)} | _ONCE,
            _augmented("trivial_augment", "rotation") | {"model": _mlp(64, 1)} | _ONCE,
        ),
    ),
}
SEEDS: dict[Part, tuple[int, ...]] = {"tune": (101, 102), "table": (41, 42, 43, 44)}
HEALTHY: tuple[Ill, ...] = (
    Ill(
        EVERY,
        (
            {},
            {"training.batch_size": 24},
            {"regularizers": [{"kind": "l2", "strength": 1e-4}], "schedule": COSINE},
            {"training.batch_size": 64, "schedule": WARM},
            {"schedule": {"kind": "step", "step_size": 3, "gamma": 0.3}},
            {"optimizer": _sgd(0.03), "schedule": COSINE},
            {"optimizer": {"kind": "adam", "lr": 4e-3}, "init": "xavier_uniform"},
        ),
        (
            {"training.batch_size": 40},
            {"schedule": {"kind": "polynomial"}},
            {"schedule": ONECYCLE, "regularizers": ["clip_norm"]},
            {"training.batch_size": 20, "schedule": COSINE, "init": "orthogonal"},
        ),
    ),
    Ill(
        ("digits mlp", "digits mlp bn", "digits conv", "digits tanh", "mnist mlp"),
        (
            {"model.dropout": 0.05},
            {"model.dropout": 0.1},
            {"model.dropout": 0.2},
            {"model.dropout": 0.12, "schedule": COSINE},
            {"augmentations": ["gaussian_noise"]},
            {"training.epochs": 16, "schedule": COSINE},
        ),
        ({"model.dropout": 0.15}, {"augmentations": [{"kind": "gaussian_noise", "sigma": 0.08}]}),
    ),
    Ill(
        ("rings mlp", "moons mlp", "spiral mlp"),
        ({"training.epochs": 40, "schedule": COSINE}, {"training.batch_size": 12}),
        (),
    ),
    Ill(  # augmented, and training on a batch still takes longer than making it
        ("digits mlp", "digits mlp bn", "digits conv", "digits tanh"),
        tuple({"augmentations": [{"kind": "rotation", "degrees": d}]} for d in (3.0, 5.0)),
        (),
    ),
    Ill(  # slow, and still falling: no plateau
        ("digits mlp", "digits conv", "mnist mlp", "moons mlp", "spiral mlp"),
        (_at(_sgd(5e-3)) | {"training.epochs": 20}, _at(_adamw(5e-4)) | {"training.epochs": 20}),
        (),
    ),
)
SICK: dict[Part, int] = {"tune": 30, "table": 10}  # runs a verdict


def cases(part: Part) -> Iterator[Case]:
    """Every run of one of the two sets."""
    seeds = SEEDS[part]
    for healthy in HEALTHY:
        for seed, base, changes in _ways(healthy, part, seeds[:2]):
            yield _case("", base, changes, seed)
    for verdict, ill in ILLS.items():
        for seed, base, changes in islice(_ways(ill, part, seeds), SICK[part]):
            yield _case(verdict, base, changes, seed)


def _ways(ill: Ill, part: Part, seeds: tuple[int, ...]) -> Iterator[tuple[int, str, Changes]]:
    """Each seed with each base and each change of the part."""
    return product(seeds, ill.bases, ill.tune if part == "tune" else ill.table)


def _case(verdict: str, name: str, changes: Changes, seed: int) -> Case:
    experiment = changed(Experiment.from_data(BASES[name]), changes | {"training.seed": seed})
    return Case(verdict, name, experiment)
