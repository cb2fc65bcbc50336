import numpy as np
import pytest

from loki_bench.attackers.loki.groups import (
    ItemGroups,
    _iterations,
    balanced_shares,
    cluster_items,
    item_factors,
    item_groups,
)
from loki_bench.contracts import ids
from loki_bench.interactions import Interactions, Sequences


def interactions(rows, n_items):
    sequences = Sequences.of(rows)
    return Interactions(sequences.offsets, sequences.items, n_items=n_items)


def divided(history, **changes):
    arguments = {
        "targets": ids([0, 1]),
        "target_users": ids([0]),
        "excluded": ids([]),
        "n_clusters": 2,
        "n_factors": 4,
        "with_target_user_group": True,
        "item_draw": "uniform",
        "seed": 0,
    } | changes
    return item_groups(
        history, arguments.pop("targets"), arguments.pop("target_users"), **arguments
    )


@pytest.fixture
def history():
    """User 0 has items 0, 2, 3; even users like even items from 4 on, odd users odd ones."""
    rng = np.random.default_rng(0)
    rows = [
        (4 + user % 2 + 2 * rng.choice(8, size=5, replace=False)).tolist() for user in range(60)
    ]
    return interactions([[0, 2, 3], *rows], 20)


def test_groups_are_disjoint_and_hold_the_whole_catalogue(history):
    groups = divided(history)
    flat = np.concatenate(groups.members)
    assert sorted(flat.tolist()) == list(range(20))
    assert groups.names == ("targets", "target users' items", "cluster 1", "cluster 2")


def test_a_target_that_a_target_user_already_has_stays_with_the_targets(history):
    groups = divided(history)
    assert groups.members[0].tolist() == [0, 1]
    assert groups.members[1].tolist() == [2, 3]


def test_items_liked_by_the_same_users_fall_into_one_cluster(history):
    clusters = divided(history).members[2:]
    assert sorted(c.tolist() for c in clusters) == [list(range(4, 20, 2)), list(range(5, 20, 2))]


def test_without_the_target_users_group_their_items_are_clustered_too(history):
    groups = divided(history, with_target_user_group=False)
    assert groups.names == ("targets", "cluster 1", "cluster 2")
    assert {2, 3} <= set(np.concatenate(groups.members[1:]).tolist())


def test_excluded_items_belong_to_no_group(history):
    groups = divided(history, excluded=ids([2, 7]))
    assert not np.isin([2, 7], np.concatenate(groups.members)).any()


def test_target_users_without_other_items_give_no_empty_group():
    groups = divided(interactions([[0], [2, 3]], 4), n_clusters=1)
    assert groups.names == ("targets", "cluster 1")


def test_no_clusters_leave_the_first_two_groups(history):
    assert divided(history, n_clusters=0).sizes == {"targets": 2, "target users' items": 2}


def test_there_are_no_more_clusters_than_items_left(history):
    sizes = divided(history, n_clusters=17).sizes
    assert sizes["targets"] == sizes["target users' items"] == 2
    assert 2 <= len(sizes) - 2 <= 16


def test_where_the_target_users_have_everything_there_is_no_cluster(history):
    dense = divided(history, target_users=ids(range(61)), excluded=ids([1]), targets=ids([0]))
    assert dense.sizes == {"targets": 1, "target users' items": 18}


def test_a_history_without_events_is_clustered_without_a_warning(empty_history):
    groups = divided(empty_history, n_clusters=3)
    assert groups.names == ("targets", "cluster 1")  # all factor vectors are equal


def test_groups_depend_on_the_seed_alone(history):
    first, second = divided(history, seed=7), divided(history, seed=7)
    assert all(np.array_equal(a, b) for a, b in zip(first.members, second.members, strict=True))


def test_item_factors_have_unit_length_however_popular_the_item_is():
    rows = [[0, 1]] * 50 + [[2, 3]] * 3
    factors = item_factors(interactions(rows, 5), n_factors=2, seed=0)
    assert np.linalg.norm(factors[:4], axis=1) == pytest.approx(1)
    assert factors[4].tolist() == [0, 0]
    assert (factors >= 0).all()


def test_a_popular_item_falls_into_the_cluster_of_its_kind():
    """Unscaled factors would put item 0, fifty times as popular as item 1, by itself."""
    rows = [[0]] * 50 + [[0, 1]] * 3 + [[2, 3]] * 5
    factors = item_factors(interactions(rows, 4), n_factors=2, seed=0)
    labels = cluster_items(factors, n_clusters=2, seed=0)
    assert labels[0] == labels[1] != labels[2] == labels[3]


def test_balanced_shares_give_each_user_the_same_weight():
    selected = Sequences.of([[5], [6, 7, 7], [5, 6], []])
    shares = balanced_shares(selected, ids([5, 6, 7]))
    assert shares == pytest.approx([(1 + 1 / 2) / 3, (1 / 2 + 1 / 2) / 3, (1 / 2) / 3])


def test_balanced_groups_draw_target_users_items_by_user(history):
    groups = divided(history, target_users=ids([0, 1]), item_draw="balanced")
    own = dict(zip(groups.members[1].tolist(), groups.shares[1], strict=True))
    assert own[2] == pytest.approx(1 / 4)  # one of two items of one of two users
    assert sum(own.values()) == pytest.approx(1)


def test_a_group_can_be_replaced_without_touching_the_others():
    groups = ItemGroups.uniform({"a": ids([0, 1]), "b": ids([2])})
    changed = groups.with_group(0, ids([1]), np.ones(1))
    assert changed.sizes == {"a": 1, "b": 1}
    assert groups.sizes == {"a": 2, "b": 1}


@pytest.mark.parametrize(
    ("n_events", "expected"),
    [(0, 400), (198_502, 400), (500_000, 400), (2_000_000, 100), (20_000_000, 25)],
)
def test_of_large_data_the_factorisation_makes_fewer_iterations(n_events, expected):
    # 198,502 events are Amazon Beauty's; 200 million divided by 2 million is 100
    assert _iterations(n_events) == expected
