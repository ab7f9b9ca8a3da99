"""Source: functions and classes of trainlab's own, with all they need, as code that stands alone.

What a script takes over is the very source that the lab runs, so the two cannot drift apart. Only what
a reader can do without is left out: annotations, and docstrings past their first line.
"""

import ast
import copy
import inspect
import re
import symtable
import sys
import textwrap
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from trainlab.export.tidy import WIDTH

OURS = "trainlab"
QUOTES = '"' * 3
FOR_TOOLS = re.compile(rb"[ ]*# (noqa|type: ignore|fmt: ).*")

Import = ast.Import | ast.ImportFrom
Definition = ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign
Edit = tuple[int, int, bytes]  # first byte, end, replacement


class Sources:
    """Collects definitions, each after what it uses, and the import lines that they need."""

    def __init__(self) -> None:
        self.imports: set[str] = set()
        self._code: dict[str, str] = {}
        self._home: dict[str, str] = {}

    def add(self, target: Callable[..., Any]) -> str:
        """Take in a function or class and everything it uses; its name."""
        self._define(target.__module__, target.__qualname__)
        return target.__qualname__

    def code(self) -> str:
        """All definitions."""
        return "\n\n".join(self._code.values())

    def _define(self, module: str, name: str) -> None:
        home_module = _parsed(module)
        if name not in home_module.definitions:  # handed on from another module
            self._import(home_module.imports[name])
            return
        home = self._home.setdefault(name, module)
        if home != module:
            raise ValueError(f"{home}.{name} and {module}.{name} cannot share a script")
        if name in self._code:
            return
        self._code[name] = ""  # where a function calls itself
        text, imports = home_module.stand_alone(name)
        own = {alias.asname or alias.name for inner in imports for alias in inner.names}
        for used in sorted(_globals(text) - own - {name}):
            if used in home_module.definitions:
                self._define(module, used)
            elif used in home_module.imports:
                imports.append(home_module.imports[used])
        for statement in imports:
            self._import(statement)
        del self._code[name]
        self._code[name] = text

    def _import(self, statement: Import) -> None:
        origin = statement.module if isinstance(statement, ast.ImportFrom) else None
        if not origin or origin.split(".")[0] != OURS:
            self.imports.add(ast.unparse(statement))
            return
        for alias in statement.names:
            self._define(origin, alias.name)


class _Module:
    """A module's source, and what its top level gives names to: definitions, and imports of one name each."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.definitions: dict[str, Definition] = {}
        self.imports: dict[str, Import] = {}
        self._lines = [0]  # where each begins
        for line in text.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))
        for node in ast.parse(text).body:
            match node:
                case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                    self.definitions[name] = node
                case ast.Assign(targets=[ast.Name(id=name)]):
                    self.definitions[name] = node
                case ast.AnnAssign(target=ast.Name(id=name)):
                    self.definitions[name] = node
                case ast.Import(names=names):
                    for alias in names:
                        bound = alias.asname or alias.name.split(".")[0]
                        self.imports[bound] = ast.Import([alias])
                case ast.ImportFrom(module=module, names=names, level=level):
                    for alias in names:
                        single = ast.ImportFrom(module, [alias], level)
                        self.imports[alias.asname or alias.name] = single

    def stand_alone(self, name: str) -> tuple[str, list[Import]]:
        """A definition without annotations and long docstrings; the imports taken out of it."""
        node = self.definitions[name]
        edits = set(self._edits(node))
        begin, end = self._whole(node)
        text = self.text
        for start, stop, replacement in sorted(edits, reverse=True):
            end += len(replacement) - (stop - start)
            text = text[:start] + replacement + text[stop:]
        inner = [
            child for child in ast.walk(node) if isinstance(child, ast.Import | ast.ImportFrom)
        ]
        return FOR_TOOLS.sub(b"", text[begin:end]).decode(), inner

    def _edits(self, node: ast.AST, in_class: bool = False) -> Iterator[Edit]:
        match node:
            case ast.FunctionDef():
                yield self._bare_signature(node)
                yield from self._shorter_docstring(node)
            case ast.ClassDef():
                yield from self._shorter_docstring(node)
            case ast.AnnAssign() if not in_class:  # a class may need it: dataclasses do
                yield self._bare_assignment(node)
            case ast.Import() | ast.ImportFrom():
                yield self._removal(node)
        for child in ast.iter_child_nodes(node):
            yield from self._edits(child, isinstance(node, ast.ClassDef))

    def _span(self, node: Any) -> tuple[int, int]:
        begin = self._lines[node.lineno - 1] + node.col_offset
        return begin, self._lines[node.end_lineno - 1] + node.end_col_offset

    def _whole(self, node: Definition) -> tuple[int, int]:
        """Where a definition begins and ends, decorators included."""
        first = min([node.lineno, *(part.lineno for part in getattr(node, "decorator_list", []))])
        return self._lines[first - 1], self._span(node)[1]

    def _removal(self, node: ast.stmt) -> Edit:
        """The lines of a statement away, and blank ones after it."""
        begin, end = self._lines[node.lineno - 1], self._span(node)[1]
        while self.text[end : end + 1].isspace() and b"\n" in self.text[end:]:
            after = self.text.index(b"\n", end) + 1
            if self.text[end:after].strip():
                break
            end = after
        return begin, end, b""

    def _shorter_docstring(self, node: ast.FunctionDef | ast.ClassDef) -> Iterator[Edit]:
        whole = ast.get_docstring(node) or ""
        room = WIDTH - node.col_offset - 4 - 2 * len(QUOTES)
        first = _shorter(whole.partition("\n")[0], room)
        lines = textwrap.wrap(f"{QUOTES}{first}{QUOTES}", room + 2 * len(QUOTES))
        if first != whole or len(lines) > 1:
            text = f"\n{' ' * (node.col_offset + 4)}".join(lines)
            yield *self._span(node.body[0]), text.encode()

    def _bare_signature(self, node: ast.FunctionDef) -> Edit:
        """`def name(arguments)` without annotations."""
        begin = self._span(node)[0]
        parts = [part for part in (*ast.walk(node.args), node.returns) if hasattr(part, "lineno")]
        colon = self.text.index(b":", max([begin, *(self._span(part)[1] for part in parts)]))
        bare = copy.deepcopy(node.args)
        for part in ast.walk(bare):
            if isinstance(part, ast.arg):
                part.annotation = None
        return begin, colon, f"def {node.name}({ast.unparse(bare)})".encode()

    def _bare_assignment(self, node: ast.AnnAssign) -> Edit:
        if node.value is None:
            return self._removal(node)
        return self._span(node.target)[1], self._span(node.value)[0], b" = "


def _shorter(sentence: str, room: int) -> str:
    """A sentence that is too long for its line, up to a semicolon or colon."""
    if len(sentence) <= room:
        return sentence
    ends = [found.start() for found in re.finditer(r"[;:] ", sentence[:room])]
    whole = [end for end in ends if sentence.count("(", 0, end) == sentence.count(")", 0, end)]
    return f"{sentence[: whole[-1]]}." if whole else sentence


@cache
def _parsed(module: str) -> _Module:
    return _Module(inspect.getsource(sys.modules[module]).encode())


def _globals(text: str) -> set[str]:
    """The names that code takes from outside of itself."""

    def used(table: symtable.SymbolTable) -> Iterator[str]:
        for symbol in table.get_symbols():
            outside = symbol.is_global() or table.get_type() == "module"
            if outside and symbol.is_referenced():
                yield symbol.get_name()
        for child in table.get_children():
            yield from used(child)

    return set(used(symtable.symtable(text, "source", "exec")))
