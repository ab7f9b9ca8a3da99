"""Every choice trains, and its exported script repeats the run to the last bit.

The scripts run one after the other, each in a namespace of its own, in one process that cannot import
trainlab: starting one takes longer than most of them.
"""

import itertools
import json
import math
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from PIL import Image

from tests.catalog.published import Publisher, real_digits, real_photos
from trainlab import events as ev
from trainlab.catalog import families
from trainlab.catalog.datasets import CIFAR10, CIFAR100, MNIST, SVHN, Digits, Flowers102
from trainlab.catalog.datasets.famous import Famous
from trainlab.choice import choices
from trainlab.engine.trainer import Trainer
from trainlab.experiment import Experiment
from trainlab.export import script

MEANS = ("train_loss", "val_loss", "val_accuracy")
CONVNET = {"kind": "convnet", "width": 8, "stages": 1}
PLAYER = """
import contextlib, io, json, sys, traceback
sys.modules["trainlab"] = None  # an import of it fails
for line in sys.stdin:
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(json.loads(line), "script", "exec"), {"__name__": "__main__"})
        print(printed.getvalue().splitlines()[-1], flush=True)
    except Exception:
        print(json.dumps(traceback.format_exc()), flush=True)
"""

# what the defaults of a choice leave untouched: settings that change code, and choices together
MORE: dict[str, dict[str, dict[str, Any]]] = {
    "activations": {
        "leaky_relu 0.2": {"model": {"activation": {"kind": "leaky_relu", "negative_slope": 0.2}}},
        "rrelu in convolutions": {"model": CONVNET | {"activation": {"kind": "rrelu", "upper": 0.5}, "dropout": 0.3}},
        "prelu 0.1": {"model": CONVNET | {"activation": {"kind": "prelu", "init": 0.1}}},
        "gelu, tanh": {"model": {"activation": {"kind": "gelu", "approximate": "tanh"}}},
    },
    "augmentations": {
        "moves": {
            "augmentations": [
                "shift", {"kind": "scale", "p": 0.5, "scale": [0.8, 1.3]}, "horizontal_flip",
                {"kind": "rotation", "degrees": 30.0}, "perspective",
            ],
            "model": CONVNET,
        },
        "in turn": {
            "augmentations": [
                {"kind": "shift", "padding": 2}, {"kind": "colour_jitter", "p": 0.7}, "rotation",
                {"kind": "cutmix", "p": 0.5}, {"kind": "trivial_augment", "p": 0.2}, "mixup",
            ]
        },
    },
    "convolutions": {
        "transposed, spectral": {"model": CONVNET | {"convolution": "transposed", "norm": "spectral"}},
        "deformable 5x5": {"model": CONVNET | {"convolution": {"kind": "deformable", "kernel_size": 5}}},
        "separable, weight norm": {"model": CONVNET | {"convolution": "separable", "norm": "weight"}},
    },
    "inits": {
        "lsuv of convolutions": {
            "model": CONVNET | {"norm": "none", "activation": "tanh"},
            "init": {"kind": "lsuv", "tolerance": 0.01, "bias": 0.1, "class_prior": True},
        },
        "class frequencies": {"init": {"kind": "trunc_normal", "bias": 0.01, "class_prior": True}},
        "frequencies of a default": {"init": {"kind": "default", "class_prior": True}},
        "zeros under weight norm": {"init": "zeros", "model": {"norm": "weight"}},
        "lsuv under weight norm": {"init": "lsuv", "model": {"norm": "weight", "depth": 3}},
        "sparse under spectral norm": {"init": "sparse", "model": CONVNET | {"norm": "spectral"}},
        "zero residual": {"init": "zero_residual", "model": {"kind": "resnet", "width": 8, "blocks": 1}},
        "fixup": {"init": "fixup", "model": {"kind": "resnet", "width": 8, "blocks": 1, "norm": "none"}},
        "kaiming, fan_out": {
            "init": {"kind": "kaiming_uniform", "a": 0.25, "mode": "fan_out", "nonlinearity": "leaky_relu"}
        },
    },
    "losses": {
        "smoothed": {"loss": {"kind": "cross_entropy", "label_smoothing": 0.1}},
        "hinge, squared, mixed": {"loss": {"kind": "hinge", "squared": True}, "augmentations": ["mixup"]},
        "focal, bfloat16": {"loss": {"kind": "focal", "gamma": 0.5}, "training": {"precision": "bfloat16"}},
    },
    "models": {
        "linear": {"model": {"kind": "mlp", "depth": 0}},
        "mlp, deep": {"model": {"width": 12, "depth": 3, "dropout": 0.2, "norm": "batch", "activation": "gelu"}},
        "convnet, deep": {
            "model": CONVNET | {"stages": 3, "convs": 2, "dropout": 0.5, "activation": "elu"}
        },
        "convnet, channels dropped": {
            "model": CONVNET | {"stages": 2, "dropout": 0.3, "dropout_kind": "channel"}
        },
        "vit, tokens in a batch norm": {
            "model": {
                "kind": "vit", "width": 16, "depth": 2, "heads": 2, "patch": 4, "dropout": 0.1,
                "stochastic_depth": 0.3, "norm": "batch", "activation": "prelu",
            }
        },
        "resnet, blocks left out": {
            "model": {
                "kind": "resnet", "width": 8, "blocks": 1, "stochastic_depth": 0.5, "norm": "group",
                "activation": "rrelu",
            }
        },
        "convnext, blocks left out": {
            "model": {"kind": "convnext", "width": 8, "layer_scale": 1e-6, "stochastic_depth": 0.2}
        },
        "efficientnet, spectral": {
            "model": {"kind": "efficientnet", "width": 8, "norm": "spectral", "stochastic_depth": 0.2}
        },
        "torchvision": {"model": {"kind": "torchvision", "name": "mobilenet_v3_small"}},  # a light one
        "torchvision, grey and scaled": {
            "model": {"kind": "torchvision", "name": "squeezenet1_1", "size": 17},
        },
        "convnet, biased": {"model": CONVNET | {"norm": "none", "activation": "tanh"}},
        "convnet, bfloat16": {"model": CONVNET | {"dropout": 0.5}, "training": {"precision": "bfloat16"}},
    },
    "norms": {
        "batch 2d": {"model": CONVNET | {"norm": {"kind": "batch", "momentum": 0.2, "eps": 1e-3}}},
        "group 2d": {"model": CONVNET | {"norm": {"kind": "group", "num_groups": 4}}},
        "layer 2d": {"model": CONVNET | {"norm": "layer"}},
        "rms 2d": {"model": CONVNET | {"norm": {"kind": "rms", "eps": 1e-3}}, "training": {"precision": "bfloat16"}},
        "instance 2d": {"model": CONVNET | {"norm": {"kind": "instance", "affine": True}}},
        "lrn 2d": {"model": CONVNET | {"norm": {"kind": "lrn", "k": 2.0, "alpha": 0.1}}},
        "weight 2d": {"model": CONVNET | {"norm": "weight", "convs": 2}},
        "spectral 2d": {"model": CONVNET | {"norm": {"kind": "spectral", "n_power_iterations": 3}}},
    },
    "optimizers": {
        "nesterov": {"optimizer": {"kind": "sgd", "lr": 0.05, "momentum": 0.9, "nesterov": True}},
        "adam, l2": {"optimizer": {"kind": "adam", "betas": [0.8, 0.99], "weight_decay": 1e-2}},
        "amsgrad": {"optimizer": {"kind": "adamw", "amsgrad": True, "eps": 1e-5}},
        "lbfgs, line search": {
            "optimizer": {"kind": "lbfgs", "max_iter": 5, "line_search_fn": "strong_wolfe"},
            "model": {"dropout": 0.2},
            "regularizers": ["l2", {"kind": "max_norm", "limit": 2.0}],
            "schedule": {"kind": "step", "step_size": 1, "warmup": 2},
        },
        "muon, deep": {"optimizer": {"kind": "muon", "ns_steps": 3}, "model": {"depth": 3, "norm": "layer"}},
        "muon, filters": {"optimizer": {"kind": "muon", "nesterov": False}, "model": CONVNET},
        "rprop, narrow": {"optimizer": {"kind": "rprop", "etas": [0.4, 1.1], "step_sizes": [1e-5, 0.1]}},
        "centered": {"optimizer": {"kind": "rmsprop", "lr": 1e-3, "momentum": 0.9, "centered": True}},
    },
    "regularizers": {
        "l2 and both clips": {
            "regularizers": ["l2", {"kind": "clip_norm", "max_norm": 0.5}, "clip_value"]
        },
        "elastic net, max-norm": {
            "regularizers": ["l1", "l2", {"kind": "max_norm", "limit": 0.5}], "model": CONVNET
        },
        "stopping early": {
            "regularizers": [{"kind": "early_stopping", "patience": 1}],
            "optimizer": {"lr": 0.3},
            "training": {"epochs": 12},
        },
    },
    "preprocessing": {
        "variance_kept": {"preprocessing": {"kind": "pca", "variance_kept": 0.9}},
        "zca, eps": {"preprocessing": {"kind": "zca", "eps": 0.01}, "model": CONVNET},
        "zca, augmented": {"preprocessing": "zca", "augmentations": ["shift"]},
        "pca_whitening, one batch": {"preprocessing": "pca_whitening", "training": {"batch_size": 4096, "epochs": 3}},
        "images, two threads": {"preprocessing": "center_images", "training": {"threads": 2}},
    },
    "schedules": {
        "plateau, dropping": {
            "schedule": {"kind": "plateau", "patience": 0, "threshold": 0.9, "min_lr": 1e-5},
            "training": {"epochs": 4},
        },
        "warm-up, momentum": {"schedule": {"kind": "cosine", "warmup": 7, "momentum_end": 0.5}},
        "sequential, by step": {
            "schedule": {"kind": "sequential", "at": 1, "first": "inverse_time", "then": "swa", "warmup": 3}
        },
        "sequential, by epoch": {
            "schedule": {"kind": "sequential", "at": 2, "first": {"kind": "multistep", "milestones": [1]},
                         "then": "multiplicative"},
            "training": {"epochs": 4},
        },
        "chained, by epoch": {
            "schedule": {"kind": "chained", "first": "constant", "second": {"kind": "step", "step_size": 1}}
        },
        "cyclic, no momentum": {
            "schedule": {"kind": "cyclic", "step_size_up": 1, "mode": "exp_range", "gamma": 0.5},
            "optimizer": "adagrad",
        },
        "step, dropping": {"schedule": {"kind": "step", "step_size": 1}},
        "three phases": {
            "schedule": {"kind": "onecycle", "three_phase": True, "anneal_strategy": "linear"}
        },
    },
    "splits": {
        "last of three folds": {"split": {"kind": "k_fold", "folds": 3, "fold": 3}},
    },
    "training": {
        "bfloat16": {"training": {"precision": "bfloat16"}},
        "a last batch of one": {"training": {"batch_size": 718}},
        "one batch": {"training": {"batch_size": 4096, "epochs": 3}},
        "seed, cpu": {"training": {"seed": 7, "device": "cpu"}},
        "two threads": {"training": {"threads": 2}, "model": CONVNET},
    },
}  # fmt: skip
SMALL: dict[str, Any] = {
    "model": {"kind": "mlp", "width": 16, "depth": 1},
    "optimizer": {"kind": "adamw", "lr": 0.01},
    "split": {"kind": "stratified", "validation_share": 0.6},
    "training": {"epochs": 2, "threads": 1},
}
Result = dict[str, Any]
Cases = dict[str, Experiment]


