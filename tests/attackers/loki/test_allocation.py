import numpy as np

from loki_bench.attackers.loki.allocation import more_for_the_short


def test_a_user_with_a_full_list_keeps_its_weight_and_one_with_none_gets_the_most_more():
    weights = more_for_the_short(np.array([1.0, 1.0, 2.0]), np.array([10.0, 0.0, 5.0]), 10)
    assert weights.tolist() == [1.0, 2.2, 3.2]


def test_no_weight_exceeds_six():
    assert more_for_the_short(np.array([5.0]), np.array([0.0]), 10).tolist() == [6.0]


def test_a_list_that_shows_more_than_wanted_counts_as_full():
    assert more_for_the_short(np.array([1.0]), np.array([4.0]), 3).tolist() == [1.0]
