"""Draws without repetition: uniform, complete, and independent of how they are cut into blocks."""

import numpy as np
import pytest

from loki_bench.attackers import draws
from loki_bench.attackers.draws import (
    draw_in_turn,
    draw_without_repetition,
    equal_length_sequences,
)

POOL = np.array([3, 5, 8, 13], dtype=np.int32)


def draw(n_rows, n_draws, pool=POOL, seed=0):
    generator = np.random.default_rng(seed)
    return draw_without_repetition(pool, n_rows=n_rows, n_draws=n_draws, generator=generator)


@pytest.mark.parametrize("n_draws", [1, 3, 4, 5, 8, 11])
def test_each_pass_through_the_pool_is_complete(n_draws):
    drawn = draw(7, n_draws)
    assert drawn.shape == (7, n_draws)
    assert drawn.dtype == np.int32
    for row in drawn.tolist():
        for start in range(0, n_draws, 4):
            part = row[start : start + 4]
            assert len(set(part)) == len(part)
            assert set(part) <= set(POOL.tolist())


def test_every_order_is_equally_likely():
    orders, counts = np.unique(draw(24_000, 4), axis=0, return_counts=True)
    assert len(orders) == 24
    assert np.all(np.abs(counts - 1000) < 155)  # five standard deviations


def test_the_first_of_few_draws_is_any_item_of_the_pool_alike():
    drawn = draw(20_000, 2, pool=np.arange(50, dtype=np.int32))
    for column in drawn.T:
        assert np.all(np.abs(np.bincount(column, minlength=50) - 400) < 100)  # five deviations


def test_blocks_do_not_change_the_draws(monkeypatch):
    whole = draw(9, 6)
    monkeypatch.setattr(draws, "_LARGEST_BLOCK", 8)  # two rows at a time
    np.testing.assert_array_equal(draw(9, 6), whole)


@pytest.mark.parametrize(("n_rows", "n_draws"), [(0, 3), (3, 0), (0, 0)])
def test_nothing_to_draw_is_an_empty_array(n_rows, n_draws):
    for pool in (POOL, POOL[:0]):
        assert draw(n_rows, n_draws if n_rows == 0 and len(pool) else 0, pool=pool).size == 0


def test_rows_become_sequences():
    sequences = equal_length_sequences(np.array([[1, 2, 3], [4, 5, 6]], dtype=np.int32))
    assert [row.tolist() for row in sequences] == [[1, 2, 3], [4, 5, 6]]
    assert len(equal_length_sequences(np.empty((0, 4), dtype=np.int32))) == 0


@pytest.mark.parametrize(("n_rows", "n_draws"), [(7, 1), (5, 3), (3, 4), (4, 6), (2, 0), (0, 3)])
def test_in_turn_no_item_is_drawn_twice_more_than_another(n_rows, n_draws):
    generator = np.random.default_rng(1)
    drawn = draw_in_turn(POOL, n_rows=n_rows, n_draws=n_draws, generator=generator)
    assert drawn.shape == (n_rows, n_draws)
    times = [int((drawn == item).sum()) for item in POOL]
    assert max(times) - min(times) <= 1
    for row in drawn.tolist():
        assert len(set(row[:4])) == len(row[:4])


def test_in_turn_every_first_row_is_equally_likely():
    generator = np.random.default_rng(2)
    firsts = [
        draw_in_turn(POOL, n_rows=1, n_draws=2, generator=generator)[0].tolist()
        for _ in range(6_000)
    ]
    pairs, counts = np.unique(firsts, axis=0, return_counts=True)
    assert len(pairs) == 12
    assert np.all(np.abs(counts - 500) < 107)  # five standard deviations


def test_items_are_drawn_in_turn_by_their_shares():
    pool, shares = np.array([7, 8, 9], dtype=np.int32), np.array([0.5, 0.3, 0.2])
    drawn = draw_in_turn(
        pool, n_rows=200, n_draws=1, generator=np.random.default_rng(0), shares=shares
    )
    counts = np.bincount(drawn[:, 0], minlength=10)[7:]
    assert np.abs(counts - 200 * shares).max() <= 2


def test_equal_shares_change_no_draw():
    pool = np.arange(5, dtype=np.int32)
    rows = [
        draw_in_turn(
            pool, n_rows=6, n_draws=7, generator=np.random.default_rng(3), shares=shares
        ).tolist()
        for shares in (None, np.ones(5))
    ]
    assert rows[0] == rows[1]
