"""Fake users that serve one target user: which items an action stands for."""

import numpy as np
import pytest

from loki_bench.attackers.loki.groups import ItemGroups
from loki_bench.attackers.loki.next_items import NextItems
from loki_bench.attackers.loki.served_users import served_users
from loki_bench.contracts import ids

ROWS = [[1, 2, 3], [4, 5, 4], [0, 6], [0], []]


@pytest.fixture
def served(view_of):
    def build(users, *, one_user=True, own=(1, 2, 3, 4, 5, 6)):
        groups = {"targets": ids([0]), "target users' items": ids(own), "cluster 1": ids([7, 8])}
        if not own:
            del groups["target users' items"]
        history = view_of(ROWS, n_items=9, targets=[0]).history
        return served_users(history, ids(users), ItemGroups.uniform(groups), one_user=one_user)

    return build


def drawn(users, place, action, n=60):
    actions = np.full((n, 1), action)
    served = np.full(n, place)
    return set(users.draw(served, actions, np.random.default_rng(0))[:, 0].tolist())


def test_an_action_draws_from_the_items_of_the_user_served(served):
    users = served([0, 1])
    assert users.groups.names == ("targets", "target users' items", "the last item", "cluster 1")
    assert [drawn(users, 0, action) for action in range(4)] == [{0}, {1, 2}, {3}, {7, 8}]
    assert [drawn(users, 1, action) for action in range(4)] == [{0}, {5}, {4}, {7, 8}]


def test_targets_are_no_items_of_a_user_and_a_single_item_is_both(served):
    users = served([2])
    assert drawn(users, 0, 1) == drawn(users, 0, 2) == {6}


@pytest.mark.parametrize("user", [3, 4])
def test_a_user_without_another_item_is_served_with_those_of_all(served, user):
    users = served([0, user])
    assert drawn(users, 1, 1, n=300) == drawn(users, 1, 2, n=300) == {1, 2, 3, 4, 5, 6}


def test_without_a_group_of_their_items_every_user_is_served_alike(served):
    users = served([0, 1], own=())
    assert not users.serves_one
    assert users.groups.names == ("targets", "cluster 1")
    assert drawn(users, 0, 1) == drawn(users, 1, 1) == {7, 8}


def test_the_paper_serves_every_user_with_the_items_of_all(served):
    users = served([0, 1], one_user=False)
    assert not users.serves_one
    assert drawn(users, 0, 1, n=300) == {1, 2, 3, 4, 5, 6}


def test_fewer_targets_can_be_lifted(served):
    users = served([0, 1]).with_targets(ids([8]))
    assert drawn(users, 0, 0) == {8}


def test_anybody_is_served_alike_often(served):
    users = served([0, 1])
    last = users.draw_for_anybody(np.full((2000, 1), 2), np.random.default_rng(1))
    assert abs(int((last == 3).sum()) - 1000) < 112  # five standard deviations


def test_a_user_without_a_prediction_keeps_its_last_item(view_of):
    groups = {"targets": ids([0]), "target users' items": ids([1, 2, 3])}
    history = view_of([[1, 2, 3], [2, 1]], n_items=9, targets=[0]).history
    following = NextItems(
        users=ids([0, 1]),
        items=np.array([[-1, -1], [7, 6]], dtype=np.int32),
        shares=np.array([[1.0, 0.0], [0.5, 0.5]]),
    )
    users = served_users(
        history, ids([0, 1]), ItemGroups.uniform(groups), one_user=True, following=following
    )
    assert [drawn(users, 0, action) for action in (1, 2)] == [{1, 2}, {3}]
    assert [drawn(users, 1, action) for action in (1, 2)] == [{1, 2}, {6, 7}]
    assert len(users.drawn_by_share) == 1


def test_predicted_items_take_the_place_of_the_last_one(view_of):
    groups = {"targets": ids([0]), "target users' items": ids([1, 2, 3])}
    history = view_of([[1, 2, 3], []], n_items=9, targets=[0]).history
    following = NextItems(
        users=ids([0, 1]),
        items=np.array([[8, 5], [7, 6]], dtype=np.int32),
        shares=np.array([[0.75, 0.25], [0.5, 0.5]]),
    )
    users = served_users(
        history, ids([0, 1]), ItemGroups.uniform(groups), one_user=True, following=following
    )
    assert users.groups.names == ("targets", "target users' items", "the likely next items")
    assert drawn(users, 0, 1) == {1, 2, 3}
    assert drawn(users, 0, 2) == {5, 8}
    assert drawn(users, 1, 1, n=300) == {1, 2, 3}  # without an item of its own: those of all
    assert drawn(users, 1, 2) == {6, 7}
    pool = users.pool_of[0, 2]
    assert pool in users.drawn_by_share
    assert users.pools.members[pool].tolist() == [5, 8]
    assert users.pools.shares[pool].tolist() == [0.25, 0.75]
