"""The items that set the target users apart, with targets between them."""

import numpy as np
import pytest

from loki_bench.contracts import ids
from loki_bench.errors import ParameterError
from loki_bench_attacks.segment import SegmentAttack, segment_excess

# users 0 and 1 are the segment: all three have item 0, the segment has 1, user 2 has 2
ROWS = [[0, 1], [1, 0, 1], [0, 2]]


def test_the_excess_of_three_users_by_hand(view_of):
    # item 0: 2 of the segment, 3 of 3 users: 2 - 2 * 3 / 3 = 0; item 1: 2 - 2 * 2 / 3
    history = view_of(ROWS, n_items=4, targets=[3], users=[0, 1]).history
    excess = segment_excess(history, ids([0, 1]))
    np.testing.assert_allclose(excess, [0, 2 / 3, -2 / 3, 0], atol=1e-12)


def test_what_everybody_has_says_nothing_of_a_segment(view_of):
    view = view_of(ROWS, n_items=6, targets=[5], users=[0, 1], n_actions=2)
    assert [row.tolist() for row in SegmentAttack().poison(view)] == [[1, 5]] * 4


def test_a_planted_genre_is_found_among_noise(view_of):
    random = np.random.default_rng(0)
    genre = np.arange(10)
    fans = [[*random.choice(genre, 6, replace=False), *random.integers(10, 200, 6)] for _ in "abcd"]
    others = [random.integers(10, 200, 12) for _ in range(100)]
    view = view_of([*fans, *others], n_items=220, targets=[210], users=range(4), n_fake_users=20)
    poison = SegmentAttack(n_segment=6).poison(view)
    fillers = np.concatenate([row[::2] for row in poison])
    assert np.isin(fillers, genre).mean() >= 0.9


def test_users_without_events_leave_any_other_item(view_of):
    view = view_of([[], [1]], n_items=6, targets=[5], users=[0], n_fake_users=50)
    fillers = {int(i) for row in SegmentAttack().poison(view) for i in row[::2]}
    assert fillers == {0, 1, 2, 3, 4}


def test_values_that_make_no_sense_are_refused():
    with pytest.raises(ParameterError, match="attacker 'segment': n_segment"):
        SegmentAttack(n_segment=0)
