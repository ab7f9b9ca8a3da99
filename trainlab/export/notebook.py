"""Notebook: the exported script as a Jupyter notebook, its comments at the margin as the text between cells."""

import ast
import io
import json
import re
import tokenize
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

SPECIAL = re.compile(r"([\\`*_$<>\[\]|#~])")  # what Markdown and its formulas would take for signs


def notebook(script: str) -> str:
    """The same program as a notebook (nbformat 4.5) without outputs.

    Each block of comments at the margin begins a section: its first line is the heading, the others are items.
    """
    lines = script.splitlines()
    head = ast.parse(script).body[0].end_lineno or 0
    what, _blank, rest = (ast.get_docstring(ast.parse(script)) or "").partition("\n")
    cells = [_cell(0, "markdown", f"# {_plain(what.rstrip('.'))}\n\n{_plain(rest.strip())}")]
    starts = [head, *_margins(script), len(lines)]
    for begin, end in pairwise(starts):
        block = lines[begin:end]
        count = next((i for i, line in enumerate(block) if not line.startswith("#")), len(block))
        if count:
            cells.append(_cell(len(cells), "markdown", _section(block[:count])))
        cells.append(_cell(len(cells), "code", "\n".join(block[count:]).strip("\n")))
    document = {"cells": cells, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def _margins(script: str) -> Iterator[int]:
    """The index of each line that begins a block of comments at the margin."""
    last = -1
    for token in tokenize.generate_tokens(io.StringIO(script).readline):
        if token.type == tokenize.COMMENT and token.start[1] == 0:
            if token.start[0] != last + 1:
                yield token.start[0] - 1
            last = token.start[0]


def _section(comments: list[str]) -> str:
    """Comments as Markdown; a line that is indented goes on with the item before it."""
    texts = [comment.removeprefix("# ") for comment in comments]
    title, text = (*re.split(r"[.:] ?", texts[0], maxsplit=1), "")[:2]
    items = [
        f"  {_plain(line.strip())}" if line[0] == " " else f"- {_plain(line)}" for line in texts[1:]
    ]
    intro = [_plain(text[:1].upper() + text[1:])] if text else []
    return "\n".join(
        [f"## {_plain(title)}", *(["", *intro] if intro else []), *(["", *items] if items else [])]
    )


def _plain(text: str) -> str:
    return SPECIAL.sub(r"\\\1", text)


def _cell(number: int, kind: str, source: str) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": kind, "id": f"part-{number}", "metadata": {}}
    if kind == "code":
        cell |= {"execution_count": None, "outputs": []}
    return {**cell, "source": source.splitlines(keepends=True)}
