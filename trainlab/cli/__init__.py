"""The command line: `trainlab lab | train | export | list | doctor`.

Exit codes: 0 well; 1 a run failed, or doctor found an error; 2 bad input; 130 interrupted.
"""

import argparse
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
    export = add("export", _export, _("write the experiment as a script that needs no trainlab"))
    export.add_argument("source", metavar="EXPERIMENT|RUN", help=_("a file, `default`, or a run"))
    export.add_argument("-o", "--output", type=Path, metavar="FILE", help=_("instead of stdout"))
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


def _add_train(parser: argparse.ArgumentParser) -> None:
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
    _add_runs(parser)
    parser.add_argument("--resume", type=Path, metavar="RUN", help=_("go on with a stopped run"))
    parser.add_argument("--json", action="store_true", help=_("print the result as JSON"))


def _add_runs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--runs",
        type=Path,
        metavar="DIR",
        help=_("the folder that keeps runs (default: $TRAINLAB_RUNS or ./runs)"),
    )


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(_("must be a number from 1 to 65535"))
    return int(text)


# Each command imports what it needs: `--version` and mistakes must not wait for torch.


def _lab(arguments: argparse.Namespace) -> int:
    from trainlab.cli.lab import serve

    return serve(arguments.runs, arguments.port, browser=not arguments.no_browser)


def _train(arguments: argparse.Namespace) -> int:
    from trainlab.cli.train import train

    return train(arguments)


def _export(arguments: argparse.Namespace) -> int:
    from trainlab.cli.settings import read_experiment
    from trainlab.export import script
    from trainlab.runs import load_run

    if arguments.source != "default" and Path(arguments.source).is_dir():
        run = load_run(arguments.source)
        text = script(run.experiment, run.threads, edits=run.edits)
    else:
        text = script(read_experiment(arguments.source))
    if arguments.output is None:
        say(text.rstrip("\n"))
        return 0
    try:
        arguments.output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Problem(
            _("{path}: cannot be written").format(path=arguments.output), error.strerror or ""
        ) from None
    return 0


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
