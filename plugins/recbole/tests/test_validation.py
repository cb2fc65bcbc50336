"""Ranks and NDCG@10 of held-out events, block by block as all at once."""

import numpy as np
import pytest

from loki_bench.interactions import Sequences
from loki_bench.metrics.utility import discounted_gain
from loki_bench.ranking import masked_ranks
from loki_bench.split import HeldOut
from loki_bench_recbole.validation import held_out_ranks, ndcg_at


def test_ranks_equal_the_benchmarks_with_ties_and_repeated_history():
    generator = np.random.default_rng(0)
    n, n_items = 300, 17
    scores = generator.integers(0, 6, size=(n, n_items)).astype(np.float32)
    histories = Sequences.of(
        [generator.integers(0, n_items, size=generator.integers(0, 9)) for _ in range(n)]
    )
    items = generator.integers(0, n_items, size=n).astype(np.int32)
    held_out = HeldOut(users=np.arange(n, dtype=np.int32), histories=histories, items=items)
    rows = np.arange(n, dtype=np.float32)[:, None]
    ranks = held_out_ranks(rows, lambda block: scores[block[:, 0].astype(int)], held_out)
    np.testing.assert_array_equal(ranks, masked_ranks(scores, histories, items[:, None])[:, 0])


def test_ndcg_is_the_mean_gain_of_the_events_that_are_ranked_as_in_the_metric():
    ranks = np.array([1.0, 10.0, 11.0, np.nan, 2.5])
    expected = (1 + 1 / np.log2(11) + 1 / np.log2(3.5)) / 4
    assert ndcg_at(10, ranks) == pytest.approx(expected)
    assert ndcg_at(10, ranks) == discounted_gain(ranks, 10)
    assert ndcg_at(10, np.array([1.0, np.nan, 1.0, np.nan])) == 1.0
    assert ndcg_at(10, np.empty(0)) == ndcg_at(10, np.array([np.nan])) == 0


def test_where_repeats_are_shown_nothing_is_left_out():
    # item 1 is the user's own, and only item 0 is above it
    scores = np.array([[5.0, 4.0, 3.0]], dtype=np.float32)
    event = {
        "users": np.zeros(1, dtype=np.int32),
        "histories": Sequences.of([[0, 1]]),
        "items": np.array([1], dtype=np.int32),
    }
    query = np.zeros((1, 1), dtype=np.float32)
    shown = held_out_ranks(query, lambda _: scores, HeldOut(**event, repeats_are_shown=True))
    hidden = held_out_ranks(query, lambda _: scores, HeldOut(**event))
    assert shown.tolist() == [2.0]
    assert np.isnan(hidden).all()


def test_no_held_out_event_has_no_rank():
    nobody = HeldOut(
        users=np.empty(0, dtype=np.int32),
        histories=Sequences.empty(),
        items=np.empty(0, dtype=np.int32),
    )
    ranks = held_out_ranks(np.empty((0, 3), dtype=np.float32), lambda block: block, nobody)
    assert ranks.shape == (0,)
