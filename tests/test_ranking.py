"""Ranks with shared ties and masked histories, against a reference of five lines."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from loki_bench.interactions import Sequences
from loki_bench.ranking import average_ranks, masked_ranks, masked_ranks_if_finite


def reference_rank(scores, history, item):
    rivals = [i for i in range(len(scores)) if i not in history and i != item]
    above = sum(scores[i] > scores[item] for i in rivals)
    tied = sum(scores[i] == scores[item] for i in rivals)
    return math.nan if item in history else 1 + above + tied / 2


@st.composite
def problems(draw):
    n_users, n_items = draw(st.integers(0, 4)), draw(st.integers(1, 7))
    # few different scores, so that there are ties; zero of either sign is one score
    score = st.sampled_from([-1.5, -0.0, 0.0, 1.0, 2.0])
    scores = [[draw(score) for _ in range(n_items)] for _ in range(n_users)]
    item = st.integers(0, n_items - 1)
    histories = [draw(st.lists(item, max_size=8)) for _ in range(n_users)]
    m = draw(st.integers(0, 3))
    items = [[draw(item) for _ in range(m)] for _ in range(n_users)]
    return scores, histories, items, (n_users, m), n_items


@settings(deadline=None)  # the first call compiles
@given(problems())
def test_ranks_equal_those_of_the_reference(problem):
    scores, histories, items, shape, n_items = problem
    ranks = masked_ranks(
        np.array(scores, dtype=np.float32).reshape(shape[0], n_items),
        Sequences.of(histories),
        np.array(items, dtype=np.int32).reshape(shape),
    )
    expected = [
        [reference_rank(s, h, item) for item in row]
        for s, h, row in zip(scores, histories, items, strict=True)
    ]
    assert ranks.dtype == np.float64
    np.testing.assert_array_equal(ranks, np.array(expected).reshape(shape))


def test_ranks_by_hand():
    scores = np.array([[0.9, 0.5, 0.5, 0.1, 0.7]], dtype=np.float32)
    items = np.array([[0, 1, 2, 3, 4]], dtype=np.int32)
    np.testing.assert_array_equal(
        masked_ranks(scores, Sequences.of([[]]), items), [[1, 3.5, 3.5, 5, 2]]
    )
    np.testing.assert_array_equal(
        masked_ranks(scores, Sequences.of([[0, 2, 0]]), items), [[np.nan, 2, np.nan, 3, 1]]
    )


def test_a_recommender_that_cannot_tell_items_apart_gives_all_of_them_the_middle():
    ranks = masked_ranks(
        np.zeros((1, 101), dtype=np.float32), Sequences.of([[]]), np.array([[0, 50]])
    )
    assert ranks.tolist() == [[51, 51]]


def test_the_only_item_left_ranks_first():
    ranks = masked_ranks(np.array([[3.0, 1.0]]), Sequences.of([[0]]), np.array([[1]]))
    assert ranks.tolist() == [[1.0]]


def test_scores_and_histories_are_left_as_they_were():
    scores = np.array([[1.0, 2.0]], dtype=np.float32)
    scores.flags.writeable = False
    masked_ranks(scores, Sequences.of([[1]]), np.array([[0]]))
    assert scores.tolist() == [[1.0, 2.0]]


def test_no_user_has_no_rank():
    ranks = masked_ranks(
        np.empty((0, 3), dtype=np.float32), Sequences.empty(), np.empty((0, 2), dtype=np.int32)
    )
    assert ranks.shape == (0, 2)


def test_nobody_and_nothing_to_rank_give_empty_ranks():
    nobody = masked_ranks(
        np.empty((0, 5), dtype=np.float32), Sequences.empty(), np.empty((0, 2), dtype=np.int32)
    )
    assert nobody.shape == (0, 2)
    nothing = masked_ranks(
        np.zeros((1, 5), dtype=np.float32), Sequences.of([[1]]), np.empty((1, 0), dtype=np.int32)
    )
    assert nothing.shape == (1, 0)


def test_ranks_of_a_large_catalogue_equal_scipys():
    generator = np.random.default_rng(0)
    # few values, so that ties are many; a length that no vector register divides
    scores = generator.integers(-50, 50, size=(3, 1237)).astype(np.float32)
    items = np.tile(np.arange(1237, dtype=np.int32), (3, 1))
    ranks = masked_ranks(scores, Sequences.of([[]] * 3), items)
    np.testing.assert_array_equal(ranks, rankdata(-scores, axis=1))


@pytest.mark.parametrize("m", [0, 1, 2])
@pytest.mark.parametrize("place", [0, 8, 30])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_score_that_is_not_finite_leaves_no_rank(bad, place, m):
    scores = np.ones((2, 31), dtype=np.float32)
    # among the user's own items and as the one to rank, too
    histories, items = Sequences.of([[8], [8]]), np.full((2, m), 30, dtype=np.int32)
    ranks = masked_ranks_if_finite(scores, histories, items)
    assert ranks is not None
    np.testing.assert_array_equal(ranks, masked_ranks(scores, histories, items))
    scores[1, place] = bad
    assert masked_ranks_if_finite(scores, histories, items) is None


def test_the_largest_and_smallest_numbers_are_finite():
    extremes = np.finfo(np.float32)
    scores = np.array([[extremes.max, extremes.min, extremes.smallest_subnormal, 0]], np.float32)
    ranks = masked_ranks_if_finite(scores, Sequences.of([[]]), np.array([[0, 1, 2, 3]]))
    assert ranks is not None
    assert ranks.tolist() == [[1, 4, 2, 3]]


@pytest.mark.parametrize("shape", [(0,), (1,), (40,), (5, 30), (3, 4, 9), (2, 0), (0, 3)])
@pytest.mark.parametrize("kind", [np.int64, np.float64, np.float32])
def test_average_ranks_are_those_of_scipy(shape, kind):
    values = np.random.default_rng(0).integers(-4, 5, shape).astype(kind)
    if values.size:
        values.flat[0] = -0.0
    found = average_ranks(values)
    assert found.dtype == np.float64
    expected = rankdata(values, method="average", axis=-1) if values.size else values
    np.testing.assert_array_equal(found, expected)
