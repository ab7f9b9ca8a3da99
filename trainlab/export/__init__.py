"""Export: a run as plain PyTorch that repeats it bit for bit on the CPU, as a notebook, as a zip, as a link."""

from trainlab.export.bundle import bundle, unbundle
from trainlab.export.link import from_link, to_link
from trainlab.export.notebook import notebook
from trainlab.export.script import script, script_of

__all__ = ["bundle", "from_link", "notebook", "script", "script_of", "to_link", "unbundle"]
