"""The runs that verdicts are measured on: healthy ones, and ones made sick in a known way.

Those for tuning the rules and those for the table are two separate sets, of other settings and seeds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, product
from typing import Literal

from benchmarks.verdict_healthy import HEALTHY
from benchmarks.verdict_settings import BASES, Way
from benchmarks.verdict_sick import ILLS
from trainlab.changes import Changes, changed
from trainlab.experiment import Experiment

Part = Literal["tune", "table"]

SEEDS: dict[Part, tuple[int, ...]] = {"tune": (101, 102), "table": (51, 52, 53, 54)}
SICK: dict[Part, int] = {"tune": 30, "table": 10}  # runs a verdict


@dataclass(frozen=True)
class Case:
    """One run: what it was made sick with (empty for a healthy one), and its experiment.

    Verdicts that are `true` of a healthy one are no false alarms.
    """

    verdict: str
    name: str
    experiment: Experiment
    true: tuple[str, ...] = ()


def cases(part: Part) -> Iterator[Case]:
    """Every run of one of the two sets."""
    seeds = SEEDS[part]
    for healthy in HEALTHY:
        for seed, base, changes in _ways(healthy, part, seeds[:2]):
            yield _case("", base, changes, seed, healthy.true)
    for verdict, ill in ILLS.items():
        for seed, base, changes in islice(_ways(ill, part, seeds), SICK[part]):
            yield _case(verdict, base, changes, seed)


def _ways(ill: Way, part: Part, seeds: tuple[int, ...]) -> Iterator[tuple[int, str, Changes]]:
    """Each seed with each base and each change of the part."""
    return product(seeds, ill.bases, ill.tune if part == "tune" else ill.table)


def _case(verdict: str, name: str, changes: Changes, seed: int, true: tuple[str, ...] = ()) -> Case:
    experiment = changed(Experiment.from_data(BASES[name]), changes | {"training.seed": seed})
    return Case(verdict, name, experiment, true)
