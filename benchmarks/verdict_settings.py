"""What the runs that verdicts are measured on are put together from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainlab.changes import Changes

PROJECT = Path(__file__).resolve().parents[1]
BUILD = PROJECT / "build" / "verdicts"
MNIST_FILES = PROJECT.parent / "shared" / "data" / "mnist"


@dataclass(frozen=True)
class Way:
    """A way to make runs: on which bases, with which changes for tuning and for the table.

    What is `true` of runs that are healthy all the same is neither found nor a false alarm.
    """

    bases: tuple[str, ...]
    tune: tuple[Changes, ...]
    table: tuple[Changes, ...]
    true: tuple[str, ...] = ()


def adamw(lr: float, **more: Any) -> dict[str, Any]:
    """AdamW, as data."""
    return {"kind": "adamw", "lr": lr, **more}


def sgd(lr: float, momentum: float = 0.9, **more: Any) -> dict[str, Any]:
    """SGD, as data."""
    return {"kind": "sgd", "lr": lr, "momentum": momentum, **more}


def mlp(width: int, depth: int, activation: str = "relu", **more: Any) -> dict[str, Any]:
    """An MLP, as data."""
    return {"kind": "mlp", "width": width, "depth": depth, "activation": activation, **more}


def base(epochs: int, batch: int, **families: Any) -> dict[str, Any]:
    """An experiment that everything else is put into."""
    training = {"epochs": epochs, "batch_size": batch, "device": "cpu", "threads": 1}
    return {"optimizer": adamw(2e-3), **families, "training": training}


CONSTANT, COSINE, ONECYCLE = ({"kind": kind} for kind in ("constant", "cosine", "onecycle"))
MNIST = {"kind": "mnist", "root": str(MNIST_FILES), "split": "test"}
CONV = {"kind": "convnet", "width": 8}
RINGS = {"kind": "circles", "points": 1200}
MOONS = {"kind": "moons", "points": 1200}
ARMS = {"kind": "spiral", "points": 900, "noise": 0.8}
SPIRAL = {"kind": "spiral", "points": 1500, "noise": 0.1}

BASES: dict[str, dict[str, Any]] = {
    "digits mlp": base(10, 32, model=mlp(64, 2)),
    "digits mlp bn": base(8, 32, model=mlp(48, 2, norm="batch")),
    "digits conv": base(8, 48, model=CONV),
    "digits resnet": base(
        4, 32, model={"kind": "resnet", "width": 8, "stages": 2, "blocks": 1}, schedule=COSINE
    ),
    "digits lenet": base(8, 32, model={"kind": "lenet5"}, optimizer=sgd(0.05)),
    "digits tanh": base(10, 32, model=mlp(64, 2, "tanh"), init="xavier_normal", schedule=COSINE),
    "mnist mlp": base(3, 64, dataset=MNIST, model=mlp(48, 1), schedule=COSINE),
    "rings mlp": base(12, 32, dataset=RINGS, model=mlp(24, 2), optimizer=adamw(1e-2)),
    "moons mlp": base(15, 32, dataset=MOONS, model=mlp(32, 2), optimizer=adamw(1e-2)),
    "spiral mlp": base(20, 32, dataset=SPIRAL, model=mlp(64, 2), optimizer=adamw(1e-2)),
    "arms mlp": base(20, 32, dataset=ARMS, model=mlp(64, 2)),
}
NETS = ("digits mlp", "digits mlp bn", "digits conv", "digits tanh", "mnist mlp")
PLAIN = ("digits mlp", "digits tanh", "digits lenet", "mnist mlp", "moons mlp")
BOUNDED = ("digits tanh", "digits lenet", "digits mlp bn", "digits conv")  # no NaN at once
EVERY = tuple(BASES)[:-1]  # the last has too much noise to be learnt
RISING = {"kind": "linear", "start_factor": 1e-4, "end_factor": 1.0}
STEPS = {"kind": "step", "step_size": 20, "gamma": 0.3}
WARM = {"kind": "cosine", "warmup": 30}


def deep(depth: int, activation: str, **more: Any) -> Changes:
    """A deep plain network."""
    return {"model": mlp(48, depth, activation), "optimizer": adamw(1e-3), **more}


def at(optimizer: dict[str, Any], **more: Any) -> Changes:
    """One learning rate for the whole run."""
    return {"optimizer": optimizer, "schedule": CONSTANT} | more


def few(share: float, epochs: int, width: int) -> Changes:
    """So few training images that they can be learnt by heart."""
    split = {"kind": "stratified", "validation_share": share}
    return at(adamw(3e-3), split=split, model=mlp(width, 2)) | {"training.epochs": epochs}


def own(kind: str, strength: float, seed: int, **more: Any) -> Changes:
    """Digits as image files, spoilt; `mixed` up labels, or a `drift` in the last files."""
    root = BUILD / "images" / f"{kind}-{strength}-{seed}"
    split = {"kind": "file_time"} if kind != "mixed" else {"kind": "stratified"}
    data = {"kind": "folder", "root": str(root), "size": 8, "grey": True}
    return {"dataset": data, "split": split, **more}


def dead(bias: float, **more: Any) -> Changes:
    """Units that start far below zero."""
    return {"init": {"kind": "kaiming_normal", "bias": bias}, **more}


def steep(std: float, **more: Any) -> Changes:
    """First weights of one spread, whatever the layer."""
    return {"init": {"kind": "small_random", "std": std}, **more}


def wide(gain: float) -> Changes:
    """First weights a few times too large."""
    return {"init": {"kind": "xavier_normal", "gain": gain}}


def augmented(*steps: Any) -> Changes:
    """These augmentations, for two epochs."""
    return {"augmentations": list(steps), "training.epochs": 2}


def dropped(share: float) -> Changes:
    """Dropout."""
    return {"model.dropout": share}


LONGER = {"training.epochs": 6}
ONCE = {"training.epochs": 1}
NOISY_MOONS = {"kind": "moons", "points": 600, "noise": 0.35}
NOISY_XOR = {"kind": "xor", "points": 800, "noise": 0.4}
NOISY_RINGS = {"kind": "circles", "points": 800, "noise": 0.25}


def held(kind: str, strength: float, lr: float = 2e-3) -> Changes:
    """A penalty that holds the weights."""
    return at(adamw(lr), regularizers=[{"kind": kind, "strength": strength}])


def toy(data: dict[str, Any], width: int, depth: int, lr: float, epochs: int) -> Changes:
    """Points in the plane, or images, and a small MLP."""
    return at(adamw(lr), dataset=data, model=mlp(width, depth)) | {"training.epochs": epochs}


def elastic(p: float) -> list[Any]:
    """Slow augmentations."""
    return [{"kind": "elastic", "p": p}, "rotation", "perspective", "gaussian_blur"]
