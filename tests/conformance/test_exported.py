"""Every choice trains, and its exported script repeats the run to the last bit.

The scripts run one after the other, each in a namespace of its own, in one process that cannot import
trainlab: starting one takes longer than most of them.
"""

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from tests.conformance.combinations import MORE
from tests.conformance.playing import Cases, Played, small
from trainlab.catalog import families
from trainlab.choice import choices


@pytest.fixture(scope="module")
def played(
    defaults: dict[str, dict[str, dict[str, Any]]], play: Callable[[Cases], dict[str, Played]]
) -> Callable[[str, str], Played]:
    """A case of a family, played when first asked for."""

    @cache
    def case_played(family: str, name: str) -> Played:
        data = defaults.get(family, {}) | MORE.get(family, {})
        return play({name: small(data[name])})[name]

    return case_played


PLAIN = [
    (family, choice.kind_name())
    for family, base in families().items()
    for choice in choices(base)
    if family != "datasets"
    and choice.kind_name() != "pretrained"  # these need files
    and not getattr(choice, "needs_names", False)  # so do these: below
]


@pytest.mark.parametrize(("family", "kind"), PLAIN, ids=lambda part: part)
def test_every_choice_trains_and_its_script_repeats_it(
    family: str, kind: str, played: Callable[[str, str], Played]
) -> None:
    one = played(family, kind)
    assert one.script == one.lab
    assert len(one.losses) >= 20
    assert all(math.isfinite(loss) for loss in one.losses)
    if (family, kind) == ("inits", "zeros"):  # its card says so: no symmetry is broken
        assert one.losses[-1] == pytest.approx(one.losses[0], rel=0.05)
    else:
        assert sum(one.losses[15:20]) / 5 < one.losses[0]


@pytest.mark.parametrize(
    ("family", "name"), [(family, name) for family, cases in MORE.items() for name in cases]
)
def test_settings_and_combinations_are_repeated(
    family: str, name: str, played: Callable[[str, str], Played]
) -> None:
    one = played(family, name)
    assert one.script == one.lab
