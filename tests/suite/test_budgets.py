"""Budgets as numbers, shares of users and shares of events; expected numbers by hand."""

import pytest
from pydantic import ValidationError

from loki_bench.errors import SuiteError
from loki_bench.suite.budgets import budgets_of, is_largest
from loki_bench.suite.cell import DatasetRef
from loki_bench.suite.components import ComponentRef
from loki_bench.suite.suite import BudgetGrid

# 200 users of 2000 events: ten each
DATASET = DatasetRef(
    component=ComponentRef.model_construct(name="made up"),
    fingerprint="f",
    n_users=200,
    n_items=50,
    n_events=2000,
)


def budgets(fake_users, actions):
    grid = BudgetGrid.model_validate({"fake_users": fake_users, "actions": actions})
    found = budgets_of(grid, DATASET)
    return [(b.fake_users, b.n_fake_users, b.actions) for b in found]


def test_a_share_of_users_is_rounded_to_users():
    assert budgets([0.03, 0.012], 15) == [(0.03, 6, 15), (0.012, 2, 15)]


def test_a_number_of_users_is_that_many_and_is_written_down_as_their_share():
    assert budgets({"users": 33}, [5, 15]) == [(0.165, 33, 5), (0.165, 33, 15)]


def test_a_share_of_events_gives_more_fake_users_the_shorter_they_are():
    # 3 % of 2000 events are 60: twelve fake users of 5, four of 15
    assert budgets({"events": 0.03}, [5, 15]) == [(0.06, 12, 5), (0.02, 4, 15)]


def test_with_genuine_lengths_a_share_of_events_is_the_same_share_of_users():
    assert budgets({"events": 0.03}, "genuine") == [(0.03, 6, "genuine")]


def test_two_ways_to_ask_for_the_same_budget_are_one():
    assert budgets([0.03, {"users": 6}], 15) == [(0.03, 6, 15)]


def test_the_largest_budget_has_the_longest_fake_users_and_most_of_them():
    grid = BudgetGrid.model_validate({"fake_users": [0.03, 0.1], "actions": ["genuine", 15]})
    found = budgets_of(grid, DATASET)
    assert [b for b in found if is_largest(b, found)] == [found[2]]
    assert (found[2].fake_users, found[2].actions) == (0.1, "genuine")


@pytest.mark.parametrize(
    "wrong",
    [{"users": 0}, {"events": 0.0}, {"users": 3, "events": 0.1}, {}, {"user": 3}, {"users": 0.5}],
)
def test_a_table_has_one_of_two_keys_and_a_value_that_injects_something(wrong):
    with pytest.raises(ValidationError):
        BudgetGrid.model_validate({"fake_users": wrong})


def test_more_fake_users_than_genuine_ones_are_refused(prepared):
    with pytest.raises(SuiteError, match="61 fake users beside 60 genuine ones"):
        prepared(budget={"fake_users": {"users": 61}})


def test_a_number_of_fake_users_runs_as_its_share_does(prepared):
    cells = [
        prepared(budget={"fake_users": asked, "actions": 5}).grid.cells
        for asked in (0.2, {"users": 12})
    ]
    assert [c.id for c in cells[0]] == [c.id for c in cells[1]]