@dataclass(frozen=True)
class Played:
    """What the lab and the script say of one experiment, and the loss of each of the lab's steps."""

    lab: Result
    script: Result | str
    losses: list[float]


def merged(base: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """`base` with the settings of `change`; another kind comes without the settings of the first."""
    if change.get("kind", base.get("kind")) != base.get("kind"):
        return change
    return base | {
        key: merged(base[key], value) if isinstance(base.get(key), dict) and isinstance(value, dict) else value
        for key, value in change.items()
    }  # fmt: skip


def small(case: dict[str, Any]) -> Experiment:
    """An experiment with this in it that takes some twenty steps."""
    experiment = Experiment.from_data(merged(SMALL, case))
    if experiment.optimizer.full_batch:  # one step an epoch
        return experiment.but(training=experiment.training.but(epochs=20))
    return experiment


def trained(experiment: Experiment) -> tuple[Result, list[float]]:
    """The lab's own run: what the script has to print, and the losses."""
    result: Result = {name: [] for name in MEANS}
    losses: list[float] = []
    for event in Trainer(experiment).run(SimpleQueue()):
        match event:
            case ev.Steps():
                losses += event.loss
            case ev.EpochEnd():
                for name in MEANS:
                    result[name].append(getattr(event, name))
            case ev.Finished():
                result["weights_sha256"] = event.weights_sha256
    return result, losses


def ruff(folder: Path, *arguments: str) -> None:
    """What ruff thinks of every script in a folder."""
    from ruff import find_ruff_bin  # type: ignore[import-untyped]

    command = [find_ruff_bin(), *arguments, "--isolated", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Result | str]]:
    """Runs a script: the JSON of its last line, or its traceback."""
    command, folder = [sys.executable, "-I", "-c", PLAYER], tmp_path_factory.mktemp("player")
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=folder, stdin=pipe, stdout=pipe, text=True) as player:
        assert player.stdin is not None
        assert player.stdout is not None
        out, back = player.stdin, player.stdout

        def replayed(text: str) -> Result | str:
            out.write(json.dumps(text) + "\n")
            out.flush()
            result: Result | str = json.loads(back.readline())
            return result

        yield replayed
        out.close()


