"""The budgets of a suite as numbers of fake users and events of each."""

from collections.abc import Sequence

from loki_bench.suite.actions import GENUINE, Actions, actions_order
from loki_bench.suite.cell import CellBudget, DatasetRef
from loki_bench.suite.suite import BudgetGrid, FakeUsers

__all__ = ["budgets_of", "is_largest"]


def budgets_of(grid: BudgetGrid, dataset: DatasetRef) -> tuple[CellBudget, ...]:
    """Every number of fake users with every number of actions, in the order of the file.

    A number of users or a share of events is written down as the share of users that it is. Two
    that come to the same are one. With lengths drawn from genuine users a share of events is the
    same share of users: so many events are expected of them.
    """
    found = [
        _budget(asked, actions, dataset) for asked in grid.fake_users for actions in grid.actions
    ]
    return tuple(dict.fromkeys(found))


def is_largest(budget: CellBudget, budgets: Sequence[CellBudget]) -> bool:
    """Whether none of the budgets has longer fake users, or more of this length."""
    return _size(budget) == max(map(_size, budgets))


def _size(budget: CellBudget) -> tuple[float, float]:
    return actions_order(budget.actions), budget.fake_users


def _budget(asked: float | FakeUsers, actions: Actions, dataset: DatasetRef) -> CellBudget:
    if isinstance(asked, float):
        return CellBudget(
            fake_users=asked, n_fake_users=round(asked * dataset.n_users), actions=actions
        )
    if asked.users is not None:
        n_fake_users = asked.users
    else:
        events = (asked.events or 0.0) * dataset.n_events
        each = dataset.n_events / dataset.n_users if actions == GENUINE else actions
        n_fake_users = round(events / each)
    return CellBudget(
        fake_users=n_fake_users / dataset.n_users, n_fake_users=n_fake_users, actions=actions
    )
