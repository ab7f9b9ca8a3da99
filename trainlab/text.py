"""Words on the page: everything a person reads goes through gettext, with the English text as the key."""

import gettext
from pathlib import Path

_translation = gettext.translation(
    "trainlab", localedir=Path(__file__).parent / "locale", fallback=True
)


def _(english: str) -> str:
    """The translation of `english` in the user's language, or `english` itself."""
    return _translation.gettext(english) if english else ""
