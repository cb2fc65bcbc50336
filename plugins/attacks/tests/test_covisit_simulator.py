"""Co-visitation scores before and after a poison, against counting."""

import numpy as np

from loki_bench.contracts import ids
from loki_bench_attacks.covisit_simulator import CovisitSimulator

ROWS = [[0, 1], [1, 2, 1], [0, 2, 3]]


def counted(rows, own, n_items):
    has = np.zeros((len(rows), n_items))
    for place, row in enumerate(rows):
        has[place, row] = 1
    n = np.maximum(has.sum(axis=0), 1)
    together = has.T @ has / np.sqrt(np.outer(n, n))
    scores = together[sorted(own)].sum(axis=0)
    scores[sorted(own)] = -np.inf
    return scores


def test_scores_are_those_of_counting_all_users_again(view_of):
    history = view_of(ROWS, n_items=6, targets=[5], users=[0]).history
    simulator = CovisitSimulator(history, ids([0, 1]))
    clicks = np.zeros((2, 6))
    clicks[0, [0, 5]] = clicks[1, [1, 5]] = 1
    for fakes, rows in ((np.zeros((0, 6)), ROWS), (clicks, [*ROWS, [0, 5], [1, 5]])):
        found = simulator.scores(fakes)
        np.testing.assert_allclose(found[0], counted(rows, {0, 1}, 6))
        np.testing.assert_allclose(found[1], counted(rows, {1, 2}, 6))


def test_a_rank_counts_what_is_better_and_an_own_item_has_none(view_of):
    history = view_of(ROWS, n_items=6, targets=[5], users=[0]).history
    simulator = CovisitSimulator(history, ids([0]))
    clicks = np.zeros((1, 6))
    clicks[0, [0, 1, 5]] = 1
    # user 0 has items 0 and 1. Item 5, with both of three each: 2 / sqrt(3). Item 2, of two users:
    # once with 0 and once with 1, 2 / sqrt(6). Item 3: 1 / sqrt(3). Item 4: nothing
    ranks = simulator.ranks(clicks, ids([5, 2, 3, 4, 0]))
    np.testing.assert_array_equal(ranks, [[1, 2, 3, 4, np.nan]])


def test_items_of_one_score_share_their_ranks(view_of):
    # nothing is known of user 0, and nobody has items 3 to 5 with those of user 1
    history = view_of([[], [1, 2], [0, 3]], n_items=6, targets=[5], users=[0]).history
    ranks = CovisitSimulator(history, ids([0, 1])).ranks(np.zeros((0, 6)), ids([5, 3]))
    np.testing.assert_array_equal(ranks, [[3.5, 3.5], [2.5, 2.5]])


def test_a_target_user_without_events_is_shown_nothing_in_particular(view_of):
    history = view_of([[], [1, 2]], n_items=4, targets=[3], users=[0]).history
    assert not CovisitSimulator(history, ids([0])).scores(np.zeros((0, 4))).any()
