"""Filler, target, filler, target: where the fillers come from."""

import pytest

from loki_bench.attackers.alternating import CovisitAttack, RandomAlternatingAttack
from loki_bench.attackers.popular import PopularAttack
from loki_bench.errors import ParameterError

TARGETS = [20, 21, 22]
# target users are 0 and 1; item 9 is the most popular, then 8, then 7
ROWS = [[0, 1, 9], [2, 20, 1], [9, 8, 7], [9, 8, 7], [9, 8, 3], []]


def fillers_and_targets(poison):
    rows = [row.tolist() for row in poison]
    return [row[::2] for row in rows], [row[1::2] for row in rows]


@pytest.fixture
def view(view_of):
    def build(**changes):
        given = {"n_items": 30, "targets": TARGETS, "users": [0, 1], "n_fake_users": 50}
        return view_of(ROWS, **{**given, **changes})

    return build


@pytest.mark.parametrize("n_actions", [2, 3, 6, 7])
@pytest.mark.parametrize(
    ("attack", "pool"),
    [
        (CovisitAttack(), {0, 1, 2, 9}),  # 20 is a target
        (PopularAttack(n_popular=3), {9, 8, 1}),  # 1 and 7 are equal: the lower id
        (RandomAlternatingAttack(), set(range(30)) - set(TARGETS)),
    ],
)
def test_fillers_and_targets_alternate(view, attack, pool, n_actions):
    fillers, targets = fillers_and_targets(attack.poison(view(n_actions=n_actions)))
    assert {len(row) for row in fillers} == {(n_actions + 1) // 2}
    assert {item for row in fillers for item in row} <= pool
    assert {item for row in targets for item in row} <= set(TARGETS)


@pytest.mark.parametrize("attack", [CovisitAttack(), PopularAttack(n_popular=3)])
def test_every_filler_and_every_target_is_used_by_some_fake_user(view, attack):
    fillers, targets = fillers_and_targets(attack.poison(view()))
    pool = {0, 1, 2, 9} if isinstance(attack, CovisitAttack) else {9, 8, 1}
    assert {item for row in fillers for item in row} == pool
    assert {item for row in targets for item in row} == set(TARGETS)


def test_nothing_is_repeated_before_the_pool_is_used_up(view):
    fillers, targets = fillers_and_targets(CovisitAttack().poison(view(n_actions=12)))
    for row in fillers:  # six of the four items 0, 1, 2, 9
        assert sorted(row[:4]) == [0, 1, 2, 9]
        assert len(set(row[4:])) == 2
    for row in targets:  # six of three targets
        assert sorted(row[:3]) == sorted(row[3:]) == TARGETS


@pytest.mark.parametrize("rows", [[[], []], [[20, 21], [22]]])
def test_target_users_who_selected_nothing_but_targets_leave_any_other_item(view_of, rows):
    view = view_of(rows, n_items=30, targets=TARGETS, users=[0, 1], n_fake_users=200)
    fillers, _ = fillers_and_targets(CovisitAttack().poison(view))
    assert {item for row in fillers for item in row} == set(range(30)) - set(TARGETS)


def test_demotion_lifts_the_rivals_in_place_of_the_targets(view):
    poison = CovisitAttack().poison(view(kind="demote", targets=[9], users=[3, 4]))
    # items of users 3 and 4 are 9, 8, 7, 3; both users have 8, so 8 is no rival, and a filler
    fillers, lifted = fillers_and_targets(poison)
    assert {item for row in fillers for item in row} == {8}
    assert {7, 3} <= {item for row in lifted for item in row}
    assert not {8, 9} & {item for row in lifted for item in row}


@pytest.mark.parametrize("n_popular", [0, -3, 2.5, "3", True])
def test_popular_needs_at_least_one_popular_item(n_popular):
    with pytest.raises(ParameterError, match="attacker 'popular': n_popular must be a whole"):
        PopularAttack(n_popular=n_popular)


def test_more_popular_items_than_there_are_is_all_of_them(view):
    fillers, _ = fillers_and_targets(PopularAttack(n_popular=10_000).poison(view(n_fake_users=300)))
    assert {item for row in fillers for item in row} == set(range(30)) - set(TARGETS)


def test_covisit_with_genuine_lengths_is_one_row_for_each_that_hand_can_write(view_of):
    # user 0 selected items 4 and 5, and 9 is to be lifted: 4 and 5 are all that it is seen beside
    view = view_of([[4, 5], [6]], n_items=10, targets=[9], users=[0], lengths=[1, 4, 2, 3])
    rows = [row.tolist() for row in CovisitAttack().poison(view)]
    assert rows[0] == [9]  # a single action is never a filler
    assert rows[1] in ([4, 9, 5, 9], [5, 9, 4, 9])
    assert rows[2] in ([4, 9], [5, 9])
    assert rows[3] in ([4, 9, 5], [5, 9, 4])
