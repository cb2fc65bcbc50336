"""An attacker is granted the events of its knowledge and no other: small splits by hand."""

import numpy as np
import pytest

from loki_bench.interactions import Interactions, Sequences
from loki_bench.split import SplitBounds, leave_one_out, split_at
from loki_bench.suite.cell import CellKnowledge
from loki_bench.suite.granted_data import cut_to_knowledge

ROWS = [[0, 1, 2, 3, 4], [5, 6, 7], [8, 9], [1, 3, 5, 7]]


def interactions_of(rows, n_items=12):
    data = Sequences.of(rows)
    return Interactions(data.offsets, data.items, n_items=n_items)


def granted(until="T-1", users=1.0, *, targets=(0, 1), seed=0, split=None):
    return cut_to_knowledge(
        split or leave_one_out(interactions_of(ROWS)),
        CellKnowledge(until=until, users=users),
        target_users=np.array(targets, dtype=np.int32),
        generator=np.random.default_rng(seed),
    )


def lists(sequences):
    return [row.tolist() for row in sequences]


@pytest.mark.parametrize(
    ("until", "history", "train"),
    [
        # of user 0's events 0 1 2 3 4 the last one tests; of user 1's 5 6 7, too
        ("T-2", [[0, 1, 2], [5]], [[0, 1], [5]]),
        ("T-3", [[0, 1], []], [[0], []]),
        ("T-4", [[0], []], [[0], []]),
        ("T-9", [[], []], [[], []]),
    ],
)
def test_the_latest_known_events_of_target_users_are_hidden_and_nobody_elses(until, history, train):
    seen = granted(until)
    assert lists(seen.history) == [*history, [8, 9], [1, 3, 5]]
    assert lists(seen.train) == [*train, [8, 9], [1, 3]]
    assert not len(seen.test)


def test_the_last_event_that_is_left_validates():
    validation = granted("T-2").validation
    assert validation.users.tolist() == [0, 3]  # user 1 has one event left, which trains
    assert validation.items.tolist() == [2, 5]
    assert lists(validation.histories) == [[0, 1], [1, 3]]


def test_a_share_of_the_other_users_is_seen_and_target_users_always_are():
    whole = interactions_of([[i % 12, (i + 1) % 12, (i + 2) % 12] for i in range(12)])
    split = leave_one_out(whole)
    seen = [
        {u for u, row in enumerate(granted(users=share, split=split).history) if len(row)}
        for share in (0.1, 0.5, 0.9)
    ]
    # of 10 others: 1, 5 and 9
    assert [len(users) for users in seen] == [3, 7, 11]
    assert {0, 1} < seen[0] < seen[1] < seen[2]
    other_seed = granted(users=0.5, split=split, seed=1)
    assert {u for u, row in enumerate(other_seed.history) if len(row)} != seen[1]


def test_counts_and_popularity_are_of_what_is_seen_and_the_catalogue_stays():
    seen = granted("T-3")
    assert seen.history.n_items == 12
    # user 0 keeps 0 and 1, user 1 nothing, user 2 has 8 and 9, user 3 has 1, 3 and 5
    assert seen.history.item_counts.tolist() == [1, 2, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0]


def test_other_splits_lose_the_events_before_the_test_event_first():
    # user 0: 0 1 train, 2 validates, 2 3 are known, 4 tests; user 1: 5 6 train and are known
    bounds = SplitBounds(trained=np.array([2, 2]), known=np.array([4, 2]))
    split = split_at(interactions_of(ROWS[:2]), bounds)
    once = granted("T-2", split=split)
    assert lists(once.history) == [[0, 1, 2], [5]]
    assert lists(once.train) == [[0, 1], [5]]
    assert once.validation.items.tolist() == [2]
    twice = granted("T-3", split=split)
    assert lists(twice.history) == [[0, 1], []]
    assert lists(twice.train) == [[0], []]
    assert twice.validation.items.tolist() == [1]


def test_a_last_event_without_a_rank_does_not_validate():
    split = split_at(interactions_of([[1, 2, 1, 3, 4], ROWS[0]]), None)
    seen = granted("T-2", split=split)
    assert lists(seen.train) == [[1, 2], [0, 1]]
    assert seen.validation.users.tolist() == [1]  # 1 stands in user 0's history already
    shown = split_at(interactions_of([[1, 2, 1, 3, 4], ROWS[0]]), None, repeats="allow")
    assert granted("T-2", split=shown).validation.items.tolist() == [1, 2]
