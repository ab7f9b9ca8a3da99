"""Where things are kept: needs nothing but the standard library and platformdirs, so that doctor can look."""

import os
from pathlib import Path

import platformdirs


def runs_folder() -> Path:
    """Where runs are kept: $TRAINLAB_RUNS, or `runs` in the current folder."""
    return Path(os.environ.get("TRAINLAB_RUNS", "runs")).absolute()


def data_folder() -> Path:
    """The folder that trainlab keeps data in: the only one that data sets write to."""
    return platformdirs.user_cache_path("trainlab") / "datasets"
