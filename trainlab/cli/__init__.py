"""The command line: `trainlab lab | train | check | runs | export | list | doctor`.

Exit codes: 0 well; 1 a run or a check failed, or doctor found an error; 2 bad input; 130 interrupted.
"""

import argparse
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import trainlab
from trainlab.cli.streams import complain, say, usable_streams
from trainlab.errors import Problem
from trainlab.text import _

Command = Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    with usable_streams():
        try:
            arguments = _parser().parse_args(argv)
            command: Command = arguments.command
            return command(arguments)
        except Problem as problem:
            complain("trainlab: error: " + " ".join(str(problem).split()))
            return 2
        except KeyboardInterrupt:
            return 130
        except SystemExit as end:  # --help and --version
            return int(end.code or 0)


class _Parser(argparse.ArgumentParser):
    """Reports a mistake as a Problem: one line, as everywhere."""

    def error(self, message: str) -> NoReturn:
        raise Problem(message)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="trainlab",
        description=_("A lab for learning and practising how deep networks are trained."),
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"trainlab {trainlab.__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, command: Command, help: str) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = commands.add_parser(
            name, help=help, description=help, allow_abbrev=False
        )
        added.set_defaults(command=command)
        return added

    _add_lab(add("lab", _lab, _("open the lab in a browser")))
    _add_train(add("train", _train, _("train an experiment and keep its run")))
    _add_check(add("check", _check, _("look at an experiment before it is trained")))
    _add_runs_commands(add("runs", _runs, _("the runs that were kept")))
    export = add("export", _export, _("write a script that needs no trainlab; or pack a run"))
    export.add_argument("source", metavar="EXPERIMENT|RUN", help=_("a file, `default`, or a run"))
    ending = _("instead of stdout: .py a script, .ipynb a notebook, .zip all there is of a run")
    export.add_argument("-o", "--output", type=Path, metavar="FILE", help=ending)
    listing = add("list", _list, _("what there is to choose from"))
    listing.add_argument(
        "family", nargs="?", metavar="FAMILY", help=_("only this one, with fields")
    )
    doctor = add("doctor", _doctor, _("find out whether this machine is ready"))
    for command in (listing, doctor):
        command.add_argument("--json", action="store_true", help=_("as JSON, for programs"))
    return parser


def _add_lab(parser: argparse.ArgumentParser) -> None:
    _add_runs(parser)
    parser.add_argument("--port", type=_port, help=_("default: 8866, or any free one"))
    parser.add_argument("--no-browser", action="store_true", help=_("only print the address"))
    parser.add_argument(
        "--unwatched",
        type=_seconds,
        default=60.0,
        metavar="SECONDS",
        help=_("pause a run so long after its page was closed, and end it after as long again"),
    )


def _add_train(parser: argparse.ArgumentParser) -> None:
    _add_experiment(parser)
    _add_runs(parser)
    parser.add_argument("--resume", metavar="RUN", help=_("go on with a stopped run; see `runs`"))
    parser.add_argument("--json", action="store_true", help=_("print the result as JSON"))


def _add_check(parser: argparse.ArgumentParser) -> None:
    _add_experiment(parser)
    layer = _("check the gradients of this layer alone (may be repeated)")
    parser.add_argument("--layer", action="append", default=[], metavar="NAME", help=layer)
    parser.add_argument("--json", action="store_true", help=_("print the checks as JSON"))


def _add_experiment(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "experiment",
        nargs="?",
        metavar="EXPERIMENT",
        help=_("a .json or .toml file, or `default`"),
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="PATH=VALUE",
        help=_("change a setting: optimizer=sgd, optimizer.lr=0.1 (may be repeated)"),
    )


# action of `trainlab runs` -> its help, what it takes, and the function of trainlab.cli.runs that does it
_ACTIONS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "list": ("all of them, newest first", (), "show_all"),
    "show": ("one of them in full", ("run",), "show_one"),
    "rename": ("give one a name", ("run", "text"), "change"),
    "note": ("write a note on one", ("run", "text"), "change"),
    "pin": ("keep one at the top of the lab's table", ("run",), "change"),
    "unpin": ("let it go from there", ("run",), "change"),
    "delete": ("throw one away; for 30 days it can be restored", ("run",), "delete"),
    "open": ("open one that was packed with `export RUN -o FILE.zip`", ("file",), "unpack"),
    "restore": ("bring one back that was thrown away, by its whole id", ("run",), "restore"),
}


def _add_runs_commands(parser: argparse.ArgumentParser) -> None:
    """RUN may be a path, an id, the beginning of one, or the name that the run was given."""
    parser.set_defaults(action="list", runs=None, json=False)
    actions = parser.add_subparsers(metavar="ACTION")
    for name, (says, takes, _function) in _ACTIONS.items():
        added = actions.add_parser(name, help=_(says), description=_(says), allow_abbrev=False)
        added.set_defaults(action=name)
        for each in takes:
            added.add_argument(each, metavar=each.upper())
        _add_listing_options(added)
    _add_listing_options(parser)


def _add_listing_options(parser: argparse.ArgumentParser) -> None:
    _add_runs(parser, default=argparse.SUPPRESS)
    as_json = _("as JSON, for programs")
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=as_json)


def _add_runs(parser: argparse.ArgumentParser, default: object = None) -> None:
    parser.add_argument(
        "--runs",
        type=Path,
        default=default,
        metavar="DIR",
        help=_("the folder that keeps runs (default: $TRAINLAB_RUNS or ./runs)"),
    )


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(_("must be a number from 1 to 65535"))
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(_("must be a number of seconds, 1 or more"))
    return seconds


# Each command imports what it needs: `--version` and mistakes must not wait for torch.


def _lab(arguments: argparse.Namespace) -> int:
    from trainlab.cli.lab import serve

    browser = not arguments.no_browser
    return serve(arguments.runs, arguments.port, browser, arguments.unwatched)


def _train(arguments: argparse.Namespace) -> int:
    from trainlab.cli.train import train

    return train(arguments)


def _runs(arguments: argparse.Namespace) -> int:
    from trainlab.cli import runs

    command: Command = getattr(runs, _ACTIONS[arguments.action][2])
    return command(arguments)


def _check(arguments: argparse.Namespace) -> int:
    from trainlab.cli.check import check

    return check(arguments)


def _export(arguments: argparse.Namespace) -> int:
    from trainlab.cli.export import export

    return export(arguments)


def _list(arguments: argparse.Namespace) -> int:
    from trainlab.cli.listing import as_json, as_text, select

    families = select(arguments.family)
    say(as_json(families) if arguments.json else as_text(families, fields=bool(arguments.family)))
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
    from trainlab.doctor import diagnose, render, to_json
    from trainlab.places import data_folder, runs_folder

    findings = diagnose(runs_folder(), data_folder().parent)
    say(to_json(findings) if arguments.json else render(findings))
    return int(any(finding.severity == "error" for finding in findings))