@pytest.fixture(scope="module")
def play(
    replay: Callable[[str], Result | str], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Cases], dict[str, Played]]:
    """Trains experiments in the lab and by their scripts, about which ruff has nothing to say."""

    def both(cases: Cases) -> dict[str, Played]:
        folder = tmp_path_factory.mktemp("scripts")
        scripts = {name: script(experiment) for name, experiment in cases.items()}
        for number, text in enumerate(scripts.values()):
            (folder / f"script_{number}.py").write_text(text, encoding="utf-8")
        ruff(folder, "format", "--check", "--diff", "--line-length=88")
        # BLE001: a data set may catch whatever Pillow raises
        ruff(folder, "check", "--no-cache", "--extend-ignore=BLE001")
        lab = {name: trained(experiment) for name, experiment in cases.items()}
        return {name: Played(lab[name][0], replay(scripts[name]), lab[name][1]) for name in cases}

    return both


@pytest.fixture(scope="module")
def played(
    defaults: dict[str, dict[str, dict[str, Any]]], play: Callable[[Cases], dict[str, Played]]
) -> Callable[[str, str], Played]:
    """A case of a family, played when first asked for."""

    @cache
    def case_played(family: str, name: str) -> Played:
        data = defaults.get(family, {}) | MORE.get(family, {})
        return play({name: small(data[name])})[name]

    return case_played


