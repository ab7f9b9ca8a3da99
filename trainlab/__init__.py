"""trainlab: a lab in a notebook for learning and practising how deep networks are trained."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = [
    "Experiment", "Lab", "Run", "attach", "catalog", "check", "load_run", "sabotages", "train",
]  # fmt: skip

if TYPE_CHECKING:
    from trainlab import catalog
    from trainlab.diagnostics.checks import check
    from trainlab.diagnostics.sabotage import sabotages
    from trainlab.experiment import Experiment
    from trainlab.runs import Run, load_run, train
    from trainlab.widgets import Lab, attach

# public name -> the module that holds it; imported at first use, since torch and the widgets are slow
_HOME = {
    "Experiment": "trainlab.experiment",
    "Lab": "trainlab.widgets",
    "Run": "trainlab.runs",
    "attach": "trainlab.widgets",
    "check": "trainlab.diagnostics.checks",
    "load_run": "trainlab.runs",
    "sabotages": "trainlab.diagnostics.sabotage",
    "train": "trainlab.runs",
}


def __getattr__(name: str) -> Any:
    if name == "catalog":
        return import_module("trainlab.catalog")
    if name not in _HOME:
        raise AttributeError(f"module 'trainlab' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
