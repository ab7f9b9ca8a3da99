"""`trainlab export`: an experiment or a run as a script, a notebook, or a zip with all there is of a run."""

import argparse
from pathlib import Path

from trainlab.cli.settings import read_experiment
from trainlab.cli.streams import say
from trainlab.errors import Problem
from trainlab.export import bundle, notebook, script, script_of
from trainlab.places import runs_folder
from trainlab.runs import Run, load_run
from trainlab.runs.listing import find
from trainlab.text import _


def export(arguments: argparse.Namespace) -> int:
    """Write what the ending of the output's name asks for; a script to stdout without one."""
    source, output = str(arguments.source), arguments.output
    run = _run(source)
    kind = output.suffix.lower() if output else ""
    if kind == ".zip":
        _write_bundle(run, output)
        return 0
    text = script_of(run) if run else script(read_experiment(source))
    if kind == ".ipynb":
        text = notebook(text)
    if output is None:
        say(text.rstrip("\n"))
        return 0
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise _unwritable(output, error) from None
    return 0


def _run(source: str) -> Run | None:
    """The run that is meant, by folder, id or name; None where an experiment is."""
    if source == "default" or Path(source).suffix in (".json", ".toml"):
        return None
    return load_run(find(source, runs_folder()))


def _write_bundle(run: Run | None, output: Path) -> None:
    """A zip that is whole when it has its name."""
    if run is None:
        raise Problem(
            _("{path}: only a run can be packed").format(path=output),
            _("an experiment that was not trained is a script or a notebook"),
            _("name a run's folder, or end the output in .py or .ipynb"),
        )
    draft = output.with_name(f".{output.name}.part")
    try:
        with draft.open("wb") as file:
            bundle(run, file)
        draft.replace(output)
    except OSError as error:
        raise _unwritable(output, error) from None
    finally:
        draft.unlink(missing_ok=True)


def _unwritable(path: Path, error: OSError) -> Problem:
    return Problem(_("{path}: cannot be written").format(path=path), error.strerror or "")
