"""What happened to a run: its marks, going back to a checkpoint, and what the forms say of its start."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.widgets.pages import STEPS_AN_EPOCH, tiny
from trainlab import events as ev
from trainlab.changes import difference
from trainlab.experiment import Experiment
from trainlab.runs import Run, load_run
from trainlab.widgets.forms import since_start
from trainlab.widgets.lab import Lab
from trainlab.widgets.panels import PANELS
from trainlab.widgets.timeline import marks


@pytest.fixture
def lab(runs: Path) -> Iterator[Lab]:
    lab = Lab(tiny(3), runs=runs)
    yield lab
    lab.close()


def say(lab: Lab, **message: Any) -> None:
    lab._parts.run._handle_custom_msg(message, [])


def ended(lab: Lab, before: str = "") -> Run:
    """The run that was just begun, once it is over and the page has heard of it."""
    session, end = lab._parts.session, time.monotonic() + 30
    assert session.worker.join(30)
    while session.path in ("", before) or session.shown.state not in ("done", "failed"):
        assert time.monotonic() < end
        time.sleep(0.02)
    return load_run(session.path)


def test_a_branch_goes_on_as_the_forms_say_or_as_it_was(lab: Lab) -> None:
    say(lab, type="command", name="start")
    first = ended(lab)
    name = first.checkpoints[0].name
    lab._parts.desk.editor.set("optimizer.lr", 0.004)
    say(lab, type="branch", checkpoint=name, forms=True)
    branch = ended(lab, str(first.path))
    assert [edit.changes for edit in branch.edits] == [{"optimizer.lr": 0.004}]
    assert branch.parent is not None
    assert branch.parent.run == first.path.name
    history = lab._parts.session.shown.history
    assert len(history.steps) == 3 * STEPS_AN_EPOCH, "its parent's part is on the chart too"
    assert len(history.epochs) == 3
    say(lab, type="branch", checkpoint=branch.checkpoints[0].name, forms=False)
    again = ended(lab, str(branch.path))
    assert [edit.changes for edit in again.edits][:1] == [edit.changes for edit in branch.edits][:1]
    assert again.summary["weights_sha256"] == branch.summary["weights_sha256"]


def test_a_branch_that_cannot_be_is_a_card_and_the_next_start_works(lab: Lab, runs: Path) -> None:
    say(lab, type="command", name="start")
    first = ended(lab)
    lab._parts.desk.editor.set("training.seed", 1)
    say(lab, type="branch", checkpoint=first.checkpoints[0].name, forms=True)
    session, end = lab._parts.session, time.monotonic() + 10
    while session.shown.history.failed is None:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert "training.seed cannot change" in session.shown.history.failed.what
    for name in ("../../etc", "step-99999999"):
        say(lab, type="branch", checkpoint=name, forms=False)
    say(lab, type="command", name="start")
    assert ended(lab, str(first.path)).state == "done"
    assert len([*runs.glob("*/experiment.json")]) == 2


def test_marks_say_what_happened_and_where(lab: Lab) -> None:
    say(lab, type="command", name="start")
    run = ended(lab)
    found = marks(lab._parts.session.shown.history, run.checkpoints)
    assert [mark["kind"] for mark in found] == ["checkpoint"] * len(run.checkpoints)
    assert found[-1]["x"] == 3.0
    assert found[-1]["name"] == f"step-{3 * STEPS_AN_EPOCH:08d}"
    score = run.epochs["val_accuracy"][-1]
    assert found[-1]["text"] == (
        f"checkpoint after step 18, epoch 3 with validation accuracy {score:.3f}"
    )


def spoilt(lab: Lab) -> tuple[Run, list[str]]:
    """A run that a learning rate far too high has spoilt, and the verdicts on it."""
    wild = {"model.width": 128, "optimizer.kind": "sgd", "optimizer.lr": 10}
    for path, value in {**wild, "schedule.kind": "constant", "training.batch_size": 64}.items():
        lab._parts.desk.editor.set(path, value)
    say(lab, type="command", name="start")
    run, shown = ended(lab), lab._parts.session.shown
    return run, [card["id"] for card in shown.cards()]


def test_a_verdict_marks_its_evidence(lab: Lab) -> None:
    run, _cards = spoilt(lab)
    shown = lab._parts.session.shown
    cards, verdicts = shown.cards(), run.verdicts
    assert [card["letter"] for card in cards] == ["A", "B", "C"][: len(cards)]
    for card, verdict in zip(cards, verdicts, strict=True):
        epochs = dict(zip(run.steps["step"], run.steps["epoch"], strict=True))
        first, last = (epochs.get(step, 0.0) for step in (verdict.first, verdict.last))
        assert card["span"] == [first, last or run.steps["epoch"][-1]]
        assert card["span"][0] < card["span"][1]
        assert f"{verdict.first} to {verdict.last}: {card['letter']}" in card["marked"]


def test_a_verdict_is_dismissed_or_mends_the_run_it_is_about(lab: Lab, runs: Path) -> None:
    run, cards = spoilt(lab)
    assert "nan" in cards
    lab._parts.desk.editor.set("training.seed", 5)  # the forms say something else by now
    say(lab, type="mend", id="nan", number=0)
    end = time.monotonic() + 30
    while len([*runs.glob("*/experiment.json")]) < 2:
        assert time.monotonic() < end
        time.sleep(0.02)
    mended = ended(lab, str(run.path))
    assert mended.state == "done"
    assert mended.experiment.optimizer.lr < 10
    assert mended.experiment.training.seed == run.experiment.training.seed
    assert lab.experiment == mended.experiment
    lab._parts.session.show(str(run.path))
    say(lab, type="dismiss", id="nan")
    while lab._parts.session.path != str(run.path) or "nan" in _ids(lab):
        assert time.monotonic() < end
        time.sleep(0.02)
    for message in (
        {"id": "nan", "number": 0},
        {"id": "x", "number": 10**9},
        {"id": "", "number": -1},
    ):
        say(lab, type="mend", **message)
    assert len([*runs.glob("*/experiment.json")]) == 2


def _ids(lab: Lab) -> list[str]:
    shown = lab._parts.session.shown
    return [card["id"] for card in shown.feed.cards(shown.history)]


def test_a_record_of_settings_that_there_are_no_more_leaves_the_page_alive(
    lab: Lab,
) -> None:
    say(lab, type="command", name="start")
    run = ended(lab)
    edit = ev.Edited(6, 1.0, {"model.nonexistent": 3}, 3, 6)
    with (run.path / "events.jsonl").open("a", encoding="utf-8") as file:
        file.write(ev.to_json(edit) + "\n")
    lab._parts.session.show(str(run.path))
    say(lab, type="command", name="start")
    assert ended(lab, str(run.path)).state == "done"


def test_the_forms_say_what_differs_from_the_runs_start() -> None:
    began = Experiment.from_data({"augmentations": ["shift"]})
    now = Experiment.from_data({"optimizer": {"kind": "sgd", "lr": 0.5}, "schedule": "cosine"})
    now = now.but(model=now.model.but(width=24))
    old = difference(now, began)
    found = []
    for panel in PANELS:
        found += _said(since_start(panel.sections(now, {}), old))
    assert sorted(found) == [
        ("augmentations", "at the run's start: shift"),
        ("model.width", f"at the run's start: {began.model.width}"),  # type: ignore[attr-defined]
        ("optimizer", "at the run's start: adamw"),
        ("schedule", "at the run's start: onecycle"),
    ]
    assert not _said(since_start(PANELS[0].sections(now, {}), {}))


def _said(spec: Any) -> list[tuple[str, str]]:
    if isinstance(spec, list):
        return [words for item in spec for words in _said(item)]
    if not isinstance(spec, dict):
        return []
    own = [(spec["path"], spec["was"])] if "was" in spec else []
    return own + [words for value in spec.values() for words in _said(value)]
