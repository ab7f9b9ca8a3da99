"""Runs: training with a record on disk, and reading it back."""

from trainlab.runs.run import Run, load_run, train

__all__ = ["Run", "load_run", "train"]
