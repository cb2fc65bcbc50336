"""Co-visitations with each fake user for one target user, the easiest first."""

import pytest

from loki_bench.attackers.covisit_easy import CovisitEasyAttack
from loki_bench.errors import ParameterError

# item counts: 0: 3, 1: 2, 2: 1, 3: 1, 4: 1
ROWS = [[0, 1], [2, 3, 4], [0, 1], [0]]


@pytest.fixture
def view(view_of):
    def build(**changes):
        given = {"n_items": 30, "targets": [20, 21, 22], "users": [0, 1]}
        return view_of(ROWS, **{**given, **changes})

    return build


def test_each_fake_user_clicks_the_items_of_one_target_user(view):
    poison = CovisitEasyAttack().poison(view(n_fake_users=8, n_actions=12))
    fillers = [frozenset(row[::2].tolist()) for row in poison]
    assert fillers.count(frozenset({0, 1})) == 4
    assert fillers.count(frozenset({2, 3, 4})) == 4
    assert all(set(row[1::2].tolist()) <= {20, 21, 22} for row in poison)


def test_every_third_filler_is_the_last_item_of_the_user_served(view):
    poison = CovisitEasyAttack().poison(view(n_fake_users=4, n_actions=12, users=[1]))
    for row in poison:
        assert row[[4, 10]].tolist() == [4, 4]
        assert set(row[[0, 2, 6, 8]].tolist()) == {2, 3}


def test_a_small_budget_serves_the_user_with_the_rarer_items(view):
    poison = CovisitEasyAttack().poison(view(n_fake_users=2, n_actions=6))
    assert {int(item) for row in poison for item in row[::2]} == {2, 3, 4}


def test_a_small_budget_lifts_the_rarest_targets(view_of):
    rows = [*ROWS, [20], [20, 21]]
    view = view_of(rows, n_items=30, targets=[20, 21, 22], users=[1], n_fake_users=2, n_actions=4)
    poison = CovisitEasyAttack(clicks_each=2).poison(view)  # 4 clicks: two targets
    assert {int(item) for row in poison for item in row[1::2]} == {21, 22}


def test_the_items_of_a_user_are_dealt_before_one_comes_again(view_of):
    view = view_of([list(range(8))], n_items=30, targets=[20], users=[0], n_fake_users=2)
    poison = CovisitEasyAttack().poison(view)  # two fake users, two of seven items each
    own = [int(row[place]) for row in poison for place in (0, 2)]
    assert len(set(own)) == 4
    assert {int(row[4]) for row in poison} == {7}


def test_a_user_who_has_all_targets_comes_last(view_of):
    """User 1 has the rarest items, and nothing that it could be shown."""
    rows = [[0, 1], [2, 20, 3], [0, 1], [0]]
    view = view_of(rows, n_items=30, targets=[20], users=[0, 1], n_fake_users=2, n_actions=6)
    fillers = {int(item) for row in CovisitEasyAttack().poison(view) for item in row[::2]}
    assert fillers == {0, 1}


def test_to_demote_all_rivals_are_lifted_however_small_the_budget_is(view):
    demote = view(targets=[2], users=[0], kind="demote", n_fake_users=5, n_actions=6)
    lifted = {int(item) for row in CovisitEasyAttack().poison(demote) for item in row[1::2]}
    assert len(lifted) == 10


@pytest.mark.parametrize("rows", [[[], []], [[20], []]])
def test_target_users_without_another_item_leave_any_other_item(view_of, rows):
    view = view_of(rows, n_items=25, targets=[20, 21], users=[0, 1], n_fake_users=60)
    fillers = {int(item) for row in CovisitEasyAttack().poison(view) for item in row[::2]}
    assert fillers == set(range(25)) - {20, 21}


@pytest.mark.parametrize("name", ["fake_users_each", "clicks_each"])
@pytest.mark.parametrize("value", [0, 2.5, True, "2", float("nan")])
def test_what_is_no_whole_number_from_one_is_refused(name, value):
    with pytest.raises(ParameterError, match=f"'covisit-easy': {name} must be a whole number"):
        CovisitEasyAttack(**{name: value})
