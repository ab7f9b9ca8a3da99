"""The script of an edited run needs the player of scripts."""

from tests.conformance.playing import replay  # noqa: F401 (a fixture)
