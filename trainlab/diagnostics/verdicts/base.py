"""What verdicts are made of: a rule is one class, which finds something in the signals of a run and says what helps."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar, Literal

from trainlab.changes import Changes
from trainlab.diagnostics.verdicts.signals import Signals
from trainlab.experiment import Experiment

MOST = 3  # verdicts at once: nobody reads more

How = Literal["edit", "branch", "restart"]


@dataclass(frozen=True)
class Remedy:
    """Something to try: settings to change, in the run under way, in a branch of it, or in a new run."""

    label: str
    changes: Changes
    how: How


@dataclass(frozen=True)
class Finding:
    """What a rule saw, in a sentence with its numbers, from which step to which; how sure it is, in [0, 1].

    `remedies` are set where what helps depends on what was seen.
    """

    seen: str
    first: int
    last: int
    sure: float = 0.8
    remedies: tuple[Remedy, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """One thing that is wrong with a run, or worth knowing of it: what was seen, by which rule, what to try."""

    id: str
    title: str
    seen: str
    first: int
    last: int
    rule: str
    source: str
    sure: float
    remedies: tuple[Remedy, ...]


class Rule(ABC):
    """One verdict: its card, how it is found, and what helps.

    `id` names it in files and benchmarks. `rank` says what is told first when there is much to tell:
    causes before what follows from them.
    """

    id: ClassVar[str]
    title: ClassVar[str]
    rule: ClassVar[str]
    source: ClassVar[str]
    rank: ClassVar[int]

    @classmethod
    @abstractmethod
    def find(cls, signals: Signals) -> Finding | None:
        """What speaks for it, or None: also where there is too little to go by."""

    @classmethod
    @abstractmethod
    def remedies(cls, experiment: Experiment) -> tuple[Remedy, ...]:
        """What to try, the best first."""

    @classmethod
    def judge(cls, signals: Signals) -> Verdict | None:
        """The verdict on a run, if it is found."""
        finding = cls.find(signals)
        if finding is None:
            return None
        helps = finding.remedies or cls.remedies(signals.experiment)
        return Verdict(
            cls.id,
            cls.title,
            finding.seen,
            finding.first,
            finding.last,
            cls.rule,
            cls.source,
            finding.sure,
            helps,
        )


def rules() -> tuple[type[Rule], ...]:
    """Every rule, by rank."""
    return tuple(sorted(Rule.__subclasses__(), key=lambda rule: rule.rank))


def judge(signals: Signals, dismissed: Collection[str] = ()) -> tuple[Verdict, ...]:
    """What holds of a run now: three verdicts at most, by rank, without those that were dismissed by id.

    One whose first advice another of better rank has given, told or dismissed, is left out: it would say
    the same again.
    """
    found = (verdict for rule in rules() if (verdict := rule.judge(signals)))
    wanted = (verdict for verdict in _fresh(found) if verdict.id not in dismissed)
    return tuple(islice(wanted, MOST))


def _fresh(found: Iterable[Verdict]) -> Iterator[Verdict]:
    given: list[Changes] = []
    for verdict in found:
        best = verdict.remedies[0].changes if verdict.remedies else {}
        if best not in given:
            yield verdict
        given += [best] if best else []


class Feed:
    """The verdicts on a run as it goes on: `now` is what holds, without what was dismissed.

    Hearing a run of 100,000 steps takes a few milliseconds: once a second is plenty.
    """

    def __init__(self) -> None:
        self.now: tuple[Verdict, ...] = ()
        self.dismissed: set[str] = set()

    def hear(self, signals: Signals) -> tuple[Verdict, ...]:
        """Judge again; what is new: each verdict is told once while it lasts."""
        known = {verdict.id for verdict in self.now}
        self.now = judge(signals, self.dismissed)
        return tuple(verdict for verdict in self.now if verdict.id not in known)

    def dismiss(self, verdict: str) -> None:
        """Say no more of this one, named by its id."""
        self.dismissed.add(verdict)
        self.now = tuple(known for known in self.now if known.id != verdict)
