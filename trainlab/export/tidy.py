"""Tidy: the text as ruff would leave it, by ruff itself."""

import subprocess

WIDTH = 88
FORMAT = ["format", f"--line-length={WIDTH}"]
IMPORTS = ["check", "--select=I", "--fix", "--quiet", f"--line-length={WIDTH}"]


def tidy(text: str) -> str:
    """Imports sorted, code laid out. Without ruff the text stays as it is: it runs as well."""
    try:
        from ruff import find_ruff_bin  # type: ignore[import-untyped]

        for command in (IMPORTS, FORMAT):
            text = _piped([find_ruff_bin(), *command, "--isolated", "-"], text)
    except (ImportError, OSError):
        pass
    return text


def _piped(command: list[str], text: str) -> str:
    done = subprocess.run(command, input=text.encode(), capture_output=True, check=True)
    return done.stdout.decode()
