"""`trainlab check`: what it prints, and its exit codes."""

import json
from pathlib import Path

import pytest

from trainlab.cli import main

TINY = ("--set", "model.kind=mlp", "--set", "model.width=16")


def test_a_sound_experiment(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "default", *TINY, "--layer", "1", "--json"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert err == ""
    assert found["fail"] == 0
    assert found["pass"] >= 7
    one = next(made for made in found["checks"] if made["id"] == "chance_loss")
    assert one["value"] == pytest.approx(2.9, abs=1)
    slopes = next(made for made in found["checks"] if made["id"] == "gradients")
    assert [row[0] for row in slopes["details"][1:]] == ["1.bias", "1.weight"]
    assert {"verdict", "expected", "reference", "seconds", "says", "remedy"} <= one.keys()


def test_a_broken_one_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", *TINY, "--set", "init=zeros"]) == 1
    out, _err = capsys.readouterr()
    assert "FAIL  Signal through the layers" in out
    assert "Choose an initialisation" in " ".join(out.split())
    assert " failed, " in out.splitlines()[-1]


def test_bad_input_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--set", "optimizer.lr=100"]) == 2
    assert main(["check", str(tmp_path / "nowhere.toml")]) == 2
    assert main(["check", *TINY, "--set", "dataset.kind=folder"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 3
