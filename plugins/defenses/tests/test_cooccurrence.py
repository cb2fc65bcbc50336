"""Lifts and places by hand."""

import numpy as np
import pytest

from loki_bench.interactions import Interactions, Sequences
from loki_bench_defenses.cooccurrence import consecutive_lifts, places_among_alike


def test_lifts_leave_the_users_own_pair_out():
    sequences = Sequences.of([[0, 1, 1, 2], [1, 0], [2]])
    train = Interactions(sequences.offsets, sequences.items, n_items=3)
    users, lifts, expected = consecutive_lifts(train)
    # pairs: (0, 1) and (1, 2) of user 0, (1, 0) of user 1; items are held by 2, 2 and 2 users
    assert users.tolist() == [0, 0, 1]
    assert expected.tolist() == [0.5, 0.5, 0.5]
    assert lifts.tolist() == [1.5 / 1.0, 0.5 / 1.0, 1.5 / 1.0]


def test_places_are_uniform_whatever_the_values():
    random = np.random.default_rng(0)
    places = places_among_alike(random.exponential(size=1000), random.random(1000), 10)
    assert places.mean() == pytest.approx(0.5)
    assert places.var() == pytest.approx(1 / 12, rel=0.01)


def test_no_pairs_have_no_places():
    assert places_among_alike(np.empty(0), np.empty(0), 50).tolist() == []
