"""What holds for each of the baselines: the budget, the seed, the goal, the smallest inputs."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loki_bench import builtin
from loki_bench.interactions import Sequences

ATTACKS = ["random", "popular", "randalter", "covisit", "covisit-easy"]


def attack(name, **parameters):
    spec = next(s for s in builtin.loki_bench_attackers() if s.name == name)
    return spec.build(parameters)


def as_lists(sequences):
    return [row.tolist() for row in sequences]


ROWS = [[0, 1, 2], [3, 4, 0], [5, 6, 7, 1], [8, 9, 2, 2], []]


@pytest.mark.parametrize("name", ATTACKS)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_whole_budget_is_spent_on_items_of_the_catalogue(view_of, name, data):
    n_items = data.draw(st.integers(2, 12))
    item = st.integers(0, n_items - 1)
    rows = data.draw(st.lists(st.lists(item, max_size=5), min_size=1, max_size=4))
    view = view_of(
        rows,
        n_items=n_items,
        targets=data.draw(st.lists(item, min_size=1, max_size=n_items - 1, unique=True)),
        users=data.draw(
            st.lists(st.integers(0, len(rows) - 1), min_size=1, max_size=4, unique=True)
        ),
        n_fake_users=data.draw(st.integers(0, 4)),
        n_actions=data.draw(st.integers(1, 15)),
        seed=data.draw(st.integers(0, 2**63 - 1)),
    )
    poison = attack(name).poison(view)
    assert isinstance(poison, Sequences)
    assert poison.lengths.tolist() == [view.budget.n_actions] * view.budget.n_fake_users
    assert all(0 <= i < n_items for i in poison.items)


@pytest.mark.parametrize("name", ATTACKS)
def test_one_seed_gives_the_same_poison_and_another_seed_another(view_of, name):
    views = [view_of(ROWS, n_items=30, targets=[10, 11, 12], seed=s) for s in (1, 1, 2)]
    first, again, other = (attack(name).poison(view) for view in views)
    assert first == again
    assert first != other


@pytest.mark.parametrize("name", ATTACKS)
def test_the_global_generator_is_not_used(view_of, name):
    view = view_of(ROWS, n_items=30, targets=[10, 11])
    np.random.seed(5)  # noqa: NPY002  # it must make no difference
    first = attack(name).poison(view)
    np.random.seed(6)  # noqa: NPY002
    assert attack(name).poison(view) == first


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_that_demotes_never_selects_a_target(view_of, name):
    view = view_of(ROWS, n_items=12, targets=[0, 2], users=[0, 3], kind="demote", n_actions=15)
    poison = attack(name).poison(view)
    assert len(poison) == 5
    assert not {0, 2} & set(poison.items.tolist())


@pytest.mark.parametrize("name", ATTACKS)
def test_without_fake_users_there_is_no_poison(view_of, name):
    view = view_of(ROWS, n_items=12, targets=[0], n_fake_users=0)
    assert attack(name).poison(view) == Sequences.empty()


@pytest.mark.parametrize("name", ["popular", "randalter", "covisit"])
def test_a_single_action_is_a_target(view_of, name):
    view = view_of(ROWS, n_items=12, targets=[10, 11], n_actions=1, n_fake_users=40)
    assert set(attack(name).poison(view).items.tolist()) == {10, 11}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_catalogue_of_nothing_but_targets_leaves_targets_to_select(view_of, name):
    view = view_of([[0, 1]], n_items=2, targets=[0, 1], n_actions=5, n_fake_users=3)
    for row in as_lists(attack(name).poison(view)):
        assert sorted(row[:2]) == sorted(row[2:4]) == [0, 1]


@pytest.mark.parametrize("name", ATTACKS)
def test_the_history_is_left_as_it_was(view_of, name):
    view = view_of(ROWS, n_items=12, targets=[10])
    before = view.history.fingerprint()
    attack(name).poison(view)
    assert view.history.fingerprint() == before


def test_no_attack_injects_nothing_whatever_the_budget(view_of):
    view = view_of(ROWS, n_items=12, targets=[10], n_fake_users=100, n_actions=50)
    assert attack("none").poison(view) == Sequences.empty()


@pytest.mark.parametrize("name", [*ATTACKS, "none"])
def test_each_fake_user_has_the_length_that_the_host_drew_for_it(view_of, name):
    lengths = [3, 1, 40, 3, 2, 1]
    view = view_of(ROWS, n_items=30, targets=[10, 11, 12], users=[0, 1], lengths=lengths)
    poison = attack(name).poison(view)
    assert poison.lengths.tolist() == ([] if name == "none" else lengths)
    assert next(s for s in builtin.loki_bench_attackers() if s.name == name).takes_lengths


@pytest.mark.parametrize("name", ATTACKS)
def test_equal_lengths_are_written_as_the_number_of_actions_is(view_of, name):
    known = {"n_items": 30, "targets": [10, 11, 12], "users": [0, 1]}
    drawn = attack(name).poison(view_of(ROWS, **known, lengths=[6] * 5))
    assert drawn == attack(name).poison(view_of(ROWS, **known, n_fake_users=5, n_actions=6))
