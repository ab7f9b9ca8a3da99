"""What a data set is measured by: kept beside the runs, and drawn from what is known and what the user reached."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from trainlab.catalog.datasets import MNIST, DatasetChoice, Digits, Moons
from trainlab.choice import choices
from trainlab.errors import Problem
from trainlab.runs import baselines
from trainlab.runs.baselines import BASELINES, LOCK, Baseline, Line


def test_kept_by_data_set_and_settings(tmp_path: Path) -> None:
    root = tmp_path / "runs"  # not there yet
    assert baselines.read(root) == {}
    few, many = (baselines.key_of(Moons(points=points)) for points in (100, 200))
    baselines.keep(root, few, right=17, asked=20)
    baselines.keep(root, many, line=Line("mine", 0.5))
    baselines.keep(root, few, line=None)
    assert baselines.read(root) == {
        few: Baseline(17, 20, None),
        many: Baseline(line=Line("mine", 0.5)),
    }
    assert {path.name for path in root.iterdir()} == {BASELINES, LOCK}, "no half file is left"


def test_two_kernels_at_once_lose_no_score(tmp_path: Path) -> None:
    def write(kernel: int) -> None:
        for number in range(8):
            baselines.keep(tmp_path, f"{kernel} {number}", right=number, asked=20)

    with ThreadPoolExecutor(4) as kernels:
        list(kernels.map(write, range(4)))
    assert len(baselines.read(tmp_path)) == 4 * 8


def test_a_folder_that_takes_no_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("not a folder")
    with pytest.raises(Problem, match="cannot be written"):
        baselines.keep(tmp_path / "runs", "b", right=1, asked=2)


@pytest.mark.parametrize(
    "text", ["", "[]", '{"a": {"right": -1}}', '{"a": {"line": {"name": "x", "accuracy": 7}}}']
)
def test_a_damaged_file_is_told_and_left_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / BASELINES).write_text(text)
    with pytest.raises(Problem, match=BASELINES):
        baselines.read(tmp_path)
    with pytest.raises(Problem, match="delete it"):
        baselines.keep(tmp_path, "b", right=1, asked=2)
    assert (tmp_path / BASELINES).read_text() == text


def test_the_levels_of_a_chart() -> None:
    first = MNIST.known[0]
    chance, published = Line("commonest class", 0.1), Line(first.name, first.accuracy)
    assert baselines.lines(MNIST(), 0.1, Baseline()) == [chance, published]
    assert baselines.lines(Digits(), 0.1, Baseline(9, 10)) == [chance, Line("you", 0.9)]
    mine = Line("mine", 0.5)
    assert baselines.lines(MNIST(), 0.0, Baseline(line=mine)) == [mine]
    assert baselines.lines(MNIST(), 0.1, Baseline(line=None)) == [chance]


def test_what_is_published_has_a_source_and_fits_beside_a_line() -> None:
    known = [known for kind in choices(DatasetChoice) for known in kind.known]
    assert len(known) > 5
    for result in known:
        assert Line(result.name, result.accuracy).accuracy > 0.5
        assert any(
            part.isdigit() and len(part) == 4 for part in result.source.replace(",", "").split()
        )
