"""Curves made short: what may be left out, and what must stay."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trainlab.views.series import decimate, packed


@given(length=st.integers(0, 700), most=st.integers(2, 300), seed=st.integers(0, 9))
def test_decimate_keeps_real_rows_in_order_and_both_extremes(
    length: int, most: int, seed: int
) -> None:
    rows = np.column_stack(
        [np.arange(length), np.random.default_rng(seed).normal(size=length), np.ones(length)]
    )
    kept = decimate(rows, most, column=1)
    assert len(kept) <= max(most, 0)
    assert np.all(np.diff(kept[:, 0]) > 0)
    assert np.array_equal(kept, rows[kept[:, 0].astype(int)])
    if length:
        assert kept[:, 1].min() == rows[:, 1].min()
        assert kept[:, 1].max() == rows[:, 1].max()


def test_decimate_leaves_short_tables_alone() -> None:
    rows = np.arange(12.0).reshape(4, 3)
    assert decimate(rows, 4, column=1) is rows


def test_decimate_shows_a_break_in_the_numbers() -> None:
    rows = np.column_stack([np.arange(1000.0), np.ones(1000)])
    rows[500, 1] = np.nan
    kept = decimate(rows, 100, column=1)
    assert np.isnan(kept[:, 1]).any()


@given(rows=st.integers(0, 40), columns=st.integers(1, 6))
def test_packed_is_float32_column_after_column(rows: int, columns: int) -> None:
    table = np.random.default_rng(0).normal(size=(rows, columns))
    back = np.frombuffer(packed(table), "<f4").reshape(columns, rows)
    assert np.array_equal(back, table.T.astype(np.float32))
