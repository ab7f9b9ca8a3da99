"""The page of a session, for every test of this folder."""

from tests.widgets.pages import started  # noqa: F401 (a fixture)
