"""Which negatives an event of a fake user has."""

import numpy as np

from loki_bench.influence.kernels.negatives import SampleRules, choose_negatives, negatives_place


def rules(pool, *, n_negatives=1, per_prefix=False):
    return SampleRules(
        negatives=np.array(pool, np.int32),
        n_negatives=n_negatives,
        negatives_per_prefix=per_prefix,
        first_weight=1.0,
        later_weight=1.0,
    )


def chosen(rules, row, event, length):
    """The negatives of an event, None where there is nothing to rank below."""
    out = np.full(rules.n_negatives, -1, np.int32)
    some = choose_negatives(rules, np.array(row, np.int32), event, length, out)
    return out.tolist() if some else None


def test_a_prefix_has_its_negatives_whatever_follows_and_another_has_others():
    row, same_start = np.array([4, 7, 9], np.int32), np.array([4, 7, 2], np.int32)
    large = rules(np.zeros(65_536), n_negatives=3, per_prefix=True)
    places = [negatives_place(row, event, large) for event in range(3)]
    others = [negatives_place(same_start, event, large) for event in range(3)]
    assert places[:2] == others[:2]
    assert places[2] != others[2]
    assert negatives_place(row[[1, 0, 2]], 1, large) != places[1]


def test_common_negatives_are_read_by_the_events_number_alone():
    small = rules(range(8), n_negatives=3)
    row = np.array([4, 7, 9], np.int32)
    assert [negatives_place(row, event, small) for event in range(3)] == [0, 3, 6]
    assert chosen(small, [20, 21, 22], 1, 3) == chosen(small, [30, 31, 32], 1, 3) == [3, 4, 5]


def test_a_negative_is_the_first_item_from_its_place_on_that_the_user_has_not():
    pool = rules([5, 6, 7, 8], n_negatives=2)
    assert chosen(pool, [6, 9, 5], 1, 3) == [7, 8]
    assert chosen(pool, [9, 8, 7], 1, 3) == [5, 5]  # both places lead to the pool's start
    assert chosen(pool, [9, 8, 7], 1, 2) == [7, 5]  # before the third event, 7 is free


def test_a_user_who_has_the_whole_pool_has_no_negatives():
    assert chosen(rules([5, 6]), [6, 5, 9], 0, 3) is None
    assert chosen(rules([5, 6]), [6, 5, 9], 0, 1) == [5]
