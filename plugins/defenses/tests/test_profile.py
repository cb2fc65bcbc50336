"""The three numbers of a profile, each planted by itself."""

import numpy as np
import pytest

from loki_bench.interactions import Interactions, Sequences
from loki_bench_defenses.profile import (
    ProfileFilter,
    burst_z,
    popularity_of,
    popularity_z,
    repetition_z,
)


def interactions(rows, n_items):
    sequences = Sequences.of(rows)
    return Interactions(sequences.offsets, sequences.items, n_items=n_items)


def test_popularity_counts_the_events_of_others():
    # item 0: 3 events, 2 of them of the first user; item 1: 2 events of two users
    means, within = popularity_of(interactions([[0, 0, 1], [0, 1]], 2))
    first = [np.log1p(1), np.log1p(1), np.log1p(1)]
    second = [np.log1p(2), np.log1p(1)]
    assert means.tolist() == pytest.approx([np.mean(first), np.mean(second)])
    assert within == pytest.approx(np.var(second) * 2 / 3)  # 5 events less 2 users


def test_a_user_who_repeats_an_item_stands_out():
    random = np.random.default_rng(0)
    rows = [random.choice(100, 10, replace=False) for _ in range(200)]
    rows[17] = [5] * 10
    z = repetition_z(interactions(rows, 100))
    assert z.argmax() == 17
    assert z[17] > 10
    assert not ProfileFilter().keep(interactions(rows, 100), seed=0)[17]


def test_a_burst_of_one_length_and_popularity_stands_out_and_the_least_length_does_not():
    random = np.random.default_rng(0)
    lengths = np.concatenate([3 + random.geometric(0.15, 3000), np.full(80, 25)])
    popularity = np.concatenate([random.normal(size=3000), np.full(80, 0.5)])
    z = burst_z(lengths, popularity)
    assert z[3000:].min() > 8
    assert (z[:3000] > 4).mean() < 0.01
    assert (z[lengths == lengths.min()] == 0).all()


def test_users_of_unpopular_items_alone_stand_out():
    random = np.random.default_rng(0)
    weights = 1 / np.arange(1, 1001)
    rows = [
        random.choice(1000, random.integers(8, 30), replace=False, p=weights / weights.sum())
        for _ in range(1000)
    ]
    rows[3] = np.arange(970, 995)
    defense = ProfileFilter()
    assert not defense.keep(interactions(rows, 1000), seed=0)[3]
    assert defense.suspicion.argmax() == 3


def test_users_of_equally_popular_items_are_equal_whatever_their_length():
    # each of 84 users has the next 1 to 7 items of a circle of 12: all items are as popular, and
    # the mean of seven equal logarithms is another number in its last digit
    rows = [np.roll(np.arange(12), -user)[: 1 + user // 12] for user in range(84)]
    train = interactions(rows, 12)
    means, within = popularity_of(train)
    assert len(np.unique(means)) == 1
    assert (popularity_z(means, within, train.lengths) == 0).all()
    assert ProfileFilter().keep(train, seed=0).all()


def test_where_most_are_of_equal_popularity_rounding_is_no_deviation():
    rows = [np.roll(np.arange(12), -user)[: 1 + user // 12] for user in range(84)]
    train = interactions([*rows, [12, 12, 12]], 13)
    means, _ = popularity_of(train)
    z = popularity_z(means, 1e-31, train.lengths)
    assert (z == 0).all()