PLAIN = [
    (family, choice.kind_name())
    for family, base in families().items()
    for choice in choices(base)
    if family != "datasets"
    and choice.kind_name() != "pretrained"  # these need files
    and not getattr(choice, "needs_names", False)  # so do these: below
]


@pytest.mark.parametrize(("family", "kind"), PLAIN, ids=lambda part: part)
def test_every_choice_trains_and_its_script_repeats_it(
    family: str, kind: str, played: Callable[[str, str], Played]
) -> None:
    one = played(family, kind)
    assert one.script == one.lab
    assert len(one.losses) >= 20
    assert all(math.isfinite(loss) for loss in one.losses)
    if (family, kind) == ("inits", "zeros"):  # its card says so: no symmetry is broken
        assert one.losses[-1] == pytest.approx(one.losses[0], rel=0.05)
    else:
        assert sum(one.losses[15:20]) / 5 < one.losses[0]


@pytest.mark.parametrize(
    ("family", "name"), [(family, name) for family, cases in MORE.items() for name in cases]
)
def test_settings_and_combinations_are_repeated(
    family: str, name: str, played: Callable[[str, str], Played]
) -> None:
    one = played(family, name)
    assert one.script == one.lab


def test_data_sets_are_repeated(
    shared: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    play: Callable[[Cases], dict[str, Played]],
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = _image_folder(tmp_path / 'it\'s "mine"')
    sets = {
        "digits": {"kind": "digits"},
        "mnist": {"kind": "mnist", "root": str(shared / "data" / "mnist"), "split": "test"},
        "folder": {"kind": "folder", "root": str(folder), "size": 16},
        "grey": {"kind": "folder", "root": str(folder), "size": 12, "grey": True},
        "zip": {"kind": "zip", "path": _zipped(folder), "size": 12},
        "spiral": {"kind": "spiral", "points": 200, "arms": 4},
        "circles": {"kind": "circles", "points": 200},
        "moons": {"kind": "moons", "points": 200, "seed": 3},
        "xor": {"kind": "xor", "points": 200, "noise": 0.0},
        "numbers": {"kind": "numbers", "count": 300},
        "house numbers": {"kind": "svhn_numbers", "root": _house_numbers(folder), "size": 16},
    }
    split = {"kind": "stratified", "validation_share": 0.8}
    cases = {
        name: Experiment.from_data(merged(SMALL, {"dataset": data, "split": split}))
        for name, data in sets.items()
    }
    for split, name in itertools.product(("grouped", "file_time"), ("folder", "zip", "numbers")):
        case = {"dataset": sets[name], "split": split}
        cases[f"{name}, {split}"] = Experiment.from_data(merged(SMALL, case))
    for name, one in play(cases).items():
        assert one.script == one.lab, name


def test_famous_data_sets_are_repeated(
    shared: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    play: Callable[[Cases], dict[str, Played]],
) -> None:
    """Small ones in the published formats; all but those that torchvision checks whenever it reads them."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "published"
    publisher = Publisher(folder, monkeypatch, real_digits(shared), real_photos(shared))
    checked = (MNIST, CIFAR10, CIFAR100, SVHN, Flowers102)
    cases = {}
    for choice in choices(Famous):
        if choice not in checked:
            publisher.publish(choice)
            data = choice.model_validate({"kind": choice.kind_name(), "root": str(folder)})
            assert list(data.fetch())  # into the store: the archives have their names in common
            size = {"size": 16} if "size" in choice.model_fields else {}
            split = {"kind": "random", "validation_share": 0.4}
            case = {"dataset": {"kind": choice.kind_name(), **size}, "split": split}
            cases[choice.kind_name()] = Experiment.from_data(merged(SMALL, case))
    assert len(cases) >= 7
    for name, one in play(cases).items():
        assert one.script == one.lab, name


def _image_folder(root: Path) -> Path:
    """Sixty digits as PNG files, in a folder a class."""
    data = Digits().load()
    for number in range(60):
        folder = root / f"class {int(data.labels[number])}"
        folder.mkdir(parents=True, exist_ok=True)
        pixels = data.images[number, 0].numpy()
        Image.fromarray(pixels).resize((20, 24)).save(folder / f"{number}.png")
    return root


def _zipped(root: Path) -> str:
    """The folder as a zip, with a file in it that is no image."""
    path = root.parent / "own.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in root.rglob("*.png"):
            archive.write(file, file.relative_to(root.parent))
        archive.writestr(f"{root.name}/class 0/words.png", "no image")
    return str(path)


def _house_numbers(root: Path) -> str:
    """The folder's images listed as numbers of one or two digits, beside each other."""
    box = {"left": 3, "top": 2, "width": 8, "height": 20}
    listed = [
        {
            "filename": str(file.relative_to(root)),
            "boxes": [box | {"label": 1 + row % 10}, box | {"label": 7, "left": 9}][: 1 + row % 2],
        }
        for row, file in enumerate(sorted(root.rglob("*.png")))
    ]
    (root / "digitStruct.json").write_text(json.dumps(listed))
    return str(root)
