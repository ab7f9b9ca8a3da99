"""Editor: from one valid experiment to another, whatever is typed."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.widgets.editor import Editor

PATHS = [
    "optimizer.lr", "optimizer.kind", "optimizer.betas", "optimizer.betas.0", "optimizer",
    "augmentations", "augmentations.0", "augmentations.0.padding", "augmentations.0.kind",
    "training", "training.epochs", "model.activation.kind", "model.norm", "dataset.root", "kind",
    "", ".", "..", "optimizer.", ".lr", "optimizer.lr.x", "augmentations.-1", "augmentations.99",
    "a." * 50_000, "augmentations." + "9" * 5000, "__class__", "optimizer.__dict__",
]  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture
def editor() -> Editor:
    return Editor(Experiment())


def kinds(editor: Editor) -> list[str]:
    return [item.kind for item in editor.experiment.augmentations]


def test_a_value_is_taken(editor: Editor) -> None:
    editor.set("optimizer.lr", 0.01)
    assert editor.experiment.optimizer.lr == 0.01
    assert editor.refused == {}


@pytest.mark.parametrize("value", [0, -1, 11, "fast", None, [0.1], float("nan")])
def test_a_refused_value_stays_until_it_is_mended(editor: Editor, value: Any) -> None:
    editor.set("optimizer.lr", value)
    typed, reason = editor.refused["optimizer.lr"]
    assert typed is value
    assert reason
    assert editor.experiment == Experiment()
    editor.set("optimizer.weight_decay", 0.5)
    assert "optimizer.lr" in editor.refused
    editor.set("optimizer.lr", 0.5)
    assert editor.refused == {}
    assert editor.experiment.optimizer.lr == 0.5


def test_one_of_several_numbers_is_refused_beside_their_field(editor: Editor) -> None:
    editor.set("optimizer.betas", [0.9, 2.0])
    assert [path for path in editor.refused if path.startswith("optimizer.betas")]
    assert editor.refused["optimizer.betas"][0] == [0.9, 2.0]
    editor.set("optimizer.betas", [0.8, 0.9])
    assert editor.refused == {}


def test_settings_that_need_each_other_can_be_given_in_any_order(editor: Editor) -> None:
    editor.set("optimizer.kind", "sgd")
    editor.set("optimizer.nesterov", True)
    assert "momentum" in editor.refused["optimizer.nesterov"][1]
    editor.set("optimizer.momentum", 0.9)
    assert editor.refused == {}
    sgd: Any = editor.experiment.optimizer
    assert (sgd.momentum, sgd.nesterov) == (0.9, True)
    editor.set("optimizer.momentum", 0)
    assert "nesterov" in editor.refused["optimizer.momentum"][1]
    assert list(editor.refused) == ["optimizer.momentum"], "said where it was typed"
    editor.set("optimizer.nesterov", False)
    assert editor.refused == {}
    sgd = editor.experiment.optimizer
    assert (sgd.momentum, sgd.nesterov) == (0, False)


def test_another_choice_and_back_keeps_its_settings(editor: Editor) -> None:
    editor.set("optimizer.lr", 0.02)
    editor.set("optimizer.kind", "sgd")
    assert editor.experiment.optimizer.kind == "sgd"
    assert editor.experiment.optimizer.lr == 1e-3
    editor.set("optimizer.lr", 0.3)
    editor.set("optimizer.kind", "adamw")
    assert editor.experiment.optimizer.lr == 0.02
    editor.set("optimizer.kind", "sgd")
    assert editor.experiment.optimizer.lr == 0.3


def test_nested_choices_keep_theirs(editor: Editor) -> None:
    editor.set("model.width", 16)
    editor.set("model.activation.kind", "tanh")
    editor.set("model.kind", "mlp")
    editor.set("model.kind", "convnet")
    model: Any = editor.experiment.model
    assert (model.width, model.activation.kind) == (16, "tanh")


def test_leaving_a_choice_forgets_what_was_refused_in_it(editor: Editor) -> None:
    editor.set("optimizer.lr", "fast")
    editor.set("optimizer.kind", "sgd")
    assert editor.refused == {}


def test_a_list_is_added_to_ordered_and_emptied(editor: Editor) -> None:
    for kind in ("shift", "horizontal_flip", "rotation"):
        editor.add("augmentations", kind)
    editor.set("augmentations.0.padding", 3)
    editor.move("augmentations.0", 1)
    assert kinds(editor) == ["horizontal_flip", "shift", "rotation"]
    editor.move("augmentations.2", -1)
    assert kinds(editor) == ["horizontal_flip", "rotation", "shift"]
    moved: Any = editor.experiment.augmentations[2]
    assert moved.padding == 3
    editor.move("augmentations.0", -1)
    editor.move("augmentations.2", 1)
    assert kinds(editor) == ["horizontal_flip", "rotation", "shift"]
    editor.remove("augmentations.1")
    assert kinds(editor) == ["horizontal_flip", "shift"]


def test_one_too_many_is_refused_and_nothing_has_to_be_mended(editor: Editor) -> None:
    for _time in range(17):
        editor.add("augmentations", "shift")
    assert len(kinds(editor)) == 16
    assert "16" in editor.refused["augmentations"][1]
    assert editor.wrong is None
    editor.set("training.epochs", 3)
    assert editor.refused == {}


@pytest.mark.parametrize("path", PATHS)
def test_what_is_no_setting_is_a_problem_in_few_words(editor: Editor, path: str) -> None:
    settings = {"optimizer.lr", "optimizer.kind", "optimizer.betas", "optimizer.betas.0"}
    settings |= {"training.epochs", "model.activation.kind"}
    calls: list[Callable[[], None]] = [lambda: editor.remove(path), lambda: editor.move(path, 1)]
    if path != "augmentations":
        calls.append(lambda: editor.add(path, "shift"))
    if path not in settings:
        calls.append(lambda: editor.set(path, 5))
    for call in calls:
        with pytest.raises(Problem) as caught:
            call()
        assert len(caught.value.what) < 200
    assert editor.refused == {}


@given(path=st.sampled_from(PATHS) | st.text(max_size=20), value=JSON, by=JSON)
def test_garbage_leaves_a_valid_experiment(path: str, value: Any, by: Any) -> None:
    editor = Editor(Experiment(augmentations=("shift", "horizontal_flip")))  # type: ignore[arg-type]
    calls: list[Callable[[], None]] = [
        lambda: editor.set(path, value),
        lambda: editor.add(path, value),
        lambda: editor.move(path, by),
        lambda: editor.remove(path),
    ]
    for call in calls:
        try:
            call()
        except Problem:
            continue
        assert Experiment.from_data(editor.experiment.to_data()) == editor.experiment
