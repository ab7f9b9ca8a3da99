"""Curves made short: what may be left out, and what must stay."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trainlab.views.series import decimate, packed


@given(length=st.integers(0, 700), most=st.integers(2, 300), seed=st.integers(0, 9))
def test_decimate_keeps_the_mean_and_the_places_in_order(length: int, most: int, seed: int) -> None:
    noise = np.random.default_rng(seed).exponential(size=length)
    rows = np.column_stack([np.arange(length), np.arange(length) / 7, noise])
    kept = decimate(rows, most)
    assert len(kept) == min(length, most)
    assert np.all(np.diff(kept[:, 0]) > 0)
    assert np.allclose(kept[:, 1], kept[:, 0] / 7)
    if length:
        assert kept[-1, 0] == rows[-1, 0]
        sizes = np.diff(kept[:, 0], prepend=-1)
        assert np.isclose((kept[:, 2] * sizes).sum() / length, noise.mean())


def test_decimate_leaves_short_tables_alone() -> None:
    rows = np.arange(12.0).reshape(4, 3)
    assert decimate(rows, 4) is rows


def test_decimate_shows_a_break_in_the_numbers() -> None:
    rows = np.column_stack([np.arange(1000.0), np.arange(1000.0), np.ones(1000)])
    rows[500, 2] = np.nan
    assert np.isnan(decimate(rows, 100)[:, 2]).any()


@given(rows=st.integers(0, 40), columns=st.integers(1, 6))
def test_packed_is_float32_column_after_column(rows: int, columns: int) -> None:
    table = np.random.default_rng(0).normal(size=(rows, columns))
    back = np.frombuffer(packed(table), "<f4").reshape(columns, rows)
    assert np.array_equal(back, table.T.astype(np.float32))
