"""Experiments as data: files in and out, and every refusal in one line that names its place."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainlab.catalog import families
from trainlab.catalog.augmentations import Rotation, Shift
from trainlab.catalog.models import MLP
from trainlab.catalog.norms import LayerNorm
from trainlab.catalog.optimizers import SGD
from trainlab.catalog.regularizers import ClipNorm
from trainlab.catalog.training import Training
from trainlab.choice import choices
from trainlab.errors import Problem
from trainlab.experiment import Experiment

FIELDS = {
    "datasets": "dataset",
    "preprocessing": "preprocessing",
    "augmentations": "augmentations",
    "models": "model",
    "inits": "init",
    "losses": "loss",
    "optimizers": "optimizer",
    "schedules": "schedule",
    "regularizers": "regularizers",
    "splits": "split",
}
RICH = Experiment(
    augmentations=(Shift(padding=2), Rotation(degrees=5.0)),
    model=MLP(norm=LayerNorm(), dropout=0.25),
    optimizer=SGD(lr=0.05, momentum=0.9, nesterov=True),
    regularizers=(ClipNorm(),),
    training=Training(epochs=3, threads=1),
)


def every_choice() -> list[Experiment]:
    found = []
    for name, field in FIELDS.items():
        for choice in choices(families()[name]):
            value: Any = {"kind": choice.kind_name()}
            plural = field in ("augmentations", "regularizers")
            found.append(Experiment.from_data({field: [value] if plural else value}))
    return found


@pytest.mark.parametrize("ending", [".json", ".toml"])
def test_files_give_back_what_they_got(tmp_path: Path, ending: str) -> None:
    for experiment in [Experiment(), RICH, *every_choice()]:
        path = tmp_path / f"experiment{ending}"
        experiment.save(path)
        assert Experiment.load(path) == experiment


def test_a_name_stands_for_a_choice_with_its_defaults() -> None:
    assert Experiment.from_data({"optimizer": "sgd", "augmentations": ["shift"]}) == Experiment(
        optimizer=SGD(), augmentations=(Shift(),)
    )


def refusal(data: Any) -> str:
    with pytest.raises(Problem) as caught:
        Experiment.from_data(data)
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    ("data", "path", "words"),
    [
        ({"optimzer": "sgd"}, "optimzer", "did you mean 'optimizer'?"),
        ({"optimizer": {"kind": "sgd", "momentm": 0.9}}, "optimizer.momentm", "'momentum'"),
        ({"optimizer": {"kind": "sdg"}}, "optimizer", "did you mean 'sgd'?"),
        ({"optimizer": "sdg"}, "optimizer", "did you mean 'sgd'?"),
        ({"optimizer": {"lr": 0.1}}, "optimizer", "one of sgd, asgd"),
        ({"optimizer": 3}, "optimizer", "must be a table with a kind"),
        ({"model": {"kind": "mlp", "norm": {"kind": "bach"}}}, "model.norm", "'batch'"),
        ({"model": {"kind": "mlp", "norm": {"kind": "batch", "epps": 1}}}, "model.norm.epps", "'eps'"),
        ({"training": {"epochs": 0}}, "training.epochs", "greater than or equal to 1"),
        ({"training": {"epochs": 2.5}}, "training.epochs", "integer"),
        ({"training": {"epochs": "2"}}, "training.epochs", "integer"),
        ({"training": {"epochs": True}}, "training.epochs", "integer"),
        ({"training": {"device": "tpu"}}, "training.device", "tpu"),
        ({"training": {"epoch": 2}}, "training.epoch", "did you mean 'epochs'?"),
        ({"training": []}, "training", "must be a table"),
        ({"optimizer": {"kind": "sgd", "lr": 99.0}}, "optimizer.lr", "less than or equal to 10"),
        ({"optimizer": {"kind": "adam", "betas": [0.9, 1.0]}}, "optimizer.betas.1", "less than 1"),
        ({"optimizer": {"kind": "adam", "betas": [0.9]}}, "optimizer.betas.1", "missing"),
        ({"optimizer": {"kind": "sgd", "lr": float("nan")}}, "optimizer.lr", "finite"),
        ({"optimizer": {"kind": "sgd", "lr": float("inf")}}, "optimizer.lr", "finite"),
        ({"optimizer": {"kind": "sgd", "lr": None}}, "optimizer.lr", "number"),
        ({"optimizer": {"kind": "sgd", "nesterov": True}}, "optimizer.nesterov", "momentum"),
        ({"augmentations": [{"kind": "shift", "padding": 99}]}, "augmentations.0.padding", "32"),
        ({"augmentations": ["shift", "shft"]}, "augmentations.1", "did you mean 'shift'?"),
        ({"augmentations": ["shift"] * 17}, "augmentations", "16"),
        ({"augmentations": "shift"}, "augmentations", "must be"),
        ([], "experiment", "must be"),
        (None, "experiment", "must be"),
        ({"a\nb": 1}, "'a\\nb'", "unknown key"),
        ({"x" * 999: 1}, "x" * 57 + "...", "unknown key"),
        ({7: 1}, "7", ""),
    ],
)  # fmt: skip
def test_refusals_name_the_place_and_the_nearest_name(data: Any, path: str, words: str) -> None:
    text = refusal(data)
    assert text.startswith(f"{path}: " if path else "")
    assert words in text


def test_too_deep_a_nesting_is_refused() -> None:
    data: Any = {}
    for _level in range(100_000):
        data = {"model": data}
    assert "nested too deeply" in refusal(data)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.json", b"", "is broken"),
        ("a.json", b"{", "is broken"),
        ("a.json", b'{"optimizer": NaN}', "optimizer"),
        ("a.json", b'{"optimizer": {"kind": "sgd", "lr": 1e999}}', "optimizer.lr: must be a finite"),
        ("a.json", b'{"model": "mlp", "model": "convnet"}', "'model' is given twice"),
        ("a.json", b"\xff\xfe{}", "is not UTF-8"),
        ("a.json", b"[" * 900_000, "nested too deeply"),
        ("a.json", b'{"training": {"epochs": ' + b"9" * 5000 + b"}}", "is broken"),
        ("a.json", b" " * 1_000_001, "too large"),
        ("a.toml", b"model = ", "is broken"),
        ("a.toml", b'model = "mlp"\nmodel = "mlp"', "is broken"),
        ("a.toml", b"model = 1979-05-27", "model: must be a table with a kind"),
        ("a.toml", b"[training]\nepochs = 1979-05-27T07:32:00Z", "training.epochs: must be"),
        ("a.toml", b"[optimizer]\nkind = 'sgd'\nlr = nan", "optimizer.lr: must be a finite"),
        ("a.toml", b"\xff", "is not UTF-8"),
        ("a.toml", b"a = " + b"[" * 500_000, "nested too deeply"),
        ("a.yaml", b"{}", "unknown kind of file"),
        ("a", b"{}", "unknown kind of file"),
    ],
)  # fmt: skip
def test_refusals_name_the_file(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(Problem) as caught:
        Experiment.load(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert words in text
    assert "\n" not in text
    assert len(text) < 500 + len(str(path))


def test_a_file_that_cannot_be_read_or_written_is_a_problem(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.json", tmp_path):
        with pytest.raises(Problem, match="cannot be read"):
            Experiment.load(path)
    with pytest.raises(Problem, match="cannot be written"):
        Experiment().save(tmp_path / "absent" / "a.json")
    with pytest.raises(Problem, match="unknown kind of file"):
        Experiment().save(tmp_path / "a.yaml")


def test_an_empty_toml_file_is_the_default_experiment(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text("")
    assert Experiment.load(path) == Experiment()


def one_line(read: Callable[[], Experiment]) -> Experiment | None:
    """What was read, or None where it was refused in one line. Any other exception is a failure."""
    refused = ""
    try:
        return read()
    except Problem as problem:
        refused = str(problem)
    assert refused.count("\n") == 0
    return None


names = st.sampled_from(
    ["kind", "optimizer", "model", "training", "lr", "sgd", "norm", "augmentations", "epochs"]
)
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | names
junk = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(names | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(junk)
@settings(max_examples=300, deadline=None)
def test_junk_raises_nothing_but_problems(data: Any) -> None:
    experiment = one_line(lambda: Experiment.from_data(data))
    if experiment:
        assert Experiment.from_data(json.loads(experiment.to_json())) == experiment


@given(
    st.binary(max_size=200) | st.text(max_size=200).map(str.encode),
    st.sampled_from(["json", "toml"]),
)
@settings(max_examples=100, deadline=None)
def test_junk_in_files_raises_nothing_but_problems(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, ending: str
) -> None:
    path = tmp_path_factory.getbasetemp() / f"junk.{ending}"
    path.write_bytes(content)
    one_line(lambda: Experiment.load(path))
