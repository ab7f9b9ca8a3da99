"""Pictures of what was chosen: they say the same as the run will do."""

from typing import Any

import pytest

from trainlab.catalog.datasets import Digits, Images
from trainlab.experiment import Experiment
from trainlab.widgets import pictures
from trainlab.widgets.pictures import Look


@pytest.fixture(scope="module")
def data() -> Images:
    return Digits().load()


def look(data: Images, **changes: Any) -> Look:
    return Look(Experiment(**changes), data)


def test_weights_are_those_the_run_starts_from(data: Images) -> None:
    _signal, zeros = pictures.init_pictures(look(data, init="zeros"))
    _signal, kaiming = pictures.init_pictures(look(data))
    assert "σ 0," in zeros["alt"]
    assert "σ 0," not in kaiming["alt"]
    assert "weight" in kaiming["alt"]
