"""Export: an experiment as a short plain PyTorch script that repeats its run bit for bit on the CPU."""

from trainlab.export.script import script

__all__ = ["script"]
