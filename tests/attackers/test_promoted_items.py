"""What is lifted: the targets, or their rivals in the target users' neighbourhood."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from loki_bench.attackers.promoted_items import N_RIVALS, other_items, promoted_items
from loki_bench.errors import RejectedError


def reference_rivals(rows, n_items, targets, users):
    own = set().union(*(rows[u] for u in users))
    near = [row for row in rows if own & set(row)] if own else rows
    counts = Counter(item for row in near for item in row)
    rivals = [
        i for i in range(n_items) if i not in targets and not all(i in rows[u] for u in users)
    ]
    return sorted(rivals, key=lambda i: (-counts[i], i))[:N_RIVALS]


def test_promotion_lifts_the_targets_in_the_order_of_the_goal(view_of):
    view = view_of([[0]], n_items=9, targets=[7, 2, 5])
    assert promoted_items(view).tolist() == [7, 2, 5]


def test_demotion_lifts_what_is_popular_near_the_target_users(view_of):
    rows = [
        [0, 1],  # the target user
        [1, 2, 3],  # shares 1
        [0, 3, 4],  # shares 0
        [5, 5, 5, 5, 6],  # shares nothing: item 5 is popular elsewhere
    ]
    view = view_of(rows, n_items=7, targets=[4], users=[0], kind="demote")
    # 3 twice, 2 once, then items that nobody near has selected; 0 and 1 the user has already
    assert promoted_items(view).tolist() == [3, 2, 5, 6]


def test_without_a_neighbourhood_everyone_is_near(view_of):
    view = view_of([[], [3, 3, 1]], n_items=5, targets=[0], users=[0], kind="demote")
    assert promoted_items(view).tolist() == [3, 1, 2, 4]


def test_at_most_ten_rivals_are_lifted(view_of):
    view = view_of([[0]], n_items=50, targets=[1], kind="demote")
    assert promoted_items(view).tolist() == [2, 3, 4, 5, 6, 7, 8, 9, 10, 11]


def test_a_target_without_rivals_cannot_be_demoted(view_of):
    view = view_of([[0, 1]], n_items=3, targets=[2], kind="demote")
    with pytest.raises(RejectedError, match="can't be demoted: every other item of the 3"):
        promoted_items(view)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.lists(st.integers(0, 14), max_size=6), min_size=1, max_size=6),
    targets=st.lists(st.integers(0, 14), min_size=1, max_size=4, unique=True),
    data=st.data(),
)
def test_rivals_equal_those_of_the_reference(view_of, rows, targets, data):
    users = data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=1, max_size=3, unique=True))
    expected = reference_rivals(rows, 15, targets, users)
    assume(expected)
    view = view_of(rows, n_items=15, targets=targets, users=users, kind="demote")
    assert promoted_items(view).tolist() == expected
    others = set(range(15)) - set(targets) - set(expected)
    assert other_items(view, promoted_items(view)).tolist() == sorted(others)
