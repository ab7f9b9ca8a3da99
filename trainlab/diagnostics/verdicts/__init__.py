"""Verdicts: what is wrong with a run, and why. Pure functions of its numbers so far."""

from trainlab.diagnostics.verdicts import fit, inside, pace
from trainlab.diagnostics.verdicts.base import Feed, Finding, Remedy, Rule, Verdict, judge, rules
from trainlab.diagnostics.verdicts.signals import Signals

__all__ = [
    "Feed",
    "Finding",
    "Remedy",
    "Rule",
    "Signals",
    "Verdict",
    "fit",
    "inside",
    "judge",
    "pace",
    "rules",
]
