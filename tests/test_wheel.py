"""What `pip install .` installs."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of the files in the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=PROJECT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return set(archive.namelist())


def test_every_module_is_in_the_wheel(wheel: set[str]) -> None:
    """As the folder has them: a careless line in .gitignore leaves out whole packages."""
    modules = {path.relative_to(PROJECT).as_posix() for path in PROJECT.glob("trainlab/**/*.py")}
    assert modules - wheel == set()


def test_the_page_is_in_the_wheel(wheel: set[str]) -> None:
    static = PROJECT / "trainlab" / "widgets" / "static"
    files = {path.relative_to(PROJECT).as_posix() for path in static.iterdir() if path.is_file()}
    assert files
    assert (files | {"trainlab/lab.ipynb", "trainlab/py.typed"}) - wheel == set()


def test_nothing_else_is_in_the_wheel(wheel: set[str]) -> None:
    assert {name.split("/")[0].partition("-")[0] for name in wheel} == {"trainlab"}
