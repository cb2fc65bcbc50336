"""Ranks within the first k equal those of the whole product, to the last bit."""

import numpy as np
import pytest

from loki_bench import first_places
from loki_bench.first_places import FirstPlaces
from loki_bench.interactions import Sequences
from loki_bench.rank_counting import score_bounds
from loki_bench.ranking import masked_ranks

N_USERS, N_ITEMS = 200, 700


def whole(queries, factors, histories, items, k):
    ranks = masked_ranks(queries @ factors.T, histories, items[:, None])[:, 0]
    return np.where(ranks > k, np.inf, ranks)


def case(seed, d=16, n_items=N_ITEMS, n_users=N_USERS):
    """Popular items have longer vectors, so that some users are done after the first tile."""
    generator = np.random.default_rng(seed)
    lift = np.linspace(2, 0.5, n_items)[:, None]
    factors = (generator.normal(size=(n_items, d)) * lift).astype(np.float32)
    queries = generator.normal(size=(n_users, d)).astype(np.float32)
    lengths = generator.integers(0, 40, size=n_users)
    histories = Sequences.of(
        [(n_items * generator.random(length) ** 2).astype(int) for length in lengths]
    )
    items = generator.integers(0, n_items, size=n_users).astype(np.int32)
    items[::3] = np.argmax(queries[::3] @ factors.T, axis=1)  # some are first, or nearly
    return queries, factors, histories, items


def found(queries, factors, histories, items, k=10):
    return FirstPlaces(histories, items, n_items=len(factors), k=k).ranks(queries, factors)


@pytest.fixture(params=[(256, 2**19), (5, 37), (1, 1)], ids=["as it is", "small", "one by one"])
def tiles(request, monkeypatch):
    monkeypatch.setattr(first_places, "_FIRST_TILE", request.param[0])
    monkeypatch.setattr(first_places, "_TILE_SCORES", request.param[1])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("k", [1, 10, N_ITEMS])
def test_ranks_equal_those_of_the_whole_product(seed, k, tiles):
    given = case(seed)
    ranks = found(*given, k=k)
    np.testing.assert_array_equal(ranks, whole(*given, k))
    assert np.isnan(ranks).any()  # a held-out item in its own user's history
    assert (ranks <= k).any()
    assert np.isinf(ranks).any() == (k < N_ITEMS)


def test_ties_are_shared_and_settled_by_the_whole_product(tiles):
    queries, factors, histories, items = case(3, d=4)
    factors = np.round(factors)  # whole numbers: products are exact, and ties are many
    factors[50:100] = factors[:50]
    queries = np.round(queries)
    ranks = found(queries, factors, histories, items)
    np.testing.assert_array_equal(ranks, whole(queries, factors, histories, items, 10))
    assert (ranks == np.floor(ranks) + 0.5).any()


def test_scores_that_differ_in_their_last_bit_are_settled_by_the_whole_product(tiles):
    queries, factors, histories, items = case(4)
    up = np.nextafter(factors[items[::2]], np.float32(np.inf))
    others = np.random.default_rng(0).permutation(N_ITEMS)[: len(up)]
    factors[others] = up
    ranks = found(queries, factors, histories, items)
    np.testing.assert_array_equal(ranks, whole(queries, factors, histories, items, 10))


def test_all_scores_alike_leave_everybody_in_the_middle(tiles):
    _, _, histories, items = case(5)
    queries, factors = np.ones((N_USERS, 3), np.float32), np.ones((N_ITEMS, 3), np.float32)
    ranks = found(queries, factors, histories, items)
    np.testing.assert_array_equal(ranks, whole(queries, factors, histories, items, 10))
    assert np.isinf(ranks[~np.isnan(ranks)]).all()


def test_numbers_so_large_that_products_overflow_are_left_to_the_whole_product(tiles):
    queries, factors, histories, items = case(6)
    queries[:3] *= np.float32(1e38)
    with np.errstate(over="ignore", invalid="ignore"):
        ranks = found(queries, factors, histories, items)
        expected = whole(queries, factors, histories, items, 10)
    np.testing.assert_array_equal(ranks, expected)


def test_numbers_so_small_that_products_vanish_give_the_ranks_of_the_whole_product(tiles):
    queries, factors, histories, items = case(7)
    queries *= np.float32(1e-25)
    factors *= np.float32(1e-15)
    ranks = found(queries, factors, histories, items)
    np.testing.assert_array_equal(ranks, whole(queries, factors, histories, items, 10))


def test_nobody_one_user_and_one_item():
    nothing = np.empty(0, np.int32)
    nobody = found(
        np.empty((0, 4), np.float32), np.ones((9, 4), np.float32), Sequences.empty(), nothing
    )
    assert nobody.shape == (0,)
    queries, factors, histories, items = case(8)
    for user in range(20):
        one = queries[user : user + 1], factors, histories.take([user]), items[user : user + 1]
        np.testing.assert_array_equal(found(*one), whole(*one, 10))
    ones = np.ones((1, 1), np.float32)
    assert found(ones, ones, Sequences.of([[]]), np.zeros(1, np.int32)).tolist() == [1]
    assert np.isnan(found(ones, ones, Sequences.of([[0]]), np.zeros(1, np.int32))).all()


def test_the_same_places_serve_many_looks():
    queries, factors, histories, items = case(9)
    places = FirstPlaces(histories, items, n_items=N_ITEMS, k=10)
    for scale in (1, -1, 3):
        moved = (factors * np.float32(scale)).astype(np.float32)
        np.testing.assert_array_equal(
            places.ranks(queries, moved), whole(queries, moved, histories, items, 10)
        )


@pytest.mark.parametrize("d", [1, 64, 300])
def test_bounds_hold_the_score_in_any_order_of_summing(d):
    generator = np.random.default_rng(d)
    queries = generator.normal(size=(50, d)).astype(np.float32)
    factors = generator.normal(size=(20, d)).astype(np.float32)
    items = generator.integers(0, 20, size=50).astype(np.int32)
    low, high, finite = score_bounds(queries, factors, items)
    assert finite
    exact = (queries.astype(np.float64) * factors[items].astype(np.float64)).sum(1)
    for order in (np.arange(d), np.arange(d)[::-1], generator.permutation(d)):
        total = np.zeros(50, np.float32)
        for k in order:
            total = (total + queries[:, k] * factors[items, k]).astype(np.float32)
        assert (low < total).all()
        assert (total < high).all()
    lengths = np.linalg.norm(queries, axis=1) * np.linalg.norm(factors, axis=1).max()
    # no wider than needed: a few units in the last place of the largest score that can be
    assert (high - exact < 4 * d * 2.0**-24 * lengths + 3e-7 * abs(exact) + 1e-6).all()
