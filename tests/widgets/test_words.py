"""The words that the page's own code asks for are those that Python translates."""

import re
from pathlib import Path

from trainlab.widgets.words import page_words

# titles and labels that are given to `_` by way of a variable
INDIRECT = (
    r'\b(?:title|label): "([^"]+)"',  # plot.js: the panels of the chart and their lines
    r'\bsay\(.*\? "([^"]+)" : "([^"]+)"\)',  # code.js
    r'code: "([^"]+)", share: "([^"]+)"',  # panels.js: the buttons beside the tabs
    r'makeUpload\(ctx, "\w+", "([^"]+)"',  # share.js
    r' label = "([^"]+)",',  # upload.js
    r'\["[a-z]+", "([A-Z][a-z]+)"\]',  # controls.js: the buttons
    r'^ +\["([^"]+)", tool\(',  # form.js: the tools of a list's item
    r'= \["([^"]+)", "([^"]+)"\]\.map',  # card.js: the rows of a card
)


def asked(project: Path) -> set[str]:
    found: set[str] = set()
    for path in sorted((project / "js").glob("*.js")):
        source = path.read_text(encoding="utf-8")
        found.update(re.findall(r'(?<![\w.])(?:ctx\.)?(?:this\.)?_\("([^"]+)"\)', source))
        for pattern in INDIRECT:
            for match in re.finditer(pattern, source, re.MULTILINE):
                found.update(word for word in match.groups() if word)
    return found


def test_the_page_s_words_are_all_known_and_all_used(project: Path) -> None:
    wanted = asked(project)
    assert len(wanted) > 30
    assert wanted - set(page_words()) == set(), "add these to trainlab/widgets/words.py"
    assert set(page_words()) - wanted == set(), "nobody asks for these"


def test_the_committed_bundle_asks_for_them(project: Path) -> None:
    static = project / "trainlab" / "widgets" / "static"
    bundle = "".join(
        (static / name).read_text("utf-8") for name in ("panels.js", "run.js", "runs.js")
    )
    missing = [word for word in page_words() if f'"{word}"' not in bundle]
    assert missing == []


def test_english_stands_for_itself() -> None:
    assert all(key == text for key, text in page_words().items())
