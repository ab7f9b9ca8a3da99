"""The exported notebook: valid, and the very program of the script."""

import ast
import json
from typing import Any

import pytest
from jupyter_client.manager import start_new_kernel

from trainlab.experiment import Experiment
from trainlab.export import notebook, script

SMALL = Experiment.from_data(
    {
        "augmentations": ["shift"],
        "model": {"kind": "mlp", "width": 8, "dropout": 0.1},
        "training": {"epochs": 1, "batch_size": 256, "threads": 1},
    }
)

MARGINS = '''"""A title.

And *more*.
"""

x = "# no comment"

# Part: first_line. Of $x$
# An item
#   goes on
# <b>
y = 1
'''


def cells(text: str, kind: str) -> list[str]:
    found = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == kind]
    return ["".join(cell["source"]) for cell in found]


def test_it_is_valid_and_says_the_same() -> None:
    import nbformat  # 5 s: its JSON schemas come with a parser for addresses

    text = script(SMALL)
    document = json.loads(notebook(text))
    nbformat.validate(document)
    assert (document["nbformat"], document["nbformat_minor"]) == (4, 5)
    assert all(not cell.get("outputs") for cell in document["cells"])
    code = "\n".join(cells(notebook(text), "code"))
    assert ast.dump(ast.parse(code)) == ast.dump(ast.Module(ast.parse(text).body[1:], []))


def test_comments_at_the_margin_become_text() -> None:
    head, part = cells(notebook(MARGINS), "markdown")
    assert head == "# A title\n\nAnd \\*more\\*."
    assert part == "## Part\n\nFirst\\_line. Of \\$x\\$\n\n- An item\n  goes on\n- \\<b\\>"
    assert cells(notebook(MARGINS), "code") == ['x = "# no comment"', "y = 1"]


@pytest.mark.kernel
def test_a_kernel_prints_the_scripts_last_line(replay: Any) -> None:
    text = script(SMALL)
    manager, client = start_new_kernel()
    printed: list[str] = []

    def hear(message: dict[str, Any]) -> None:
        content = message["content"]
        printed.append(content.get("text", "") if message["msg_type"] == "stream" else "")

    try:
        for source in cells(notebook(text), "code"):
            reply = client.execute_interactive(source, timeout=60, output_hook=hear)
            assert reply["content"]["status"] == "ok", reply["content"]
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert json.loads("".join(printed).splitlines()[-1]) == replay(text)
