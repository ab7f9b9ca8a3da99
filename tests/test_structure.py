"""The rules that hold for every file: sizes, annotations, clean notebooks, a fast import."""

import ast
import functools
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
OPEN_WORK = re.compile(r"\b(TO" + r"DO|FIX" + r"ME)\b")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@functools.cache
def tracked(suffix: str) -> list[str]:
    """Files that git tracks or would on the next `git add`."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        listing = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return []  # not a checkout: an unpacked archive
    names = sorted(set(listing.stdout.splitlines()))
    return [name for name in names if name.endswith(suffix) and (PROJECT / name).is_file()]


@functools.cache
def parsed(name: str) -> ast.Module:
    return ast.parse((PROJECT / name).read_text(encoding="utf-8"), name)


def functions(name: str) -> Iterator[Function]:
    for node in ast.walk(parsed(name)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def named_arguments(function: Function) -> list[ast.arg]:
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return [argument for argument in every if argument.arg not in ("self", "cls")]


def body_lines(function: Function) -> int:
    """Lines from the first statement after the docstring to the last."""
    documented = ast.get_docstring(function) is not None and len(function.body) > 1
    first, last = function.body[1 if documented else 0], function.body[-1]
    return (last.end_lineno or last.lineno) - first.lineno + 1


def annotated(function: Function) -> bool:
    arguments, extra = named_arguments(function), (function.args.vararg, function.args.kwarg)
    every = [*arguments, *(argument for argument in extra if argument)]
    return function.returns is not None and all(argument.annotation for argument in every)


@pytest.mark.parametrize("name", tracked(".py"))
def test_python_file(name: str) -> None:
    text = (PROJECT / name).read_text(encoding="utf-8")
    assert text.count("\n") <= 400, "400 lines at most: split by meaning"
    assert not OPEN_WORK.search(text), "an open end: do it, or open an issue"
    if name.startswith("trainlab/") and text.strip():
        assert ast.get_docstring(parsed(name)), "no module docstring"
    for function in functions(name):
        where = f"{name}:{function.lineno} {function.name}"
        assert body_lines(function) <= 60, f"{where}: a body of 60 lines at most"
        assert len(named_arguments(function)) <= 6, f"{where}: 6 arguments at most"
        assert annotated(function), f"{where}: not fully annotated"


@pytest.mark.parametrize("name", tracked(".ipynb"))
def test_notebook_is_clean(name: str) -> None:
    notebook = json.loads((PROJECT / name).read_text(encoding="utf-8"))
    assert "widgets" not in notebook["metadata"], "carries widget state: clear all outputs"
    for cell in notebook["cells"]:
        assert not cell.get("outputs"), "carries outputs: clear all outputs"
        assert cell.get("execution_count") is None, "carries execution counts: clear all outputs"


def test_each_dependency_names_a_file_that_is_there() -> None:
    text = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)["project"]
    lines = [*table["dependencies"], *table["optional-dependencies"]["dev"]]
    for dependency in lines:
        comment = re.search(re.escape(f'"{dependency}",') + r"\s+# ([^:;\n]+)", text)
        assert comment, f"{dependency}: no comment says which file needs it"
        for path in comment[1].split(", "):
            assert (PROJECT / path).exists(), f"{dependency}: {path} is not there"


def test_map_in_the_readme_is_whole() -> None:
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    names = {name.removeprefix("trainlab/").split("/")[0] for name in tracked(".py")}
    missing = {
        name for name in names if not re.search(rf"^ +{re.escape(name)}/? ", readme, re.MULTILINE)
    }
    assert missing <= {"__init__.py"}, "give each a line in README's map"


@pytest.mark.alone
def test_importing_trainlab_is_fast_and_light() -> None:
    program = (
        "import json, sys, time; start = time.perf_counter(); import trainlab; "
        "took = time.perf_counter() - start; "
        "heavy = {'torch', 'ipywidgets', 'matplotlib'} & set(sys.modules); "
        "print(json.dumps([took, sorted(heavy)]))"
    )
    times = []
    for _ in range(3):
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
        took, heavy = json.loads(done.stdout)
        assert heavy == []
        times.append(took)
    assert min(times) <= 0.3
