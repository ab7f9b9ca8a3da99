"""Served: what is different where Voilà serves the lab to a browser."""

import os
from urllib.parse import parse_qs

from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.export import from_link
from trainlab.text import _


def under_voila() -> bool:
    """Whether Voilà serves this kernel's page."""
    return os.environ.get("SERVER_SOFTWARE", "").startswith("voila")


def linked_experiment() -> Experiment | None:
    """The experiment in the address that the page was opened with, if there is one. Raises Problem."""
    if not under_voila():
        return None
    try:
        query = parse_qs(os.environ.get("QUERY_STRING", ""), max_num_fields=20)
    except ValueError as error:
        raise Problem(_("The link's experiment cannot be read"), str(error)) from None
    asked = query.get("experiment")
    return from_link(asked[0]) if asked else None
