"""Links: any experiment goes into an address and comes out again; nothing else does."""

import base64
import json
import zlib
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.export.random_runs import experiments
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.export import from_link, to_link


def packed(changes: Any) -> str:
    data = changes if isinstance(changes, bytes) else json.dumps(changes).encode()
    return base64.urlsafe_b64encode(zlib.compress(data)).decode()


@given(experiments())
@settings(deadline=None, max_examples=30)
def test_any_experiment_comes_back(experiment: Experiment) -> None:
    text = to_link(experiment)
    assert from_link(text) == experiment
    assert text.isascii()
    assert text.replace("-", "").replace("_", "").isalnum()


def test_the_default_is_almost_nothing() -> None:
    assert len(to_link(Experiment())) < 20
    assert len(to_link(Experiment.from_data({"optimizer": {"kind": "sgd", "lr": 0.1}}))) < 200


def test_files_are_left_out_and_refused() -> None:
    mine = Experiment.from_data(
        {"dataset": {"kind": "folder", "root": "/home/me/secret", "size": 48}}
    )
    there = from_link(to_link(mine)).to_data()["dataset"]
    assert there["root"] == ""
    assert there["size"] == 48
    for path, changes in {
        "dataset.root": {"dataset.root": "//host/share"},
        "dataset.path": {"dataset": {"kind": "zip", "path": "/etc/x.zip"}},
        "model.weights": {"model": {"kind": "pretrained", "weights": "x.pt"}},
    }.items():
        with pytest.raises(Problem, match=path):
            from_link(packed(changes))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "link"),
        ("%%%", "link"),
        ("é", "link"),
        (packed({})[:-8], "link"),
        ("a" * 9000, "too long"),
        (packed(b"0" * 50_000_000)[:7999], "link"),
        (packed(b'{"a": "' + b"0" * 3_000_000 + b'"}'), "far too much"),
        (packed(b"[" * 100_000), "link"),
        (packed(b'{"model":' * 400 + b"1" + b"}" * 400), "deeply|link"),
        (packed(b"[1]"), "no settings"),
        (packed({"optimizer.lr": -1}), "optimizer.lr"),
        (packed({"nothing.at.all": 1}), "nothing.at.all"),
        (packed({"model": {"kind": "evil"}}), "model"),
        (packed({"model": [[]]}), "model"),
        (packed(b'{"optimizer.lr": NaN}'), "optimizer.lr"),
    ],
)
def test_anything_else_is_refused_in_one_sentence(text: str, why: str) -> None:
    with pytest.raises(Problem, match=why):
        from_link(text)


@given(st.binary(max_size=300))
def test_no_bytes_do_harm(data: bytes) -> None:
    for text in (packed(data), base64.urlsafe_b64encode(data).decode()):
        with suppress(Problem):
            from_link(text)
