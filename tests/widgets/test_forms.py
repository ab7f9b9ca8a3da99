"""Forms: every choice of every family, as the page is given it and as it gives values back."""

import json
import math
from collections.abc import Iterator
from typing import Any

import pytest

from trainlab.catalog import families
from trainlab.choice import choices
from trainlab.experiment import Experiment
from trainlab.widgets.editor import Editor
from trainlab.widgets.forms import Spec
from trainlab.widgets.panels import PANELS

TYPES = {"number", "integer", "numbers", "text", "boolean", "choice"}
EVERY = {
    (family, choice.kind_name()) for family, base in families().items() for choice in choices(base)
}


def sections(editor: Editor) -> Iterator[Spec]:
    """Every section of every panel, those inside of others and in lists too."""
    for panel in PANELS:
        for spec in panel.sections(editor.experiment, editor.refused):
            yield from inside(spec)


def inside(spec: Spec) -> Iterator[Spec]:
    yield spec
    for item in spec.get("items", ()):
        yield from inside(item)
    for field in spec.get("fields", ()):
        if field["type"] == "section":
            yield from inside(field["section"])


def at(editor: Editor, path: str) -> Spec:
    return next(spec for spec in sections(editor) if spec["path"] == path)


def reachable() -> dict[str, Editor]:
    """ "path:kind" -> an editor with this choice, by choosing from the menus alone."""
    found: dict[str, Editor] = {}
    waiting = [Experiment()]
    while waiting:
        experiment = waiting.pop()
        for spec in list(sections(Editor(experiment))):
            for option in spec.get("options") or ():
                key = f"{spec['path']}:{option['kind']}"
                if key in found:
                    continue
                editor = Editor(experiment)
                if spec.get("list"):
                    editor.add(spec["path"], option["kind"])
                else:
                    editor.set(f"{spec['path']}.kind", option["kind"])
                assert editor.refused == {}
                found[key] = editor
                waiting.append(editor.experiment)
    return found


REACHABLE = reachable()


@pytest.fixture(params=sorted(REACHABLE))
def chosen(request: pytest.FixtureRequest) -> tuple[Spec, Editor]:
    """Every choice that the menus offer: its section, and an editor of an experiment with it."""
    path, _colon, _kind = request.param.partition(":")
    editor = Editor(REACHABLE[request.param].experiment)
    spec = at(editor, path)
    return (spec["items"][-1] if spec.get("list") else spec), editor


def plain(spec: Spec) -> list[Spec]:
    return [field for field in spec["fields"] if field["type"] != "section"]


def test_menus_reach_every_choice_of_the_catalogue() -> None:
    kinds = {key.partition(":")[2] for key in REACHABLE}
    assert kinds == {kind for _family, kind in EVERY}


def test_a_form_is_plain_json_with_a_row_for_every_field(chosen: tuple[Spec, Editor]) -> None:
    spec, _editor = chosen
    assert json.loads(json.dumps(spec, allow_nan=False)) == spec
    card = spec["card"]
    assert card["title"]
    assert card["summary"]
    assert card["use"]
    assert "$" not in card["formula_text"]
    for field in spec["fields"]:
        assert field["label"]
        assert "_" not in field["label"]
        assert field["error"] is None
        assert field["type"] in TYPES | {"section"}
    for field in plain(spec):
        assert field["value"] == field["default"]
        assert field["help"]


def test_a_value_given_back_changes_nothing(chosen: tuple[Spec, Editor]) -> None:
    spec, editor = chosen
    before = editor.experiment
    for field in plain(spec):
        editor.set(field["path"], field["value"])
    assert editor.refused == {}
    assert editor.experiment == before


def test_bounds_are_those_of_the_choice(chosen: tuple[Spec, Editor]) -> None:
    spec, start = chosen
    for field in plain(spec):
        if field["type"] not in ("number", "integer"):
            continue
        for bound, outwards in (("min", -1), ("max", 1)):
            if field[bound] is None:
                continue
            editor = Editor(start.experiment)
            beyond = field[bound] if field[f"{bound}_exclusive"] else past(field[bound], outwards)
            editor.set(field["path"], beyond)
            assert field["path"] in editor.refused, f"{field['path']} = {beyond}"
            if not field[f"{bound}_exclusive"]:
                editor.set(field["path"], field[bound])
                # another setting may not go with it, but it is no longer out of bounds
                reasons = [reason for _typed, reason in editor.refused.values()]
                assert not any("must be at" in reason for reason in reasons), reasons


def past(bound: float, outwards: int) -> float:
    return (
        bound + outwards if isinstance(bound, int) else math.nextafter(bound, outwards * math.inf)
    )


@pytest.mark.parametrize("value", ["abc", None, [1], {"kind": "sgd"}, True, [[[]]], "1e999"])
def test_nonsense_is_shown_beside_its_field(chosen: tuple[Spec, Editor], value: Any) -> None:
    spec, start = chosen
    for field in plain(spec):
        editor = Editor(start.experiment)
        editor.set(field["path"], value)
        (shown,) = (
            row for row in at(editor, spec["path"])["fields"] if row["path"] == field["path"]
        )
        if editor.refused:
            assert shown["value"] == value
            assert shown["error"]
            assert editor.experiment == start.experiment
        else:
            assert shown["error"] is None
            json.dumps(shown, allow_nan=False)


def test_sliders_only_where_they_can_be_aimed() -> None:
    editor = Editor(Experiment())
    fields = {field["path"]: field for spec in sections(editor) for field in spec.get("fields", ())}
    assert fields["optimizer.lr"]["slider"]
    assert fields["optimizer.lr"]["scale"] == "log"
    assert fields["optimizer.lr"]["min_exclusive"]
    assert fields["training.epochs"]["slider"]
    assert not fields["training.seed"]["slider"]
    assert not fields["training.threads"]["slider"]
    assert fields["training.threads"]["nullable"]
    assert fields["optimizer.betas"]["type"] == "numbers"
    assert fields["optimizer.betas"]["value"] == [0.9, 0.999]
    assert fields["optimizer.betas"]["max_exclusive"]
    assert [option["value"] for option in fields["training.precision"]["options"]] == [
        "float32",
        "bfloat16",
    ]
